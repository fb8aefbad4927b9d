package wasix

import (
	"encoding/binary"
	"testing"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/vfs"
)

// rightsOf returns the rights of a descriptor, as fd_fdstat_get tells them.
func (t *Thread) rightsOf(tb testing.TB, fd uint64) descriptor.Rights {
	tb.Helper()
	t.want(tb, abi.ESUCCESS, fdFdstatGet, fd, resultAt)
	b := t.result(tb, abi.SizeofFdstat)
	return descriptor.Rights{
		Base:       abi.Rights(binary.LittleEndian.Uint64(b[abi.OffsetofFdstatFsRightsBase:])),
		Inheriting: abi.Rights(binary.LittleEndian.Uint64(b[abi.OffsetofFdstatFsRightsInheriting:])),
	}
}

// openWith opens a path relative to fd with rights, and returns the descriptor.
func (t *Thread) openWith(tb testing.TB, fd uint64, name string, o abi.Oflags, base, inheriting abi.Rights) uint64 {
	tb.Helper()
	ptr, n := t.pathParams(name)
	t.want(tb, abi.ESUCCESS, pathOpen, fd, 0, ptr, n, uint64(o), uint64(base), uint64(inheriting), 0, resultAt)
	return uint64(t.result32(tb))
}

// rightCase is a right, and a call that needs it.
type rightCase struct {
	right abi.Rights
	want  abi.Errno // without it
	call  func(t *Thread, fd uint64) abi.Errno
}

// onName calls a handler of (fd, path, path_len) with a name.
func onName(do handler, name string) func(*Thread, uint64) abi.Errno {
	return func(t *Thread, fd uint64) abi.Errno {
		ptr, n := t.pathParams(name)
		return do(t, []uint64{fd, ptr, n})
	}
}

func opens(o abi.Oflags, base abi.Rights) func(*Thread, uint64) abi.Errno {
	return func(t *Thread, fd uint64) abi.Errno {
		ptr, n := t.pathParams("f")
		return pathOpen(t, []uint64{fd, 0, ptr, n, uint64(o), uint64(base), 0, 0, dataAt})
	}
}

var directoryRights = []rightCase{
	{abi.RightsFdReaddir, abi.ENOTCAPABLE, func(t *Thread, fd uint64) abi.Errno { return fdReaddir(t, []uint64{fd, dataAt, 64, 0, dataAt + 64}) }},
	{abi.RightsPathOpen, abi.ENOTCAPABLE, opens(0, abi.RightsFdRead)},
	{abi.RightsPathCreateFile, abi.ENOTCAPABLE, opens(abi.OflagsCreat, abi.RightsFdWrite)},
	{abi.RightsPathFilestatSetSize, abi.ENOTCAPABLE, opens(abi.OflagsTrunc, abi.RightsFdWrite)},
	{abi.RightsPathFilestatGet, abi.ENOTCAPABLE, func(t *Thread, fd uint64) abi.Errno {
		ptr, n := t.pathParams("f")
		return pathFilestatGet(&statPreview1)(t, []uint64{fd, 0, ptr, n, dataAt})
	}},
	{abi.RightsPathFilestatSetTimes, abi.ENOTCAPABLE, func(t *Thread, fd uint64) abi.Errno {
		ptr, n := t.pathParams("f")
		return pathFilestatSetTimes(t, []uint64{fd, 0, ptr, n, 0, 0, 0})
	}},
	{abi.RightsPathReadlink, abi.ENOTCAPABLE, func(t *Thread, fd uint64) abi.Errno {
		ptr, n := t.pathParams("link")
		return pathReadlink(t, []uint64{fd, ptr, n, dataAt, 8, dataAt + 8})
	}},
	{abi.RightsPathCreateDirectory, abi.ENOTCAPABLE, onName(pathCreateDirectory, "new")},
	{abi.RightsPathRemoveDirectory, abi.ENOTCAPABLE, onName(pathRemoveDirectory, "empty")},
	{abi.RightsPathUnlinkFile, abi.ENOTCAPABLE, onName(pathUnlinkFile, "f")},
	{abi.RightsPathSymlink, abi.ENOTCAPABLE, func(t *Thread, fd uint64) abi.Errno {
		ptr, n := t.pathParams("new")
		return pathSymlink(t, []uint64{ptr, 1, fd, ptr, n})
	}},
	{abi.RightsPathLinkSource, abi.ENOTCAPABLE, linksFrom(func(fd uint64) (uint64, uint64) { return fd, 3 })},
	{abi.RightsPathLinkTarget, abi.ENOTCAPABLE, linksFrom(func(fd uint64) (uint64, uint64) { return 3, fd })},
	{abi.RightsPathRenameSource, abi.ENOTCAPABLE, renamesFrom(func(fd uint64) (uint64, uint64) { return fd, 3 })},
	{abi.RightsPathRenameTarget, abi.ENOTCAPABLE, renamesFrom(func(fd uint64) (uint64, uint64) { return 3, fd })},
	{abi.RightsFdFilestatGet, abi.ENOTCAPABLE, func(t *Thread, fd uint64) abi.Errno { return fdFilestatGet(&statPreview1)(t, []uint64{fd, dataAt}) }},
	{abi.RightsFdFilestatSetTimes, abi.ENOTCAPABLE, func(t *Thread, fd uint64) abi.Errno { return fdFilestatSetTimes(t, []uint64{fd, 0, 0, 0}) }},
	{abi.RightsFdSync, abi.ENOTCAPABLE, func(t *Thread, fd uint64) abi.Errno { return fdSync(t, []uint64{fd}) }},
}

