package wasixtest

import (
	"strings"

	"github.com/gowasix/gowasix/wasix/abi"
)

var dataCases = []fileCase{
	{"a read moves the offset, and one at an offset does not", anywhere, dataReads},
	{"a write moves the offset, and one at an offset does not", writable, dataWrites},
	{"APPEND writes at the end, wherever the offset is", writable, dataAppends},
	{"the offset is set from the start, itself and the end, and not before the start", anywhere, dataSeeks},
	{"what was never written is read as zeros", writable, dataHoles},
	{"a file is cut and grows, and the offset stays", writable, dataSizes},
	{"a descriptor does what it was opened for only", writable, dataAccess},
	{"results outside memory move nothing", anywhere, dataFaults},
	{"a file that is unlinked lives while it is open", writable, dataUnlinked},
	{"duplicates share an offset, and openings do not", anywhere, dataShared},
	{"advice and sync are taken, and wrong ones are not", writable, dataAdvice},
	{"a closed descriptor does nothing", anywhere, dataClosed},
	{"rights that are dropped are gone for good", anywhere, dataRights},
}

func dataReads(g *fileGuest) {
	fd := g.opens("file", 0, toRead, 0)
	g.readsAt(fd, 4, "456789")
	g.tells(fd, 0)
	at, n := g.iovs(3)
	g.wants(abi.ESUCCESS, []Write{{lenAt, le32(3)}, {dataAt, []byte("012")}}, "fd_read", fd, at, n, lenAt)
	g.tells(fd, 3)
	g.reads(fd, "3456789")
	g.reads(fd, "")
	g.readsAt(fd, 100, "")
	g.tells(fd, 10)
}

func dataWrites(g *fileGuest) {
	fd := g.opens("file", 0, toRead|toWrite, 0)
	g.writes(fd, "ab")
	g.tells(fd, 2)
	g.writesAt(fd, 8, "cdef")
	g.tells(fd, 2)
	g.reads(fd, "234567cdef")
	g.holds("file", "ab234567cdef")
}

func dataAppends(g *fileGuest) {
	fd := g.opens("file", 0, toRead|toWrite, abi.FdflagsAppend)
	other := g.opens("file", 0, toWrite, abi.FdflagsAppend)
	g.writes(fd, "a")
	g.tells(fd, 11)
	g.writes(other, "b")
	g.seeks(fd, 0, abi.WhenceSet, 0)
	g.writes(fd, "c")
	g.tells(fd, 13)
	g.holds("file", "0123456789abc")
}

func dataSeeks(g *fileGuest) {
	fd := g.opens("file", 0, toRead, 0)
	g.seeks(fd, 4, abi.WhenceSet, 4)
	g.seeks(fd, 3, abi.WhenceCur, 7)
	g.seeks(fd, -2, abi.WhenceCur, 5)
	g.reads(fd, "56789")
	g.seeks(fd, -1, abi.WhenceEnd, 9)
	g.reads(fd, "9")
	g.seeks(fd, 100, abi.WhenceEnd, 110)
	g.reads(fd, "")
	for _, c := range []struct {
		by     int64
		whence abi.Whence
	}{{-1, abi.WhenceSet}, {-111, abi.WhenceCur}, {-11, abi.WhenceEnd}, {0, 3}} {
		g.wants(abi.EINVAL, nil, "fd_seek", fd, uint64(c.by), uint64(c.whence), valueAt)
	}
	g.tells(fd, 110)
}

func dataHoles(g *fileGuest) {
	fd := g.opens("new", abi.OflagsCreat, toRead|toWrite, 0)
	g.seeks(fd, 100, abi.WhenceSet, 100)
	g.writes(fd, "end")
	g.readsAt(fd, 0, strings.Repeat("\x00", 100)+"end")
	if size := g.stat("new").size; size != 103 {
		g.t.Errorf("size %d", size)
	}
}

func dataSizes(g *fileGuest) {
	fd := g.opens("file", 0, toRead|toWrite, 0)
	g.seeks(fd, 6, abi.WhenceSet, 6)
	g.wants(abi.ESUCCESS, nil, "fd_filestat_set_size", fd, 4)
	g.reads(fd, "")
	g.wants(abi.ESUCCESS, nil, "fd_filestat_set_size", fd, 8)
	g.reads(fd, "\x00\x00")
	g.readsAt(fd, 0, "0123\x00\x00\x00\x00")
	g.wants(abi.ESUCCESS, nil, "fd_allocate", fd, 6, 10)
	g.wants(abi.ESUCCESS, nil, "fd_allocate", fd, 0, 2)
	if size := g.statOf(fd).size; size != 16 {
		g.t.Errorf("size %d", size)
	}
	g.wants(abi.EINVAL, nil, "fd_allocate", fd, 0, 0)
}

func dataAccess(g *fileGuest) {
	reader, writer := g.opens("file", 0, toRead, 0), g.opens("file", 0, toWrite, 0)
	at, n := g.iovs(8)
	g.wants(abi.EBADF, nil, "fd_write", reader, at, n, lenAt)
	g.wants(abi.EBADF, nil, "fd_pwrite", reader, at, n, 0, lenAt)
	g.wants(abi.EBADF, nil, "fd_read", writer, at, n, lenAt)
	g.wants(abi.EBADF, nil, "fd_pread", writer, at, n, 0, lenAt)
	g.holds("file", fileTree["file"])
}

