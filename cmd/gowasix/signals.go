package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/abi"
)

// forwarded are the signals that the guest gets in the command's place.
var forwarded = map[os.Signal]abi.Signal{
	syscall.SIGINT: abi.SignalInt, syscall.SIGQUIT: abi.SignalQuit, syscall.SIGWINCH: abi.SignalWinch,
	syscall.SIGHUP: abi.SignalHup, syscall.SIGTERM: abi.SignalTerm,
	syscall.SIGUSR1: abi.SignalUsr1, syscall.SIGUSR2: abi.SignalUsr2,
}

// ofTerminal reports whether a terminal sends the signal: then all processes of
// the guest get it, as a foreground process group does.
func ofTerminal(sig abi.Signal) bool {
	return sig == abi.SignalInt || sig == abi.SignalQuit || sig == abi.SignalWinch || sig == abi.SignalHup
}

// signals forwards the command's signals to the guest. Until that runs they end
// the command.
type signals struct {
	arrived chan os.Signal
	cancel  context.CancelCauseFunc

	mu      sync.Mutex
	process *wasix.Process // nil until it runs
	holding bool           // the process may be running already
	held    []abi.Signal   // that came since
	sent    map[abi.Signal]bool
}

// forwardSignals begins to receive signals, but those that the command was
// started to ignore, as by nohup. It ends with ctx, which cancel ends.
func forwardSignals(ctx context.Context, cancel context.CancelCauseFunc) *signals {
	s := &signals{arrived: make(chan os.Signal, 8), cancel: cancel, sent: map[abi.Signal]bool{}}
	for sig := range forwarded {
		if !signal.Ignored(sig) {
			signal.Notify(s.arrived, sig)
		}
	}
	go func() {
		defer signal.Stop(s.arrived)
		for {
			select {
			case sig := <-s.arrived:
				s.forward(forwarded[sig])
			case <-ctx.Done():
				return
			}
		}
	}()
	return s
}

// hold makes signals wait for the process, which is about to begin.
func (s *signals) hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holding = true
}

// to makes the process the one that gets the signals, those held first.
func (s *signals) to(p *wasix.Process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.process = p
	for _, sig := range s.held {
		s.send(sig)
	}
}

// forward sends the guest a signal. A second INT, when the guest has not come to
// handle the first, ends it; so does a second signal while it does not begin.
func (s *signals) forward(sig abi.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.process
	switch {
	case p == nil && s.holding && !slices.Contains(s.held, sig):
		s.held = append(s.held, sig)
	case p == nil && sig == abi.SignalWinch:
	case p == nil, sig == abi.SignalInt && p.Pending(sig):
		s.cancel(signalled{sig})
	default:
		s.send(sig)
	}
}

// send sends the process a signal. s.mu is held.
func (s *signals) send(sig abi.Signal) {
	s.sent[sig] = true
	if ofTerminal(sig) {
		s.process.SignalGroup(sig)
		return
	}
	_ = s.process.Signal(sig) // an error says that it has ended
}

// result returns what err says of the guest's end: a signalled when it died of a
// signal that was forwarded, which is no news to whom sent it.
func (s *signals) result(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var exit *wasix.ExitError
	if errors.As(err, &exit) && s.sent[exit.Signal()] {
		return signalled{exit.Signal()}
	}
	return err
}

// signalled is how a guest ends when the command gets a signal.
type signalled struct{ abi.Signal }

func (s signalled) Error() string { return "ended by signal " + s.Signal.String() }
