package wasixtest

import (
	"bytes"
	"io"
	"strings"

	"github.com/gowasix/gowasix/wasix/abi"
)

var streamCases = []sockCase{
	{"what is no socket cannot be written to or read", streamWrong, nil},
	{"a socket without the right cannot", streamRights, every},
	{"a stream that is not connected cannot", streamNotConnected, every},
	{"several buffers are one call", streamVectors, every},
	{"descriptors are written and read as files are", streamFile, every},
	{"PEEK leaves the data", streamPeek, every},
	{"WAITALL waits for all", streamWaitall, every},
	{"WAITALL ends with the stream", streamWaitallEnd, every},
	{"DONTWAIT does not wait", streamDontWait, every},
	{"a timeout ends the wait", streamTimeout, every},
	{"no buffers are no data", streamEmpty, every},
	{"buffers and results outside memory lose no data", streamFaults, every},
	{"unknown flags and too many buffers lose no data", streamFlags, every},
	{"the end is 0 bytes, again and again", streamEnd, every},
	{"a reset is CONNRESET and then the end", streamReset, inet},
	{"a peer that is gone is EPIPE", streamGone, every},
	{"what does not fit is sent in part", streamPart, every},
	{"a file is sent from an offset", streamSendFile, every},
}

// transfers are the calls of a socket's data and what they store at the end.
var transfers = []string{"sock_send", "sock_recv", "fd_write", "fd_read"}

// transfer is the arguments of a call that moves data, into or out of buffers.
func transfer(call string, fd, at, n uint64) []uint64 {
	switch call {
	case "sock_send":
		return []uint64{fd, at, n, 0, lenAt}
	case "sock_recv":
		return []uint64{fd, at, n, 0, lenAt, flagsAt}
	}
	return []uint64{fd, at, n, lenAt}
}

func streamWrong(g *sockGuest) {
	at, n := g.iovs(8)
	for _, call := range transfers[:2] {
		g.wants(abi.EBADF, nil, call, transfer(call, notOpen, at, n)...)
		g.wants(abi.ENOTSOCK, nil, call, transfer(call, root, at, n)...)
	}
}

// streamRights drops the two rights of which a call needs one.
func streamRights(g *sockGuest) {
	at, n := g.iovs(8)
	fd := withoutRight(abi.RightsSockSend | abi.RightsFdWrite)(g)
	g.wants(abi.EACCES, nil, "sock_send", transfer("sock_send", fd, at, n)...)
	fd = withoutRight(abi.RightsSockRecv | abi.RightsFdRead)(g)
	g.wants(abi.EACCES, nil, "sock_recv", transfer("sock_recv", fd, at, n)...)
}

func streamNotConnected(g *sockGuest) {
	fd := g.open(stream)
	at, n := g.iovs(8)
	recv, send := abi.ENOTCONN, abi.EPIPE
	if g.family == local {
		recv, send = abi.EINVAL, abi.ENOTCONN
	}
	g.wants(recv, nil, "sock_recv", transfer("sock_recv", fd, at, n)...)
	g.wants(send, nil, "sock_send", transfer("sock_send", fd, at, n)...)
}

func streamVectors(g *sockGuest) {
	fd, p := g.connection()
	g.Put(dataAt, []byte("0123456789")...)
	at, n := g.iovs(3, 0, 5, 2)
	g.wants(abi.ESUCCESS, []Write{{lenAt, le32(10)}}, "sock_send", fd, at, n, 0, lenAt)
	wantRead(g.t, p, "0123456789")
	if _, err := p.Write([]byte("abcdefgh")); err != nil {
		g.t.Fatal(err)
	}
	g.wants(abi.ESUCCESS, []Write{{lenAt, le32(8)}, {flagsAt, le16(0)}, {dataAt, []byte("abcdefgh")}},
		"sock_recv", fd, at, n, 0, lenAt, flagsAt)
}

func streamFile(g *sockGuest) {
	fd, p := g.connection()
	g.Put(dataAt, []byte("question")...)
	at, n := g.iovs(4, 4)
	g.wants(abi.ESUCCESS, []Write{{lenAt, le32(8)}}, "fd_write", fd, at, n, lenAt)
	wantRead(g.t, p, "question")
	if _, err := p.Write([]byte("answer")); err != nil {
		g.t.Fatal(err)
	}
	g.wants(abi.ESUCCESS, []Write{{lenAt, le32(6)}, {dataAt, []byte("answer")}}, "fd_read", fd, at, n, lenAt)
}

// receiving has the guest receive with flags into 8 bytes.
func (g *sockGuest) receiving(fd uint64, flags abi.Riflags, want abi.Errno, data string) {
	g.t.Helper()
	g.Put(dataAt, []byte("????????")...)
	at, n := g.iovs(3, 5)
	var writes []Write
	if want == abi.ESUCCESS {
		writes = received(data)
	}
	g.wants(want, writes, "sock_recv", fd, at, n, uint64(flags), lenAt, flagsAt)
}

