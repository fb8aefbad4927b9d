package wasixtest

import (
	"fmt"
	"slices"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/vfs"
)

var directoryCases = []fileCase{
	{"each entry comes once, with its type, however little room there is", anywhere, listsAll},
	{"cookies stay good while the directory changes", writable, listsChanging},
	{"only directories have entries, and results outside memory are EFAULT", anywhere, listsErrors},
	{"a directory that is removed while it is open is no more", writable, listsRemoved},
}

func listsAll(g *fileGuest) {
	fd := g.opens("dir", abi.OflagsDirectory, toRead, 0)
	want := []string{". 3", ".. 3", "inner 4", "other 4"}
	for _, room := range []uint32{32, 64, 4096} {
		var got []string
		for _, e := range g.listing(fd, 0, room) {
			got = append(got, fmt.Sprint(e.name, " ", uint8(e.filetype)))
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			g.t.Errorf("with %d bytes of room: %q", room, got)
		}
	}
}

// listsChanging removes what was listed and what was not, and makes more.
func listsChanging(g *fileGuest) {
	const many = 40
	g.makes("path_create_directory", "many")
	for i := range many {
		g.close(g.opens(fmt.Sprint("many/", i), abi.OflagsCreat, toWrite, 0))
	}
	fd := g.opens("many", abi.OflagsDirectory, toRead, 0)
	first, _ := g.entries(fd, 0, 512)
	cookie := first[len(first)-1].next
	seen := map[string]int{}
	for i, e := range first {
		seen[e.name]++
		if i > 2 {
			g.makes("path_unlink_file", "many/"+e.name)
		}
	}
	g.close(g.opens("many/new", abi.OflagsCreat, toWrite, 0))
	for range 2 { // the same from the same cookie
		again := map[string]int{}
		for _, e := range g.listing(fd, cookie, 100) {
			again[e.name]++
		}
		for i := range many {
			name := fmt.Sprint(i)
			if n := seen[name] + again[name]; n != 1 {
				g.t.Errorf("%s came %d times", name, n)
			}
		}
	}
}

func listsErrors(g *fileGuest) {
	file, dir := g.opens("file", 0, toRead, 0), g.opens("dir", 0, toRead, 0)
	g.wants(abi.ENOTDIR, nil, "fd_readdir", file, entriesAt, 100, 0, lenAt)
	g.wants(abi.EBADF, nil, "fd_readdir", notOpen, entriesAt, 100, 0, lenAt)
	g.wants(abi.EFAULT, nil, "fd_readdir", dir, entriesAt, 1<<16, 0, lenAt)
	g.wants(abi.EFAULT, nil, "fd_readdir", dir, entriesAt, 100, 0, outside-2)
	if list, end := g.entries(dir, 1<<40, 100); len(list) != 0 || !end {
		g.t.Errorf("past the end: %v", list)
	}
}

func listsRemoved(g *fileGuest) {
	g.makes("path_create_directory", "gone")
	fd := g.opens("gone", abi.OflagsDirectory, toRead|abi.RightsPathOpen|abi.RightsPathCreateFile, 0)
	g.makes("path_remove_directory", "gone")
	for cookie := range uint64(3) {
		g.wants(abi.ENOENT, nil, "fd_readdir", fd, entriesAt, 100, cookie, lenAt)
	}
	args := g.opening("new", abi.OflagsCreat, toRead, 0)
	args[0] = fd
	g.wants(abi.ENOENT, nil, "path_open", args...)
}

var treeCases = []fileCase{
	{"directories are made and removed as on Linux", writable, treeDirectories},
	{"only what is no directory is unlinked", writable, treeUnlinks},
	{"a rename replaces what fits, and nothing else", writable, treeRenames},
	{"a hard link is the same file", writable, treeLinks},
	{"a symbolic link is followed, or read", writable, treeSymlinks},
	{"types and sizes are told", anywhere, treeStats},
	{"times are set and kept", writable, treeTimes},
	{"paths follow the current directory", anywhere, treeCwd},
	{"what is mounted is another device, and no link or rename leads there", writable, treeMounts},
}

