// An echo server in one thread: non-blocking sockets and epoll, whose cost does
// not grow with idle connections. Arguments: [addr] port.
#include "guest.h"

enum { BUFFER = 16384, EVENTS = 64 };

// connection is a client; what it sent and did not get back yet is buf[start:end].
struct connection {
	int fd;
	char *buf; // only while something is left over
	size_t start, end;
};

static int ep;
static char shared[BUFFER];

static bool watch(int op, struct connection *c, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.ptr = c};
	return !epoll_ctl(ep, op, c->fd, &e);
}

static void drop(struct connection *c)
{
	close(c->fd);
	free(c->buf);
	free(c);
}

static void start(int fd)
{
	int on = 1;
	struct connection *c = calloc(1, sizeof *c);
	if (!c) {
		close(fd);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	c->fd = fd;
	if (!watch(EPOLL_CTL_ADD, c, EPOLLIN))
		drop(c);
}

static void accept_all(int l)
{
	int fd;
	while ((fd = accept4(l, NULL, NULL, SOCK_NONBLOCK)) >= 0)
		start(fd);
	if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
		struct timespec t = {0, 10000000};
		nanosleep(&t, NULL);
	} else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
		die("accept");
}

static bool would_block(void) { return errno == EAGAIN || errno == EINTR; }

// echo reads once and sends it back; false when the connection is over.
static bool echo(struct connection *c)
{
	ssize_t n = recv(c->fd, shared, sizeof shared, 0);
	if (n <= 0)
		return n < 0 && would_block();
	ssize_t sent = send(c->fd, shared, (size_t)n, MSG_NOSIGNAL);
	if (sent == n)
		return true;
	if (sent < 0 && !would_block())
		return false;
	sent = sent < 0 ? 0 : sent;
	if (!(c->buf = malloc(BUFFER)))
		return false;
	c->start = 0;
	c->end = (size_t)(n - sent);
	memcpy(c->buf, shared + sent, c->end);
	return watch(EPOLL_CTL_MOD, c, EPOLLOUT);
}

// flush sends what is left over; false when the connection is over.
static bool flush(struct connection *c)
{
	ssize_t n = send(c->fd, c->buf + c->start, c->end - c->start, MSG_NOSIGNAL);
	if (n < 0)
		return would_block();
	c->start += (size_t)n;
	if (c->start < c->end)
		return true;
	free(c->buf);
	c->buf = NULL;
	return watch(EPOLL_CTL_MOD, c, EPOLLIN);
}

int main(int argc, char **argv)
{
	struct epoll_event events[EVENTS];
	struct connection listener = {.fd = listen_on(argc, argv, SOCK_STREAM, SOCK_NONBLOCK)};
	ep = epoll_create1(0);
	if (ep < 0 || !watch(EPOLL_CTL_ADD, &listener, EPOLLIN))
		die("epoll");
	for (;;) {
		int n = epoll_wait(ep, events, EVENTS, -1);
		if (n < 0 && errno != EINTR)
			die("epoll_wait");
		for (int i = 0; i < n; i++) {
			struct connection *c = events[i].data.ptr;
			if (c == &listener)
				accept_all(c->fd);
			else if (!(c->buf ? flush(c) : echo(c)))
				drop(c);
		}
	}
}