// received is what sock_recv stores: 16 bits of flags, and no more.
func received(data string) []Write {
	return []Write{{lenAt, le32(uint32(len(data)))}, {flagsAt, le16(0)}, {dataAt, []byte(data)}}
}

func streamPeek(g *sockGuest) {
	fd, p := g.connection()
	_, _ = p.Write([]byte("data"))
	g.receiving(fd, abi.RiflagsPeek, abi.ESUCCESS, "data")
	g.receiving(fd, abi.RiflagsPeek, abi.ESUCCESS, "data")
	g.receiving(fd, 0, abi.ESUCCESS, "data")
	g.receiving(fd, abi.RiflagsPeek|abi.RiflagsDontWait, abi.EAGAIN, "")
}

func streamWaitall(g *sockGuest) {
	fd, p := g.connection()
	at, n := g.iovs(3, 5)
	w := g.spawn("sock_recv", fd, at, n, uint64(abi.RiflagsWaitall), lenAt, flagsAt)
	for _, part := range []string{"a", "bcd", "efgh"} {
		_, _ = p.Write([]byte(part))
	}
	g.joins(w, abi.ESUCCESS, received("abcdefgh")...)
}

func streamWaitallEnd(g *sockGuest) {
	fd, p := g.connection()
	_, _ = p.Write([]byte("abc"))
	_ = p.CloseWrite()
	g.receiving(fd, abi.RiflagsWaitall, abi.ESUCCESS, "abc")
	g.receiving(fd, abi.RiflagsWaitall, abi.ESUCCESS, "")
}

func streamDontWait(g *sockGuest) {
	fd, p := g.connection()
	g.receiving(fd, abi.RiflagsDontWait, abi.EAGAIN, "")
	_, _ = p.Write([]byte("data"))
	g.pollsUntilReadable(fd)
	g.receiving(fd, abi.RiflagsDontWait, abi.ESUCCESS, "data")
	at, n := g.iovs(uint32(4096))
	for {
		got := g.Call("sock_send", fd, at, n, uint64(abi.SiflagsDontWait), lenAt)
		if got == abi.EAGAIN {
			g.Wrote()
			return
		}
		if got != abi.ESUCCESS {
			g.t.Fatal(got)
		}
	}
}

func streamTimeout(g *sockGuest) {
	fd, p := g.connection()
	g.setTime(fd, abi.SockOptionRecvTimeout, 1e6)
	g.receiving(fd, 0, abi.EAGAIN, "")
	_, _ = p.Write([]byte("data"))
	g.pollsUntilReadable(fd)
	g.receives(fd, "data")
}

func streamEmpty(g *sockGuest) {
	fd, p := g.connection()
	_, _ = p.Write([]byte("data"))
	for _, lengths := range [][]uint32{{}, {0}, {0, 0}} {
		at, n := g.iovs(lengths...)
		g.wants(abi.ESUCCESS, []Write{{lenAt, le32(0)}}, "sock_send", fd, at, n, 0, lenAt)
		g.wants(abi.ESUCCESS, []Write{{lenAt, le32(0)}}, "fd_read", fd, at, n, lenAt)
	}
	g.receiving(fd, 0, abi.ESUCCESS, "data")
}

// streamFaults has buffers and results that end a byte behind the memory, and
// ones whose ends do not fit 32 bits.
func streamFaults(g *sockGuest) {
	fd, p := g.connection()
	_, _ = p.Write([]byte("data"))
	at, n := g.iovs(8, 8)
	for _, args := range [][]uint64{
		{fd, outside - 14, 2, 0, lenAt, flagsAt},
		{fd, 1<<32 - 8, 2, 0, lenAt, flagsAt},
		{fd, at, 1 << 29, 0, lenAt, flagsAt},
		{fd, at, n, 0, outside - 2, flagsAt},
		{fd, at, n, 0, lenAt, outside},
		{fd, at, n, 0, lenAt, 1<<32 - 1},
	} {
		want := abi.EFAULT
		if args[2] == 1<<29 {
			want = abi.EMSGSIZE
		}
		g.wants(want, nil, "sock_recv", args...)
		if args[5] == flagsAt {
			g.wants(want, nil, "sock_send", args[:5]...)
		}
	}
	for _, second := range [][2]uint32{{outside, 2}, {dataAt, 1<<32 - 1}, {1<<32 - 1, 1}, {1<<32 - 1, 1<<32 - 1}} {
		g.Put(iovsAt+8, cat(le32(second[0]), le32(second[1]))...)
		for _, call := range transfers {
			g.wants(abi.EFAULT, nil, call, transfer(call, fd, at, n)...)
		}
	}
	g.talkOn(fd, p)
}

// talkOn checks that a connection on which "data" is to be received is as it was.
func (g *sockGuest) talkOn(fd uint64, p peer) {
	g.t.Helper()
	g.receiving(fd, 0, abi.ESUCCESS, "data")
	g.talk(fd, p)
}

