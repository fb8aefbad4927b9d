// Package wasixtest proves engine adapters and system calls. An adapter's own
// test calls Run; a test of system calls makes a Guest and calls them as a
// program would.
//
// Guests are modules written in Go, byte by byte, so that nothing but the
// engine and package wasix takes part.
package wasixtest
