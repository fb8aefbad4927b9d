package vfs

import (
	"bytes"
	"encoding/binary"
	"io"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/gowasix/gowasix/wasix/abi"
)

// direntSize is how many bytes of entries are read from a directory at once.
const direntSize = 16 << 10

// Layout of linux_dirent64.
const (
	direntIno    = 0
	direntOff    = 8
	direntReclen = 16
	direntType   = 18
	direntName   = 19
)

// direntReader is an open directory that is read with getdents64(2): unlike
// package os that tells inode numbers without a look at each file.
type direntReader struct {
	fd      int
	raw     []byte
	entries []Entry
}

func newDirentReader(fd int) direntReader { return direntReader{fd: fd} }

func (r *direntReader) descriptor() int { return r.fd }
func (r *direntReader) Close() error    { return unix.Close(r.fd) }

// Next returns entries whose names are in the buffer that the kernel filled.
func (r *direntReader) Next() ([]Entry, error) {
	if r.raw == nil {
		r.raw = make([]byte, direntSize)
	}
	for {
		n, err := unix.Getdents(r.fd, r.raw)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			return nil, err
		}
		r.entries = appendEntries(r.entries[:0], r.raw[:n])
		if len(r.entries) > 0 {
			return r.entries, nil
		}
	}
}

// Resume uses that getdents64 tells positions of lseek(2).
func (r *direntReader) Resume(position int64) error {
	_, err := unix.Seek(r.fd, position, io.SeekStart)
	return err
}

// appendEntries decodes linux_dirent64 structures, all but "." and "..". The names
// are those in raw.
func appendEntries(entries []Entry, raw []byte) []Entry {
	for len(raw) > direntName {
		size := int(binary.NativeEndian.Uint16(raw[direntReclen:]))
		if size <= direntName || size > len(raw) {
			break
		}
		name, _, _ := bytes.Cut(raw[direntName:size], []byte{0})
		if s := view(name); s != "." && s != ".." {
			entries = append(entries, Entry{
				Name:     s,
				Ino:      binary.NativeEndian.Uint64(raw[direntIno:]),
				Filetype: direntFiletype(raw[direntType]),
				Position: int64(binary.NativeEndian.Uint64(raw[direntOff:])),
			})
		}
		raw = raw[size:]
	}
	return entries
}

// direntFiletype returns the file type for d_type, which is that of st_mode.
func direntFiletype(typ byte) abi.Filetype { return filetypeOfMode(uint32(typ) << 12) }
