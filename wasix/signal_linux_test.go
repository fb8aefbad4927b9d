package wasix

import (
	"encoding/binary"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/network"
)

// Waits on the kernel's sockets, some of which block in the kernel for a while.
func TestSignalsReachKernelWaits(t *testing.T) {
	const each, fdAt, addrAt, at = 50, 0x400, 0x440, 0x500
	for name, wait := range map[string]func(g *signalled, fd uint64) []uint64{
		"sock_recv": func(g *signalled, fd uint64) []uint64 {
			ptr, count := g.thread.iovec(1)
			return []uint64{fd, ptr, count, 0, at, at + 4}
		},
		"poll_oneoff": func(g *signalled, fd uint64) []uint64 {
			sub := make([]byte, abi.SizeofSubscription)
			sub[subTag] = byte(abi.EventtypeFdRead)
			binary.LittleEndian.PutUint32(sub[subFD:], uint32(fd))
			copy(g.thread.mem[at:], sub)
			return []uint64{at, at + 0x100, 1, at + 0x200}
		},
	} {
		t.Run(name, func(t *testing.T) {
			var handled atomic.Int32
			g := &signalled{t: t, network: network.Host(), handle: func(*signalled, abi.Signal) error { handled.Add(1); return nil }}
			ready := make(chan struct{})
			cmd := g.start(func(g *signalled) error {
				clear(g.thread.mem[addrAt : addrAt+32])
				g.thread.mem[addrAt] = byte(abi.AddressFamilyInet4)
				g.wants(abi.ESUCCESS, "sock_open", uint64(abi.AddressFamilyInet4), uint64(abi.SockTypeDgram), uint64(abi.SockProtoUdp), fdAt)
				fd, _ := g.thread.uint32At(fdAt)
				g.wants(abi.ESUCCESS, "sock_bind", uint64(fd), addrAt)
				args := wait(g, uint64(fd))
				close(ready)
				for {
					errno, err := g.call(name, args...)
					if err != nil {
						return err
					}
					if errno != abi.EINTR {
						t.Errorf("%v", errno)
						return nil
					}
				}
			})
			<-ready
			for n := range int32(each) {
				time.Sleep(time.Duration(n%5) * time.Millisecond) // at various stages of a wait
				_ = cmd.Process.Signal(abi.SignalUsr1)
				for handled.Load() <= n {
					time.Sleep(10 * time.Microsecond)
				}
			}
			cmd.Process.Kill()
			_ = cmd.Wait()
		})
	}
}

// wants makes a system call that is to have this result.
func (g *signalled) wants(errno abi.Errno, name string, args ...uint64) {
	g.t.Helper()
	if got, err := g.call(name, args...); got != errno || err != nil {
		g.t.Errorf("%s: %v, %v", name, got, err)
	}
}
