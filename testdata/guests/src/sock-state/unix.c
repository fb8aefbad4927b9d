// Sockets of the family UNIX; their names are in the current directory.
#include "probe.h"

static union address named(const char *name)
{
	union address a = {0};
	a.un.sun_family = AF_UNIX;
	memcpy(a.un.sun_path, name, strlen(name));
	return a;
}

static void streams(void)
{
	char buf[8] = "";
	union address a = named("probe.sock");
	socklen_t len = sizeof a;
	int l = make(AF_UNIX, SOCK_STREAM), fd = make(AF_UNIX, SOCK_STREAM);
	check("unix.connect nobody", connect_to(fd, a));
	check("unix.bind", bind_to(l, a));
	check("unix.bind second", bind_to(l, named("probe2.sock")));
	check("unix.connect not listening", connect_to(fd, a));
	check("unix.bind taken", bind_to(fd, a));
	check("unix.listen", listen(l, 1));
	truth("unix.name", !strcmp(local(l).un.sun_path, "probe.sock"));
	check("unix.connect", connect_to(fd, a));
	check("unix.connect second", connect_to(fd, a));
	truth("unix.peer", !strcmp(peer(fd).un.sun_path, "probe.sock"));
	memset(&a, 0, sizeof a);
	int conn = check("unix.accept", accept(l, &a.any, &len));
	truth("unix.accept address is unnamed", !a.un.sun_path[0]);
	value("unix.send", send(fd, "abc", 3, MSG_NOSIGNAL));
	value("unix.recv", recv(conn, buf, sizeof buf, 0));
	close(fd);
	value("unix.end", recv(conn, buf, sizeof buf, 0));
	value("unix.send broken", send(conn, "x", 1, MSG_NOSIGNAL));
	close(conn);
	check("unix.shutdown listener", shutdown(l, SHUT_RDWR));
	check("unix.accept shut down", accept(l, NULL, NULL));
	close(l);
	fd = make(AF_UNIX, SOCK_STREAM);
	check("unix.connect closed listener", connect_to(fd, named("probe.sock")));
	close(fd);
	unlink("probe.sock");
}

static void datagrams(void)
{
	char buf[8];
	union address a = named("probe-dgram.sock"), from = {0};
	socklen_t len = sizeof from;
	int fd = make(AF_UNIX, SOCK_DGRAM), other = make(AF_UNIX, SOCK_DGRAM);
	check("unix.dgram bind", bind_to(fd, a));
	value("unix.dgram send", sendto(other, "ab", 2, MSG_NOSIGNAL, &a.any, size_of(&a)));
	value("unix.dgram recv", recvfrom(fd, buf, sizeof buf, 0, &from.any, &len));
	value("unix.dgram send nobody", (a = named("none.sock"), sendto(other, "ab", 2, MSG_NOSIGNAL, &a.any, size_of(&a))));
	close(fd);
	close(other);
	unlink("probe-dgram.sock");
}

void unix_cases(void)
{
	streams();
	datagrams();
}