func dataFaults(g *fileGuest) {
	fd := g.opens("file", 0, toRead, 0)
	at, n := g.iovs(4)
	for _, bad := range [][3]uint64{{at, n, outside - 2}, {outside - 2, 1, lenAt}, {at, 1 << 31, lenAt}} {
		if got := g.Call("fd_read", fd, bad[0], bad[1], bad[2]); got != abi.EFAULT && got != abi.EINVAL {
			g.t.Errorf("fd_read%v: %v", bad, got)
		}
		g.Wrote()
	}
	g.Put(iovsAt, cat(le32(outside-1), le32(4))...)
	g.wants(abi.EFAULT, nil, "fd_read", fd, at, n, lenAt)
	g.tells(fd, 0)
	g.wants(abi.EFAULT, nil, "fd_seek", fd, 1, uint64(abi.WhenceSet), outside-6)
	g.tells(fd, 0)
	g.wants(abi.EFAULT, nil, "fd_filestat_get", fd, outside-8)
	g.reads(fd, fileTree["file"])
}

func dataUnlinked(g *fileGuest) {
	fd := g.opens("file", 0, toRead|toWrite, 0)
	g.makes("path_unlink_file", "file")
	g.statFails(abi.ENOENT, "file")
	g.writes(fd, "AB")
	g.readsAt(fd, 0, "AB23456789")
	if st := g.statOf(fd); st.nlink != 0 || st.size != 10 {
		g.t.Errorf("%+v", st)
	}
	g.close(g.opens("file", abi.OflagsCreat|abi.OflagsExcl, toWrite, 0))
	g.holds("file", "")
}

func dataShared(g *fileGuest) {
	fd, other := g.opens("file", 0, toRead, 0), g.opens("file", 0, toRead, 0)
	dup := g.newFD("fd_dup", fd, fdAt)
	g.seeks(dup, 4, abi.WhenceSet, 4)
	g.tells(fd, 4)
	g.tells(other, 0)
	g.close(fd)
	g.reads(dup, "456789")
	g.wants(abi.ESUCCESS, nil, "fd_renumber", dup, other)
	g.tells(other, 10)
	g.seeks(other, 1, abi.WhenceSet, 1)
	g.tells(dup, 1)
}

func dataAdvice(g *fileGuest) {
	fd := g.opens("file", 0, toRead|toWrite|abi.RightsFdAdvise|abi.RightsFdSync|abi.RightsFdDatasync, 0)
	g.wants(abi.ESUCCESS, nil, "fd_advise", fd, 0, 4, uint64(abi.AdviceSequential))
	g.wants(abi.EINVAL, nil, "fd_advise", fd, 0, 4, 99)
	g.wants(abi.ESUCCESS, nil, "fd_sync", fd)
	g.wants(abi.ESUCCESS, nil, "fd_datasync", fd)
	g.wants(abi.EBADF, nil, "fd_sync", notOpen)
}

func dataClosed(g *fileGuest) {
	fd := g.opens("file", 0, toRead, 0)
	g.close(fd)
	at, n := g.iovs(4)
	for _, args := range [][]uint64{{fd, at, n, lenAt}, {notOpen, at, n, lenAt}} {
		g.wants(abi.EBADF, nil, "fd_read", args...)
		g.wants(abi.EBADF, nil, "fd_write", args...)
	}
	for _, call := range []string{"fd_close", "fd_sync"} {
		g.wants(abi.EBADF, nil, call, fd)
	}
	for _, call := range []string{"fd_tell", "fd_fdstat_get", "fd_filestat_get", "fd_dup", "fd_fdflags_get"} {
		g.wants(abi.EBADF, nil, call, fd, statAt)
	}
}

func dataRights(g *fileGuest) {
	const some = abi.RightsFdRead | abi.RightsFdTell
	fd := g.opens("file", 0, some|abi.RightsFdSeek, 0)
	dup := g.newFD("fd_dup", fd, fdAt)
	g.wants(abi.ENOTCAPABLE, nil, "fd_fdstat_set_rights", fd, uint64(some|abi.RightsFdWrite), 0)
	g.wants(abi.ESUCCESS, nil, "fd_fdstat_set_rights", fd, uint64(some), 0)
	g.wants(abi.ENOTCAPABLE, nil, "fd_seek", fd, 1, uint64(abi.WhenceSet), valueAt)
	g.wants(abi.ENOTCAPABLE, nil, "fd_fdstat_set_rights", fd, uint64(some|abi.RightsFdSeek), 0)
	g.reads(fd, fileTree["file"])
	g.seeks(dup, 1, abi.WhenceSet, 1)
	g.wants(abi.ESUCCESS, nil, "fd_fdstat_set_rights", root, 0, 0)
	g.opensNot(abi.ENOTCAPABLE, "file", 0, toRead, 0)
}
