package network

import (
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/ready"
)

// A receive with MsgWait waits in the kernel itself, and ends by what comes, by
// the end of the stream, or after a moment.
func TestHostReceiveWaits(t *testing.T) {
	eachFamily(t, func(t *testing.T, f abi.AddressFamily) {
		c, s := connectedPair(t, f)
		_, _, err := s.Recvmsg([][]byte{{0}}, MsgWait, nil)
		check(t, "receive from an empty stream", err, syscall.EAGAIN)
		for _, want := range []string{"later", ""} {
			go func() {
				time.Sleep(time.Millisecond)
				if want == "" {
					_ = c.Shutdown(abi.SdflagsWr)
					return
				}
				_, _ = c.Sendmsg([][]byte{[]byte(want)}, nil)
			}()
			if got := receiveWaiting(t, s); got != want {
				t.Errorf("received %q, want %q", got, want)
			}
		}
	})
}

// receiveWaiting receives with MsgWait until something is there.
func receiveWaiting(t *testing.T, s Socket) string {
	t.Helper()
	b := make([]byte, 16)
	for end := ready.After(uint64(patience)); ready.Now() < end; {
		n, _, err := s.Recvmsg([][]byte{b[:8], b[8:]}, MsgWait, nil)
		if err == nil {
			return string(b[:n])
		}
		check(t, "receive", err, syscall.EAGAIN)
	}
	t.Fatal("nothing came")
	return ""
}

// Once a socket has waited in the kernel, all else still does not wait.
func TestHostWaitsOnlyWhenAsked(t *testing.T) {
	c, s := connectedPair(t, inet4)
	_, _, err := c.Recvmsg([][]byte{{0}}, MsgWait, nil)
	check(t, "receive", err, syscall.EAGAIN)
	if flags := must[int](t)(unix.FcntlInt(sysFD(c), unix.F_GETFL, 0)); flags&unix.O_NONBLOCK != 0 {
		t.Fatal("the kernel does not wait on this descriptor")
	}
	// Without a bound of their own these calls would wait for ever.
	check(t, "timeouts", unix.SetsockoptTimeval(int(sysFD(c)), unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{}), nil)
	check(t, "timeouts", unix.SetsockoptTimeval(int(sysFD(c)), unix.SOL_SOCKET, unix.SO_SNDTIMEO, &unix.Timeval{}), nil)
	for _, iovs := range [][][]byte{{{0}}, {{0}, {0}}} {
		_, _, err = c.Recvmsg(iovs, 0, nil)
		check(t, "receive", err, syscall.EAGAIN)
		_, _, err = c.Recvmsg(iovs, MsgPeek, new(Addr))
		check(t, "peek", err, syscall.EAGAIN)
	}
	full := make([]byte, 1<<20)
	for _, iovs := range [][][]byte{{full}, {full, full}} {
		for err = nil; err == nil; {
			_, err = c.Sendmsg(iovs, nil)
		}
		check(t, "send to a full stream", err, syscall.EAGAIN)
	}
	_ = s.Close()
}

// A description that others hold as well keeps its mode and its timeouts.
func TestHostSharedDescriptionKeepsItsMode(t *testing.T) {
	c, _ := connectedPair(t, inet4)
	shared := must[Socket](t)(FromFD(int(sysFD(c))))
	defer shared.Close()
	_, _, err := shared.Recvmsg([][]byte{{0}}, MsgWait, nil)
	check(t, "receive", err, syscall.EAGAIN)
	if flags := must[int](t)(unix.FcntlInt(sysFD(c), unix.F_GETFL, 0)); flags&unix.O_NONBLOCK == 0 {
		t.Error("the mode was changed")
	}
}

func sysFD(s Socket) uintptr { return uintptr(s.(ready.SysSource).SysFD()) }

// connectedPair returns both ends of a connection over loopback.
func connectedPair(t *testing.T, f abi.AddressFamily) (c, s Socket) {
	t.Helper()
	l, at := listener(t, Host(), f)
	c = open(t, Host(), f, stream)
	connectTo(t, c, at)
	s, _ = accepted(t, l)
	return c, s
}
