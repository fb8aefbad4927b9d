package wasixtest

import (
	"testing/fstest"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/vfs"
)

// streamSendFile passes offsets and counts of 64 bits.
func streamSendFile(g *sockGuest) {
	const text = "0123456789"
	g = newSockGuest(g.t, g.module, g.family, func(cmd *wasix.Cmd) {
		cmd.Mounts = []vfs.Mount{{FS: vfs.FS(fstest.MapFS{"file": {Data: []byte(text)}})}}
	})
	fd, p := g.connection()
	g.Put(dataAt, []byte("file")...)
	file := g.newFD("path_open", root, 0, dataAt, 4, 0, uint64(abi.RightsFdRead|abi.RightsFdSeek), 0, 0, fdAt)
	for _, c := range []struct{ offset, count, sent uint64 }{
		{0, 10, 10}, {2, 3, 3}, {7, 1 << 40, 3}, {10, 1, 0}, {1 << 33, 8, 0}, {1<<32 + 2, 4, 0},
	} {
		g.wants(abi.ESUCCESS, []Write{{valueAt, le64(c.sent)}}, "sock_send_file", fd, file, c.offset, c.count, valueAt)
		if c.sent > 0 {
			wantRead(g.t, p, text[c.offset:c.offset+c.sent])
		}
	}
	g.wants(abi.EINVAL, nil, "sock_send_file", fd, file, 1<<63, 1, valueAt)
	g.wants(abi.EFAULT, nil, "sock_send_file", fd, file, 0, 1, outside-6)
	g.wants(abi.ENOTSOCK, nil, "sock_send_file", file, file, 0, 1, valueAt)
	g.wants(abi.EBADF, nil, "sock_send_file", fd, notOpen, 0, 1, valueAt)
	g.close(fd)
	wantEOF(g.t, p)
}
