package difftest

// difference is a line that is meant to differ between Linux and WASIX. A
// listed difference that no longer differs fails the test.
type difference struct {
	probe  string
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
}
