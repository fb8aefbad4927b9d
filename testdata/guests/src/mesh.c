// One of many that all listen, and all dial others: an echo server that serves as
// many connections as there are others, and a client that sends bytes of its own to
// each of them and checks those that return. All in one thread, with poll.
//
// Arguments: port size seed peer... The bytes for each peer are another sequence,
// beginning with the seed's. It prints "listening on PORT", dials when its
// standard input ends, prints "done" and exits with 0 when all has returned and as
// many connections were served as it has peers.
#include "guest.h"

enum { BUFFER = 16384 };

// connection is one to a peer, or from one. What a server has yet to send back, or a
// client to send, is buf[start:end].
struct connection {
	bool client;
	bool shut;                // everything was sent, and the peer told so
	unsigned seed;            // of a client's bytes
	size_t sent, got;         // by a client
	size_t start, end;
	char buf[BUFFER];
};

static struct pollfd *fds; // fds[0] is the listener
static struct connection **connections;
static size_t count, size;

// pattern is the byte at a place of what a client sends: a different sequence for
// each connection, in which no part is like another.
static char pattern(unsigned seed, size_t at)
{
	unsigned v = (unsigned)at * 2654435761u ^ seed * 2246822519u;
	v ^= v >> 15;
	return (char)(v * 2654435761u >> 24);
}

static struct connection *add(int fd, short events)
{
	struct connection *c = calloc(1, sizeof *c);
	if (!c)
		die("calloc");
	fds[count] = (struct pollfd){.fd = fd, .events = events};
	connections[count++] = c;
	return c;
}

// drop closes a connection; the last one takes its place.
static void drop(size_t i)
{
	if (close(fds[i].fd))
		die("close");
	free(connections[i]);
	count--;
	fds[i] = fds[count];
	connections[i] = connections[count];
}

// again reports whether a call is to be made again later; what else it failed by
// ends the guest.
static bool again(const char *what)
{
	if (errno != EAGAIN && errno != EINTR)
		die(what);
	return true;
}

static void call_peer(const char *peer, const char *port, unsigned seed)
{
	int fd = dial(peer, port, SOCK_NONBLOCK);
	if (fd < 0)
		die(peer);
	struct connection *c = add(fd, POLLIN | POLLOUT);
	c->client = true;
	c->seed = seed;
}

static void next_pattern(struct connection *c)
{
	c->start = c->end = 0;
	while (c->end < BUFFER && c->sent + c->end < size) {
		c->buf[c->end] = pattern(c->seed, c->sent + c->end);
		c->end++;
	}
	c->sent += c->end;
}

// send_some sends what the buffer has, and for a client what comes after it. It
// shuts the connection down after a client's last byte.
static void send_some(size_t i)
{
	struct connection *c = connections[i];
	for (;;) {
		if (c->client && c->start == c->end)
			next_pattern(c);
		if (c->start == c->end)
			break;
		ssize_t n = send(fds[i].fd, c->buf + c->start, c->end - c->start, MSG_NOSIGNAL);
		if (n < 0 && again("send"))
			return;
		c->start += (size_t)n;
	}
	fds[i].events = POLLIN;
	if (c->client && shutdown(fds[i].fd, SHUT_WR))
		die("shutdown");
	c->shut = c->client;
}

// check_some receives what a client gets back; false at its end.
static bool check_some(size_t i)
{
	static char buf[BUFFER];
	struct connection *c = connections[i];
	ssize_t n = recv(fds[i].fd, buf, sizeof buf, 0);
	if (n < 0)
		return again("recv");
	for (ssize_t k = 0; k < n; k++, c->got++)
		if (buf[k] != pattern(c->seed, c->got)) {
			complain("byte %llu is another\n", (unsigned long long)c->got);
			exit(1);
		}
	if (n == 0 && (c->got != size || !c->shut)) {
		complain("%llu bytes of %llu return\n", (unsigned long long)c->got, (unsigned long long)size);
		exit(1);
	}
	return n > 0;
}

// echo_some receives what a server is to send back, once it has done so with what
// came before; false at the end.
static bool echo_some(size_t i)
{
	struct connection *c = connections[i];
	if (c->start < c->end)
		return true;
	ssize_t n = recv(fds[i].fd, c->buf, sizeof c->buf, 0);
	if (n < 0)
		return again("recv");
	c->start = 0;
	c->end = (size_t)n;
	fds[i].events = POLLOUT;
	return n > 0;
}

// serve does what a connection is ready for; false at its end.
static bool serve(size_t i)
{
	struct connection *c = connections[i];
	if (fds[i].events & POLLOUT && fds[i].revents & ~POLLIN)
		send_some(i);
	if (fds[i].events & POLLIN && fds[i].revents & ~POLLOUT)
		return c->client ? check_some(i) : echo_some(i);
	return true;
}

// accept_one takes a connection; it stops listening after the last.
static void accept_one(size_t *left)
{
	int fd = accept4(fds[0].fd, NULL, NULL, SOCK_NONBLOCK);
	if (fd < 0 && again("accept"))
		return;
	add(fd, POLLIN);
	if (--*left == 0) {
		close(fds[0].fd);
		fds[0].fd = -1;
	}
}

static void wait_for_start(void)
{
	char c;
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
}

int main(int argc, char **argv)
{
	size_t peers = argc > 4 ? (size_t)argc - 4 : 0, left = peers;
	if (!peers) {
		complain("usage: mesh port size seed peer...\n");
		return 2;
	}
	size = (size_t)atoi(argv[2]);
	fds = calloc(2 * peers + 1, sizeof *fds);
	connections = calloc(2 * peers + 1, sizeof *connections);
	if (!fds || !connections)
		die("calloc");
	add(listen_on(2, argv, SOCK_STREAM, SOCK_NONBLOCK), POLLIN);
	wait_for_start();
	for (size_t i = 0; i < peers; i++)
		call_peer(argv[4 + i], argv[1], (unsigned)atoi(argv[3]) + (unsigned)i);
	while (count > 1 || left) {
		if (poll(fds, count, -1) < 0 && again("poll"))
			continue;
		// Backwards, so that drop moves only what was served.
		for (size_t i = count - 1; i > 0; i--)
			if (fds[i].revents && !serve(i))
				drop(i);
		if (fds[0].fd >= 0 && fds[0].revents)
			accept_one(&left);
	}
	say("done\n");
	return 0;
}
