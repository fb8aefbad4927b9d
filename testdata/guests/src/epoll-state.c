// What epoll says of descriptors in their states, in each mode, and what it
// answers to wrong arguments. One line per case, the same on every run.
#include "stream.h"

enum { ALL = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI };

static void say_events(uint32_t e)
{
	say("%s%s%s%s%s%s%s", e ? "" : " -", e & EPOLLIN ? " IN" : "", e & EPOLLOUT ? " OUT" : "", e & EPOLLRDHUP ? " RDHUP" : "",
	    e & EPOLLPRI ? " PRI" : "", e & EPOLLERR ? " ERR" : "", e & EPOLLHUP ? " HUP" : "");
}

static int new_epoll(void)
{
	int ep = epoll_create1(0);
	if (ep < 0)
		die("epoll_create1");
	return ep;
}

static int control(int ep, int op, int fd, uint32_t events, int data)
{
	struct epoll_event e = {.events = events, .data.u64 = (uint64_t)data};
	return epoll_ctl(ep, op, fd, &e) ? errno : 0;
}

static void watch(int ep, int fd, uint32_t events, int data)
{
	if ((errno = control(ep, EPOLL_CTL_ADD, fd, events, data)))
		die("epoll_ctl");
}

// answer prints an errno, or OK.
static void answer(const char *name, int err) { say("%s: %s\n", name, errname(err)); }

static int by_data(const void *a, const void *b)
{
	const struct epoll_event *x = a, *y = b;
	return (x->data.u64 > y->data.u64) - (x->data.u64 < y->data.u64);
}

// look prints what there is now, sorted by the data.
static void look(const char *name, int ep)
{
	struct epoll_event e[16];
	int n = epoll_wait(ep, e, 16, 0);
	say("%s: %d", name, n);
	if (n < 0)
		say(" %s", errname(errno));
	qsort(e, n > 0 ? (size_t)n : 0, sizeof *e, by_data);
	for (int i = 0; i < n; i++) {
		say(", %lld:", (long long)e[i].data.u64);
		say_events(e[i].events);
	}
	say("\n");
}

// show prints what is told of fd when all is asked for, when nothing is, and
// whether an edge comes once. must_come waits for up to 5 s for the first.
static void show(const char *name, int fd, bool must_come)
{
	struct epoll_event e;
	const uint32_t asked[] = {ALL, 0, ALL | EPOLLET};
	say("state.%s:", name);
	for (int i = 0; i < 3; i++) {
		int ep = new_epoll();
		watch(ep, fd, asked[i], 0);
		e.events = 0;
		if (must_come && i == 0) { // for reading, or an error
			control(ep, EPOLL_CTL_MOD, fd, EPOLLIN, 0);
			epoll_wait(ep, &e, 1, 5000);
			control(ep, EPOLL_CTL_MOD, fd, ALL, 0);
		}
		e.events = 0;
		epoll_wait(ep, &e, 1, 0);
		say_events(e.events);
		if (i == 2)
			say(", again %d", epoll_wait(ep, &e, 1, 0));
		say("%s", i < 2 ? "," : "\n");
		close(ep);
	}
}

static void close_both(int fds[2])
{
	close(fds[0]);
	close(fds[1]);
}

static void new_pipe(int fds[2])
{
	if (pipe(fds))
		die("pipe");
}

static void new_pair(int fds[2])
{
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
		die("socketpair");
}

