// send and recv on streams.
#include "probe.h"

static char big[1 << 16];

static void text(const char *name, int fd, size_t n, int flags)
{
	char buf[64];
	ssize_t got = recv(fd, buf, n, flags);
	if (got < 0)
		say("%s: %s\n", name, errname(errno));
	else {
		buf[got] = 0;
		say("%s: %d %s\n", name, (int)got, buf);
	}
}

static void flags(void)
{
	struct pair p = make_pair();
	text("transfer.dontwait empty", p.b, 8, MSG_DONTWAIT);
	value("transfer.send", send(p.a, "abcdef", 6, MSG_NOSIGNAL));
	text("transfer.peek", p.b, 4, MSG_PEEK);
	text("transfer.peek again", p.b, 8, MSG_PEEK);
	text("transfer.peek waitall", p.b, 6, MSG_PEEK | MSG_WAITALL);
	text("transfer.recv part", p.b, 2, 0);
	send(p.a, "gh", 2, MSG_NOSIGNAL);
	text("transfer.waitall", p.b, 6, MSG_WAITALL);
	text("transfer.waitall dontwait", p.b, 6, MSG_WAITALL | MSG_DONTWAIT);
	send(p.a, "ij", 2, MSG_NOSIGNAL);
	shutdown(p.a, SHUT_WR);
	text("transfer.waitall end", p.b, 6, MSG_WAITALL);
	text("transfer.end", p.b, 6, 0);
	text("transfer.end again", p.b, 6, MSG_DONTWAIT);
	text("transfer.end peek", p.b, 6, MSG_PEEK);
	value("transfer.half closed send", send(p.b, "kl", 2, MSG_NOSIGNAL));
	text("transfer.half closed recv", p.a, 6, 0);
	close(p.a);
	close(p.b);
	p = make_pair();
	send(p.a, "mnop", 4, MSG_NOSIGNAL);
	text("transfer.zero length", p.b, 0, 0);
	value("transfer.discard", recv(p.b, NULL, 2, MSG_TRUNC));
	text("transfer.after discard", p.b, 8, 0);
	value("transfer.send nothing", send(p.a, "", 0, MSG_NOSIGNAL));
	text("transfer.nothing arrives", p.b, 8, MSG_DONTWAIT);
	close(p.a);
	close(p.b);
}

static void vectors(void)
{
	struct pair p = make_pair();
	char a[3] = "", b[4] = "", c[9] = "";
	struct iovec out[] = {{"one", 3}, {NULL, 0}, {"twothree", 8}};
	struct iovec in[] = {{a, 2}, {NULL, 0}, {b, 3}, {c, 8}};
	value("transfer.writev", writev(p.a, out, 3));
	value("transfer.readv", readv(p.b, in, 4));
	say("transfer.readv parts: %s %s %s\n", a, b, c);
	value("transfer.write", write(p.a, "xyz", 3));
	value("transfer.read", read(p.b, c, 8));
	struct msghdr msg = {.msg_iov = out, .msg_iovlen = 3};
	value("transfer.sendmsg", sendmsg(p.a, &msg, MSG_NOSIGNAL));
	union address from;
	msg = (struct msghdr){.msg_iov = in, .msg_iovlen = 4, .msg_name = &from, .msg_namelen = sizeof from};
	value("transfer.recvmsg", recvmsg(p.b, &msg, 0));
	value("transfer.recvmsg flags", msg.msg_flags);
	from = peer(p.b);
	value("transfer.sendto with an address", sendto(p.b, "q", 1, MSG_NOSIGNAL, &from.any, size_of(&from)));
	value("transfer.sendto arrives", recv(p.a, c, 8, 0));
	close(p.a);
	close(p.b);
}

static void not_connected(void)
{
	char c;
	int fds[2], fd = make(AF_INET, SOCK_STREAM);
	check("transfer.recv not connected", recv(fd, &c, 1, 0));
	check("transfer.send not connected", send(fd, "x", 1, MSG_NOSIGNAL));
	check("transfer.read not connected", read(fd, &c, 1));
	check("transfer.write not connected", write(fd, "x", 1));
	close(fd);
	check("transfer.recv closed", recv(fd, &c, 1, 0));
	check("transfer.send closed", send(fd, "x", 1, MSG_NOSIGNAL));
	if (pipe(fds))
		die("pipe");
	check("transfer.recv pipe", recv(fds[0], &c, 1, 0));
	check("transfer.send pipe", send(fds[1], "x", 1, MSG_NOSIGNAL));
	close(fds[0]);
	close(fds[1]);
}

