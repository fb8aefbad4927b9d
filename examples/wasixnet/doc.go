// Package wasixnet gives Go programs that were compiled for WASI the sockets of
// WASIX: the standard library has none for GOOS=wasip1 but those it was started
// with. [Listen] and [Dialer] are used like their namesakes in package net:
//
//	l, err := wasixnet.Listen("tcp", ":8080")
//	err = http.Serve(l, handler)
//
//	client := http.Client{Transport: &http.Transport{DialContext: wasixnet.DialContext}}
//
// The sockets are non-blocking and waited for by the Go scheduler, so a
// goroutine that waits holds up no other one. Only looking up names blocks the
// whole program. The package is empty on other systems.
package wasixnet
