// An echo server in one thread: non-blocking sockets and poll.
// Arguments: [addr] port.
#include "guest.h"

enum { BUFFER = 16384 };

// connection is a client; what it sent and did not get back yet is buf[start:end].
struct connection {
	char *buf; // only while something is left over
	size_t start, end;
};

static struct pollfd *fds; // fds[0] is the listener
static struct connection *connections;
static size_t count, capacity;
static char shared[BUFFER]; // what is read, while nothing is left over

// add makes fd known; false without memory.
static bool add(int fd, short events)
{
	if (count == capacity) {
		size_t n = capacity ? 2 * capacity : 64;
		struct pollfd *f = realloc(fds, n * sizeof *fds);
		if (f)
			fds = f;
		struct connection *c = f ? realloc(connections, n * sizeof *connections) : NULL;
		if (!c)
			return false;
		connections = c;
		capacity = n;
	}
	fds[count] = (struct pollfd){.fd = fd, .events = events};
	connections[count] = (struct connection){0};
	count++;
	return true;
}

// drop closes a connection; the last one takes its place.
static void drop(size_t i)
{
	close(fds[i].fd);
	free(connections[i].buf);
	count--;
	fds[i] = fds[count];
	connections[i] = connections[count];
}

// accept_all takes all that wait. Without descriptors left it stops polling the
// listener, whose number is made negative for that, until the next round.
static void accept_all(int l)
{
	int on = 1;
	fds[0].fd = l;
	for (;;) {
		int fd = accept4(l, NULL, NULL, SOCK_NONBLOCK);
		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
				fds[0].fd = -1;
			else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
				die("accept");
			return;
		}
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		if (!add(fd, POLLIN))
			close(fd);
	}
}

static bool would_block(void) { return errno == EAGAIN || errno == EINTR; }

// keep saves what send did not take.
static bool keep(struct connection *c, const char *data, size_t n)
{
	c->buf = malloc(BUFFER);
	if (!c->buf)
		return false;
	memcpy(c->buf, data, n);
	c->start = 0;
	c->end = n;
	return true;
}

// echo reads once and sends it back; false when the connection is over.
static bool echo(size_t i)
{
	struct connection *c = &connections[i];
	ssize_t n = recv(fds[i].fd, shared, sizeof shared, 0);
	if (n <= 0)
		return n < 0 && would_block();
	ssize_t sent = send(fds[i].fd, shared, (size_t)n, MSG_NOSIGNAL);
	if (sent < 0 && !would_block())
		return false;
	sent = sent < 0 ? 0 : sent;
	if (sent < n) {
		fds[i].events = POLLOUT;
		return keep(c, shared + sent, (size_t)(n - sent));
	}
	return true;
}

// flush sends what is left over; false when the connection is over.
static bool flush(size_t i)
{
	struct connection *c = &connections[i];
	ssize_t n = send(fds[i].fd, c->buf + c->start, c->end - c->start, MSG_NOSIGNAL);
	if (n < 0)
		return would_block();
	c->start += (size_t)n;
	if (c->start == c->end) {
		free(c->buf);
		c->buf = NULL;
		fds[i].events = POLLIN;
	}
	return true;
}

int main(int argc, char **argv)
{
	int l = listen_on(argc, argv, SOCK_STREAM, SOCK_NONBLOCK);
	if (!add(l, POLLIN))
		die("realloc");
	for (;;) {
		if (poll(fds, count, fds[0].fd < 0 ? 100 : -1) < 0) {
			if (errno != EINTR)
				die("poll");
			continue;
		}
		bool listening = fds[0].fd < 0 || fds[0].revents;
		// Backwards, so that drop moves only what was served.
		for (size_t i = count - 1; i > 0; i--)
			if (fds[i].revents && !(connections[i].buf ? flush(i) : echo(i)))
				drop(i);
		if (listening)
			accept_all(l);
	}
}