func streamFlags(g *sockGuest) {
	fd, p := g.connection()
	_, _ = p.Write([]byte("data"))
	at, n := g.iovs(8)
	for _, flags := range []uint64{0x10, 0x8000, 0x10000, 1 << 31} {
		g.wants(abi.EINVAL, nil, "sock_recv", fd, at, n, flags, lenAt, flagsAt)
		g.wants(abi.EINVAL, nil, "sock_send", fd, at, n, flags, lenAt)
	}
	g.wants(abi.EMSGSIZE, nil, "sock_recv", fd, at, 1025, 0, lenAt, flagsAt)
	g.wants(abi.EMSGSIZE, nil, "sock_send", fd, at, 1025, 0, lenAt)
	g.talkOn(fd, p)
}

func streamEnd(g *sockGuest) {
	fd, p := g.connection()
	_, _ = p.Write([]byte("data"))
	_ = p.CloseWrite()
	g.receiving(fd, 0, abi.ESUCCESS, "data")
	for range 2 {
		g.receiving(fd, 0, abi.ESUCCESS, "")
	}
	g.sends(fd, "still")
	wantRead(g.t, p, "still")
}

// reset has the host's peer end the connection with an RST.
func (g *sockGuest) reset(p peer) {
	g.t.Helper()
	c := p.(hostPeer)
	if err := c.SetLinger(0); err != nil {
		g.t.Fatal(err)
	}
	_ = c.Close()
}

func streamReset(g *sockGuest) {
	fd, p := g.connection()
	at, n := g.iovs(8)
	w := g.spawn("sock_recv", fd, at, n, 0, lenAt, flagsAt)
	g.reset(p)
	g.joins(w, abi.ECONNRESET)
	g.receiving(fd, 0, abi.ESUCCESS, "")
	g.wants(abi.EPIPE, nil, "sock_send", fd, at, n, 0, lenAt)
}

// streamGone writes until the peer's answer, a reset, has come.
func streamGone(g *sockGuest) {
	fd, p := g.connection()
	_ = p.Close()
	at, n := g.iovs(1)
	for {
		got := g.Call("sock_send", fd, at, n, 0, lenAt)
		if got == abi.EPIPE {
			g.Wrote()
			return
		}
		if got != abi.ESUCCESS {
			g.t.Fatal(got)
		}
	}
}

// streamPart sends until nothing fits; the peer gets what was sent.
func streamPart(g *sockGuest) {
	fd, p := g.connection()
	g.setNonblock(fd)
	const chunk = 0x4000
	g.Put(dataAt, []byte(strings.Repeat("0123456789abcde\n", chunk/16))...)
	at, n := g.iovs(chunk)
	sent := 0
	for {
		got := g.Call("sock_send", fd, at, n, 0, lenAt)
		if got == abi.EAGAIN {
			break
		}
		if got != abi.ESUCCESS {
			g.t.Fatal(got)
		}
		part := int(uint32(g.Bytes(lenAt, 2)[0]) | uint32(g.Bytes(lenAt, 2)[1])<<8)
		g.Put(iovsAt, cat(le32(dataAt+uint32((sent+part)%16)), le32(chunk-16))...)
		sent += part
	}
	g.close(fd)
	all, err := io.ReadAll(p)
	if err != nil || len(all) != sent {
		g.t.Fatalf("%d bytes were sent, and %d arrive, %v", sent, len(all), err)
	}
	if want := strings.Repeat("0123456789abcde\n", sent/16+1)[:sent]; !bytes.Equal(all, []byte(want)) {
		g.t.Error("other bytes arrive than were sent")
	}
}

// streamSendFile passes offsets and counts of 64 bits.
func streamSendFile(g *sockGuest) {
	fd, p := g.connection()
	file := g.openFile()
	for _, c := range []struct{ offset, count, sent uint64 }{
		{0, 10, 10}, {2, 3, 3}, {7, 1 << 40, 3}, {10, 1, 0}, {1 << 33, 8, 0}, {1<<32 + 2, 4, 0},
	} {
		g.wants(abi.ESUCCESS, []Write{{valueAt, le64(c.sent)}}, "sock_send_file", fd, file, c.offset, c.count, valueAt)
		if c.sent > 0 {
			wantRead(g.t, p, fileText[c.offset:c.offset+c.sent])
		}
	}
	g.wants(abi.EINVAL, nil, "sock_send_file", fd, file, 1<<63, 1, valueAt)
	g.wants(abi.EFAULT, nil, "sock_send_file", fd, file, 0, 1, outside-6)
	g.wants(abi.ENOTSOCK, nil, "sock_send_file", file, file, 0, 1, valueAt)
	g.wants(abi.EBADF, nil, "sock_send_file", fd, notOpen, 0, 1, valueAt)
	g.close(fd)
	wantEOF(g.t, p)
}
