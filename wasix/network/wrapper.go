package network

import "github.com/gowasix/gowasix/wasix/ready"

// wrapper is a Socket around another. It passes on what not all sockets have, so
// whoever embeds it overrides what it changes.
type wrapper struct{ Socket }

// kernelFD is what makes a wrapper a ready.SysSource.
type kernelFD interface{ SysFD() int }

// Arm makes changes reach the queue, where that takes it: see [ready.Armer].
func (w *wrapper) Arm() error {
	if a, ok := w.Socket.(ready.Armer); ok {
		return a.Arm()
	}
	return nil
}

// Available returns how many bytes can be read at once: see [Available].
func (w *wrapper) Available() int { return Available(w.Socket) }

func (w *wrapper) Info() Info { return InfoOf(w.Socket) }

func (w *wrapper) bindGranted(addr Addr) error { return grantedBind(w.Socket, addr) }

func (w *wrapper) sent(n int) { Sent(w.Socket, n) }

// Available returns how many bytes can be read from s at once (FIONREAD), 0 where
// the network does not tell.
func Available(s Socket) int {
	if a, ok := s.(interface{ Available() int }); ok {
		return a.Available()
	}
	return 0
}

// Sent tells s of n bytes that were sent by its kernel descriptor, and not by
// Sendmsg.
func Sent(s Socket, n int) {
	if c, ok := s.(interface{ sent(int) }); ok {
		c.sent(n)
	}
}
