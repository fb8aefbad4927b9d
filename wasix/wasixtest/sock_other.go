//go:build !linux

package wasixtest

// socketCases is empty: the host's sockets are for Linux so far.
var socketCases []engineCase

func startPoller() {}
