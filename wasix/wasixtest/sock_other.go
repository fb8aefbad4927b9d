//go:build !linux

package wasixtest

// socketCases returns none: the host's sockets are for Linux so far.
func socketCases(bool) []engineCase { return nil }

func startPoller() {}
