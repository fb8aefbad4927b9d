//go:build linux

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

var differences = append(fileDifferences, []difference{
	{"sock-state", "open.inet seqpacket", "ESOCKTNOSUPPORT", "EPROTOTYPE",
		"WASI has no ESOCKTNOSUPPORT"},
	{"sock-state", "open.inet type 0", "ESOCKTNOSUPPORT", "OK",
		"0 was the number of DGRAM in WASIX before May 2023"},
	{"sock-state", "unix.connect closed listener", "ECONNREFUSED", "ENOENT",
		"names of UNIX sockets live as long as their sockets; no file is left behind"},
	{"poll-state", "poll.both shut for writing", "1 IN HUP, 1 OUT HUP, 1 IN OUT HUP", "1 IN HUP, 1 HUP, 1 IN HUP", hangup},
	{"poll-state", "poll.reset", "1 IN ERR HUP, 1 OUT ERR HUP, 1 IN OUT ERR HUP", "1 ERR HUP, 1 ERR HUP, 1 ERR HUP", eventError},
	{"poll-state", "poll.reset and told", "1 IN HUP, 1 OUT HUP, 1 IN OUT HUP", "1 IN HUP, 1 HUP, 1 IN HUP", hangup},
	{"poll-state", "poll.refused", "1 IN ERR HUP, 1 OUT ERR HUP, 1 IN OUT ERR HUP", "1 ERR HUP, 1 ERR HUP, 1 ERR HUP", eventError},
	{"poll-state", "poll.dgram refused", "1 ERR, 1 OUT ERR, 1 OUT ERR", "1 ERR, 1 ERR, 1 ERR", eventError},
	{"poll-state", "poll.pair with data, peer closed", "1 IN HUP, 1 OUT HUP, 1 IN OUT HUP", "1 IN HUP, 1 HUP, 1 IN HUP", hangup},
	{"poll-state", "poll.pair, peer closed", "1 IN HUP, 1 OUT HUP, 1 IN OUT HUP", "1 IN HUP, 1 HUP, 1 IN HUP", hangup},
	{"poll-state", "poll.pipe, writer closed", "1 HUP, 1 HUP, 1 HUP", "1 IN HUP, 1 HUP, 1 IN HUP", hangupReads},
	{"poll-state", "poll.stdin", "1 HUP, 1 HUP, 1 HUP", "1 IN HUP, 1 HUP, 1 IN HUP", hangupReads},
	{"poll-state", "poll.pipe, reader closed", "1 ERR, 1 OUT ERR, 1 OUT ERR", "1 ERR, 1 ERR, 1 ERR", eventError},
	{"epoll-state", "error.operation 0", "EINVAL", "OK",
		"Wasmer takes 0, the number of ADD in WASIX's header, for ADD"},
	{"process recurse", "exit status", "139", "134", anyTrap},
	{"process abort", "exit status", "132", "134", anyTrap},
	{"signals pipes", "write to a socket", "-1 EPIPE, SIGPIPE 1 times", "-1 EPIPE, SIGPIPE 0 times", socketPipe},
	{"signals pipes", "send", "-1 EPIPE, SIGPIPE 1 times", "-1 EPIPE, SIGPIPE 0 times", socketPipe},
	{"signals trap", "exit status", "132", "134", anyTrap},
	{"sock-threads", "accept.woken by close", "no", "yes", closeWakes},
	{"sock-threads", "accept.result after close", "returns", "EBADF", closeWakes},
	{"sock-threads", "reuse.old waiter", "returns", "EBADF", closeWakes},
	{"sock-threads", "recv.woken by close", "no", "yes", closeWakes},
	{"sock-threads", "recv.result after close", "returns", "EBADF", closeWakes},
	{"proc-state waits", "pid.no group of that number", "ECHILD", "one exits with 11", noGroups},
	{"proc-state waits", "pid.second", "it exits with 11", "ECHILD", noGroups},
	{"proc-state executes", "signal.blocked before", "it exits with 4", "it is killed by 10",
		"wasix-libc lets signals through as a program begins, and has no sigprocmask"},
	{"proc-state executes", "signal.ignored before", "it exits with 4", "it is killed by 10",
		"wasix-libc keeps to itself what is ignored, and exec has no form for it, unlike spawn"},
	{"proc-state signals", "SA_RESTART.read", "OK", "EINTR",
		"the flag is the C library's, and wasix-libc does not repeat calls"},
	{"proc-state jumps", "without the mask", "1", "2",
		"wasix-libc's jumps know no masks: a signal whose handler is left comes again, as programs with siglongjmp want"},
	{"threads trap", "exit status", "132", "134", anyTrap},
}...)

const (
	closeWakes  = "closing a descriptor ends what waits on it; Linux keeps it waiting on a socket nobody else sees"
	hangup      = "as wasix-libc: what is hung up is not writable"
	hangupReads = "an event for reading says that a read does not block; WASI has no form for a hang-up alone"
	eventError  = "as wasix-libc: an event with an error is neither readable nor writable"
	socketPipe  = "wasix-libc has no MSG_NOSIGNAL, and Rust's library does not ignore SIGPIPE: no signal for sockets"
	noGroups    = "wasix-libc's waitpid drops the sign of an id, as the ABI has no groups"
	anyTrap     = "a trap ends a guest as abort(3) does, whatever its kind"
)
