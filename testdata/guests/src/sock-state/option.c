// Socket options: what is set is read back, as the kernel rounds it.
#include "probe.h"

static void flag(const char *name, int fd, int level, int opt)
{
	int before = option(fd, level, opt);
	int on = set_option(fd, level, opt, 1), read_on = option(fd, level, opt);
	int off = set_option(fd, level, opt, 0), read_off = option(fd, level, opt);
	say("option.%s: before %d, on %s %d, off %s %d\n", name, before, on ? errname(errno) : "OK", read_on, off ? errname(errno) : "OK",
	    read_off);
}

static void size(const char *name, int fd, int level, int opt, int v)
{
	int rc = set_option(fd, level, opt, v), err = errno;
	say("option.%s %d: %s, reads %d\n", name, v, rc ? errname(err) : "OK", option(fd, level, opt));
}

static void time_option(const char *name, int fd, int opt, int sec, int usec)
{
	struct timeval t = {sec, usec}, got = {-1, -1};
	socklen_t len = sizeof got;
	int rc = setsockopt(fd, SOL_SOCKET, opt, &t, sizeof t), err = errno;
	getsockopt(fd, SOL_SOCKET, opt, &got, &len);
	say("option.%s %d.%06d: %s, reads %d.%06d\n", name, sec, usec, rc ? errname(err) : "OK", (int)got.tv_sec, (int)got.tv_usec);
}

static void linger(int fd, int on, int seconds)
{
	struct linger l = {on, seconds}, got = {-1, -1};
	socklen_t len = sizeof got;
	int rc = setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l), err = errno;
	getsockopt(fd, SOL_SOCKET, SO_LINGER, &got, &len);
	say("option.linger %d %d: %s, on %d", on, seconds, rc ? errname(err) : "OK", got.l_onoff);
	if (got.l_onoff)
		say(", %d s", got.l_linger);
	say("\n");
}

static void streams(void)
{
	int fd = make(AF_INET, SOCK_STREAM), fd6 = make(AF_INET6, SOCK_STREAM);
	flag("reuseaddr", fd, SOL_SOCKET, SO_REUSEADDR);
	flag("reuseport", fd, SOL_SOCKET, SO_REUSEPORT);
	flag("keepalive", fd, SOL_SOCKET, SO_KEEPALIVE);
	flag("nodelay", fd, IPPROTO_TCP, TCP_NODELAY);
	flag("oobinline", fd, SOL_SOCKET, SO_OOBINLINE);
	flag("dontroute", fd, SOL_SOCKET, SO_DONTROUTE);
	flag("v6only", fd6, IPPROTO_IPV6, IPV6_V6ONLY);
	flag("v6only on inet", fd, IPPROTO_IPV6, IPV6_V6ONLY);
	flag("nodelay inet6", fd6, IPPROTO_TCP, TCP_NODELAY);
	size("rcvbuf", fd, SOL_SOCKET, SO_RCVBUF, 10000);
	size("rcvbuf", fd, SOL_SOCKET, SO_RCVBUF, 0);
	size("rcvbuf", fd, SOL_SOCKET, SO_RCVBUF, 0x7fffffff);
	size("sndbuf", fd, SOL_SOCKET, SO_SNDBUF, 30000);
	size("sndbuf", fd, SOL_SOCKET, SO_SNDBUF, 1);
	size("rcvlowat", fd, SOL_SOCKET, SO_RCVLOWAT, 5);
	size("rcvlowat", fd, SOL_SOCKET, SO_RCVLOWAT, 0);
	size("ttl", fd, IPPROTO_IP, IP_TTL, 33);
	size("ttl", fd, IPPROTO_IP, IP_TTL, 255);
	size("ttl", fd, IPPROTO_IP, IP_TTL, 256);
	size("ttl", fd, IPPROTO_IP, IP_TTL, 0);
	time_option("rcvtimeo", fd, SO_RCVTIMEO, 1, 500000);
	time_option("rcvtimeo", fd, SO_RCVTIMEO, 0, 0);
	time_option("sndtimeo", fd, SO_SNDTIMEO, 20, 0);
	linger(fd, 1, 5);
	linger(fd, 1, 0);
	linger(fd, 0, 9);
	say("option.type: %d\n", option(fd, SOL_SOCKET, SO_TYPE) == SOCK_STREAM);
	value("option.protocol", option(fd, SOL_SOCKET, SO_PROTOCOL));
	value("option.acceptconn", option(fd, SOL_SOCKET, SO_ACCEPTCONN));
	check("option.acceptconn set", set_option(fd, SOL_SOCKET, SO_ACCEPTCONN, 1));
	check("option.error set", set_option(fd, SOL_SOCKET, SO_ERROR, 1));
	check("option.type set", set_option(fd, SOL_SOCKET, SO_TYPE, 1));
	close(fd6);
	close(fd);
	check("option.closed get", option(fd, SOL_SOCKET, SO_KEEPALIVE));
	check("option.closed set", set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1));
}

static void datagrams(void)
{
	int fds[2], fd = make(AF_INET, SOCK_DGRAM);
	flag("broadcast", fd, SOL_SOCKET, SO_BROADCAST);
	flag("multicast loop", fd, IPPROTO_IP, IP_MULTICAST_LOOP);
	size("multicast ttl", fd, IPPROTO_IP, IP_MULTICAST_TTL, 7);
	size("multicast ttl", fd, IPPROTO_IP, IP_MULTICAST_TTL, 256);
	flag("nodelay on dgram", fd, IPPROTO_TCP, TCP_NODELAY);
	say("option.dgram type: %d\n", option(fd, SOL_SOCKET, SO_TYPE) == SOCK_DGRAM);
	value("option.dgram protocol", option(fd, SOL_SOCKET, SO_PROTOCOL));
	close(fd);
	if (pipe(fds))
		die("pipe");
	check("option.pipe get", option(fds[0], SOL_SOCKET, SO_KEEPALIVE));
	check("option.pipe set", set_option(fds[0], SOL_SOCKET, SO_KEEPALIVE, 1));
	close(fds[0]);
	close(fds[1]);
}

void option_cases(void)
{
	streams();
	datagrams();
}
