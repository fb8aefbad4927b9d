// What poll says of descriptors in their states, one line per case, the same on
// every run. Of each is asked: reading, writing and both.
#include "stream.h"

// show prints what poll says now, or within 5 s if something must come.
static void show(const char *name, int fd, bool must_come)
{
	struct pollfd p[3] = {{fd, POLLIN, 0}, {fd, POLLOUT, 0}, {fd, POLLIN | POLLOUT, 0}};
	if (must_come)
		poll(p, 1, 5000);
	say("poll.%s:", name);
	for (int i = 0; i < 3; i++) {
		int n = poll(&p[i], 1, 0), r = p[i].revents;
		if (n < 0)
			say(" %s", errname(errno));
		else
			say(" %d%s%s%s%s%s", n, r & POLLIN ? " IN" : "", r & POLLOUT ? " OUT" : "", r & POLLERR ? " ERR" : "",
			    r & POLLHUP ? " HUP" : "", r & POLLNVAL ? " NVAL" : "");
		say("%s", i < 2 ? "," : "\n");
	}
}

static void streams(void)
{
	union address a;
	int fds[2], fd = socket(AF_INET, SOCK_STREAM, 0);
	show("stream closed", (close(fd), fd), false);
	int l = listener(&a);
	show("listener", l, false);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	connect(fd, &a.any, sizeof a.in);
	show("listener with a connection", l, true);
	close(fd);
	close(l);

	connected(fds);
	show("connected", fds[0], false);
	send(fds[1], "x", 1, MSG_NOSIGNAL);
	show("connected with data", fds[0], true);
	fill_connection(fds[1]);
	show("connected, full", fds[1], false);
	close(fds[0]);
	close(fds[1]);

	connected(fds);
	shut_for_writing(fds);
	show("shut for writing", fds[0], false);
	show("peer shut for writing", fds[1], true);
	shutdown(fds[1], SHUT_WR);
	show("both shut for writing", fds[0], true);
	close(fds[0]);
	close(fds[1]);

	connected(fds);
	shutdown(fds[0], SHUT_RD);
	show("shut for reading", fds[0], false);
	close(fds[0]);
	close(fds[1]);
}

