package epoll_test

import (
	"slices"
	"testing"

	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/ready"
)

// polls looks at an Epoll as poll_oneoff does.
func (g *guest) polls(ep uint32, want ready.Events) {
	g.Helper()
	check(g, "polls", g.with(ep, func(d *descriptor.Description) error {
		if got := d.File.Ready(ready.In | ready.Out); got != want {
			g.Errorf("poll says %v, want %v", got, want)
		}
		return nil
	}), nil)
}

// What the kernel knows reaches outer Epolls at once, as what it does not know.
func TestNestedSourcesOfBothKindsAreSeenAtOnce(t *testing.T) {
	g := newKernelGuest(t)
	inner, outer, top := g.epoll(), g.epoll(), g.epoll()
	event := g.event(0)
	a, b := g.pair()
	g.mustAdd(inner, a, in)
	g.mustAdd(inner, event, in)
	g.mustAdd(outer, inner, in)
	g.mustAdd(top, outer, in|edge)
	for _, source := range [][2]uint32{{b, a}, {event, event}} {
		for range 20 {
			g.polls(top, 0)
			g.sees(top)
			check(t, "write", g.write(source[0]), nil)
			g.polls(top, ready.In)
			g.sees(top, seen{outer, in})
			g.sees(top)
			g.sees(outer, seen{inner, in})
			g.polls(outer, ready.In)
			check(t, "read", g.read(source[1]), nil)
			g.polls(outer, 0)
			g.sees(outer)
		}
	}
	// Both together, each once.
	check(t, "write", g.write(b), nil)
	check(t, "write", g.write(event), nil)
	g.sees(inner, seen{event, in}, seen{a, in})
	check(t, "read", g.read(event), nil)
	g.sees(inner, seen{a, in})
	g.sees(outer, seen{inner, in})
}

// A report that is over before somebody looks does not use up ONESHOT.
func TestNestedOneshotOutlivesWhatIsOver(t *testing.T) {
	g := newKernelGuest(t)
	inner, outer, event := g.epoll(), g.epoll(), g.event(0)
	g.mustAdd(inner, event, in)
	g.mustAdd(outer, inner, in|oneshot)
	check(t, "write", g.write(event), nil)
	check(t, "read", g.read(event), nil)
	g.sees(outer)
	check(t, "write", g.write(event), nil)
	g.sees(outer, seen{inner, in})
	g.sees(outer)
}

// A chain that is too long for the kernel is none for the guest, whether somebody
// waits at it before it is made or afterwards.
func TestNestedTooDeepForTheKernel(t *testing.T) {
	for _, early := range []bool{false, true} {
		g := newKernelGuest(t)
		a, b := g.pair()
		chain := make([]uint32, 5)
		for i := range chain {
			chain[i] = g.epoll()
		}
		done := make(chan struct{})
		wait := func() {
			defer close(done)
			list, err := g.thread().wait(chain[4], 10, patience)
			if err != nil || !slices.Equal(list, []seen{{chain[3], in}}) {
				t.Errorf("%v, %v", list, err)
			}
		}
		nest := func() {
			for i := range 4 {
				g.mustAdd(chain[i+1], chain[i], in)
			}
			g.mustAdd(chain[0], a, in)
		}
		if !early {
			nest()
		}
		go wait()
		g.awaitWaiter(chain[4])
		if early {
			nest()
		}
		check(t, "write", g.write(b), nil)
		<-done
		check(t, "read", g.read(a), nil)
		for _, ep := range chain {
			g.sees(ep)
		}
		check(t, "write", g.write(b), nil)
		list, err := g.wait(chain[4], 10, patience)
		if err != nil || len(list) != 1 {
			t.Errorf("again: %v, %v", list, err)
		}
	}
}

// Nested Epolls that are ready no more hide nothing where there is room for one event.
func TestNestedThatIsOverTakesNoPlace(t *testing.T) {
	g := newKernelGuest(t)
	outer := g.epoll()
	var events []uint32
	for range 3 {
		inner, event := g.epoll(), g.event(0)
		g.mustAdd(inner, event, in)
		g.mustAdd(outer, inner, in)
		events = append(events, event)
	}
	a, b := g.pair()
	g.mustAdd(outer, a, in)
	for range 20 {
		for _, event := range events {
			check(t, "write", g.write(event), nil)
		}
		check(t, "write", g.write(b), nil)
		for _, event := range events {
			check(t, "read", g.read(event), nil)
		}
		list, err := g.wait(outer, 1, 0)
		if err != nil || !slices.Equal(list, []seen{{a, in}}) {
			t.Fatalf("%v, %v", list, err)
		}
		check(t, "read", g.read(a), nil)
		g.sees(outer)
	}
}
