package wasixtest

// socketCases are groups of cases of the socket calls, each with subtests.
var socketCases = []engineCase{
	{"sock_listen answers as Linux in every state", sockets(listenCases)},
	{"sock_accept waits, and loses no connection", sockets(acceptCases)},
}
