// shutdown.
#include "probe.h"

static void failures(void)
{
	int fds[2], fd = make(AF_INET, SOCK_STREAM);
	check("shutdown.not connected", shutdown(fd, SHUT_RDWR));
	close(fd);
	check("shutdown.closed", shutdown(fd, SHUT_RDWR));
	fd = make_bound(SOCK_STREAM);
	check("shutdown.bound", shutdown(fd, SHUT_RD));
	close(fd);
	fd = make_bound(SOCK_DGRAM);
	check("shutdown.dgram not connected", shutdown(fd, SHUT_RDWR));
	connect_to(fd, local(fd));
	check("shutdown.dgram connected", shutdown(fd, SHUT_WR));
	check("shutdown.dgram send", send(fd, "x", 1, MSG_NOSIGNAL));
	close(fd);
	if (pipe(fds))
		die("pipe");
	check("shutdown.pipe", shutdown(fds[0], SHUT_RDWR));
	close(fds[0]);
	close(fds[1]);
	struct pair p = make_pair();
	check("shutdown.how 3", shutdown(p.a, 3));
	check("shutdown.how -1", shutdown(p.a, -1));
	close(p.a);
	close(p.b);
}

static void directions(void)
{
	char c;
	struct pair p = make_pair();
	check("shutdown.write", shutdown(p.a, SHUT_WR));
	check("shutdown.write send", send(p.a, "x", 1, MSG_NOSIGNAL));
	value("shutdown.write peer reads", recv(p.b, &c, 1, 0));
	check("shutdown.write again", shutdown(p.a, SHUT_WR));
	value("shutdown.write peer sends", send(p.b, "y", 1, MSG_NOSIGNAL));
	value("shutdown.write recv", recv(p.a, &c, 1, 0));
	close(p.b);
	value("shutdown.write both ended recv", recv(p.a, &c, 1, 0));
	check("shutdown.write after both ended", shutdown(p.a, SHUT_RDWR));
	close(p.a);

	p = make_pair();
	send(p.b, "ab", 2, MSG_NOSIGNAL);
	wait_for(p.a, POLLIN);
	check("shutdown.read", shutdown(p.a, SHUT_RD));
	value("shutdown.read rest", recv(p.a, &c, 1, 0));
	value("shutdown.read rest again", recv(p.a, &c, 1, 0));
	value("shutdown.read end", recv(p.a, &c, 1, 0));
	value("shutdown.read send", send(p.a, "x", 1, MSG_NOSIGNAL));
	value("shutdown.read peer recv", recv(p.b, &c, 1, 0));
	close(p.a);
	close(p.b);

	p = make_pair();
	check("shutdown.both", shutdown(p.a, SHUT_RDWR));
	value("shutdown.both recv", recv(p.a, &c, 1, 0));
	check("shutdown.both send", send(p.a, "x", 1, MSG_NOSIGNAL));
	value("shutdown.both peer", recv(p.b, &c, 1, 0));
	close(p.a);
	close(p.b);

	p = make_pair();
	close_with_reset(p.b);
	wait_for(p.a, POLLIN);
	check("shutdown.after reset", shutdown(p.a, SHUT_RDWR));
	close(p.a);
}

void shutdown_cases(void)
{
	failures();
	directions();
}
