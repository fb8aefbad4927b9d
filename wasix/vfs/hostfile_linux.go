package vfs

import (
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/gowasix/gowasix/wasix/abi"
)

func (f *hostFile) Sync(dataOnly bool) error {
	if dataOnly {
		return unix.Fdatasync(f.fd)
	}
	return unix.Fsync(f.fd)
}

func (f *hostFile) Allocate(offset, length int64) error {
	for {
		if err := unix.Fallocate(f.fd, 0, offset, length); err != syscall.EINTR {
			return err
		}
	}
}

// advices are the kernel's numbers for those of WASI.
var advices = map[abi.Advice]int{
	abi.AdviceNormal:     unix.FADV_NORMAL,
	abi.AdviceSequential: unix.FADV_SEQUENTIAL,
	abi.AdviceRandom:     unix.FADV_RANDOM,
	abi.AdviceWillneed:   unix.FADV_WILLNEED,
	abi.AdviceDontneed:   unix.FADV_DONTNEED,
	abi.AdviceNoreuse:    unix.FADV_NOREUSE,
}

func (f *hostFile) Advise(offset, length int64, advice abi.Advice) error {
	return unix.Fadvise(f.fd, offset, length, advices[advice])
}

func timespecs(atim, mtim int64) [2]unix.Timespec {
	return [2]unix.Timespec{timespec(atim), timespec(mtim)}
}

func timespec(t int64) unix.Timespec {
	switch t {
	case TimeNow:
		return unix.Timespec{Nsec: unix.UTIME_NOW}
	case TimeOmit:
		return unix.Timespec{Nsec: unix.UTIME_OMIT}
	}
	return unix.NsecToTimespec(t)
}

// setTimesAt sets the times of a file in an open directory.
func setTimesAt(dir int, base string, atim, mtim int64) error {
	ts := timespecs(atim, mtim)
	return utimensat(dir, base, &ts, unix.AT_SYMLINK_NOFOLLOW)
}

// setFileTimes is futimens(3); kernels before 5.8 know no AT_EMPTY_PATH there.
func setFileTimes(fd int, atim, mtim int64) error {
	ts := timespecs(atim, mtim)
	err := utimensat(fd, "", &ts, unix.AT_EMPTY_PATH)
	if err == syscall.EINVAL {
		err = utimensat(unix.AT_FDCWD, filepath.Join("/proc/self/fd", strconv.Itoa(fd)), &ts, 0)
	}
	return err
}
