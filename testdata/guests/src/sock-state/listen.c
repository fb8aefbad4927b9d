// listen in every state of a socket.
#include "probe.h"

static void not_streams(void)
{
	int fds[2], fd;
	check("listen.never open", listen(9999, 1));
	check("listen.negative", listen(-1, 1));
	fd = make(AF_INET, SOCK_STREAM);
	close(fd);
	check("listen.closed", listen(fd, 1));
	if (pipe(fds))
		die("pipe");
	check("listen.pipe", listen(fds[0], 1));
	check("listen.stdout", listen(STDOUT_FILENO, 1));
	close(fds[0]);
	close(fds[1]);
	fd = eventfd(0, 0);
	check("listen.eventfd", listen(fd, 1));
	close(fd);
	fd = make(AF_INET, SOCK_DGRAM);
	check("listen.dgram", listen(fd, 1));
	close(fd);
	fd = make_bound(SOCK_DGRAM);
	check("listen.dgram bound", listen(fd, 1));
	close(fd);
	fd = make(AF_INET6, SOCK_DGRAM);
	check("listen.dgram inet6", listen(fd, 1));
	close(fd);
	fd = make(AF_UNIX, SOCK_DGRAM);
	check("listen.unix dgram", listen(fd, 1));
	close(fd);
	fd = make(AF_UNIX, SOCK_STREAM);
	check("listen.unix unbound", listen(fd, 1));
	close(fd);
}

static void bound(void)
{
	int fd = make_bound(SOCK_STREAM);
	union address before = local(fd);
	value("listen.acceptconn before", option(fd, SOL_SOCKET, SO_ACCEPTCONN));
	int client = make(AF_INET, SOCK_STREAM);
	check("listen.bound does not accept", connect_to(client, before));
	close(client);
	check("listen.bound", listen(fd, 5));
	value("listen.acceptconn after", option(fd, SOL_SOCKET, SO_ACCEPTCONN));
	truth("listen.address kept", same_address(before, local(fd)));
	check("listen.again", listen(fd, 10));
	check("listen.again smaller", listen(fd, 0));
	client = make_client(fd);
	check("listen.connected to", accept(fd, NULL, NULL));
	close(client);
	check("listen.again after a connection", listen(fd, 5));
	check("listen.then connect", connect_to(fd, before));
	check("listen.then recv", recv(fd, &before, 1, 0));
	check("listen.then send", send(fd, &before, 1, MSG_NOSIGNAL));
	value("listen.no error", error_of(fd));
	close(fd);
}

static void unbound(void)
{
	union address a;
	char text[64];
	int fd = make(AF_INET, SOCK_STREAM);
	check("listen.unbound", listen(fd, 5));
	a = local(fd);
	truth("listen.unbound has a port", port_of(&a) != 0);
	int port = port_of(&a);
	a.in.sin_port = 0;
	say("listen.unbound address: %s\n", print_address(&a, text));
	loopback(&a, port);
	int client = make(AF_INET, SOCK_STREAM);
	check("listen.unbound connect", connect_to(client, a));
	check("listen.unbound accept", accept(fd, NULL, NULL));
	check("listen.unbound bind", bind_to(fd, a));
	close(client);
	close(fd);
	fd = make(AF_INET6, SOCK_STREAM);
	check("listen.unbound inet6", listen(fd, 5));
	a = local(fd);
	truth("listen.unbound inet6 has a port", port_of(&a) != 0);
	close(fd);
}

static void connected(void)
{
	int listener, filler;
	struct pair p = make_pair();
	check("listen.connected", listen(p.a, 1));
	check("listen.accepted", listen(p.b, 1));
	truth("listen.still connected", send(p.a, "x", 1, MSG_NOSIGNAL) == 1);
	close(p.b);
	char c;
	recv(p.a, &c, 1, 0);
	check("listen.peer gone", listen(p.a, 1));
	close(p.a);
	int fd = make_connecting(&listener, &filler);
	check("listen.connecting", listen(fd, 1));
	close(fd);
	close(filler);
	close(listener);
	fd = make_bound(SOCK_STREAM);
	listener = make(AF_INET, SOCK_STREAM);
	check("listen.refused connect", connect_to(listener, local(fd)));
	check("listen.after refused", listen(listener, 1));
	close(listener);
	close(fd);
}

