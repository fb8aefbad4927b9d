package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/abi"
)

// maxTracedText is how many bytes of a text are printed.
const maxTracedText = 256

// appendNamed appends parameter i by its name or its meaning, or returns false.
func appendNamed(b []byte, e *wasix.TraceEvent, i int) ([]byte, bool) {
	s, name := e.Syscall, e.Syscall.ParamNames[i]
	if f := enumerations[name]; f != nil && s.Module != "wasi_unstable" {
		return append(b, f(uint32(e.Params[i]))...), true
	}
	if names, ok := flagsOf(s, name); ok {
		return append(b, flagNames(names, uint32(e.Params[i]))...), true
	}
	switch {
	case addrParams[s.Name+"."+name] == passed, addrParams[s.Name+"."+name] == stored && succeeded(e):
		if addr, ok := e.Addr(i); ok {
			if addr.Unix {
				return strconv.AppendQuote(b, addr.Path), true
			}
			return append(b, addr.AddrPort.String()...), true
		}
	case isText(s, i):
		if text, ok := e.Text(i, maxTracedText); ok {
			b = strconv.AppendQuote(b, text)
			if uint32(e.Params[i+1]) > maxTracedText {
				b = append(b, "..."...)
			}
			return b, true
		}
	}
	return b, false
}

// isText says whether parameter i is a path, a name, or the arguments of a program as
// lines, with its length behind.
func isText(s *wasix.Syscall, i int) bool {
	name := s.ParamNames[i]
	if i+1 == len(s.ParamNames) || s.ParamNames[i+1] != name+"_len" {
		return false
	}
	return strings.HasSuffix(name, "path") || textParams[name] || name == "args" && linesOfArgs[s.Name]
}

// textParams are texts beside paths.
var textParams = map[string]bool{"host": true, "name": true, "network": true, "working_dir": true}

// linesOfArgs are the calls whose arguments are no array of pointers.
var linesOfArgs = map[string]bool{
	"proc_exec": true, "proc_exec2": true, "proc_exec3": true, "proc_spawn": true, "proc_spawn2": true,
}

func succeeded(e *wasix.TraceEvent) bool {
	errno, ok := e.Errno()
	return ok && errno == abi.ESUCCESS
}

// enumerations are the parameters that are one of several named values.
var enumerations = map[string]func(uint32) string{
	"af":       func(v uint32) string { return abi.AddressFamily(v).String() },
	"socktype": func(v uint32) string { return abi.SockType(v).String() },
	"sockopt":  func(v uint32) string { return abi.SockOption(v).String() },
	"whence":   func(v uint32) string { return abi.Whence(v).String() },
	"signal":   func(v uint32) string { return abi.Signal(v).String() },
	"sig":      func(v uint32) string { return abi.Signal(v).String() },
	"id":       func(v uint32) string { return abi.Clockid(v).String() }, // of clock_time_get and the like

	"op":     oneOf(map[uint32]string{uint32(abi.EpollCtlAdd): "ADD", uint32(abi.EpollCtlDel): "DEL", uint32(abi.EpollCtlMod): "MOD"}),
	"advice": oneOf(map[uint32]string{0: "NORMAL", 1: "SEQUENTIAL", 2: "RANDOM", 3: "WILLNEED", 4: "DONTNEED", 5: "NOREUSE"}),
	"sock_proto": oneOf(map[uint32]string{
		uint32(abi.SockProtoIp): "IP", uint32(abi.SockProtoTcp): "TCP", uint32(abi.SockProtoUdp): "UDP",
		uint32(abi.SockProtoIcmp): "ICMP", uint32(abi.SockProtoIcmpv6): "ICMPV6",
	}),
}

// oneOf returns what names values, and prints others as numbers.
func oneOf(names map[uint32]string) func(uint32) string {
	return func(v uint32) string {
		if name, ok := names[v]; ok {
			return name
		}
		return strconv.FormatUint(uint64(v), 10)
	}
}

// Whether the guest gives an address, or the call stores it.
const (
	passed = iota + 1
	stored
)

// addrParams are the parameters that point to socket addresses.
var addrParams = map[string]int{
	"sock_bind.addr": passed, "sock_connect.addr": passed, "sock_send_to.addr": passed,
	"sock_accept.ro_addr": stored, "sock_accept_v2.retptr1": stored, "sock_recv_from.retptr2": stored,
	"sock_addr_local.retptr0": stored, "sock_addr_peer.retptr0": stored,
}

// firstStored returns the first parameter that is printed as what the call stores
// there, or how many there are.
func firstStored(s *wasix.Syscall) int {
	for i, name := range s.ParamNames {
		if addrParams[s.Name+"."+name] == stored {
			return i
		}
	}
	return len(s.Signature.Params)
}

var (
	fdflags  = []string{"APPEND", "DSYNC", "NONBLOCK", "RSYNC", "SYNC"}
	oflags   = []string{"CREAT", "DIRECTORY", "EXCL", "TRUNC"}
	riflags  = []string{"PEEK", "WAITALL", "TRUNC", "DONTWAIT"}
	siflags  = []string{"DONTWAIT"}
	sdflags  = []string{"RD", "WR"}
	lookup   = []string{"SYMLINK_FOLLOW"}
	fstflags = []string{"ATIM", "ATIM_NOW", "MTIM", "MTIM_NOW"}
	cloexec  = []string{"CLOEXEC"}
	joining  = []string{"NON_BLOCKING", "WAKE_STOPPED"}
)

// flagsOf returns the names of the bits of a parameter, if it is one of flags.
func flagsOf(s *wasix.Syscall, name string) (names []string, ok bool) {
	switch name {
	case "oflags":
		return oflags, true
	case "fdflags", "fd_flags":
		return fdflags, true
	case "ri_flags":
		return riflags, true
	case "si_flags":
		return siflags, true
	case "how":
		return sdflags, true
	case "dirflags", "old_flags":
		return lookup, true
	case "fst_flags":
		return fstflags, true
	case "flags":
		return plainFlagsOf(s.Name)
	}
	return nil, false
}

// plainFlagsOf returns the names of the bits of a parameter that is called flags only.
func plainFlagsOf(syscall string) (names []string, ok bool) {
	switch syscall {
	case "fd_fdstat_set_flags", "sock_accept", "sock_accept_poll", "sock_accept_v2":
		return fdflags, true
	case "fd_fdflags_set":
		return cloexec, true
	case "path_filestat_get", "path_filestat_set_times":
		return lookup, true
	case "proc_join", "proc_join_poll":
		return joining, true
	}
	return nil, false
}

// flagNames joins the names of the bits that are set; others are a number.
func flagNames(names []string, v uint32) string {
	if v == 0 {
		return "0"
	}
	var set []string
	for i, name := range names {
		if v&(1<<i) != 0 {
			set, v = append(set, name), v&^(1<<i)
		}
	}
	if v != 0 {
		set = append(set, fmt.Sprintf("%#x", v))
	}
	return strings.Join(set, "|")
}