static void streams(void)
{
	union address a;
	int fds[2], fd = socket(AF_INET, SOCK_STREAM, 0);
	show("stream not connected", fd, false);
	close(fd);
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
	close_both(fds);

	connected(fds);
	shut_for_writing(fds);
	show("shut for writing", fds[0], false);
	show("peer shut for writing", fds[1], true);
	shutdown(fds[1], SHUT_WR);
	show("both shut for writing", fds[0], true);
	close_both(fds);

	connected(fds);
	struct linger now = {1, 0};
	setsockopt(fds[1], SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(fds[1]);
	show("reset", fds[0], true);
	char c;
	recv(fds[0], &c, 1, 0);
	show("reset and told", fds[0], false);
	close(fds[0]);
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
	new_pair(fds);
	show("pair", fds[0], false);
	write(fds[1], "x", 1);
	show("pair with data", fds[0], false);
	shutdown(fds[1], SHUT_WR);
	show("pair with data, peer shut for writing", fds[0], false);
	close(fds[1]);
	show("pair with data, peer closed", fds[0], false);
	drain(fds[0]);
	show("pair, peer closed", fds[0], false);
	close(fds[0]);
	new_pair(fds);
	fill(fds[0]);
	show("pair, full", fds[0], false);
	close_both(fds);
}

static void pipes(void)
{
	int fds[2];
	new_pipe(fds);
	show("pipe, reader", fds[0], false);
	show("pipe, writer", fds[1], false);
	write(fds[1], "x", 1);
	show("pipe with data, reader", fds[0], false);
	fill(fds[1]);
	show("pipe, full, writer", fds[1], false);
	close(fds[1]);
	show("pipe with data, writer closed", fds[0], false);
	drain(fds[0]);
	show("pipe, writer closed", fds[0], false);
	close(fds[0]);
	new_pipe(fds);
	close(fds[0]);
	show("pipe, reader closed", fds[1], false);
	close(fds[1]);
}

static void event_states(void)
{
	uint64_t v = UINT64_MAX - 1;
	int fd = eventfd(0, EFD_NONBLOCK);
	show("event, zero", fd, false);
	write(fd, &v, 8);
	show("event, largest", fd, false);
	close(fd);
	fd = eventfd(2, EFD_NONBLOCK | EFD_SEMAPHORE);
	int ep = new_epoll();
	watch(ep, fd, EPOLLIN, 1);
	for (int i = 0; i < 3; i++) {
		look("state.semaphore", ep);
		read(fd, &v, 8);
	}
	close(fd);
	close(ep);
}

// In each mode: what is told at first, again, after more data, after reading.
static void mode(const char *name, int fds[2], uint32_t bits)
{
	int ep = new_epoll();
	watch(ep, fds[0], EPOLLIN | bits, 1);
	look(name, ep);
	write(fds[1], "x", 1);
	look(name, ep);
	look(name, ep);
	write(fds[1], "x", 1);
	look(name, ep);
	answer(name, control(ep, EPOLL_CTL_MOD, fds[0], EPOLLIN | bits, 2));
	look(name, ep);
	look(name, ep);
	drain(fds[0]);
	look(name, ep);
	write(fds[1], "x", 1);
	look(name, ep);
	answer(name, control(ep, EPOLL_CTL_MOD, fds[0], EPOLLOUT | bits, 3));
	look(name, ep);
	answer(name, control(ep, EPOLL_CTL_DEL, fds[0], 0, 0));
	look(name, ep);
	drain(fds[0]);
	close(ep);
}

static void modes(void)
{
	int fds[2];
	new_pipe(fds);
	mode("mode.pipe level", fds, 0);
	mode("mode.pipe edge", fds, EPOLLET);
	mode("mode.pipe oneshot", fds, EPOLLONESHOT);
	mode("mode.pipe edge and oneshot", fds, EPOLLET | EPOLLONESHOT);
	close_both(fds);
	new_pair(fds);
	mode("mode.pair level", fds, 0);
	mode("mode.pair edge", fds, EPOLLET);
	mode("mode.pair oneshot", fds, EPOLLONESHOT);
	close_both(fds);
}

// edge for writing: once, and again when there is room after there was none.
static void writing_edges(void)
{
	int fds[2], ep = new_epoll();
	char c;
	new_pipe(fds);
	watch(ep, fds[1], EPOLLOUT | EPOLLET, 1);
	look("edge.writable", ep);
	write(fds[1], "x", 1);
	read(fds[0], &c, 1);
	look("edge.writable as ever", ep);
	fill(fds[1]);
	look("edge.full", ep);
	drain(fds[0]);
	look("edge.room again", ep);
	close_both(fds);
	int fd = eventfd(0, EFD_NONBLOCK);
	watch(ep, fd, EPOLLIN | EPOLLOUT | EPOLLET, 2);
	look("edge.event", ep);
	write(fd, &(uint64_t){1}, 8);
	look("edge.event written", ep);
	read(fd, &(uint64_t){0}, 8);
	look("edge.event read", ep);
	close(fd);
	close(ep);
}

static void errors(void)
{
	int fds[2], ep = new_epoll(), closed = dup(ep);
	new_pipe(fds);
	close(closed);
	answer("error.add to closed", control(closed, EPOLL_CTL_ADD, fds[0], EPOLLIN, 0));
	answer("error.add closed", control(ep, EPOLL_CTL_ADD, closed, EPOLLIN, 0));
	answer("error.add -1", control(ep, EPOLL_CTL_ADD, -1, EPOLLIN, 0));
	answer("error.add to a pipe", control(fds[0], EPOLL_CTL_ADD, fds[1], EPOLLIN, 0));
	answer("error.add to itself", control(ep, EPOLL_CTL_ADD, ep, EPOLLIN, 0));
	int again = dup(ep);
	answer("error.add to itself, duplicated", control(ep, EPOLL_CTL_ADD, again, EPOLLIN, 0));
	close(again);
	answer("error.modify unknown", control(ep, EPOLL_CTL_MOD, fds[0], EPOLLIN, 0));
	answer("error.delete unknown", control(ep, EPOLL_CTL_DEL, fds[0], EPOLLIN, 0));
	answer("error.operation 4", control(ep, 4, fds[0], EPOLLIN, 0));
	answer("error.operation -1", control(ep, -1, fds[0], EPOLLIN, 0));
	answer("error.operation 0", control(ep, 0, fds[0], EPOLLIN, 0));
	control(ep, EPOLL_CTL_ADD, fds[0], EPOLLIN, 0);
	answer("error.add twice", control(ep, EPOLL_CTL_ADD, fds[0], EPOLLOUT, 0));
	answer("error.delete", control(ep, EPOLL_CTL_DEL, fds[0], EPOLLIN, 0));
	answer("error.delete again", control(ep, EPOLL_CTL_DEL, fds[0], EPOLLIN, 0));
	answer("error.delete without event", epoll_ctl(ep, EPOLL_CTL_DEL, fds[0], NULL) ? errno : 0);

	struct epoll_event e;
	volatile int negative = -1; // or the compiler objects
	answer("error.wait on closed", epoll_wait(closed, &e, 1, 0) < 0 ? errno : 0);
	answer("error.wait on a pipe", epoll_wait(fds[0], &e, 1, 0) < 0 ? errno : 0);
	answer("error.wait for none", epoll_wait(ep, &e, 0, 0) < 0 ? errno : 0);
	answer("error.wait for -1", epoll_wait(ep, &e, negative, 0) < 0 ? errno : 0);
	char c = 0;
	answer("error.read", read(ep, &c, 1) < 0 ? errno : 0);
	answer("error.write", write(ep, &c, 1) < 0 ? errno : 0);
	close_both(fds);
	close(ep);
}

static void files(void)
{
	int ep = new_epoll(), fd = open("files/epoll", O_CREAT | O_RDWR, 0600);
	answer("file.add", control(ep, EPOLL_CTL_ADD, fd, EPOLLIN, 0));
	answer("file.modify", control(ep, EPOLL_CTL_MOD, fd, EPOLLIN, 0));
	answer("file.delete", control(ep, EPOLL_CTL_DEL, fd, EPOLLIN, 0));
	close(fd);
	unlink("files/epoll");
	fd = open("files", O_RDONLY | O_DIRECTORY);
	answer("file.add a directory", control(ep, EPOLL_CTL_ADD, fd, EPOLLIN, 0));
	close(fd);
	watch(ep, STDIN_FILENO, EPOLLIN, 1);
	struct epoll_event e;
	int n = epoll_wait(ep, &e, 1, 5000);
	say("file.stdin: %d", n);
	say_events(e.events);
	say("\n");
	close(ep);
}

// What is watched is the open file, under the number it was told by.
static void numbers(void)
{
	int fds[2], others[2], ep = new_epoll();
	new_pipe(fds);
	write(fds[1], "x", 1);
	watch(ep, fds[0], EPOLLIN, 1);
	int kept = dup(fds[0]);
	watch(ep, kept, EPOLLIN, 2);
	look("number.duplicated", ep);
	close(fds[0]);
	look("number.closed, duplicate open", ep);
	answer("number.delete closed", control(ep, EPOLL_CTL_DEL, fds[0], 0, 0));
	new_pipe(others);
	say("number.used again: %s\n", others[0] == fds[0] ? "yes" : "no");
	look("number.used again, events", ep);
	answer("number.delete used again", control(ep, EPOLL_CTL_DEL, others[0], 0, 0));
	watch(ep, others[0], EPOLLIN, 3);
	write(others[1], "x", 1);
	look("number.watched again", ep);
	close(kept);
	look("number.duplicate closed", ep);
	dup2(others[1], others[0]);
	look("number.replaced", ep);
	answer("number.modify replaced", control(ep, EPOLL_CTL_MOD, others[0], EPOLLIN, 0));
	close_both(others);
	close(fds[1]);

	new_pipe(fds);
	int other = dup(ep);
	watch(other, fds[1], EPOLLOUT, 4);
	close(ep);
	look("number.epoll duplicated", other);
	close_both(fds);
	look("number.all closed", other);
	close(other);
}

static void nesting(void)
{
	int fds[2], inner = new_epoll(), outer = new_epoll(), top = new_epoll();
	new_pipe(fds);
	watch(inner, fds[0], EPOLLIN, 1);
	watch(outer, inner, ALL, 2);
	watch(top, outer, EPOLLIN | EPOLLET, 3);
	look("nested.nothing", top);
	write(fds[1], "x", 1);
	look("nested.data, edge", top);
	look("nested.data, edge again", top);
	look("nested.data, outer", outer);
	look("nested.data, inner", inner);
	struct pollfd p = {top, POLLIN | POLLOUT, 0}, q = {outer, POLLIN | POLLOUT, 0};
	say("nested.poll of the top: %d\n", poll(&p, 1, 0));
	say("nested.poll: %d", poll(&q, 1, 0));
	say(" %s\n", q.revents == POLLIN ? "IN" : "other");
	answer("nested.circle of two", control(inner, EPOLL_CTL_ADD, outer, EPOLLIN, 0));
	answer("nested.circle of three", control(inner, EPOLL_CTL_ADD, top, EPOLLIN, 0));
	drain(fds[0]);
	look("nested.read, outer", outer);
	say("nested.poll after reading: %d\n", poll(&q, 1, 0));
	close(inner);
	look("nested.inner closed", outer);
	close(outer);
	close(top);
	close_both(fds);

	int chain[12], err = 0;
	for (int i = 0; i < 12; i++)
		chain[i] = new_epoll();
	for (int i = 1; i < 12 && !err; i++)
		err = control(chain[i], EPOLL_CTL_ADD, chain[i - 1], EPOLLIN, 0);
	answer("nested.deep", err);
	for (int i = 0; i < 12; i++)
		close(chain[i]);
}

// arrive returns when there are n bytes to read from fd, at most 2, or the end.
static void arrive(int fd, int n)
{
	struct pollfd p = {fd, POLLIN, 0};
	char c[2];
	for (int tries = 0; tries < 5000; tries++) {
		if (poll(&p, 1, 5000) != 1)
			break;
		ssize_t got = recv(fd, c, sizeof c, MSG_PEEK);
		if (got >= n || got <= 0) // the end, or a pipe, which has had it at once
			return;
		poll(NULL, 0, 1);
	}
	die("nothing arrives");
}

// nested_mode prints what instances tell, at once, of one that watches fds[0], when
// the outer one of them watches in a mode.
static void nested_mode(const char *name, int fds[2], uint32_t bits)
{
	char c;
	int inner = new_epoll(), outer = new_epoll(), top = new_epoll();
	watch(inner, fds[0], EPOLLIN, 1);
	watch(outer, inner, EPOLLIN | bits, 2);
	watch(top, outer, EPOLLIN | bits, 3);
	struct pollfd p = {top, POLLIN, 0};
	for (int i = 0; i < 2; i++) {
		say("%s: poll %d\n", name, poll(&p, 1, 0));
		write(fds[1], "x", 1);
		arrive(fds[0], 1);
		say("%s: poll with data %d\n", name, poll(&p, 1, 0));
		look(name, top);
		look(name, top);
		write(fds[1], "x", 1);
		arrive(fds[0], 2);
		look(name, top);
		read(fds[0], &c, 1);
		look(name, outer);
		look(name, inner);
		look(name, outer);
		look(name, top);
		drain(fds[0]);
		look(name, outer);
		look(name, top);
	}
	answer(name, control(outer, EPOLL_CTL_MOD, inner, EPOLLIN | bits, 4));
	answer(name, control(top, EPOLL_CTL_MOD, outer, EPOLLIN | bits, 5));
	look(name, top);
	write(fds[1], "x", 1);
	arrive(fds[0], 1);
	look(name, top);
	answer(name, control(inner, EPOLL_CTL_MOD, fds[0], EPOLLOUT, 6));
	look(name, top);
	answer(name, control(inner, EPOLL_CTL_DEL, fds[0], 0, 0));
	look(name, top);
	watch(inner, fds[0], EPOLLIN | EPOLLONESHOT, 7);
	look(name, top);
	look(name, inner);
	look(name, outer);
	look(name, top);
	close(inner);
	look(name, top);
	close(outer);
	look(name, top);
	close(top);
	drain(fds[0]);
}

// nested_add prints what an instance tells of one that is added when it is ready,
// and of one that has to do with two sources.
static void nested_add(const char *name, int fds[2])
{
	int others[2], inner = new_epoll(), outer = new_epoll();
	new_pipe(others);
	watch(inner, fds[0], EPOLLIN, 1);
	watch(inner, others[0], EPOLLIN, 2);
	write(fds[1], "x", 1);
	arrive(fds[0], 1);
	watch(outer, inner, EPOLLIN | EPOLLET, 3);
	look(name, outer);
	look(name, outer);
	write(others[1], "x", 1);
	look(name, outer);
	look(name, outer);
	look(name, inner);
	drain(fds[0]);
	look(name, outer);
	int again = dup(inner);
	watch(outer, again, EPOLLIN, 4);
	look(name, outer);
	close(fds[1]);
	arrive(fds[0], 1);
	look(name, outer);
	drain(others[0]);
	look(name, outer);
	close(fds[0]);
	look(name, outer);
	close(inner);
	close(again);
	look(name, outer);
	close(outer);
	close_both(others);
}

static void nested_sources(void)
{
	int fds[2], other[2];
	new_pipe(fds);
	nested_mode("nested.pipe level", fds, 0);
	nested_mode("nested.pipe edge", fds, EPOLLET);
	nested_mode("nested.pipe oneshot", fds, EPOLLONESHOT);
	nested_mode("nested.pipe edge and oneshot", fds, EPOLLET | EPOLLONESHOT);
	nested_add("nested.pipe added", fds);
	connected(fds);
	other[0] = fds[1], other[1] = fds[0];
	nested_mode("nested.stream level", fds, 0);
	nested_mode("nested.stream edge", other, EPOLLET);
	nested_mode("nested.stream oneshot", fds, EPOLLONESHOT);
	nested_mode("nested.stream edge and oneshot", other, EPOLLET | EPOLLONESHOT);
	nested_add("nested.stream added", fds);
}

static long long now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void waits(void)
{
	enum { N = 6 };
	struct epoll_event e[N];
	int fds[N], counts[N] = {0}, ep = new_epoll();
	long long start = now_ms();
	say("wait.nothing watched: %d", epoll_wait(ep, e, N, 30));
	say(", %s\n", now_ms() - start >= 29 ? "waited" : "did not wait");
	for (int i = 0; i < N; i++)
		watch(ep, fds[i] = eventfd(1, EFD_NONBLOCK), EPOLLIN, i);
	start = now_ms();
	say("wait.for ever, ready: %d\n", epoll_wait(ep, e, N, -1));
	for (int i = 0; i < N; i++) {
		int n = epoll_wait(ep, e, 2, 0);
		for (int k = 0; k < n; k++)
			counts[e[k].data.u64]++;
	}
	say("wait.two at a time: %d %d %d %d %d %d\n", counts[0], counts[1], counts[2], counts[3], counts[4], counts[5]);
	for (int i = 0; i < N; i++)
		read(fds[i], &(uint64_t){0}, 8);
	start = now_ms();
	say("wait.none ready: %d", epoll_wait(ep, e, N, 30));
	say(", %s\n", now_ms() - start >= 29 ? "waited" : "did not wait");
	for (int i = 0; i < N; i++)
		close(fds[i]);
	close(ep);
}

// Data comes back as it was, whatever it is.
static void values(void)
{
	const uint64_t all[] = {0, 1, 0xffffffff, 0x8000000000000000, UINT64_MAX};
	int ep = new_epoll(), fd = eventfd(1, 0);
	watch(ep, fd, EPOLLIN, 0);
	for (int i = 0; i < 5; i++) {
		struct epoll_event e = {.events = EPOLLIN, .data.u64 = all[i]};
		epoll_ctl(ep, EPOLL_CTL_MOD, fd, &e);
		e.data.u64 = 7;
		epoll_wait(ep, &e, 1, 0);
		say("data.%d: %s\n", i, e.data.u64 == all[i] ? "the same" : "another");
	}
	close(fd);
	close(ep);
}

int main(int argc, char **argv)
{
	(void)argc, (void)argv;
	signal(SIGPIPE, SIG_IGN);
	streams();
	datagrams();
	pairs();
	pipes();
	event_states();
	modes();
	writing_edges();
	errors();
	files();
	numbers();
	nesting();
	nested_sources();
	waits();
	values();
	return 0;
}
