// Sockets that several threads use at once: who waits must wake, and nobody may
// get what belongs to another. Prints one line per case, the same on every run.
#include "stream.h"

// call is a system call that a thread makes while the main thread watches.
struct call {
	ssize_t (*fn)(int fd);
	int fd;
	ssize_t result;
	int error;
	int begun, done;
	pthread_t thread;
};

static void sleep_ms(int ms)
{
	struct timespec t = {0, ms * 1000000};
	nanosleep(&t, NULL);
}

static void *make_call(void *arg)
{
	struct call *c = arg;
	errno = 0;
	__atomic_store_n(&c->begun, 1, __ATOMIC_SEQ_CST);
	c->result = c->fn(c->fd);
	c->error = errno;
	__atomic_store_n(&c->done, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

// begin starts a call and gives it time to block.
static void begin(struct call *c, ssize_t (*fn)(int), int fd)
{
	*c = (struct call){.fn = fn, .fd = fd};
	int err = pthread_create(&c->thread, NULL, make_call, c);
	if (err) {
		errno = err;
		die("pthread_create");
	}
	while (!__atomic_load_n(&c->begun, __ATOMIC_SEQ_CST))
		sleep_ms(1);
	sleep_ms(40);
}

// ended waits some time for the end of a call.
static bool ended(struct call *c)
{
	for (int i = 0; i < 60; i++) {
		if (__atomic_load_n(&c->done, __ATOMIC_SEQ_CST))
			return true;
		sleep_ms(5);
	}
	return false;
}

static void finish(const char *name, struct call *c)
{
	pthread_join(c->thread, NULL);
	if (c->result < 0)
		say("%s: %s\n", name, errname(c->error));
	else
		say("%s: %s\n", name, "returns");
}

static ssize_t call_accept(int fd) { return accept(fd, NULL, NULL); }
static ssize_t call_recv(int fd) { return recv(fd, &(char){0}, 1, 0); }
static ssize_t call_read(int fd) { return read(fd, &(char){0}, 1); }
static ssize_t call_recv_all(int fd) { return recv(fd, (char[8]){0}, 8, MSG_WAITALL) == 8 ? 0 : -1; }

static ssize_t call_poll(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	return poll(&p, 1, 10000) == 1 ? 0 : -1;
}

static ssize_t call_fill(int fd)
{
	static char block[1 << 16];
	ssize_t n;
	while ((n = send(fd, block, sizeof block, MSG_NOSIGNAL)) > 0)
		;
	return n;
}

static int client(const union address *a)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0 || connect(fd, &a->any, sizeof a->in))
		die("connect");
	return fd;
}

static void accepts(void)
{
	union address a;
	struct call c;
	int l = listener(&a);
	begin(&c, call_accept, l);
	int fd = client(&a);
	finish("accept.woken by a connection", &c);
	close(fd);
	begin(&c, call_accept, l);
	shutdown(l, SHUT_RDWR);
	finish("accept.woken by shutdown", &c);
	close(l);

	// On Linux the call keeps waiting, on a socket that nobody else can see.
	l = listener(&a);
	begin(&c, call_accept, l);
	close(l);
	bool woken = ended(&c);
	say("accept.woken by close: %s\n", woken ? "yes" : "no");
	if (!woken)
		close(client(&a));
	finish("accept.result after close", &c);
	int again = listener(&a);
	say("accept.number is free again: %s\n", again == l ? "yes" : "no");
	close(again);
}

// reuse closes a listener under a waiting accept and at once opens another
// socket, which takes the number: the waiter must not get its connections.
static void reuse(void)
{
	union address old, new;
	struct call c;
	int l = listener(&old);
	begin(&c, call_accept, l);
	close(l);
	int other = listener(&new);
	int fd = client(&new);
	int mine = accept(other, NULL, NULL);
	say("reuse.new listener gets its connection: %s\n", mine >= 0 ? "yes" : errname(errno));
	if (!ended(&c))
		close(client(&old));
	finish("reuse.old waiter", &c);
	close(fd);
	close(mine);
	close(other);
}

