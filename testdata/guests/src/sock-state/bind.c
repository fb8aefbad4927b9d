// bind, getsockname and getpeername.
#include "probe.h"

static void names(void)
{
	union address a = {0};
	socklen_t len = sizeof a;
	char text[64];
	int fd = make(AF_INET, SOCK_STREAM), fds[2];
	a = local(fd);
	say("bind.name unbound: %s\n", print_address(&a, text));
	check("bind.peer unbound", getpeername(fd, &a.any, &len));
	loopback(&a, 0);
	check("bind.loopback", bind_to(fd, a));
	a = local(fd);
	truth("bind.name has a port", port_of(&a) != 0);
	loopback(&a, port_of(&a));
	truth("bind.name has the address", same_address(a, local(fd)));
	check("bind.peer bound", getpeername(fd, &a.any, &len));
	close(fd);
	check("bind.name closed", getsockname(fd, &a.any, &len));
	check("bind.peer closed", getpeername(fd, &a.any, &len));
	check("bind.closed", bind_to(fd, a));
	if (pipe(fds))
		die("pipe");
	check("bind.name pipe", getsockname(fds[0], &a.any, &len));
	check("bind.peer pipe", getpeername(fds[0], &a.any, &len));
	check("bind.pipe", bind_to(fds[0], a));
	close(fds[0]);
	close(fds[1]);
	fd = make(AF_INET6, SOCK_STREAM);
	a = local(fd);
	say("bind.name inet6 unbound: %s\n", print_address(&a, text));
	loopback6(&a, 0);
	check("bind.loopback6", bind_to(fd, a));
	a = local(fd);
	loopback6(&a, port_of(&a));
	truth("bind.name inet6", same_address(a, local(fd)));
	close(fd);
}

static void wrong(void)
{
	union address a, in6;
	int fd = make(AF_INET, SOCK_STREAM), fd6 = make(AF_INET6, SOCK_STREAM);
	loopback(&a, 0);
	loopback6(&in6, 0);
	check("bind.inet6 address to inet", bind_to(fd, in6));
	check("bind.inet address to inet6", bind_to(fd6, a));
	a.in.sin_addr.s_addr = htonl(0xc6336401); // 198.51.100.1
	check("bind.foreign address", bind_to(fd, a));
	loopback(&a, 0);
	check("bind.after failure", bind_to(fd, a));
	check("bind.second", bind_to(fd, a));
	check("bind.second same", bind_to(fd, local(fd)));
	int other = make(AF_INET, SOCK_STREAM);
	check("bind.taken", bind_to(other, local(fd)));
	check("bind.other after taken", bind_to(other, a));
	check("bind.listen after taken", listen(other, 1));
	check("bind.listening", bind_to(other, a));
	close(other);
	close(fd);
	close(fd6);
	struct pair p = make_pair();
	check("bind.connected", bind_to(p.a, a));
	check("bind.accepted", bind_to(p.b, a));
	close(p.a);
	close(p.b);
}

static int bind_like(int fd, int opt)
{
	int second = make(AF_INET, SOCK_STREAM);
	set_option(second, SOL_SOCKET, opt, 1);
	check(opt == SO_REUSEADDR ? "bind.reuseaddr second" : "bind.reuseport second", bind_to(second, local(fd)));
	return second;
}

static void reuse(void)
{
	union address a;
	loopback(&a, 0);
	int fd = make(AF_INET, SOCK_STREAM);
	set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	bind_to(fd, a);
	int second = bind_like(fd, SO_REUSEADDR);
	check("bind.reuseaddr listen", listen(fd, 1));
	check("bind.reuseaddr second listen", listen(second, 1));
	close(fd);
	check("bind.reuseaddr second listen later", listen(second, 1));
	close(second);

	fd = make(AF_INET, SOCK_STREAM);
	set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	bind_to(fd, a);
	second = bind_like(fd, SO_REUSEPORT);
	check("bind.reuseport listen", listen(fd, 1));
	check("bind.reuseport second listen", listen(second, 1));
	int third = make(AF_INET, SOCK_STREAM);
	check("bind.reuseport third without", bind_to(third, local(fd)));
	close(fd);
	close(second);
	close(third);
}

// bind_same binds fd6 to any free port of :: and fd to the same port of 0.0.0.0. A
// port may be some other program's; so it tries several. It returns what the
// last try of fd answered.
static int bind_same(int *fd6, int *fd, int only)
{
	union address any6, any, a;
	socklen_t len;
	int rc = -1;
	parse_address("::", 0, &any6, &len);
	parse_address("0.0.0.0", 0, &any, &len);
	for (int i = 0; i < 10 && rc < 0; i++) {
		if (i > 0) {
			close(*fd6);
			close(*fd);
		}
		*fd6 = make(AF_INET6, SOCK_STREAM);
		*fd = make(AF_INET, SOCK_STREAM);
		set_option(*fd6, IPPROTO_IPV6, IPV6_V6ONLY, only);
		if (bind_to(*fd6, any6) || listen(*fd6, 1))
			die("listen");
		a = local(*fd6);
		any.in.sin_port = htons((uint16_t)port_of(&a));
		rc = bind_to(*fd, any);
	}
	return rc;
}

static void only6(void)
{
	int fd6, fd;
	check("bind.v6only and inet", bind_same(&fd6, &fd, 1));
	check("bind.v6only and inet listen", listen(fd, 1));
	check("bind.v6only set late", set_option(fd6, IPPROTO_IPV6, IPV6_V6ONLY, 0));
	close(fd6);
	close(fd);

	check("bind.dual and inet", bind_same(&fd6, &fd, 0));
	union address a = local(fd6), to;
	loopback(&to, port_of(&a));
	check("bind.dual connect by inet", connect_to(fd, to));
	int conn = accept(fd6, NULL, NULL);
	a = peer(conn);
	truth("bind.dual peer is a mapped address",
	      a.any.sa_family == AF_INET6 && a.in6.sin6_addr.s6_addr[10] == 0xff && a.in6.sin6_addr.s6_addr[12] == 127);
	close(conn);
	close(fd);
	close(fd6);
}

void bind_cases(void)
{
	names();
	wrong();
	reuse();
	only6();
}
