//go:build !race

// Under the race detector, sync.Pool forgets at random what it is given.

package wasix

import (
	"os"
	"testing"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/vfs"
)

// caller makes system calls of wasix_32v1.
type caller struct {
	thread *Thread
	calls  map[string]*Syscall
	stack  [10]uint64
}

func newCaller(th *Thread) *caller {
	c := &caller{thread: th, calls: map[string]*Syscall{}}
	for _, s := range Syscalls() {
		if s.Module == "wasix_32v1" {
			c.calls[s.Name] = s
		}
	}
	return c
}

// call returns the errno of a call that the guest survives.
func (c *caller) call(name string, params ...uint64) abi.Errno {
	copy(c.stack[:], params)
	if err := c.calls[name].Call(c.thread, c.thread.mem, c.stack[:]); err != nil {
		panic(err)
	}
	return abi.Errno(c.stack[0])
}

// Calls on files allocate nothing but what stays: the object of an open file or
// directory, and in a temp file system what is made.
func TestFileCallsDoNotAllocate(t *testing.T) {
	root, dir := hostMount(t, false)
	th := newFileThread(t, root, vfs.Mount{Guest: "/tmp", FS: vfs.Temp(1 << 20)})
	c := newCaller(th)
	const storedAt = 0x6000 // what calls return
	at := 0x200
	text := func(s string) (ptr, n uint64) {
		ptr, n = uint64(at), uint64(copy(th.mem[at:], s))
		at += len(s)
		return ptr, n
	}
	stored := func() uint64 {
		v, _ := th.uint32At(storedAt)
		return uint64(v)
	}
	for _, mount := range []struct {
		name, prefix      string
		mkdir, link, open float64
	}{{"host", "", 0, 0, 1}, {"temp", "tmp/", 3, 2, 1}} {
		file, below, behind := mount.prefix+"file", mount.prefix+"dir/file", mount.prefix+"way/file"
		filePtr, fileLen := text(file)
		linkPtr, linkLen := text(mount.prefix + "link")
		wayPtr, wayLen := text(mount.prefix + "way")
		dirPtr, dirLen := text(mount.prefix + "dir")
		newPtr, newLen := text(mount.prefix + "dir/new")
		targetPtr, targetLen := text("dir")
		for _, errno := range []abi.Errno{
			c.call("path_create_directory", 3, dirPtr, dirLen),
			c.call("path_symlink", targetPtr, targetLen, 3, wayPtr, wayLen),
		} {
			if errno != 0 {
				t.Fatal(errno)
			}
		}
		th.openFile(t, abi.ESUCCESS, below, abi.OflagsCreat, readWrite, 0)
		fd := th.openFile(t, abi.ESUCCESS, file, abi.OflagsCreat, allRights, 0)
		dirfd := th.openFile(t, abi.ESUCCESS, mount.prefix+"dir", abi.OflagsDirectory, allRights&^abi.RightsFdWrite, 0)
		list := func() abi.Errno { return c.call("fd_readdir", dirfd, dataAt, 4096, 0, storedAt) }
		if errno := list(); errno != 0 {
			t.Fatal(errno)
		}
		ptr, count := th.iovec(64)
		type calls struct {
			most float64
			do   func() abi.Errno
		}
		cases := map[string]calls{
			"mkdir, rmdir": {mount.mkdir, func() abi.Errno {
				return c.call("path_create_directory", 3, newPtr, newLen) | c.call("path_remove_directory", 3, newPtr, newLen)
			}},
			"link, rename, unlink": {2 * mount.link, func() abi.Errno {
				return c.call("path_link", 3, 0, filePtr, fileLen, 3, newPtr, newLen) | c.call("path_rename", 3, newPtr, newLen, 3, linkPtr, linkLen) |
					c.call("path_unlink_file", 3, linkPtr, linkLen)
			}},
			"readlink": {0, func() abi.Errno { return c.call("path_readlink", 3, wayPtr, wayLen, dataAt, 100, storedAt) }},
			"readdir":  {0, list},
			"read, write": {0, func() abi.Errno {
				return c.call("fd_write", fd, ptr, count, storedAt) | c.call("fd_read", fd, ptr, count, storedAt) |
					c.call("fd_pwrite", fd, ptr, count, 0, storedAt) | c.call("fd_pread", fd, ptr, count, 0, storedAt)
			}},
			"seek, tell": {0, func() abi.Errno { return c.call("fd_seek", fd, 0, 0, storedAt) | c.call("fd_tell", fd, storedAt) }},
			"attributes of a descriptor": {0, func() abi.Errno {
				return c.call("fd_filestat_get", fd, storedAt) | c.call("fd_fdstat_get", fd, storedAt) |
					c.call("fd_filestat_set_times", fd, 1, 2, uint64(abi.FstflagsAtim|abi.FstflagsMtim)) |
					c.call("fd_filestat_set_size", fd, 128) | c.call("fd_fdstat_set_flags", fd, 0)
			}},
			"duplicates": {0, func() abi.Errno {
				return c.call("fd_dup", fd, storedAt) | c.call("fd_renumber", fd, 40) | c.call("fd_close", 40) | c.call("fd_close", stored())
			}},
			"sync": {0, func() abi.Errno { return c.call("fd_datasync", dirfd) | c.call("fd_advise", fd, 0, 0, 0) }},
		}
		for name, path := range map[string]string{"in the root": file, "below": below, "behind a link": behind, "dots": mount.prefix + "dir/./../file",
			"absolute": "/" + file} {
			p, n := text(path)
			for what, one := range map[string]calls{
				"stat": {0, func() abi.Errno { return c.call("path_filestat_get", 3, 1, p, n, storedAt) }},
				"set times": {0, func() abi.Errno {
					return c.call("path_filestat_set_times", 3, 1, p, n, 1, 2, uint64(abi.FstflagsAtim|abi.FstflagsMtim))
				}},
				"missing": {0, func() abi.Errno { return c.call("path_filestat_get", 3, 1, p, n-1, storedAt) ^ abi.ENOENT }},
				"open, close": {mount.open, func() abi.Errno {
					return c.call("path_open", 3, 1, p, n, 0, uint64(abi.RightsFdRead), 0, 0, storedAt) | c.call("fd_close", stored())
				}},
			} {
				cases[what+" "+name] = one
			}
		}
		for name, one := range cases {
			t.Run(mount.name+" "+name, func(t *testing.T) {
				n := testing.AllocsPerRun(100, func() {
					if errno := one.do(); errno != 0 {
						t.Fatal(errno)
					}
				})
				if n > one.most {
					t.Errorf("%v allocations", n)
				}
			})
		}
	}
	if _, err := os.Stat(dir + "/dir/file"); err != nil {
		t.Error(err)
	}
}
