// An HTTP/1.1 server in one thread. Arguments: [addr] port [directory]. It
// answers GET and HEAD of / and sends back what is posted to /echo; with a
// directory it serves the files below it. With "inherited" in place of the port
// it serves the listener that is descriptor 3. When the listener is shut down, it
// answers a last request on each connection and ends.
#include "http.h"

static struct pollfd *fds; // fds[0] is the listener
static struct connection **connections;
static size_t count;

bool draining;

static void add(int fd)
{
	struct connection *c = calloc(1, sizeof *c);
	if (!c) {
		close(fd);
		return;
	}
	c->fd = fd;
	c->file = -1;
	c->deadline = now(CLOCK_MONOTONIC) + REQUEST_SECONDS;
	fds[count] = (struct pollfd){.fd = fd, .events = POLLIN};
	connections[count++] = c;
}

// drop closes a connection; the last one takes its place.
static void drop(size_t i)
{
	struct connection *c = connections[i];
	close(c->fd);
	if (c->file >= 0)
		close(c->file);
	buffer_free(&c->in);
	buffer_free(&c->out);
	free(c);
	count--;
	fds[i] = fds[count];
	connections[i] = connections[count];
}

// accept_all takes all that wait. When there is no room, the listener is not
// polled until the next round.
static void accept_all(int l)
{
	int on = 1;
	for (fds[0].fd = l; count < MAX_CONNECTIONS;) {
		int fd = accept4(l, NULL, NULL, SOCK_NONBLOCK);
		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
				break;
			if (errno == EINVAL) {
				draining = true;
				break;
			}
			if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
				die("accept");
			return;
		}
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		add(fd);
	}
	fds[0].fd = -1;
}

static bool would_block(void) { return errno == EAGAIN || errno == EINTR; }

// send_file sends from the file. It returns 1 when that is done, 0 when the
// client must read first, -1 when the connection is over.
static int send_file(struct connection *c)
{
	while (c->file_pos < c->file_end) {
		ssize_t n = sendfile(c->fd, c->file, &c->file_pos, (size_t)(c->file_end - c->file_pos));
		if (n < 0)
			return would_block() ? 0 : -1;
		if (n == 0)
			return -1; // the file became shorter than was promised
	}
	close(c->file);
	c->file = -1;
	return 1;
}

// flush sends what is queued, with the results of send_file.
static int flush(struct connection *c)
{
	while (buffer_len(&c->out)) {
		ssize_t n = send(c->fd, c->out.data + c->out.start, buffer_len(&c->out), MSG_NOSIGNAL);
		if (n < 0)
			return would_block() ? 0 : -1;
		buffer_take(&c->out, (size_t)n);
		c->deadline = now(CLOCK_MONOTONIC) + REQUEST_SECONDS;
	}
	buffer_free(&c->out);
	return c->file >= 0 ? send_file(c) : 1;
}

// answer queues the answer to the first request in the buffer and removes it. It
// returns false when the request is not complete, or without memory.
static bool answer(struct connection *c)
{
	struct request r;
	while (buffer_len(&c->in) >= 2 && !memcmp(c->in.data + c->in.start, "\r\n", 2))
		buffer_take(&c->in, 2);
	const char *buf = c->in.data + c->in.start;
	int status = buffer_len(&c->in) ? parse(buf, buffer_len(&c->in), &r) : 0;
	if (!status)
		return false;
	if (status != 200)
		return respond_error(c, status);
	if (buffer_len(&c->in) < r.head_len + r.body_len) {
		if (r.expects_continue && !c->continued && buffer_print(&c->out, "HTTP/1.1 100 Continue\r\n\r\n"))
			c->continued = true;
		return false;
	}
	c->continued = false;
	bool ok = respond(c, &r, buf + r.head_len);
	buffer_take(&c->in, r.head_len + r.body_len);
	return ok;
}

