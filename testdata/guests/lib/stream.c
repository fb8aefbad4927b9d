#include "stream.h"

void nonblocking(int fd)
{
	if (fcntl(fd, F_SETFL, O_NONBLOCK))
		die("fcntl");
}

void fill(int fd)
{
	static char block[1 << 16];
	nonblocking(fd);
	while (write(fd, block, sizeof block) > 0)
		;
}

void fill_connection(int fd)
{
	struct pollfd p = {fd, POLLOUT, 0};
	do
		fill(fd);
	while (poll(&p, 1, 50) > 0);
}

void drain(int fd)
{
	static char block[1 << 16];
	nonblocking(fd);
	while (read(fd, block, sizeof block) > 0)
		;
}

int listener(union address *a)
{
	socklen_t len;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	parse_address("127.0.0.1", 0, a, &len);
	if (fd < 0 || bind(fd, &a->any, len) || listen(fd, 16) || getsockname(fd, &a->any, &len))
		die("listen");
	return fd;
}

void connected(int fds[2])
{
	union address a;
	int l = listener(&a);
	fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(fds[0], &a.any, sizeof a.in))
		die("connect");
	if ((fds[1] = accept(l, NULL, NULL)) < 0)
		die("accept");
	close(l);
}

void shut_for_writing(int fds[2])
{
	char c;
	if (shutdown(fds[0], SHUT_WR) || recv(fds[1], &c, 1, 0) || send(fds[1], "x", 1, MSG_NOSIGNAL) != 1 || recv(fds[0], &c, 1, 0) != 1)
		die("shutdown");
}
