package main

import (
	"fmt"
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
			return nil, fmt.Errorf("--dir %s: %w", s, err)
		}
		dir, err := vfs.HostDir(host, readOnly)
		if err != nil {
			return nil, fmt.Errorf("--dir %s: cannot open the directory %s: %w", s, host, err)
		}
		mounts = append(mounts, vfs.Mount{Guest: guest, FS: dir})
	}
	return mounts, nil
}

// parseDir splits HOST[:GUEST[:ro|rw]]. Without GUEST, the directory has the
// same path in the guest, a relative one from the guest's root.
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
		return host, path.Join("/", parts[1]), readOnly, nil
	}
	guest = path.Join("/", filepath.ToSlash(filepath.Clean(host)))
	if strings.HasPrefix(filepath.Clean(host), "..") {
		return "", "", false, fmt.Errorf("say where the guest finds it: %s:/path", host)
	}
	return host, guest, readOnly, nil
}