// linksFrom makes a link of f, to the name g.
func linksFrom(between func(fd uint64) (from, to uint64)) func(*Thread, uint64) abi.Errno {
	return func(t *Thread, fd uint64) abi.Errno {
		from, to := between(fd)
		ptr, _ := t.pathParams("fg")
		return pathLink(t, []uint64{from, 0, ptr, 1, to, ptr + 1, 1})
	}
}

func renamesFrom(between func(fd uint64) (from, to uint64)) func(*Thread, uint64) abi.Errno {
	return func(t *Thread, fd uint64) abi.Errno {
		from, to := between(fd)
		ptr, _ := t.pathParams("fg")
		return pathRename(t, []uint64{from, ptr, 1, to, ptr + 1, 1})
	}
}

// onBuffer calls a handler of (fd, iovs, iovs_len, ..., result).
func onBuffer(do handler, between ...uint64) func(*Thread, uint64) abi.Errno {
	return func(t *Thread, fd uint64) abi.Errno {
		ptr, count := t.iovec(1)
		return do(t, append(append([]uint64{fd, ptr, count}, between...), dataAt+8))
	}
}

func withParams(do handler, params ...uint64) func(*Thread, uint64) abi.Errno {
	return func(t *Thread, fd uint64) abi.Errno { return do(t, append([]uint64{fd}, params...)) }
}

var fileRights = []rightCase{
	{abi.RightsFdRead, abi.EBADF, onBuffer(fdRead)},
	{abi.RightsFdRead, abi.EBADF, onBuffer(fdPread, 0)},
	{abi.RightsFdWrite, abi.EBADF, onBuffer(fdWrite)},
	{abi.RightsFdWrite, abi.EBADF, onBuffer(fdPwrite, 0)},
	{abi.RightsFdSeek, abi.ENOTCAPABLE, onBuffer(fdPread, 0)},
	{abi.RightsFdSeek, abi.ENOTCAPABLE, onBuffer(fdPwrite, 0)},
	{abi.RightsFdSeek, abi.ENOTCAPABLE, withParams(fdSeek(whencePreview1), 0, 0, dataAt)},
	{abi.RightsFdTell, abi.ENOTCAPABLE, withParams(fdTell, dataAt)},
	{abi.RightsFdSync, abi.ENOTCAPABLE, withParams(fdSync)},
	{abi.RightsFdSync | abi.RightsFdDatasync, abi.ENOTCAPABLE, withParams(fdDatasync)},
	{abi.RightsFdAdvise, abi.ENOTCAPABLE, withParams(fdAdvise, 0, 0, 0)},
	{abi.RightsFdAllocate, abi.EBADF, withParams(fdAllocate, 0, 1)},
	{abi.RightsFdFilestatGet, abi.ENOTCAPABLE, withParams(fdFilestatGet(&statPreview1), dataAt)},
	{abi.RightsFdFilestatSetSize, abi.EINVAL, withParams(fdFilestatSetSize, 0)},
	{abi.RightsFdFilestatSetTimes, abi.ENOTCAPABLE, withParams(fdFilestatSetTimes, 0, 0, 0)},
	{abi.RightsFdFdstatSetFlags, abi.ENOTCAPABLE, withParams(fdFdstatSetFlags, 0)},
}

// rightsThread has a root in memory with a file f, a link and an empty directory.
func rightsThread(t *testing.T) *Thread {
	th := newFileThread(t, vfs.Mount{Guest: "/", FS: vfs.Temp(1 << 20)})
	th.openWith(t, 3, "f", abi.OflagsCreat, allRights, 0)
	for _, name := range []string{"empty", "sub"} {
		ptr, n := th.pathParams(name)
		th.want(t, abi.ESUCCESS, pathCreateDirectory, 3, ptr, n)
	}
	ptr, n := th.pathParams("link")
	th.want(t, abi.ESUCCESS, pathSymlink, ptr, 1, 3, ptr, n)
	return th
}