static void failed_streams(void)
{
	union address a;
	socklen_t len = sizeof a;
	struct linger now = {1, 0};
	int fds[2];
	connected(fds);
	setsockopt(fds[1], SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(fds[1]);
	show("reset", fds[0], true);
	char c;
	recv(fds[0], &c, 1, 0);
	show("reset and told", fds[0], false);
	close(fds[0]);

	int fd = socket(AF_INET, SOCK_STREAM, 0), other = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	parse_address("127.0.0.1", 0, &a, &len);
	bind(fd, &a.any, sizeof a.in);
	getsockname(fd, &a.any, &len);
	connect(other, &a.any, sizeof a.in);
	show("refused", other, true);
	close(other);
	close(fd);
}

static void datagrams(void)
{
	union address a;
	socklen_t len = sizeof a;
	int fd = socket(AF_INET, SOCK_DGRAM, 0), other = socket(AF_INET, SOCK_DGRAM, 0);
	show("dgram unbound", fd, false);
	parse_address("127.0.0.1", 0, &a, &len);
	bind(fd, &a.any, sizeof a.in);
	getsockname(fd, &a.any, &len);
	show("dgram bound", fd, false);
	sendto(other, "", 0, MSG_NOSIGNAL, &a.any, sizeof a.in);
	show("dgram with an empty datagram", fd, true);
	close(fd);
	connect(other, &a.any, sizeof a.in);
	send(other, "x", 1, MSG_NOSIGNAL);
	show("dgram refused", other, true);
	close(other);
}

static void pairs(void)
{
	int fds[2];
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
		die("socketpair");
	show("pair", fds[0], false);
	write(fds[1], "x", 1);
	show("pair with data", fds[0], false);
	close(fds[1]);
	show("pair with data, peer closed", fds[0], false);
	char c;
	read(fds[0], &c, 1);
	show("pair, peer closed", fds[0], false);
	close(fds[0]);
}

static void pipes(void)
{
	int fds[2];
	char c;
	if (pipe(fds))
		die("pipe");
	show("pipe, empty, reader", fds[0], false);
	show("pipe, empty, writer", fds[1], false);
	write(fds[1], "x", 1);
	show("pipe with data, reader", fds[0], false);
	fill(fds[1]);
	show("pipe, full, writer", fds[1], false);
	close(fds[1]);
	show("pipe with data, writer closed", fds[0], false);
	nonblocking(fds[0]);
	while (read(fds[0], &c, 1) > 0)
		;
	show("pipe, writer closed", fds[0], false);
	close(fds[0]);
	pipe(fds);
	close(fds[0]);
	show("pipe, reader closed", fds[1], false);
	close(fds[1]);
}

static void events(void)
{
	uint64_t v = UINT64_MAX - 1;
	int fd = eventfd(0, EFD_NONBLOCK);
	show("event, zero", fd, false);
	write(fd, &v, 8);
	show("event, largest", fd, false);
	read(fd, &v, 8);
	show("event, read", fd, false);
	close(fd);
}

static long long now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void waiting(void)
{
	int fds[2];
	if (pipe(fds))
		die("pipe");
	struct pollfd p[] = {{fds[0], POLLIN, 0}, {fds[1], POLLOUT, 0}, {-1, POLLIN, 7}, {9999, POLLIN, 0}};
	long long start = now_ms();
	say("poll.timeout: %d", poll(p, 1, 30));
	say(", %s\n", now_ms() - start >= 29 ? "waited" : "did not wait");
	say("poll.several: %d", poll(p, 4, 5000));
	say(", %d %d %d %d\n", p[0].revents != 0, p[1].revents == POLLOUT, p[2].revents != 0, p[3].revents == POLLNVAL);
	start = now_ms();
	say("poll.none: %d", poll(NULL, 0, 20));
	say(", %s\n", now_ms() - start >= 19 ? "waited" : "did not wait");
	struct pollfd twice[] = {{fds[1], POLLOUT, 0}, {fds[1], POLLOUT, 0}};
	say("poll.the same twice: %d\n", poll(twice, 2, 5000));
	close(fds[0]);
	close(fds[1]);
}

// What is no stream, and what is not open or not to be looked at.
static void others(void)
{
	int fd = open("files/poll", O_CREAT | O_RDWR, 0600), dir = open("files", O_RDONLY | O_DIRECTORY);
	show("file", fd, false);
	show("directory", dir, false);
	int event = eventfd(1, 0), ep = epoll_create1(0), closed = dup(event);
	struct epoll_event e = {.events = EPOLLIN};
	show("epoll", ep, false);
	epoll_ctl(ep, EPOLL_CTL_ADD, event, &e);
	show("epoll, something ready", ep, false);
	close(closed);
	struct pollfd p[] = {{-1, POLLIN, 0x7f}, {event, POLLIN, 0x7f}, {closed, POLLIN, 0x7f}, {-5, 0, 0x7f}, {fd, 0, 0x7f}};
	say("poll.negative: %d", poll(p, 1, 0));
	say(" %d\n", p[0].revents);
	say("poll.negative and ready: %d", poll(p, 2, -1));
	say(" %d %s\n", p[0].revents, p[1].revents == POLLIN ? "IN" : "other");
	say("poll.closed among others: %d", poll(p, 5, -1));
	for (int i = 0; i < 5; i++)
		say(" %s", p[i].revents == POLLIN ? "IN" : p[i].revents == POLLNVAL ? "NVAL" : p[i].revents ? "other" : "-");
	say("\n");
	close(fd);
	close(dir);
	close(event);
	close(ep);
	unlink("files/poll");
}

int main(int argc, char **argv)
{
	(void)argc, (void)argv;
	signal(SIGPIPE, SIG_IGN);
	streams();
	failed_streams();
	datagrams();
	pairs();
	pipes();
	events();
	waiting();
	others();
	show("stdin", STDIN_FILENO, true);
	return 0;
}
