// Package cachedir keeps files with machine code where nobody else can put
// any: what is read from there is run.
package cachedir

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Open returns the absolute path of dir, a directory to keep code in. It makes
// the directory, and those above it, with mode 0700 when they do not exist. The
// error says so when dir is not a directory, belongs to another user, or can be
// written to by others.
func Open(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return "", err
	}
	if err := check(info); err != nil {
		return "", fmt.Errorf("cache directory %s: %w", dir, err)
	}
	return dir, nil
}

// OpenDefault opens the directory gowasix/name in the user's cache directory.
func OpenDefault(name string) (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return Open(filepath.Join(base, "gowasix", name))
}

// ReadFile returns the contents of a file that OpenFile opens.
func ReadFile(path string) ([]byte, error) {
	f, size, err := OpenFile(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	data := make([]byte, size)
	_, err = io.ReadFull(f, data)
	return data, err
}

// OpenFile opens a regular file for reading and returns its size in bytes. The
// error says so when the file belongs to another user or can be written to by
// others. It does not follow a symbolic link.
func OpenFile(path string) (f *os.File, size int, err error) {
	f, err = openNoFollow(path)
	if err != nil {
		return nil, 0, err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
		}
	}()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, fmt.Errorf("%s is not a file", path)
	}
	if err := check(info); err != nil {
		return nil, 0, fmt.Errorf("%s: %w", path, err)
	}
	return f, int(info.Size()), nil
}

// WriteFile writes a file with mode 0600. Readers see all of it or what was
// there before.
func WriteFile(path string, data ...[]byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".tmp-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	for _, part := range data {
		if _, err = f.Write(part); err != nil {
			_ = f.Close()
			return err
		}
	}
	if err = f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
