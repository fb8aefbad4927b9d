// Sockets as descriptors: dup, close, flags, what files can and sockets cannot.
#include "probe.h"

static void duplicates(void)
{
	char c;
	struct pair p = make_pair();
	int copy = dup(p.a);
	check("descriptor.dup", copy);
	close(p.a);
	value("descriptor.dup sends", send(copy, "x", 1, MSG_NOSIGNAL));
	value("descriptor.dup received", recv(p.b, &c, 1, 0));
	make_nonblocking(copy);
	int third = dup(copy);
	truth("descriptor.dup shares nonblock", fcntl(third, F_GETFL) & O_NONBLOCK);
	close(copy);
	value("descriptor.dup of dup sends", send(third, "x", 1, MSG_NOSIGNAL));
	recv(p.b, &c, 1, 0);
	close(third);
	value("descriptor.last close ends", recv(p.b, &c, 1, 0));
	close(p.b);

	int l = make_listener(1), fd = make(AF_INET, SOCK_STREAM);
	union address a = local(l);
	check("descriptor.dup2", dup2(l, fd));
	truth("descriptor.dup2 same socket", same_address(a, local(fd)));
	close(l);
	int client = make_client(fd);
	check("descriptor.dup2 accepts", accept(fd, NULL, NULL));
	close(client);
	check("descriptor.dup2 onto itself", dup2(fd, fd));
	check("descriptor.dup2 of nothing", dup2(9999, fd));
	truth("descriptor.dup2 failed leaves it", same_address(a, local(fd)));
	close(fd);
	client = make(AF_INET, SOCK_STREAM);
	check("descriptor.closed listener refuses", connect_to(client, a));
	close(client);
	check("descriptor.close twice", close(client));
	check("descriptor.close negative", close(-1));
	check("descriptor.dup closed", dup(client));
}

static void numbers(void)
{
	int a = make(AF_INET, SOCK_STREAM), b = make(AF_INET, SOCK_STREAM), c = make(AF_INET, SOCK_STREAM);
	truth("descriptor.numbers grow", a < b && b < c);
	close(b);
	close(a);
	truth("descriptor.lowest is reused", make(AF_INET, SOCK_STREAM) == a);
	truth("descriptor.next is reused", make(AF_INET, SOCK_STREAM) == b);
	close(a);
	close(b);
	close(c);
}

static void files(void)
{
	struct stat st;
	int fd = make(AF_INET, SOCK_STREAM), fds[2];
	check("descriptor.fstat", fstat(fd, &st));
	truth("descriptor.is a socket", S_ISSOCK(st.st_mode));
	value("descriptor.seek", lseek(fd, 0, SEEK_CUR));
	truth("descriptor.is a terminal", isatty(fd));
	check("descriptor.openat", openat(fd, "x", O_RDONLY));
	truth("descriptor.blocking", !(fcntl(fd, F_GETFL) & O_NONBLOCK));
	check("descriptor.set nonblock", fcntl(fd, F_SETFL, O_NONBLOCK));
	truth("descriptor.nonblock", fcntl(fd, F_GETFL) & O_NONBLOCK);
	check("descriptor.clear nonblock", fcntl(fd, F_SETFL, 0));
	truth("descriptor.blocking again", !(fcntl(fd, F_GETFL) & O_NONBLOCK));
	close(fd);
	check("descriptor.closed flags", fcntl(fd, F_GETFL));
	if (pipe(fds))
		die("pipe");
	value("descriptor.pipe seek", lseek(fds[0], 0, SEEK_CUR));
	check("descriptor.pipe wrong end read", read(fds[1], &st, 1));
	check("descriptor.pipe wrong end write", write(fds[0], "x", 1));
	close(fds[0]);
	check("descriptor.pipe broken", write(fds[1], "x", 1));
	close(fds[1]);
}

static void pipes_and_events(void)
{
	char buf[16];
	uint64_t v = 3;
	int fds[2];
	if (pipe(fds))
		die("pipe");
	value("descriptor.pipe write", write(fds[1], "abc", 3));
	value("descriptor.pipe read", read(fds[0], buf, 2));
	make_nonblocking(fds[0]);
	value("descriptor.pipe read rest", read(fds[0], buf, 8));
	check("descriptor.pipe empty", read(fds[0], buf, 8));
	make_nonblocking(fds[1]);
	size_t total = 0;
	static char block[4096];
	for (ssize_t n; (n = write(fds[1], block, sizeof block)) > 0;)
		total += (size_t)n;
	check("descriptor.pipe full", write(fds[1], block, sizeof block));
	value("descriptor.pipe capacity", (long long)total);
	close(fds[1]);
	size_t got = 0;
	ssize_t n;
	while ((n = read(fds[0], block, sizeof block)) > 0)
		got += (size_t)n;
	truth("descriptor.pipe all arrives", got == total);
	value("descriptor.pipe end", n);
	close(fds[0]);

	int fd = eventfd(2, EFD_NONBLOCK);
	value("descriptor.event write", write(fd, &v, 8));
	value("descriptor.event read", read(fd, &v, 8));
	value("descriptor.event sum", (long long)v);
	check("descriptor.event empty", read(fd, &v, 8));
	check("descriptor.event short read", read(fd, &v, 4));
	check("descriptor.event short write", write(fd, &v, 4));
	v = UINT64_MAX;
	check("descriptor.event too large", write(fd, &v, 8));
	v = UINT64_MAX - 1;
	check("descriptor.event largest", write(fd, &v, 8));
	v = 1;
	check("descriptor.event full", write(fd, &v, 8));
	close(fd);
	fd = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
	read(fd, &v, 8);
	value("descriptor.semaphore first", (long long)v);
	read(fd, &v, 8);
	value("descriptor.semaphore second", (long long)v);
	check("descriptor.semaphore empty", read(fd, &v, 8));
	close(fd);
}

void descriptor_cases(void)
{
	duplicates();
	numbers();
	files();
	pipes_and_events();
}
