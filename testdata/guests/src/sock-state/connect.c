// connect: blocking, non-blocking, refused, twice.
#include "probe.h"

static void blocking(void)
{
	union address a, in6;
	int fds[2], l = make_listener(4), fd = make(AF_INET, SOCK_STREAM);
	loopback6(&in6, 1);
	check("connect.inet6 address by inet", connect_to(fd, in6));
	check("connect.blocking", connect_to(fd, local(l)));
	check("connect.second", connect_to(fd, local(l)));
	check("connect.other while connected", connect_to(fd, local(l)));
	truth("connect.peer", same_address(peer(fd), local(l)));
	value("connect.no error", error_of(fd));
	close(fd);
	check("connect.closed", connect_to(fd, local(l)));
	if (pipe(fds))
		die("pipe");
	check("connect.pipe", connect_to(fds[1], local(l)));
	close(fds[0]);
	close(fds[1]);
	fd = make(AF_INET6, SOCK_STREAM);
	check("connect.inet address by inet6", connect_to(fd, local(l)));
	close(fd);

	fd = make(AF_INET, SOCK_STREAM);
	parse_address("127.0.0.2", 0, &a, &(socklen_t){0});
	bind_to(fd, a);
	a = local(fd);
	check("connect.bound", connect_to(fd, local(l)));
	truth("connect.bound keeps its address", same_address(a, local(fd)));
	close(fd);
	fd = make(AF_INET, SOCK_STREAM);
	a = local(l);
	a.in.sin_addr.s_addr = INADDR_ANY;
	check("connect.wildcard", connect_to(fd, a));
	a = peer(fd);
	truth("connect.wildcard is loopback", same_address(a, local(l)));
	close(fd);
	close(l);
}

static void refused(void)
{
	int closed = make_bound(SOCK_STREAM), fd = make(AF_INET, SOCK_STREAM);
	union address a = local(closed);
	check("connect.refused", connect_to(fd, a));
	value("connect.refused error", error_of(fd));
	check("connect.refused again", connect_to(fd, a));
	union address peer_address;
	socklen_t len = sizeof peer_address;
	check("connect.refused peer", getpeername(fd, &peer_address.any, &len));
	check("connect.refused then listening", listen(closed, 1));
	check("connect.accepted after refused", connect_to(fd, a));
	close(fd);
	close(closed);
}

static void nonblocking(void)
{
	int l = make_listener(4), fd = make(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
	check("connect.nonblocking", connect_to(fd, local(l)));
	truth("connect.nonblocking writable", wait_for(fd, POLLOUT) == POLLOUT);
	value("connect.nonblocking error", error_of(fd));
	check("connect.nonblocking finish", connect_to(fd, local(l)));
	check("connect.nonblocking third", connect_to(fd, local(l)));
	truth("connect.nonblocking peer", same_address(peer(fd), local(l)));
	close(fd);
	close(l);
}

static void nonblocking_refused(void)
{
	int closed = make_bound(SOCK_STREAM), fd = make(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
	check("connect.nonblocking refused", connect_to(fd, local(closed)));
	int got = wait_for(fd, POLLOUT);
	truth("connect.nonblocking refused POLLERR", got & POLLERR);
	truth("connect.nonblocking refused POLLHUP", got & POLLHUP);
	say("connect.nonblocking refused error: %s\n", errname(error_of(fd)));
	say("connect.nonblocking refused error cleared: %s\n", errname(error_of(fd)));
	check("connect.nonblocking refused next", connect_to(fd, local(closed)));
	check("connect.nonblocking refused afresh", connect_to(fd, local(closed)));
	close(fd);

	fd = make(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
	connect_to(fd, local(closed));
	wait_for(fd, POLLOUT);
	check("connect.nonblocking refused by the next", connect_to(fd, local(closed)));
	close(fd);
	fd = make(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
	connect_to(fd, local(closed));
	wait_for(fd, POLLOUT);
	check("connect.nonblocking refused send", send(fd, "x", 1, MSG_NOSIGNAL));
	check("connect.nonblocking refused send again", send(fd, "x", 1, MSG_NOSIGNAL));
	close(fd);
	fd = make(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
	connect_to(fd, local(closed));
	wait_for(fd, POLLOUT);
	char c;
	check("connect.nonblocking refused recv", recv(fd, &c, 1, 0));
	close(fd);
	close(closed);
}

static void in_progress(void)
{
	int l, filler;
	char c;
	union address a;
	socklen_t len = sizeof a;
	int fd = make_connecting(&l, &filler);
	check("connect.in progress second", connect_to(fd, local(l)));
	value("connect.in progress error", error_of(fd));
	check("connect.in progress peer", getpeername(fd, &a.any, &len));
	a = local(fd);
	truth("connect.in progress has a port", port_of(&a) != 0);
	check("connect.in progress recv", recv(fd, &c, 1, 0));
	check("connect.in progress send", send(fd, "x", 1, MSG_NOSIGNAL));
	check("connect.in progress bind", bind_to(fd, local(fd)));
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	value("connect.in progress poll", poll(&p, 1, 0));
	check("connect.in progress shutdown", shutdown(fd, SHUT_RDWR));
	close(fd);
	fd = make(AF_INET, SOCK_STREAM);
	struct timeval t = {0, 50000};
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
	check("connect.send timeout", connect_to(fd, local(l)));
	close(fd);
	close(filler);
	close(l);
}

static void datagrams(void)
{
	union address a = {0};
	socklen_t len = sizeof a;
	int one = make_bound(SOCK_DGRAM), two = make_bound(SOCK_DGRAM), fd = make(AF_INET, SOCK_DGRAM);
	check("connect.dgram", connect_to(fd, local(one)));
	truth("connect.dgram peer", same_address(peer(fd), local(one)));
	a = local(fd);
	truth("connect.dgram has a port", port_of(&a) != 0);
	check("connect.dgram second", connect_to(fd, local(two)));
	truth("connect.dgram second peer", same_address(peer(fd), local(two)));
	memset(&a, 0, sizeof a);
	check("connect.dgram dissolve", connect_to(fd, a));
	check("connect.dgram dissolved peer", getpeername(fd, &a.any, &len));
	check("connect.dgram dissolved send", send(fd, "x", 1, MSG_NOSIGNAL));
	close(one);
	close(two);
	close(fd);
}

void connect_cases(void)
{
	blocking();
	refused();
	nonblocking();
	nonblocking_refused();
	in_progress();
	datagrams();
}