static void receives(void)
{
	struct call c;
	int fds[2];
	connected(fds);
	begin(&c, call_recv, fds[0]);
	send(fds[1], "x", 1, MSG_NOSIGNAL);
	finish("recv.woken by data", &c);
	begin(&c, call_recv, fds[0]);
	shutdown(fds[0], SHUT_RD);
	finish("recv.woken by shutdown", &c);
	close(fds[0]);
	close(fds[1]);

	connected(fds);
	begin(&c, call_recv, fds[0]);
	close(fds[0]);
	bool woken = ended(&c);
	say("recv.woken by close: %s\n", woken ? "yes" : "no");
	if (!woken)
		send(fds[1], "x", 1, MSG_NOSIGNAL);
	finish("recv.result after close", &c);
	char byte;
	say("recv.peer sees the end: %d\n", (int)recv(fds[1], &byte, 1, 0));
	close(fds[1]);

	connected(fds);
	begin(&c, call_recv, fds[0]);
	close(fds[1]);
	finish("recv.woken by the end", &c);
	close(fds[0]);
	connected(fds);
	begin(&c, call_read, fds[0]);
	struct linger now = {1, 0};
	setsockopt(fds[1], SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(fds[1]);
	finish("recv.woken by a reset", &c);
	close(fds[0]);
	connected(fds);
	begin(&c, call_recv_all, fds[0]);
	send(fds[1], "abcd", 4, MSG_NOSIGNAL);
	sleep_ms(20);
	send(fds[1], "efgh", 4, MSG_NOSIGNAL);
	finish("recv.all, in two parts", &c);
	begin(&c, call_poll, fds[0]);
	send(fds[1], "x", 1, MSG_NOSIGNAL);
	finish("poll.woken by data", &c);
	close(fds[0]);
	close(fds[1]);
}

static void sends(void)
{
	struct call c;
	int fds[2];
	connected(fds);
	begin(&c, call_fill, fds[0]);
	shutdown(fds[0], SHUT_WR);
	finish("send.woken by shutdown", &c);
	close(fds[0]);
	close(fds[1]);
	connected(fds);
	begin(&c, call_fill, fds[0]);
	struct linger now = {1, 0};
	setsockopt(fds[1], SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(fds[1]);
	finish("send.woken by a reset", &c);
	close(fds[0]);
}

enum { ACCEPTORS = 4, CLIENTS = 40 };

static int shared_listener;
static int served;

// Each thread accepts until it gets a connection that says "q".
static void *acceptor(void *arg)
{
	(void)arg;
	for (;;) {
		char c = 0;
		int fd = accept(shared_listener, NULL, NULL);
		if (fd < 0)
			die("accept");
		recv(fd, &c, 1, 0);
		__atomic_fetch_add(&served, c == 'x', __ATOMIC_SEQ_CST);
		send(fd, "y", 1, MSG_NOSIGNAL);
		close(fd);
		if (c == 'q')
			return NULL;
	}
}

static void crowds(void)
{
	union address a;
	pthread_t all[ACCEPTORS];
	int answered = 0;
	shared_listener = listener(&a);
	for (int i = 0; i < ACCEPTORS; i++)
		if (pthread_create(&all[i], NULL, acceptor, NULL))
			die("pthread_create");
	for (int i = 0; i < CLIENTS + ACCEPTORS; i++) {
		char c;
		int fd = client(&a);
		send(fd, i < CLIENTS ? "x" : "q", 1, MSG_NOSIGNAL);
		answered += recv(fd, &c, 1, 0) == 1;
		close(fd);
	}
	for (int i = 0; i < ACCEPTORS; i++)
		pthread_join(all[i], NULL);
	close(shared_listener);
	say("crowd.served: %d, answered %d\n", served, answered);
}

int main(int argc, char **argv)
{
	(void)argc, (void)argv;
	signal(SIGPIPE, SIG_IGN);
	accepts();
	reuse();
	receives();
	sends();
	crowds();
	return 0;
}
