package wasixtest

// socketCases are groups of cases of the socket calls, each with subtests: on
// Host, or on every ground.
func socketCases(everywhere bool) []engineCase {
	sockets := grounded(grounds[:1])
	if everywhere {
		sockets = grounded(grounds)
	}
	return []engineCase{
		{"sock_open checks what it is asked for", sockets(openCases)},
		{"sock_bind takes the address, or leaves the socket as it was", sockets(bindCases)},
		{"sock_listen answers as Linux in every state", sockets(listenCases)},
		{"sock_accept waits, and loses no connection", sockets(acceptCases)},
		{"sock_connect tells the outcome, at once or later", sockets(connectCases)},
		{"streams move data and lose none", sockets(streamCases)},
		{"datagrams come whole, one with each call", sockets(datagramCases)},
		{"options are read as they were set", sockets(optionCases)},
		{"sock_shutdown ends a direction, and waits in it", sockets(shutdownCases)},
		{"poll_oneoff tells what sockets are ready", sockets(pollCases)},
		{"epoll_wait tells what of the watched is ready", sockets(epollCases)},
		{"a waiting call ends with its socket and its process", sockets(waitCases())},
		{"a policy cannot be got round", sockets(policyCases)},
		{"port calls act on the guest's own interface", sockets(portCases)},
		{"sock_addr_local and sock_addr_peer store addresses of the right size", sockets(addrCases)},
	}
}