// linger ends the sending side after the last answer. The client gets time to
// read it: closing with input unread would reset the connection.
static void linger(struct connection *c)
{
	buffer_free(&c->in);
	shutdown(c->fd, SHUT_WR);
	c->lingering = true;
	c->deadline = now(CLOCK_MONOTONIC) + LINGER_SECONDS;
}

// serve answers all requests in the buffer as far as the client reads; false when
// the connection is over.
static bool serve(size_t i)
{
	struct connection *c = connections[i];
	for (;;) {
		bool answered = answer(c);
		int sent = flush(c);
		fds[i].events = sent ? POLLIN : POLLOUT;
		if (sent < 0)
			return false;
		if (answered && sent && !c->keep_alive) {
			linger(c);
			return true;
		}
		if (!answered || !sent)
			break;
		c->deadline = now(CLOCK_MONOTONIC) + IDLE_SECONDS;
	}
	if (!buffer_len(&c->in))
		buffer_free(&c->in);
	return true;
}

// receive reads once; false when the connection is over.
static bool receive(size_t i)
{
	enum { CHUNK = 4096 };
	static char dropped[CHUNK];
	struct connection *c = connections[i];
	bool first = !buffer_len(&c->in);
	if (!c->lingering && !buffer_reserve(&c->in, CHUNK))
		return false;
	ssize_t n = recv(c->fd, c->lingering ? dropped : c->in.data + c->in.end, CHUNK, 0);
	if (n <= 0)
		return n < 0 && would_block();
	if (c->lingering)
		return true;
	c->in.end += (size_t)n;
	if (first)
		c->deadline = now(CLOCK_MONOTONIC) + REQUEST_SECONDS;
	return serve(i);
}

// resume goes on sending; false when the connection is over.
static bool resume(size_t i)
{
	struct connection *c = connections[i];
	off_t before = c->file_pos;
	int sent = flush(c);
	if (c->file_pos != before)
		c->deadline = now(CLOCK_MONOTONIC) + REQUEST_SECONDS;
	if (sent <= 0)
		return sent == 0;
	if (!c->keep_alive && !c->continued) {
		fds[i].events = POLLIN;
		linger(c);
		return true;
	}
	return serve(i);
}

static void sweep(void)
{
	long long t = now(CLOCK_MONOTONIC);
	for (size_t i = count - 1; i > 0; i--)
		if (connections[i]->deadline < t)
			drop(i);
}

int main(int argc, char **argv)
{
	union address addr;
	int port_arg = argc > 2 && parse_address(argv[1], 0, &addr, &(socklen_t){0}) ? 2 : 1;
	if (argc > port_arg + 1)
		document_root = argv[port_arg + 1];
	bool inherited = argc > 1 && !strcmp(argv[1], "inherited");
	int l = 3;
	if (!inherited)
		l = listen_on(port_arg + 1 < argc ? port_arg + 1 : argc, argv, SOCK_STREAM, SOCK_NONBLOCK);
	else if (fcntl(l, F_SETFL, O_NONBLOCK))
		die("inherited");
	fds = calloc(MAX_CONNECTIONS, sizeof *fds);
	connections = calloc(MAX_CONNECTIONS, sizeof *connections);
	if (!fds || !connections)
		die("calloc");
	fds[count++] = (struct pollfd){.fd = l, .events = POLLIN};
	for (long long swept = 0; !draining || count > 1;) {
		if (poll(fds, count, fds[0].fd < 0 ? 100 : count > 1 ? 1000 : -1) < 0 && errno != EINTR)
			die("poll");
		bool listening = fds[0].fd < 0 || fds[0].revents;
		// Backwards, so that drop moves only what was served.
		for (size_t i = count - 1; i > 0; i--)
			if (fds[i].revents && !(fds[i].events & POLLOUT ? resume(i) : receive(i)))
				drop(i);
		if (now(CLOCK_MONOTONIC) != swept) {
			swept = now(CLOCK_MONOTONIC);
			sweep();
		}
		if (listening && !draining)
			accept_all(l);
	}
	return 0;
}
