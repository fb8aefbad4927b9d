package vfs

import (
	"io"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gowasix/gowasix/wasix/abi"
)

// direntReader is an open directory that is read some entries at a time. A
// position is the number of entries before.
type direntReader struct {
	file    *os.File
	entries []Entry
	at      int64
}

const direntBatch = 256

func newDirentReader(fd int) direntReader {
	return direntReader{file: os.NewFile(uintptr(fd), ".")}
}

func (r *direntReader) descriptor() int { return int(r.file.Fd()) }
func (r *direntReader) Close() error    { return r.file.Close() }

func (r *direntReader) Resume(position int64) error {
	if _, err := r.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	for r.at = 0; r.at < position; {
		list, err := r.file.ReadDir(int(min(position-r.at, direntBatch)))
		if r.at += int64(len(list)); err != nil && err != io.EOF || len(list) == 0 {
			return err
		}
	}
	return nil
}

func (r *direntReader) Next() ([]Entry, error) {
	list, err := r.file.ReadDir(direntBatch)
	r.entries = r.entries[:0]
	for _, e := range list {
		r.at++
		entry := Entry{Name: e.Name(), Filetype: filetypeOf(e.Type()), Position: r.at}
		if info, err := e.Info(); err == nil {
			if st, ok := info.Sys().(*syscall.Stat_t); ok {
				entry.Ino = st.Ino
			}
		}
		r.entries = append(r.entries, entry)
	}
	if err == io.EOF {
		err = nil
	}
	return r.entries, err
}

func (f *hostFile) Sync(bool) error { return unix.Fsync(f.fd) }

// Allocate makes the file longer; it reserves nothing.
func (f *hostFile) Allocate(offset, length int64) error {
	st, err := f.Stat()
	if err != nil || st.Size >= uint64(offset+length) {
		return err
	}
	return f.Truncate(offset + length)
}

func (f *hostFile) Advise(int64, int64, abi.Advice) error { return nil }

// setTimesAt sets the times of a file in an open directory. Times to be omitted
// are read first.
func setTimesAt(dir int, base string, atim, mtim int64) error {
	var st unix.Stat_t
	if err := unix.Fstatat(dir, base, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	ts := []unix.Timespec{chosen(atim, unix.Timespec(st.Atim)), chosen(mtim, unix.Timespec(st.Mtim))}
	return unix.UtimesNanoAt(dir, base, ts, unix.AT_SYMLINK_NOFOLLOW)
}

func setFileTimes(fd int, atim, mtim int64) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	a, m := chosen(atim, unix.Timespec(st.Atim)), chosen(mtim, unix.Timespec(st.Mtim))
	return unix.Futimes(fd, []unix.Timeval{unix.NsecToTimeval(a.Nano()), unix.NsecToTimeval(m.Nano())})
}

func chosen(t int64, present unix.Timespec) unix.Timespec {
	switch t {
	case TimeNow:
		t = time.Now().UnixNano()
	case TimeOmit:
		return present
	}
	return unix.NsecToTimespec(t)
}
