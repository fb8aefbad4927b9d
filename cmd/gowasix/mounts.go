package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/gowasix/gowasix/wasix/vfs"
)

// mounts opens the directories of --dir.
func (f *runFlags) mounts() ([]vfs.Mount, error) {
	var mounts []vfs.Mount
	for _, s := range f.dirs {
		host, guest, readOnly, err := parseDir(s)
		if err != nil {
			closeMounts(mounts)
			return nil, fmt.Errorf("--dir %s: %w", s, err)
		}
		dir, err := vfs.HostDir(host, readOnly)
		if err != nil {
			closeMounts(mounts)
			return nil, fmt.Errorf("--dir %s: cannot open the directory: %w", s, reason(err))
		}
		mounts = append(mounts, vfs.Mount{Guest: guest, FS: dir})
	}
	return mounts, nil
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
