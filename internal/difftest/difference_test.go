package difftest

// difference is a line that is meant to differ between Linux and WASIX. A
// listed difference that no longer differs fails the test.
type difference struct {
	probe  string // with its arguments
	line   string // what comes before ": "
	linux  string
	wasix  string
	reason string
}

var differences = []difference{
	{"sock-state", "open.inet seqpacket", "ESOCKTNOSUPPORT", "EPROTOTYPE",
		"WASI has no ESOCKTNOSUPPORT"},
	{"sock-state", "open.inet type 0", "ESOCKTNOSUPPORT", "OK",
		"0 was the number of DGRAM in WASIX before May 2023"},
	{"sock-state", "unix.connect closed listener", "ECONNREFUSED", "ENOENT",
		"names of UNIX sockets live as long as their sockets; no file is left behind"},
	{"sock-threads", "accept.woken by close", "no", "yes", closeWakes},
	{"sock-threads", "accept.result after close", "returns", "EBADF", closeWakes},
	{"sock-threads", "reuse.old waiter", "returns", "EBADF", closeWakes},
	{"sock-threads", "recv.woken by close", "no", "yes", closeWakes},
	{"sock-threads", "recv.result after close", "returns", "EBADF", closeWakes},
	{"threads trap", "exit status", "132", "134", "a trap ends a guest as abort(3) does, whatever its kind"},
}

const closeWakes = "closing a descriptor ends what waits on it; Linux keeps it waiting on a socket nobody else sees"
