// socket and socketpair: family, type and protocol must fit.
#include "probe.h"

static void opened(const char *name, int family, int type, int proto)
{
	int fd = check(name, socket(family, type, proto));
	if (fd >= 0)
		close(fd);
}

static void paired(const char *name, int type)
{
	int fds[2];
	char buf[8] = "";
	say("open.pair unix %s: ", name);
	if (socketpair(AF_UNIX, type, 0, fds)) {
		say("%s\n", errname(errno));
		return;
	}
	bool both = write(fds[0], "ab", 2) == 2 && read(fds[1], buf, 8) == 2 && write(fds[1], "c", 1) == 1 && read(fds[0], buf, 8) == 1;
	close(fds[0]);
	ssize_t end = recv(fds[1], buf, 8, MSG_DONTWAIT);
	say("%s, end %s", both ? "both ways" : "not both ways", end < 0 ? errname(errno) : "0");
	send(fds[1], "x", 1, MSG_NOSIGNAL);
	say(", send %s\n", errname(errno));
	close(fds[1]);
}

static void not_paired(const char *name, int family, int type)
{
	int fds[2];
	check(name, socketpair(family, type, 0, fds));
}

void open_cases(void)
{
	opened("open.inet stream", AF_INET, SOCK_STREAM, 0);
	opened("open.inet stream tcp", AF_INET, SOCK_STREAM, IPPROTO_TCP);
	opened("open.inet stream udp", AF_INET, SOCK_STREAM, IPPROTO_UDP);
	opened("open.inet dgram", AF_INET, SOCK_DGRAM, 0);
	opened("open.inet dgram udp", AF_INET, SOCK_DGRAM, IPPROTO_UDP);
	opened("open.inet dgram tcp", AF_INET, SOCK_DGRAM, IPPROTO_TCP);
	opened("open.inet stream proto 99", AF_INET, SOCK_STREAM, 99);
	opened("open.inet seqpacket", AF_INET, SOCK_SEQPACKET, 0);
	opened("open.inet type 0", AF_INET, 0, 0);
	opened("open.inet type 77", AF_INET, 77, 0);
	opened("open.inet6 stream", AF_INET6, SOCK_STREAM, 0);
	opened("open.inet6 dgram", AF_INET6, SOCK_DGRAM, 0);
	opened("open.inet6 stream udp", AF_INET6, SOCK_STREAM, IPPROTO_UDP);
	opened("open.unix stream", AF_UNIX, SOCK_STREAM, 0);
	opened("open.unix dgram", AF_UNIX, SOCK_DGRAM, 0);
	opened("open.unix seqpacket", AF_UNIX, SOCK_SEQPACKET, 0);
	opened("open.unspec", AF_UNSPEC, SOCK_STREAM, 0);
	opened("open.family 77", 77, SOCK_STREAM, 0);
	paired("stream", SOCK_STREAM);
	paired("dgram", SOCK_DGRAM);
	paired("seqpacket", SOCK_SEQPACKET);
	not_paired("open.pair inet stream", AF_INET, SOCK_STREAM);
	not_paired("open.pair inet6 dgram", AF_INET6, SOCK_DGRAM);
	not_paired("open.pair unspec", AF_UNSPEC, SOCK_STREAM);
	not_paired("open.pair unix type 77", AF_UNIX, 77);
	int fd = make(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
	truth("open.nonblock", fcntl(fd, F_GETFL) & O_NONBLOCK);
	close(fd);
}