func treeDirectories(g *fileGuest) {
	g.makes("path_create_directory", "dir/sub")
	for name, want := range map[string]abi.Errno{
		"dir": abi.EEXIST, "file": abi.EEXIST, "/": abi.EEXIST, "missing/x": abi.ENOENT, "file/x": abi.ENOTDIR, "": abi.ENOENT,
	} {
		g.fails(want, "path_create_directory", name)
	}
	for name, want := range map[string]abi.Errno{
		"dir": abi.ENOTEMPTY, "file": abi.ENOTDIR, "missing": abi.ENOENT, "dir/sub/.": abi.EINVAL,
	} {
		g.fails(want, "path_remove_directory", name)
	}
	g.makes("path_remove_directory", "dir/sub")
	g.statFails(abi.ENOENT, "dir/sub")
}

func treeUnlinks(g *fileGuest) {
	for name, want := range map[string]abi.Errno{"dir": abi.EISDIR, "missing": abi.ENOENT, "file/": abi.ENOTDIR, "file/x": abi.ENOTDIR} {
		g.fails(want, "path_unlink_file", name)
	}
	g.makes("path_unlink_file", "dir/inner")
	g.statFails(abi.ENOENT, "dir/inner")
}

func treeRenames(g *fileGuest) {
	g.makes("path_create_directory", "empty")
	g.renames(abi.ENOENT, "missing", "x")
	g.renames(abi.EINVAL, "dir", "dir/below")
	g.renames(abi.EISDIR, "file", "dir")
	g.renames(abi.ENOTDIR, "dir", "file")
	g.renames(abi.ENOTEMPTY, "empty", "dir")
	before := g.stat("file").ino
	g.renames(abi.ESUCCESS, "file", "dir/inner")
	if after := g.stat("dir/inner").ino; after != before {
		g.t.Errorf("inode %d was %d", after, before)
	}
	g.holds("dir/inner", fileTree["file"])
	g.statFails(abi.ENOENT, "file")
	g.renames(abi.ESUCCESS, "dir", "empty")
	g.holds("empty/other", fileTree["dir/other"])
	g.statFails(abi.ENOENT, "dir")
}

func treeLinks(g *fileGuest) {
	g.links(abi.EEXIST, "file", "dir/inner")
	g.links(abi.EPERM, "dir", "x")
	g.links(abi.ENOENT, "missing", "x")
	g.links(abi.ESUCCESS, "file", "dir/hard")
	a, b := g.stat("file"), g.stat("dir/hard")
	if a.ino != b.ino || a.dev != b.dev || a.nlink != 2 || b.nlink != 2 {
		g.t.Errorf("%+v and %+v", a, b)
	}
	fd := g.opens("dir/hard", 0, toWrite, 0)
	g.writes(fd, "same")
	g.makes("path_unlink_file", "dir/hard")
	g.holds("file", "same456789")
	if n := g.stat("file").nlink; n != 1 {
		g.t.Errorf("%d links", n)
	}
}

func treeSymlinks(g *fileGuest) {
	g.symlinks(abi.EEXIST, "file", "dir")
	g.symlinks(abi.ESUCCESS, "../file", "dir/link")
	g.symlinks(abi.ESUCCESS, "loop", "loop")
	g.symlinks(abi.ESUCCESS, "missing", "dangling")
	g.symlinks(abi.ESUCCESS, "../../../../file", "up")
	g.holds("dir/link", fileTree["file"])
	g.holds("up", fileTree["file"])
	g.opensNot(abi.ELOOP, "loop", 0, toRead, 0)
	g.opensNot(abi.ENOENT, "dangling", 0, toRead, 0)
	g.opensNot(abi.EEXIST, "dangling", abi.OflagsCreat|abi.OflagsExcl, toWrite, 0)
	args := g.opening("dir/link", 0, toRead, 0)
	args[1] = 0
	g.wants(abi.ELOOP, nil, "path_open", args...)
	if st := g.stat("dir/link"); st.filetype != abi.FiletypeSymbolicLink || st.size != uint64(len("../file")) {
		g.t.Errorf("%+v", st)
	}
	at, n := g.path("dir/link")
	g.wants(abi.ESUCCESS, []Write{{lenAt, le32(7)}, {dataAt, []byte("../file")}}, "path_readlink", root, at, n, dataAt, 100, lenAt)
	g.Mask()
	at, n = g.path("dir/link")
	g.wants(abi.ESUCCESS, []Write{{lenAt, le32(4)}, {dataAt, []byte("../f")}}, "path_readlink", root, at, n, dataAt, 4, lenAt)
	at, n = g.path("file")
	g.wants(abi.EINVAL, nil, "path_readlink", root, at, n, dataAt, 100, lenAt)
}