static void taken(void)
{
	union address a;
	loopback(&a, 0);
	int first = make(AF_INET, SOCK_STREAM), second = make(AF_INET, SOCK_STREAM);
	set_option(first, SOL_SOCKET, SO_REUSEADDR, 1);
	set_option(second, SOL_SOCKET, SO_REUSEADDR, 1);
	bind_to(first, a);
	bind_to(second, local(first));
	check("listen.first of two", listen(first, 1));
	check("listen.second of two", listen(second, 1));
	truth("listen.second keeps its address", same_address(local(first), local(second)));
	int client = make_client(first);
	check("listen.first is reached", accept(first, NULL, NULL));
	close(client);
	close(first);
	close(second);
}

// established opens n connections at once and returns how many came about.
static int established(int listener, int n)
{
	int fds[8], count = 0;
	for (int i = 0; i < n; i++) {
		fds[i] = make(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
		connect_to(fds[i], local(listener));
		struct pollfd p = {.fd = fds[i], .events = POLLOUT};
		count += poll(&p, 1, 100) == 1 && p.revents == POLLOUT;
	}
	for (int i = 0; i < n; i++)
		close(fds[i]);
	return count;
}

static void backlogs(void)
{
	static const struct {
		const char *name;
		int backlog;
	} cases[] = {
		{"listen.backlog 0", 0},
		{"listen.backlog 1", 1},
		{"listen.backlog 65536", 65536},
		{"listen.backlog 2^31-1", 0x7fffffff},
		{"listen.backlog -2^31", -0x7fffffff - 1},
		{"listen.backlog -1", -1},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int fd = make_bound(SOCK_STREAM);
		check(cases[i].name, listen(fd, cases[i].backlog));
		int client = make_client(fd);
		check("listen.backlog accept", accept(fd, NULL, NULL));
		close(client);
		close(fd);
	}
	int fd = make_listener(0);
	value("listen.backlog 0 queues", established(fd, 3));
	close(fd);
	fd = make_listener(2);
	value("listen.backlog 2 queues", established(fd, 5));
	close(fd);
	fd = make_listener(0);
	check("listen.backlog grows", listen(fd, 3));
	value("listen.backlog 3 queues", established(fd, 6));
	close(fd);
}

static void shut_down(void)
{
	char c;
	int fd = make_listener(5);
	union address before = local(fd);
	int queued = make_client(fd);
	check("listen.shutdown", shutdown(fd, SHUT_RDWR));
	value("listen.shutdown acceptconn", option(fd, SOL_SOCKET, SO_ACCEPTCONN));
	value("listen.shutdown queued peer", recv(queued, &c, 1, 0));
	close(queued);
	check("listen.shutdown accept", accept(fd, NULL, NULL));
	truth("listen.shutdown keeps the address", same_address(before, local(fd)));
	int client = make(AF_INET, SOCK_STREAM);
	check("listen.shutdown connect", connect_to(client, before));
	close(client);
	check("listen.shutdown listen", listen(fd, 5));
	client = make_client(fd);
	check("listen.shutdown listen accept", accept(fd, NULL, NULL));
	close(client);
	check("listen.shutdown write only", shutdown(fd, SHUT_WR));
	client = make_client(fd);
	check("listen.shutdown write only accept", accept(fd, NULL, NULL));
	close(client);
	close(fd);

	// An address that was chosen, not given by the system, is kept. Another
	// program may take it in between; so it tries several.
	int rc = -1;
	for (int i = 0; i < 10 && rc < 0; i++) {
		if (i > 0)
			close(fd);
		fd = make_bound(SOCK_STREAM);
		before = local(fd);
		close(fd);
		fd = make(AF_INET, SOCK_STREAM);
		rc = bind_to(fd, before);
	}
	check("listen.shutdown chosen bind", rc);
	listen(fd, 5);
	shutdown(fd, SHUT_RD);
	check("listen.shutdown chosen listen", listen(fd, 5));
	truth("listen.shutdown chosen same address", same_address(before, local(fd)));
	close(fd);

	fd = make_listener(5);
	queued = make_client(fd);
	close(fd);
	value("listen.close queued peer", recv(queued, &c, 1, 0));
	close(queued);
}

void listen_cases(void)
{
	not_streams();
	bound();
	unbound();
	connected();
	taken();
	backlogs();
	shut_down();
}