// A call fails without its right, and works with no other; what was dropped does
// not come back, not by a duplicate either.
func checkRights(t *testing.T, cases []rightCase, open func(t *testing.T, th *Thread) uint64) {
	for i, c := range cases {
		th := rightsThread(t)
		fd := open(t, th)
		all := th.rightsOf(t, fd)
		if all.Base&c.right != c.right {
			t.Fatalf("case %d: right %x is not there", i, c.right)
		}
		less := all.Base &^ c.right
		th.want(t, abi.ESUCCESS, fdFdstatSetRights, fd, uint64(less), uint64(all.Inheriting))
		if got := th.rightsOf(t, fd); got.Base != less || got.Inheriting != all.Inheriting {
			t.Fatalf("case %d: rights %x", i, got)
		}
		th.want(t, abi.ENOTCAPABLE, fdFdstatSetRights, fd, uint64(all.Base), uint64(all.Inheriting))
		if errno := c.call(th, fd); errno != c.want {
			t.Errorf("case %d: without right %x: %v, want %v", i, c.right, errno, c.want)
		}
		th.want(t, abi.ESUCCESS, fdDup, fd, resultAt)
		if dup := uint64(th.result32(t)); th.rightsOf(t, dup).Base != less || c.call(th, dup) != c.want {
			t.Errorf("case %d: a duplicate has the right %x", i, c.right)
		}
		th = rightsThread(t)
		fd = open(t, th)
		th.want(t, abi.ESUCCESS, fdFdstatSetRights, fd, uint64(c.right|needsAlso(c.right)), uint64(all.Inheriting))
		if errno := c.call(th, fd); errno != abi.ESUCCESS {
			t.Errorf("case %d: with right %x only: %v", i, c.right, errno)
		}
	}
}

// needsAlso returns the rights that a call for this one needs besides.
func needsAlso(right abi.Rights) abi.Rights {
	switch right {
	case abi.RightsPathCreateFile, abi.RightsPathFilestatSetSize:
		return abi.RightsPathOpen
	case abi.RightsFdSeek:
		return abi.RightsFdRead | abi.RightsFdWrite
	case abi.RightsFdRead, abi.RightsFdWrite:
		return abi.RightsFdSeek
	}
	return 0
}

func TestRightsOfDirectories(t *testing.T) {
	checkRights(t, directoryRights, func(t *testing.T, th *Thread) uint64 {
		return th.openWith(t, 3, ".", abi.OflagsDirectory, allRights&^abi.RightsFdWrite&^abi.RightsFdRead, allRights)
	})
}

func TestRightsOfFiles(t *testing.T) {
	checkRights(t, fileRights, func(t *testing.T, th *Thread) uint64 {
		return th.openWith(t, 3, "f", 0, allRights, allRights)
	})
}

// A descriptor that was opened through a directory has no right that this does not
// pass on, and passes on none that was not asked for.
func TestRightsAreInherited(t *testing.T) {
	th := rightsThread(t)
	const passed = abi.RightsFdRead | abi.RightsFdFilestatGet | abi.RightsPathOpen | abi.RightsFdReaddir
	dir := th.openWith(t, 3, ".", abi.OflagsDirectory, dirRights, passed)
	if got := th.rightsOf(t, dir).Inheriting; got != passed {
		t.Fatalf("it passes on %x", got)
	}
	file := th.openWith(t, dir, "f", 0, allRights&^abi.RightsFdWrite, allRights)
	if got := th.rightsOf(t, file); got.Base != abi.RightsFdRead|abi.RightsFdFilestatGet || got.Inheriting != 0 {
		t.Errorf("a file has %x", got)
	}
	th.want(t, abi.ENOTCAPABLE, fdSeek(whencePreview1), file, 0, 0, resultAt)
	ptr, n := th.pathParams("f")
	th.want(t, abi.ENOTCAPABLE, pathOpen, dir, 0, ptr, n, 0, uint64(abi.RightsFdWrite), 0, 0, resultAt)
	sub := th.openWith(t, dir, "sub", abi.OflagsDirectory, dirRights, allRights)
	if got := th.rightsOf(t, sub); got.Base != abi.RightsPathOpen|abi.RightsFdReaddir|abi.RightsFdFilestatGet || got.Inheriting != passed {
		t.Errorf("a directory has %x", got)
	}
	th.want(t, abi.ENOTCAPABLE, pathCreateDirectory, sub, ptr, n)
	none := th.openWith(t, 3, ".", abi.OflagsDirectory, dirRights, 0)
	if got := th.rightsOf(t, th.openWith(t, none, "f", 0, 0, 0)); got.Base != 0 {
		t.Errorf("through a directory that passes on nothing: %x", got)
	}
	th.want(t, abi.ENOTCAPABLE, fdFdstatSetRights, dir, uint64(passed), uint64(passed|abi.RightsFdWrite))
	th.want(t, abi.ESUCCESS, fdFdstatSetRights, dir, uint64(abi.RightsPathOpen), 0)
	th.want(t, abi.ENOTCAPABLE, pathOpen, dir, 0, ptr, n, 0, uint64(abi.RightsFdRead), 0, 0, resultAt)
}
