package socket

import (
	"syscall"

	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/ready"
)

// Handover gives a listener to a successor: it returns another socket on the
// queue of connections, and from then on s behaves as after a shutdown of the
// receiving half. Waiting and later accepts end with EINVAL; no connection is
// lost, as whatever s did not accept stays in the queue. Returns nil except:
//   - EINVAL: not listening, or given away before
//   - EOPNOTSUPP: the network cannot do so
//   - EMFILE: the host has no descriptor
func (s *Socket) Handover() (network.Socket, error) {
	if s.state.Load() != stateListening {
		return nil, syscall.EINVAL
	}
	successor, err := network.Dup(s.net)
	if err != nil {
		return nil, err
	}
	if !s.state.CompareAndSwap(stateListening, stateGiven) {
		_ = successor.Close()
		return nil, syscall.EINVAL
	}
	s.net.Queue().Notify(ready.In | ready.Hup)
	return successor, nil
}

// Listening reports whether the socket accepts connections.
func (s *Socket) Listening() bool { return s.state.Load() == stateListening }

// given returns the events of a listener that was given away, else 0.
func (s *Socket) given() ready.Events {
	if s.state.Load() == stateGiven {
		return ready.In | ready.Hup
	}
	return 0
}
