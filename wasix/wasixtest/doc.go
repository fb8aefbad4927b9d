// Package wasixtest proves engine adapters and system calls, as testing/fstest
// proves file systems.
//
// The author of an adapter calls [Run] from a test of the adapter, with a
// function that makes an engine:
//
//	func TestConformance(t *testing.T) {
//		wasixtest.Run(t, func() (wasix.Engine, error) { return myengine.New() })
//	}
//
// Its cases are about what [wasix.Engine] and the interfaces around it promise,
// with [RunFiles] as a part of it, about the calls on files, and, with [RunSockets] as
// another, about the socket calls as a guest on
// that engine sees them: parameters of all types, what is stored in memory and
// what is not, threads that wait, and what the peer sees. On Linux they need the
// loopback interface (RunSockets runs them on a virtual network and on none, too),
// elsewhere the socket cases are none. A case that hangs fails when the time of the
// test is up: go test -timeout.
//
// A test of system calls makes a [Guest] and makes it call them as a program
// would, on [Direct] where no engine is to take part.
//
// Guests are modules written in Go, byte by byte, so that nothing but the
// engine and package wasix takes part.
package wasixtest
