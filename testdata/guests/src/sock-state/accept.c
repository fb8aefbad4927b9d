// accept: when it fails, what it answers, what the new socket inherits.
#include "probe.h"

static void failures(void)
{
	int fds[2], fd = make(AF_INET, SOCK_STREAM);
	check("accept.unbound", accept(fd, NULL, NULL));
	close(fd);
	check("accept.closed", accept(fd, NULL, NULL));
	fd = make_bound(SOCK_STREAM);
	check("accept.bound", accept(fd, NULL, NULL));
	close(fd);
	fd = make_bound(SOCK_DGRAM);
	check("accept.dgram", accept(fd, NULL, NULL));
	close(fd);
	struct pair p = make_pair();
	check("accept.connected", accept(p.a, NULL, NULL));
	close(p.a);
	close(p.b);
	if (pipe(fds))
		die("pipe");
	check("accept.pipe", accept(fds[0], NULL, NULL));
	close(fds[0]);
	close(fds[1]);
	fd = make_listener(1);
	make_nonblocking(fd);
	check("accept.empty", accept(fd, NULL, NULL));
	close(fd);
	fd = make_listener(1);
	struct timeval short_time = {0, 40000};
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &short_time, sizeof short_time);
	check("accept.timeout", accept(fd, NULL, NULL));
	close(fd);
}

static void addresses(void)
{
	union address a;
	socklen_t len = sizeof a;
	int l = make_listener(3);
	int first = make_client(l), second = make_client(l), third = make_client(l);
	int conn = accept(l, &a.any, &len);
	truth("accept.first comes first", same_address(a, local(first)));
	value("accept.address length", len == sizeof a.in);
	truth("accept.peer name", same_address(peer(conn), local(first)));
	truth("accept.local name", same_address(local(conn), local(l)));
	truth("accept.peer of the client", same_address(peer(first), local(l)));
	close(conn);
	len = sizeof a;
	conn = accept(l, &a.any, &len);
	truth("accept.second comes second", same_address(a, local(second)));
	close(conn);
	check("accept.without address", conn = accept(l, NULL, NULL));
	close(conn);
	close(first);
	close(second);
	close(third);
	close(l);

	l = make(AF_INET6, SOCK_STREAM);
	loopback6(&a, 0);
	if (bind_to(l, a) || listen(l, 1))
		die("listen");
	first = make(AF_INET6, SOCK_STREAM);
	check("accept.inet6 connect", connect_to(first, local(l)));
	len = sizeof a;
	check("accept.inet6", conn = accept(l, &a.any, &len));
	truth("accept.inet6 address", same_address(a, local(first)));
	close(conn);
	close(first);
	close(l);
}

static void inheritance(void)
{
	int l = make_listener(4);
	struct timeval t = {3, 0}, got = {0, 0};
	struct linger lin = {1, 7}, lgot = {0, 0};
	socklen_t len = sizeof got;
	set_option(l, IPPROTO_TCP, TCP_NODELAY, 1);
	set_option(l, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_option(l, SOL_SOCKET, SO_OOBINLINE, 1);
	set_option(l, SOL_SOCKET, SO_RCVBUF, 20000);
	setsockopt(l, SOL_SOCKET, SO_LINGER, &lin, sizeof lin);
	setsockopt(l, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
	make_nonblocking(l);
	int client = make_client(l);
	wait_for(l, POLLIN);
	int conn = accept(l, NULL, NULL);
	value("accept.inherits nodelay", option(conn, IPPROTO_TCP, TCP_NODELAY));
	value("accept.inherits keepalive", option(conn, SOL_SOCKET, SO_KEEPALIVE));
	value("accept.inherits oobinline", option(conn, SOL_SOCKET, SO_OOBINLINE));
	value("accept.inherits reuseaddr", option(conn, SOL_SOCKET, SO_REUSEADDR));
	value("accept.inherits rcvbuf", option(conn, SOL_SOCKET, SO_RCVBUF));
	value("accept.inherits acceptconn", option(conn, SOL_SOCKET, SO_ACCEPTCONN));
	getsockopt(conn, SOL_SOCKET, SO_RCVTIMEO, &got, &len);
	value("accept.inherits rcvtimeo", got.tv_sec);
	len = sizeof lgot;
	getsockopt(conn, SOL_SOCKET, SO_LINGER, &lgot, &len);
	value("accept.inherits linger", lgot.l_linger);
	truth("accept.inherits nonblock", fcntl(conn, F_GETFL) & O_NONBLOCK);
	close(conn);
	close(client);
	client = make_client(l);
	wait_for(l, POLLIN);
	conn = accept4(l, NULL, NULL, SOCK_NONBLOCK);
	truth("accept.flag nonblock", fcntl(conn, F_GETFL) & O_NONBLOCK);
	truth("accept.listener keeps nonblock", fcntl(l, F_GETFL) & O_NONBLOCK);
	char c;
	check("accept.nonblock recv", recv(conn, &c, 1, 0));
	close(conn);
	close(client);
	close(l);
	l = make_listener(1);
	client = make_client(l);
	conn = accept4(l, NULL, NULL, SOCK_NONBLOCK);
	truth("accept.flag leaves the listener alone", !(fcntl(l, F_GETFL) & O_NONBLOCK));
	close(conn);
	close(client);
	close(l);
}

static void reset_while_queued(void)
{
	char c;
	int l = make_listener(2);
	int client = make_client(l);
	close_with_reset(client);
	int conn = check("accept.reset while queued", accept(l, NULL, NULL));
	if (conn >= 0)
		value("accept.reset recv", recv(conn, &c, 1, 0));
	close(conn);
	client = make_client(l);
	send(client, "hi", 2, MSG_NOSIGNAL);
	close(client);
	conn = check("accept.closed while queued", accept(l, NULL, NULL));
	char buf[8];
	value("accept.closed recv", recv(conn, buf, sizeof buf, 0));
	value("accept.closed recv end", recv(conn, buf, sizeof buf, 0));
	close(conn);
	close(l);
}

void accept_cases(void)
{
	failures();
	addresses();
	inheritance();
	reset_while_queued();
}
