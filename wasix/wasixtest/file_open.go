package wasixtest

import (
	"strings"

	"github.com/gowasix/gowasix/wasix/abi"
)

var openFileCases = []fileCase{
	{"the descriptor is the lowest that is free", anywhere, openFileLowest},
	{"a path is followed as Linux follows it", anywhere, openFilePaths},
	{"a path that leads nowhere has its errno", anywhere, openFileErrors},
	{"a path begins at a directory that is open", anywhere, openFileBelow},
	{"CREAT makes an empty file, and EXCL only a new one", writable, openFileCreates},
	{"TRUNC empties a file", writable, openFileTruncates},
	{"DIRECTORY takes directories only", anywhere, openFileDirectory},
	{"unknown flags open nothing", anywhere, openFileFlags},
	{"what lies outside memory is EFAULT, and nothing is made", writable, openFileFaults},
	{"a file system that is read-only refuses every change", readOnly, openFileReadOnly},
}

func openFileLowest(g *fileGuest) {
	first, second := g.opens("file", 0, toRead, 0), g.opens("dir", 0, toRead, 0)
	if first != root+1 || second != root+2 {
		g.t.Errorf("descriptors %d and %d", first, second)
	}
	g.close(first)
	if again := g.opens("dir/inner", 0, toRead, 0); again != first {
		g.t.Errorf("descriptor %d is free, and %d was taken", first, again)
	}
	g.wants(abi.EBADF, nil, "fd_close", notOpen)
}

func openFilePaths(g *fileGuest) {
	for _, name := range []string{"file", "/file", "./file", "dir/../file", "dir//..///file", "../../file", "dir/./../dir/../file"} {
		g.holds(name, fileTree["file"])
	}
	g.holds("dir/inner", fileTree["dir/inner"])
}

func openFileErrors(g *fileGuest) {
	for _, c := range []struct {
		name string
		want abi.Errno
	}{
		{"", abi.ENOENT},
		{"missing", abi.ENOENT},
		{"missing/file", abi.ENOENT},
		{"missing/../file", abi.ENOENT},
		{"file/", abi.ENOTDIR},
		{"file/x", abi.ENOTDIR},
		{"file/../file", abi.ENOTDIR},
		{"file\x00", abi.EINVAL},
		{strings.Repeat("x", 256), abi.ENAMETOOLONG},
	} {
		g.opensNot(c.want, c.name, 0, toRead, 0)
		g.statFails(c.want, c.name)
	}
}

func openFileBelow(g *fileGuest) {
	dir := g.opens("dir", abi.OflagsDirectory, toRead|abi.RightsPathOpen, 0)
	from := func(fd uint64, name string) []uint64 {
		args := g.opening(name, 0, toRead, 0)
		args[0] = fd
		return args
	}
	fd := g.newFD("path_open", from(dir, "inner")...)
	g.reads(fd, fileTree["dir/inner"])
	g.wants(abi.ENOTDIR, nil, "path_open", from(fd, "inner")...)
	g.wants(abi.EBADF, nil, "path_open", from(notOpen, "inner")...)
	g.wants(abi.ENOENT, nil, "path_open", from(dir, "file")...)
}

func openFileCreates(g *fileGuest) {
	g.close(g.opens("new", abi.OflagsCreat, toWrite, 0))
	g.holds("new", "")
	g.close(g.opens("file", abi.OflagsCreat, toWrite, 0))
	g.holds("file", fileTree["file"])
	g.opensNot(abi.EEXIST, "file", abi.OflagsCreat|abi.OflagsExcl, toWrite, 0)
	g.opensNot(abi.EEXIST, "dir", abi.OflagsCreat|abi.OflagsExcl, toWrite, 0)
	g.opensNot(abi.ENOENT, "missing/new", abi.OflagsCreat, toWrite, 0)
	g.close(g.opens("dir/new", abi.OflagsCreat|abi.OflagsExcl, toWrite, 0))
	g.holds("dir/new", "")
}

func openFileTruncates(g *fileGuest) {
	g.close(g.opens("file", abi.OflagsTrunc, toWrite, 0))
	g.holds("file", "")
	g.opensNot(abi.EISDIR, "dir", abi.OflagsTrunc, toWrite, 0)
}

func openFileDirectory(g *fileGuest) {
	g.close(g.opens("dir", abi.OflagsDirectory, toRead, 0))
	g.opensNot(abi.ENOTDIR, "file", abi.OflagsDirectory, toRead, 0)
	g.opensNot(abi.EINVAL, "new", abi.OflagsCreat|abi.OflagsDirectory, toRead, 0)
	fd := g.opens("dir", 0, toRead, 0)
	at, n := g.iovs(8)
	g.wants(abi.EISDIR, nil, "fd_read", fd, at, n, lenAt)
}

func openFileFlags(g *fileGuest) {
	g.opensNot(abi.EINVAL, "file", 16, toRead, 0)
	g.opensNot(abi.EINVAL, "file", 0, toRead, 0x8000)
	args := g.opening("file", 0, toRead, 0)
	args[1] = 2
	g.wants(abi.EINVAL, nil, "path_open", args...)
	if fd := g.opens("file", 0, toRead, 0); fd != root+1 {
		g.t.Errorf("descriptor %d", fd)
	}
}

func openFileFaults(g *fileGuest) {
	for _, at := range []uint64{outside - 2, outside + 1, 1<<32 - 1} {
		args := g.opening("new", abi.OflagsCreat, toWrite, 0)
		args[8] = at
		g.wants(abi.EFAULT, nil, "path_open", args...)
	}
	args := g.opening("new", abi.OflagsCreat, toWrite, 0)
	args[3] = 1<<32 - 1
	g.wants(abi.EFAULT, nil, "path_open", args...)
	g.statFails(abi.ENOENT, "new")
	if fd := g.opens("file", 0, toRead, 0); fd != root+1 {
		g.t.Errorf("descriptor %d", fd)
	}
}

func openFileReadOnly(g *fileGuest) {
	g.opensNot(abi.EROFS, "file", 0, toWrite, 0)
	g.opensNot(abi.EROFS, "file", abi.OflagsTrunc, toRead, 0)
	g.opensNot(abi.EROFS, "new", abi.OflagsCreat, toWrite, 0)
	g.fails(abi.EROFS, "path_create_directory", "new")
	g.fails(abi.EROFS, "path_unlink_file", "file")
	g.fails(abi.EROFS, "path_remove_directory", "dir")
	g.renames(abi.EROFS, "file", "new")
	g.links(abi.EROFS, "file", "new")
	g.symlinks(abi.EROFS, "file", "new")
	at, n := g.path("file")
	g.wants(abi.EROFS, nil, "path_filestat_set_times", root, 0, at, n, 0, 0, uint64(abi.FstflagsMtimNow))
	g.holds("file", fileTree["file"])
}
