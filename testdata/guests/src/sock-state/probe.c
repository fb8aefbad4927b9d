#include "probe.h"

int check(const char *name, ssize_t rc)
{
	say("%s: %s\n", name, rc < 0 ? errname(errno) : "OK");
	return (int)rc;
}

void value(const char *name, long long v)
{
	if (v < 0)
		say("%s: %s\n", name, errname(errno));
	else
		say("%s: %lld\n", name, v);
}

void truth(const char *name, bool v) { say("%s: %s\n", name, v ? "yes" : "no"); }

static void fill(union address *a, const char *text, int port)
{
	socklen_t len;
	parse_address(text, port, a, &len);
}

void loopback(union address *a, int port) { fill(a, "127.0.0.1", port); }

void loopback6(union address *a, int port) { fill(a, "::1", port); }

socklen_t size_of(const union address *a)
{
	switch (a->any.sa_family) {
	case AF_INET:
		return sizeof a->in;
	case AF_INET6:
		return sizeof a->in6;
	case AF_UNIX:
		return (socklen_t)(sizeof(sa_family_t) + strlen(a->un.sun_path) + 1);
	}
	return sizeof(sa_family_t);
}

static union address name(int (*get)(int, struct sockaddr *, socklen_t *), int fd)
{
	union address a;
	socklen_t len = sizeof a;
	memset(&a, 0, sizeof a);
	if (get(fd, &a.any, &len))
		memset(&a, 0, sizeof a);
	return a;
}

union address local(int fd) { return name(getsockname, fd); }

union address peer(int fd) { return name(getpeername, fd); }

bool same_address(union address a, union address b)
{
	char x[64], y[64];
	return !strcmp(print_address(&a, x), print_address(&b, y));
}

int make(int family, int type)
{
	int fd = socket(family, type, 0);
	if (fd < 0)
		die("socket");
	return fd;
}

int make_bound(int type)
{
	union address a;
	int fd = make(AF_INET, type);
	loopback(&a, 0);
	if (bind_to(fd, a))
		die("bind");
	return fd;
}

int make_listener(int backlog)
{
	int fd = make_bound(SOCK_STREAM);
	if (listen(fd, backlog))
		die("listen");
	return fd;
}

int make_client(int listener)
{
	int fd = make(AF_INET, SOCK_STREAM);
	if (connect_to(fd, local(listener)))
		die("connect");
	return fd;
}

// A listener's queue that is full makes the kernel drop what asks for more.
int make_connecting(int *listener, int *filler)
{
	*listener = make_listener(0);
	*filler = make_client(*listener);
	int fd = make(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
	if (!connect_to(fd, local(*listener)) || errno != EINPROGRESS)
		die("connect");
	return fd;
}

struct pair make_pair(void)
{
	int l = make_listener(1);
	struct pair p = {.a = make_client(l)};
	p.b = accept(l, NULL, NULL);
	if (p.b < 0)
		die("accept");
	close(l);
	return p;
}

void make_nonblocking(int fd)
{
	if (fcntl(fd, F_SETFL, O_NONBLOCK))
		die("fcntl");
}

int bind_to(int fd, union address a) { return bind(fd, &a.any, size_of(&a)); }

int connect_to(int fd, union address a) { return connect(fd, &a.any, size_of(&a)); }

int wait_for(int fd, int events)
{
	struct pollfd p = {.fd = fd, .events = (short)events};
	if (poll(&p, 1, 5000) < 0)
		die("poll");
	return p.revents;
}

void settle(void)
{
	struct timespec t = {0, 20000000};
	nanosleep(&t, NULL);
}

int option(int fd, int level, int opt)
{
	int v = 0;
	socklen_t len = sizeof v;
	return getsockopt(fd, level, opt, &v, &len) ? -1 : v;
}

int set_option(int fd, int level, int opt, int v) { return setsockopt(fd, level, opt, &v, sizeof v); }

int error_of(int fd) { return option(fd, SOL_SOCKET, SO_ERROR); }

void close_with_reset(int fd)
{
	struct linger now = {1, 0};
	if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now) || close(fd))
		die("close");
}
