package wasix

import (
	"errors"

	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/socket"
)

// Handover takes the listening sockets from the process and its descendants,
// for the Sockets of a command that succeeds it: a graceful restart. From then
// on, accepting in these processes fails with EINVAL, and poll tells of it;
// connections that they have accepted are theirs to finish. The others wait in
// the queues, and none is lost. The sockets are in the order of processes and
// descriptors, each once. They are the caller's: whom no command takes over is
// to be closed. An error is about sockets that could not be taken; the others
// were.
func (p *Process) Handover() ([]network.Socket, error) {
	var sockets []network.Socket
	var errs error
	seen := map[*descriptor.Description]bool{}
	for _, q := range p.Family() {
		for _, fd := range q.fds.Open() {
			d, _, err := q.fds.Acquire(fd)
			if err != nil {
				continue // closed meanwhile
			}
			if s := socket.Of(d.File); s != nil && s.Listening() && !seen[d] {
				seen[d] = true
				given, err := s.Handover()
				if err == nil {
					sockets = append(sockets, given)
				}
				errs = errors.Join(errs, err)
			}
			_ = d.Release()
		}
	}
	return sockets, errs
}
