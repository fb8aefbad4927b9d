// Addresses as text, and the start of every server and client.
#include "guest.h"

static bool parse_ip4(const char *s, uint8_t *octets)
{
	for (int i = 0; i < 4; i++) {
		int v = atoi(s);
		if (*s < '0' || *s > '9' || v > 255)
			return false;
		octets[i] = (uint8_t)v;
		while (*s >= '0' && *s <= '9')
			s++;
		if (*s++ != (i < 3 ? '.' : 0))
			return false;
	}
	return true;
}

bool parse_address(const char *text, int port, union address *addr, socklen_t *len)
{
	memset(addr, 0, sizeof *addr);
	if (parse_ip4(text, (uint8_t *)&addr->in.sin_addr)) {
		addr->in.sin_family = AF_INET;
		addr->in.sin_port = htons((uint16_t)port);
		*len = sizeof addr->in;
		return true;
	}
	if (strcmp(text, "::") && strcmp(text, "::1"))
		return false;
	memset(addr, 0, sizeof *addr);
	addr->in6.sin6_family = AF_INET6;
	addr->in6.sin6_port = htons((uint16_t)port);
	addr->in6.sin6_addr.s6_addr[15] = text[2] == '1';
	*len = sizeof addr->in6;
	return true;
}

int port_of(const union address *addr)
{
	return ntohs(addr->any.sa_family == AF_INET6 ? addr->in6.sin6_port : addr->in.sin_port);
}

const char *print_address(const union address *addr, char *buf)
{
	const uint8_t *ip = (const uint8_t *)&addr->in.sin_addr, *ip6 = addr->in6.sin6_addr.s6_addr;
	switch (addr->any.sa_family) {
	case AF_INET:
		format(buf, 64, "%d.%d.%d.%d:%d", ip[0], ip[1], ip[2], ip[3], port_of(addr));
		break;
	case AF_INET6:
		format(buf, 64, "[%x:%x:%x:%x:%x:%x:%x:%x]:%d", ip6[0] << 8 | ip6[1], ip6[2] << 8 | ip6[3], ip6[4] << 8 | ip6[5],
		       ip6[6] << 8 | ip6[7], ip6[8] << 8 | ip6[9], ip6[10] << 8 | ip6[11], ip6[12] << 8 | ip6[13],
		       ip6[14] << 8 | ip6[15], port_of(addr));
		break;
	default:
		format(buf, 64, "family %d", addr->any.sa_family);
	}
	return buf;
}

int listen_on(int argc, char **argv, int type, int flags)
{
	union address addr;
	socklen_t len;
	int on = 1;
	signal(SIGPIPE, SIG_IGN);
	if (argc < 2) {
		complain("usage: %s [addr] port\n", argc ? argv[0] : "guest");
		exit(2);
	}
	bool has_addr = argc > 2 && parse_address(argv[1], 0, &addr, &len);
	if (!parse_address(has_addr ? argv[1] : "0.0.0.0", atoi(argv[has_addr ? 2 : 1]), &addr, &len))
		exit(2);
	int fd = socket(addr.any.sa_family, type | flags, 0);
	if (fd < 0)
		die("socket");
	if (type == SOCK_STREAM && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on))
		die("setsockopt");
	if (bind(fd, &addr.any, len))
		die("bind");
	if (type == SOCK_STREAM && listen(fd, SOMAXCONN))
		die("listen");
	len = sizeof addr;
	if (getsockname(fd, &addr.any, &len))
		die("getsockname");
	say("listening on %d\n", port_of(&addr));
	return fd;
}

// dial_address connects a new socket to one address.
static int dial_address(const struct addrinfo *a, int flags)
{
	int fd = socket(a->ai_family, SOCK_STREAM | flags, 0);
	if (fd < 0 || !connect(fd, a->ai_addr, a->ai_addrlen) || (flags & SOCK_NONBLOCK && errno == EINPROGRESS))
		return fd;
	int err = errno;
	close(fd);
	errno = err;
	return -1;
}

int dial(const char *host, const char *port, int flags)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
	int err = getaddrinfo(host, port, &hints, &found), fd = -1;
	if (err) {
		errno = err == EAI_SYSTEM ? errno : ENOENT;
		return -1;
	}
	for (struct addrinfo *a = found; a && fd < 0; a = a->ai_next)
		fd = dial_address(a, flags);
	err = errno;
	freeaddrinfo(found);
	errno = err;
	return fd;
}
