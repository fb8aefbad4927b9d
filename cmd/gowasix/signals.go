package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
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

// to makes the process the one that gets the signals.
func (s *signals) to(p *wasix.Process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.process = p
}

// forward sends the guest a signal. A second INT, when the guest has not come to
// handle the first, ends it.
func (s *signals) forward(sig abi.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.process
	switch {
	case p == nil && sig != abi.SignalWinch, p != nil && sig == abi.SignalInt && p.Pending(sig):
		s.cancel(signalled{sig})
	case p == nil:
	case ofTerminal(sig):
		s.sent[sig] = true
		p.SignalGroup(sig)
	default:
		s.sent[sig] = true
		_ = p.Signal(sig) // an error says that it has ended
	}
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
