package socket_test

import (
	"syscall"
	"testing"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/ready"
	"github.com/gowasix/gowasix/wasix/socket"
)

// Whoever waits on a listener that is handed over is told, and connections go to
// the successor, also those that came before.
func TestHandover(t *testing.T) {
	noLeaks(t)
	l := listener(t, 8)
	addr := l.name(t)
	accepting, polling := make(chan error), make(chan ready.Events)
	go func() {
		_, _, err := l.Accept(l.d, l.w)
		accepting <- err
	}()
	go func() {
		subs := []ready.Subscription{{Source: l.d.File, Asked: ready.In}}
		_, _ = ready.NewWaiter().Poll(subs, ready.Never)
		polling <- subs[0].Got
	}()
	given, err := l.Handover()
	if err != nil {
		t.Fatal(err)
	}
	wantErr(t, "a waiting accept", <-accepting, syscall.EINVAL)
	if got := <-polling; got&ready.Hup == 0 {
		t.Errorf("a waiting poll tells %b", got)
	}
	client := open(t, abi.SockTypeStream)
	connect(t, client, addr)
	_, _, err = l.Accept(l.d, l.w)
	wantErr(t, "accept", err, syscall.EINVAL)
	wantErr(t, "listen", l.Listen(1, 0), syscall.EINVAL)
	if got := l.Ready(ready.In); got != ready.In|ready.Hup {
		t.Errorf("ready for %b", got)
	}
	_, err = l.Handover()
	wantErr(t, "hand over again", err, syscall.EINVAL)
	successor := newEnd(t, socket.New(given))
	if !successor.Listening() || l.Listening() {
		t.Error("the wrong one listens")
	}
	a, _, err := successor.Accept(successor.d, successor.w)
	if err != nil {
		t.Fatal(err)
	}
	newEnd(t, a)
	_, err = client.Handover()
	wantErr(t, "hand over a connection", err, syscall.EINVAL)
}
