package main

import (
	"slices"
	"strings"
)

// redundant lists, by type, the prefix of its values that repeats the type.
var redundant = map[string]string{
	"epoll_type":    "EPOLL",
	"eventrwflags":  "FD_READWRITE_",
	"riflags":       "RECV_",
	"roflags":       "RECV_",
	"siflags":       "SEND_",
	"sock_proto":    "PROTO_",
	"sock_type":     "SOCKET_",
	"subclockflags": "SUBSCRIPTION_CLOCK_",
}

// printed are the types that get a String method.
var printed = []string{
	"address_family", "clockid", "eventtype", "filetype", "join_status_type",
	"signal", "sock_option", "sock_status", "sock_type", "whence",
}

// trim removes the redundant prefix of a value of the type.
func trim(typ, value string) string {
	return strings.TrimPrefix(value, redundant[typ])
}

// camel turns snake_case, small or capital, into CamelCase.
func camel(snake string) string {
	var b strings.Builder
	for word := range strings.SplitSeq(snake, "_") {
		if word == "" {
			continue
		}
		b.WriteString(strings.ToUpper(word[:1]) + strings.ToLower(word[1:]))
	}
	return b.String()
}

// fieldName is the Go name of a layout's field; a field array such as
// "b0..b107" goes by its first element.
func fieldName(name string) string {
	first, _, _ := strings.Cut(name, "..")
	return camel(first)
}

// byValue returns the names in the order of their values.
func byValue(values map[string]uint64) []string {
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if values[a] != values[b] {
			if values[a] < values[b] {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
	return names
}
