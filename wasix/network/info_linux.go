package network

import (
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gowasix/gowasix/wasix/abi"
)

// tcpStates are the names of the kernel's states of TCP.
var tcpStates = [...]string{
	1: "ESTAB", "SYN-SENT", "SYN-RECV", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT", "UNCONN",
	"CLOSE-WAIT", "LAST-ACK", "LISTEN", "CLOSING",
}

const tcpListen = 10

// Available returns how many bytes can be read at once (FIONREAD).
func (s *hostSocket) Available() int {
	n, _ := unix.IoctlGetInt(s.SysFD(), unix.SIOCINQ)
	return max(n, 0)
}

func (s *hostSocket) Info() Info {
	i := addrInfo(s)
	fd := s.SysFD()
	if i.Local.Unix {
		i.Local.Path, i.Peer.Path = unixPath(unix.Getsockname(fd)), unixPath(unix.Getpeername(fd))
	}
	if s.typ == abi.SockTypeStream && s.proto == abi.SockProtoTcp {
		if t, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
			if int(t.State) < len(tcpStates) {
				i.State = tcpStates[t.State]
			}
			if t.State == tcpListen {
				i.RecvQueue, i.SendQueue = int(t.Unacked), int(t.Sacked)
				return i
			}
			i.BytesIn, i.BytesOut = t.Bytes_received, t.Bytes_sent-t.Bytes_retrans
		}
	}
	i.SendQueue, _ = unix.IoctlGetInt(fd, unix.SIOCOUTQ)
	return i
}

// unixPath returns the name on the host, which guests do not learn, as [Addr] has
// it; "" without one.
func unixPath(sa unix.Sockaddr, err error) string {
	name, ok := sa.(*unix.SockaddrUnix)
	if err != nil || !ok {
		return ""
	}
	if abstract, ok := strings.CutPrefix(name.Name, "@"); ok {
		return "\x00" + abstract
	}
	return name.Name
}
