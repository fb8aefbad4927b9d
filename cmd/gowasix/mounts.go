package main

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/gowasix/gowasix/wasix/vfs"
)

// mounts opens the directories of --dir, and makes those of --tmpfs.
func (f *runFlags) mounts() (mounts []vfs.Mount, err error) {
	defer func() {
		if err != nil {
			closeMounts(mounts)
		}
	}()
	for _, s := range f.dirs {
		m, err := dirMount(s)
		if err != nil {
			return mounts, fmt.Errorf("--dir %s: %w", s, err)
		}
		mounts = append(mounts, m)
	}
	for _, s := range f.tmpfs {
		guest, limit, err := parseTmpfs(s)
		if err != nil {
			return mounts, fmt.Errorf("--tmpfs %s: %w", s, err)
		}
		mounts = append(mounts, vfs.Mount{Guest: guest, FS: vfs.Temp(limit)})
	}
	return mounts, nil
}

func dirMount(s string) (vfs.Mount, error) {
	host, guest, readOnly, err := parseDir(s)
	if err != nil {
		return vfs.Mount{}, err
	}
	fs, err := openDir(host, readOnly)
	return vfs.Mount{Guest: guest, FS: fs}, err
}

// openDir opens a directory of the host, or the contents of a zip file.
func openDir(host string, readOnly bool) (vfs.FileSystem, error) {
	if info, err := os.Stat(host); err == nil && info.Mode().IsRegular() {
		archive, err := zip.OpenReader(host)
		if err != nil {
			return nil, fmt.Errorf("not a directory, and cannot read it as a zip file: %w", reason(err))
		}
		return archiveFS{vfs.FS(archive), archive}, nil
	}
	dir, err := vfs.HostDir(host, readOnly)
	if err != nil {
		return nil, fmt.Errorf("cannot open the directory: %w", reason(err))
	}
	return dir, nil
}

// archiveFS is the file system of a file that is to be closed.
type archiveFS struct {
	vfs.FileSystem
	io.Closer
}

// defaultTmpfs is how large a --tmpfs may become: room for what programs usually
// put into /tmp, and harmless to the host.
const defaultTmpfs = 64 << 20

// parseTmpfs splits GUEST[:SIZE].
func parseTmpfs(s string) (guest string, limit int64, err error) {
	guest, size, given := strings.Cut(s, ":")
	if !path.IsAbs(guest) {
		return "", 0, fmt.Errorf("write /PATH or /PATH:SIZE")
	}
	if !given {
		return guest, defaultTmpfs, nil
	}
	n, err := parseBytes(size)
	if err != nil || n > math.MaxInt64 {
		return "", 0, fmt.Errorf("write the size as a number of bytes, such as 16M")
	}
	return guest, int64(n), nil
}

// reason returns an error without the name of the file, which the message has.
func reason(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// closeMounts closes what [runFlags.mounts] opened.
func closeMounts(mounts []vfs.Mount) {
	for _, m := range mounts {
		if c, ok := m.FS.(io.Closer); ok {
			_ = c.Close()
		}
	}
}

// parseDir splits HOST[:GUEST[:ro|rw]]. Without GUEST, the directory has the
// same path in the guest, where relative ones start at the root.
func parseDir(s string) (host, guest string, readOnly bool, err error) {
	parts := strings.Split(s, ":")
	switch n := len(parts); {
	case n > 1 && parts[n-1] == "ro":
		readOnly, parts = true, parts[:n-1]
	case n > 2 && parts[n-1] == "rw":
		parts = parts[:n-1]
	}
	if len(parts) > 2 || parts[0] == "" {
		return "", "", false, fmt.Errorf("write HOST, HOST:GUEST or HOST:GUEST:ro")
	}
	host = parts[0]
	if len(parts) == 2 {
		return host, path.Clean(parts[1]), readOnly, nil
	}
	guest = filepath.ToSlash(filepath.Clean(host))
	if strings.HasPrefix(guest, "..") {
		return "", "", false, fmt.Errorf("say where the guest finds it: %s:/path", host)
	}
	return host, guest, readOnly, nil
}