static void broken(void)
{
	char c;
	struct pair p = make_pair();
	close_with_reset(p.a);
	value("transfer.reset recv", recv(p.b, &c, 1, 0));
	value("transfer.reset recv again", recv(p.b, &c, 1, 0));
	value("transfer.reset send", send(p.b, "x", 1, MSG_NOSIGNAL));
	close(p.b);

	p = make_pair();
	close_with_reset(p.a);
	int got = wait_for(p.b, POLLIN);
	truth("transfer.reset POLLERR", got & POLLERR);
	truth("transfer.reset POLLHUP", got & POLLHUP);
	say("transfer.reset error: %s\n", errname(error_of(p.b)));
	value("transfer.reset taken recv", recv(p.b, &c, 1, 0));
	close(p.b);

	p = make_pair();
	send(p.b, "unread", 6, MSG_NOSIGNAL);
	wait_for(p.a, POLLIN);
	close(p.a);
	value("transfer.close unread recv", recv(p.b, &c, 1, 0));
	close(p.b);

	p = make_pair();
	close(p.a);
	value("transfer.closed recv", recv(p.b, &c, 1, 0));
	value("transfer.closed first send", send(p.b, "x", 1, MSG_NOSIGNAL));
	settle();
	value("transfer.closed second send", send(p.b, "x", 1, MSG_NOSIGNAL));
	value("transfer.closed third send", send(p.b, "x", 1, MSG_NOSIGNAL));
	close(p.b);

	p = make_pair();
	send(p.a, "data", 4, MSG_NOSIGNAL);
	wait_for(p.b, POLLIN);
	close_with_reset(p.a);
	settle();
	char buf[8];
	value("transfer.reset after data", recv(p.b, buf, sizeof buf, 0));
	value("transfer.reset after data again", recv(p.b, buf, sizeof buf, 0));
	close(p.b);
}

// A full buffer: what was taken arrives, all of it, in order.
static void full(void)
{
	struct pair p = make_pair();
	make_nonblocking(p.a);
	make_nonblocking(p.b);
	size_t sent = 0, got = 0;
	ssize_t n;
	for (size_t i = 0; i < sizeof big; i++)
		big[i] = (char)(i % 251);
	while ((n = send(p.a, big + sent % sizeof big, sizeof big - sent % sizeof big, MSG_NOSIGNAL)) > 0)
		sent += (size_t)n;
	check("transfer.full", n);
	truth("transfer.full not writable", !(poll(&(struct pollfd){.fd = p.a, .events = POLLOUT}, 1, 0)));
	struct timeval t = {0, 30000};
	fcntl(p.a, F_SETFL, 0);
	setsockopt(p.a, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
	while ((n = send(p.a, big + sent % sizeof big, sizeof big - sent % sizeof big, MSG_NOSIGNAL)) > 0)
		sent += (size_t)n;
	check("transfer.full timeout", n);
	close(p.a);
	bool right = true;
	char buf[4096];
	while (wait_for(p.b, POLLIN) && (n = recv(p.b, buf, sizeof buf, 0)) > 0)
		for (ssize_t i = 0; i < n; i++, got++)
			right &= buf[i] == (char)(got % sizeof big % 251);
	truth("transfer.full all arrives", got == sent);
	truth("transfer.full in order", right);
	value("transfer.full end", n);
	close(p.b);
	p = make_pair();
	setsockopt(p.a, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
	check("transfer.recv timeout", recv(p.a, buf, 1, 0));
	send(p.b, "ab", 2, MSG_NOSIGNAL);
	value("transfer.waitall timeout", recv(p.a, buf, 5, MSG_WAITALL));
	close(p.a);
	close(p.b);
}

void transfer_cases(void)
{
	flags();
	vectors();
	not_connected();
	broken();
	full();
}
