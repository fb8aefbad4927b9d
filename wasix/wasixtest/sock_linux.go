package wasixtest

// sockGroups are all cases of the socket calls.
func sockGroups() []sockGroup {
	return []sockGroup{
		{"sock_open checks what it is asked for", openCases},
		{"sock_bind takes the address, or leaves the socket as it was", bindCases},
		{"sock_listen answers as Linux in every state", listenCases},
		{"sock_accept waits, and loses no connection", acceptCases},
		{"sock_connect tells the outcome, at once or later", connectCases},
		{"streams move data and lose none", streamCases},
		{"datagrams come whole, one with each call", datagramCases},
		{"options are read as they were set", optionCases},
		{"sock_shutdown ends a direction, and waits in it", shutdownCases},
		{"poll_oneoff tells what sockets are ready", pollCases},
		{"epoll_wait tells what of the watched is ready", epollCases},
		{"a waiting call ends with its socket and its process", waitCases()},
		{"a policy cannot be got round", policyCases},
		{"port calls act on the guest's own interface", portCases},
		{"sock_addr_local and sock_addr_peer store addresses of the right size", addrCases},
	}
}

// sockGroup is cases with a common theme.
type sockGroup struct {
	name string
	rows []sockCase
}

// socketCases are the groups as cases of Run with subtests: on Host, or on every
// ground.
func socketCases(everywhere bool) (cases []engineCase) {
	on := grounds[:1]
	if everywhere {
		on = grounds
	}
	for _, g := range sockGroups() {
		cases = append(cases, engineCase{g.name, grounded(on, g.rows)})
	}
	return cases
}
