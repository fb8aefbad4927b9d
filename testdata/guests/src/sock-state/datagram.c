// Datagrams: one per call, cut or empty ones, connected sockets.
#include "probe.h"

static int to(int fd, const void *buf, size_t n, int dest)
{
	union address a = local(dest);
	return (int)sendto(fd, buf, n, MSG_NOSIGNAL, &a.any, size_of(&a));
}

static void messages(void)
{
	char buf[64];
	union address from;
	socklen_t len = sizeof from;
	int a = make_bound(SOCK_DGRAM), b = make_bound(SOCK_DGRAM);
	value("datagram.send", to(a, "hello", 5, b));
	value("datagram.send empty", to(a, "", 0, b));
	value("datagram.send third", to(a, "world", 5, b));
	value("datagram.peek", recv(b, buf, sizeof buf, MSG_PEEK));
	value("datagram.recvfrom", recvfrom(b, buf, sizeof buf, 0, &from.any, &len));
	truth("datagram.sender", same_address(from, local(a)));
	len = sizeof from;
	value("datagram.recvfrom empty", recvfrom(b, buf, sizeof buf, 0, &from.any, &len));
	truth("datagram.empty sender", same_address(from, local(a)));
	value("datagram.recvfrom third", recvfrom(b, buf, 2, 0, &from.any, &len));
	check("datagram.rest is gone", recv(b, buf, sizeof buf, MSG_DONTWAIT));

	struct iovec out[] = {{"ab", 2}, {"cd", 2}, {"ef", 2}}, in[] = {{buf, 1}, {buf + 1, 2}};
	union address dest = local(b);
	struct msghdr msg = {.msg_iov = out, .msg_iovlen = 3, .msg_name = &dest, .msg_namelen = sizeof dest.in};
	value("datagram.sendmsg", sendmsg(a, &msg, MSG_NOSIGNAL));
	sendmsg(a, &msg, MSG_NOSIGNAL);
	sendmsg(a, &msg, MSG_NOSIGNAL);
	msg = (struct msghdr){.msg_iov = in, .msg_iovlen = 2, .msg_name = &from, .msg_namelen = sizeof from};
	value("datagram.recvmsg cut", recvmsg(b, &msg, 0));
	truth("datagram.recvmsg cut flagged", msg.msg_flags & MSG_TRUNC);
	value("datagram.recv true length", recv(b, buf, 1, MSG_TRUNC));
	in[1].iov_len = 50;
	value("datagram.recvmsg whole", recvmsg(b, &msg, 0));
	truth("datagram.recvmsg whole flagged", msg.msg_flags & MSG_TRUNC);
	value("datagram.waitall", (to(a, "abc", 3, b), recv(b, buf, 8, MSG_WAITALL)));
	value("datagram.zero length recv", (to(a, "abc", 3, b), recv(b, buf, 0, 0)));
	check("datagram.zero length takes it", recv(b, buf, 8, MSG_DONTWAIT));
	close(a);
	close(b);
}

static void sizes(void)
{
	enum { MOST = 65507 };
	char *buf = calloc(1, 70000);
	int a = make_bound(SOCK_DGRAM), b = make_bound(SOCK_DGRAM);
	if (!buf)
		die("calloc");
	set_option(a, SOL_SOCKET, SO_SNDBUF, 200000);
	set_option(b, SOL_SOCKET, SO_RCVBUF, 200000);
	value("datagram.largest", to(a, buf, MOST, b));
	value("datagram.largest recv", recv(b, buf, 70000, 0));
	value("datagram.too large", to(a, buf, MOST + 1, b));
	value("datagram.far too large", to(a, buf, 70000, b));
	value("datagram.after too large", to(a, buf, 1, b));
	value("datagram.after too large recv", recv(b, buf, 70000, 0));
	free(buf);
	close(a);
	close(b);
}

static void unconnected(void)
{
	char c;
	int fd = make(AF_INET, SOCK_DGRAM);
	check("datagram.send without address", send(fd, "x", 1, MSG_NOSIGNAL));
	check("datagram.write without address", write(fd, "x", 1));
	check("datagram.unbound recv", recv(fd, &c, 1, MSG_DONTWAIT));
	union address a;
	loopback6(&a, 1);
	check("datagram.inet6 address by inet", sendto(fd, "x", 1, MSG_NOSIGNAL, &a.any, size_of(&a)));
	parse_address("127.255.255.255", 9, &a, &(socklen_t){0});
	check("datagram.broadcast forbidden", sendto(fd, "x", 1, MSG_NOSIGNAL, &a.any, size_of(&a)));
	set_option(fd, SOL_SOCKET, SO_BROADCAST, 1);
	check("datagram.broadcast allowed", sendto(fd, "x", 1, MSG_NOSIGNAL, &a.any, size_of(&a)));
	loopback(&a, 0);
	check("datagram.port 0", sendto(fd, "x", 1, MSG_NOSIGNAL, &a.any, size_of(&a)));
	a = local(fd);
	truth("datagram.send binds", port_of(&a) != 0);
	close(fd);
}

static void connected(void)
{
	char buf[16];
	int a = make_bound(SOCK_DGRAM), b = make_bound(SOCK_DGRAM), stranger = make_bound(SOCK_DGRAM);
	connect_to(a, local(b));
	value("datagram.connected stranger", to(stranger, "no", 2, a));
	value("datagram.connected friend", to(b, "yes", 3, a));
	value("datagram.connected recv", recv(a, buf, sizeof buf, 0));
	check("datagram.connected stranger filtered", recv(a, buf, sizeof buf, MSG_DONTWAIT));
	value("datagram.connected send", send(a, "x", 1, MSG_NOSIGNAL));
	value("datagram.connected write", write(a, "xy", 2));
	value("datagram.connected sendto other", to(a, "xyz", 3, stranger));
	value("datagram.friend recv", recv(b, buf, sizeof buf, 0));
	value("datagram.friend read", read(b, buf, sizeof buf));
	value("datagram.stranger recv", recv(stranger, buf, sizeof buf, 0));
	close(b);
	value("datagram.refused send", send(a, "x", 1, MSG_NOSIGNAL));
	int got = wait_for(a, POLLIN);
	truth("datagram.refused POLLERR", got & POLLERR);
	value("datagram.refused recv", recv(a, buf, sizeof buf, MSG_DONTWAIT));
	value("datagram.refused recv again", recv(a, buf, sizeof buf, MSG_DONTWAIT));
	send(a, "x", 1, MSG_NOSIGNAL);
	wait_for(a, POLLIN);
	value("datagram.refused second send", send(a, "x", 1, MSG_NOSIGNAL));
	send(a, "x", 1, MSG_NOSIGNAL);
	wait_for(a, POLLIN);
	say("datagram.refused error: %s\n", errname(error_of(a)));
	close(a);
	close(stranger);
}

void datagram_cases(void)
{
	messages();
	sizes();
	unconnected();
	connected();
}
