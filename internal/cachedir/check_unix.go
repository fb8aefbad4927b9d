//go:build unix

package cachedir

import (
	"errors"
	"os"
	"syscall"
)

// check tells why others could have written to a file or directory.
func check(info os.FileInfo) error {
	const othersWrite = 0o022
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !ok || int(stat.Uid) != os.Geteuid():
		return errors.New("belongs to another user")
	case info.Mode().Perm()&othersWrite != 0:
		return errors.New("can be written to by others (its mode should be 0700, that of a file 0600)")
	}
	return nil
}

func openNoFollow(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
}