func treeStats(g *fileGuest) {
	file, dir := g.stat("file"), g.stat("dir")
	if file.filetype != abi.FiletypeRegularFile || file.size != 10 || file.nlink != 1 {
		g.t.Errorf("the file: %+v", file)
	}
	if dir.filetype != abi.FiletypeDirectory || dir.dev != file.dev || dir.ino == file.ino {
		g.t.Errorf("the directory: %+v", dir)
	}
	if open := g.statOf(g.opens("file", 0, toRead, 0)); open != file {
		g.t.Errorf("%+v when it is open, %+v before", open, file)
	}
}

func treeTimes(g *fileGuest) {
	const atim, mtim, both = 1_000_000_000_123_456_789, 1_100_000_000_000_000_001, abi.FstflagsAtim | abi.FstflagsMtim
	at, n := g.path("file")
	g.wants(abi.ESUCCESS, nil, "path_filestat_set_times", root, 0, at, n, atim, mtim, uint64(both))
	if st := g.stat("file"); st.atim != atim || st.mtim != mtim {
		g.t.Errorf("%+v", st)
	}
	fd := g.opens("file", 0, toWrite|abi.RightsFdFilestatGet, 0)
	g.wants(abi.ESUCCESS, nil, "fd_filestat_set_times", fd, 0, mtim+1, uint64(abi.FstflagsMtim))
	if st := g.statOf(fd); st.atim != atim || st.mtim != mtim+1 {
		g.t.Errorf("%+v", st)
	}
	g.wants(abi.ESUCCESS, nil, "fd_filestat_set_times", fd, 0, 0, uint64(abi.FstflagsMtimNow))
	if st := g.statOf(fd); st.atim != atim || st.mtim <= mtim+1 {
		g.t.Errorf("%+v", st)
	}
	at, n = g.path("file")
	g.wants(abi.EINVAL, nil, "path_filestat_set_times", root, 0, at, n, 0, 0, uint64(abi.FstflagsMtim|abi.FstflagsMtimNow))
}

func treeCwd(g *fileGuest) {
	cwd := func(want string) {
		g.t.Helper()
		g.Put(lenAt, le32(100)...)
		g.wants(abi.ESUCCESS, []Write{{dataAt, append([]byte(want), 0)}, {lenAt, le32(uint32(len(want)))}}, "getcwd", dataAt, lenAt)
		g.Mask()
	}
	chdir := func(want abi.Errno, name string) {
		g.t.Helper()
		at, n := g.path(name)
		g.wants(want, nil, "chdir", at, n)
	}
	cwd("/")
	chdir(abi.ESUCCESS, "dir")
	cwd("/dir")
	chdir(abi.ENOENT, "missing")
	chdir(abi.ENOTDIR, "/file")
	chdir(abi.ESUCCESS, "..")
	cwd("/")
	g.Put(lenAt, le32(1)...)
	g.wants(abi.ERANGE, []Write{{lenAt, le32(2)}}, "getcwd", dataAt, lenAt)
}

func treeMounts(g *fileGuest) {
	g = g.another(g.t, vfs.Mount{Guest: "/second", FS: vfs.Temp(1 << 20)})
	g.close(g.opens("second/there", abi.OflagsCreat, toWrite, 0))
	if a, b := g.stat("file"), g.stat("second/there"); a.dev == b.dev {
		g.t.Errorf("both are on device %d", a.dev)
	}
	g.renames(abi.EXDEV, "file", "second/file")
	g.renames(abi.EXDEV, "second/there", "there")
	g.links(abi.EXDEV, "file", "second/file")
	g.links(abi.EXDEV, "second/there", "there")
	g.fails(abi.EBUSY, "path_remove_directory", "second")
	g.renames(abi.EBUSY, "second", "third")
	g.symlinks(abi.ESUCCESS, "/file", "second/link")
	g.holds("second/link", fileTree["file"])
	g.holds("second/../file", fileTree["file"])
}
