package socket

import "github.com/gowasix/gowasix/wasix/network"

// Info returns what the socket tells of itself.
func (s *Socket) Info() network.Info {
	i := network.InfoOf(s.net)
	if i.State == "" {
		i.State = s.stateName()
	}
	return i
}

func (s *Socket) stateName() string {
	switch s.state.Load() {
	case stateListening:
		return "LISTEN"
	case stateConnecting:
		return "SYN-SENT"
	case stateConnected:
		return "ESTAB"
	}
	return "UNCONN"
}
