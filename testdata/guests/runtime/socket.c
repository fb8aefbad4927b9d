// Sockets.
#include "runtime.h"

enum { SECOND = 1000000000 };

// to_wasix converts an address; EINVAL when len is too short for its family.
static wasi_errno to_wasix(const struct sockaddr *addr, socklen_t len, struct wasix_addr_port *to)
{
	static const socklen_t lens[] = {sizeof(sa_family_t), sizeof(struct sockaddr_in), sizeof(struct sockaddr_in6),
					 sizeof(sa_family_t)};
	*to = (struct wasix_addr_port){0};
	if (addr->sa_family > AF_UNIX)
		return EAFNOSUPPORT;
	if (len < lens[addr->sa_family])
		return EINVAL;
	to->tag = (uint8_t)addr->sa_family;
	const struct sockaddr_in *in = (const void *)addr;
	const struct sockaddr_in6 *in6 = (const void *)addr;
	switch (addr->sa_family) {
	case AF_INET:
		to->u.ip.port = ntohs(in->sin_port);
		memcpy(to->u.ip.octets, &in->sin_addr, 4);
		break;
	case AF_INET6:
		to->u.ip.port = ntohs(in6->sin6_port);
		memcpy(to->u.ip.octets, &in6->sin6_addr, 16);
		break;
	case AF_UNIX:
		memcpy(to->u.path, ((const struct sockaddr_un *)addr)->sun_path, len - sizeof(sa_family_t));
	}
	return 0;
}

// from_wasix copies an address out, cut to *len, and sets *len to its true size.
static void from_wasix(const struct wasix_addr_port *from, struct sockaddr *addr, socklen_t *len)
{
	union {
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	} a;
	memset(&a, 0, sizeof a);
	socklen_t n = sizeof(sa_family_t);
	if (!addr)
		return;
	a.in.sin_family = from->tag;
	switch (from->tag) {
	case AF_INET:
		a.in.sin_port = htons(from->u.ip.port);
		memcpy(&a.in.sin_addr, from->u.ip.octets, 4);
		n = sizeof a.in;
		break;
	case AF_INET6:
		a.in6.sin6_port = htons(from->u.ip.port);
		memcpy(&a.in6.sin6_addr, from->u.ip.octets, 16);
		n = sizeof a.in6;
		break;
	case AF_UNIX:
		memcpy(a.un.sun_path, from->u.path, sizeof a.un.sun_path);
		n += strlen(a.un.sun_path) + (a.un.sun_path[0] != 0);
	}
	memcpy(addr, &a, n < *len ? n : *len);
	*len = n;
}

static int set_nonblock(int fd, int type)
{
	return type & SOCK_NONBLOCK ? fcntl(fd, F_SETFL, O_NONBLOCK) : 0;
}

int socket(int family, int type, int proto)
{
	wasi_fd fd = 0;
	if (check(wasix_sock_open(family, type & 0xff, proto, &fd), 0))
		return -1;
	return set_nonblock(fd, type) ? -1 : (int)fd;
}

int socketpair(int family, int type, int proto, int fds[2])
{
	if (check(wasix_sock_pair(family, type & 0xff, proto, (wasi_fd *)&fds[0], (wasi_fd *)&fds[1]), 0))
		return -1;
	return set_nonblock(fds[0], type) || set_nonblock(fds[1], type) ? -1 : 0;
}

int bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct wasix_addr_port a;
	wasi_errno err = to_wasix(addr, len, &a);
	return check(err ? err : wasix_sock_bind(fd, &a), 0);
}

int listen(int fd, int backlog) { return check(wasix_sock_listen(fd, (size_t)backlog), 0); }

int accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	struct wasix_addr_port a = {0};
	wasi_fd conn = 0;
	if (check(wasix_sock_accept_v2(fd, flags & SOCK_NONBLOCK ? WASI_FDFLAGS_NONBLOCK : 0, &conn, &a), 0))
		return -1;
	from_wasix(&a, addr, len);
	return (int)conn;
}

int accept(int fd, struct sockaddr *addr, socklen_t *len) { return accept4(fd, addr, len, 0); }

int connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct wasix_addr_port a;
	wasi_errno err = to_wasix(addr, len, &a);
	return check(err ? err : wasix_sock_connect(fd, &a), 0);
}

static int name(wasi_errno (*get)(wasi_fd, struct wasix_addr_port *), int fd, struct sockaddr *addr, socklen_t *len)
{
	struct wasix_addr_port a = {0};
	if (check(get(fd, &a), 0))
		return -1;
	from_wasix(&a, addr, len);
	return 0;
}

int getsockname(int fd, struct sockaddr *addr, socklen_t *len) { return name(wasix_sock_addr_local, fd, addr, len); }

int getpeername(int fd, struct sockaddr *addr, socklen_t *len) { return name(wasix_sock_addr_peer, fd, addr, len); }

ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	const struct wasi_iovec *iov = (const struct wasi_iovec *)msg->msg_iov;
	struct wasix_addr_port from = {0};
	size_t n = 0;
	uint16_t ro = 0;
	wasi_errno err = msg->msg_name ? wasix_sock_recv_from(fd, iov, msg->msg_iovlen, flags, &n, &ro, &from)
				       : wasi_sock_recv(fd, iov, msg->msg_iovlen, flags, &n, &ro);
	if (check(err, 0))
		return -1;
	msg->msg_flags = ro & WASI_RO_TRUNCATED ? MSG_TRUNC : 0;
	msg->msg_controllen = 0;
	if (msg->msg_name)
		from_wasix(&from, msg->msg_name, &msg->msg_namelen);
	return (ssize_t)n;
}

ssize_t recvfrom(int fd, void *buf, size_t n, int flags, struct sockaddr *from, socklen_t *len)
{
	struct iovec iov = {buf, n};
	struct msghdr msg = {.msg_name = from, .msg_namelen = len ? *len : 0, .msg_iov = &iov, .msg_iovlen = 1};
	ssize_t got = recvmsg(fd, &msg, flags);
	if (len)
		*len = msg.msg_namelen;
	return got;
}

ssize_t recv(int fd, void *buf, size_t n, int flags) { return recvfrom(fd, buf, n, flags, NULL, NULL); }

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	const struct wasi_iovec *iov = (const struct wasi_iovec *)msg->msg_iov;
	uint32_t si = flags & MSG_DONTWAIT ? WASI_SI_DONTWAIT : 0;
	struct wasix_addr_port to;
	size_t n = 0;
	wasi_errno err;
	if (!msg->msg_name)
		err = wasi_sock_send(fd, iov, msg->msg_iovlen, si, &n);
	else if (!(err = to_wasix(msg->msg_name, msg->msg_namelen, &to)))
		err = wasix_sock_send_to(fd, iov, msg->msg_iovlen, si, &to, &n);
	return check(err, n);
}

ssize_t sendto(int fd, const void *buf, size_t n, int flags, const struct sockaddr *to, socklen_t len)
{
	struct iovec iov = {(void *)buf, n};
	struct msghdr msg = {.msg_name = (void *)to, .msg_namelen = len, .msg_iov = &iov, .msg_iovlen = 1};
	return sendmsg(fd, &msg, flags);
}

ssize_t send(int fd, const void *buf, size_t n, int flags) { return sendto(fd, buf, n, flags, NULL, 0); }

ssize_t sendfile(int out, int in, off_t *offset, size_t n)
{
	uint64_t sent = 0;
	if (check(wasix_sock_send_file(out, in, *offset, n, &sent), 0))
		return -1;
	*offset += sent;
	return (ssize_t)sent;
}

int shutdown(int fd, int how)
{
	static const uint8_t flags[] = {WASI_SHUT_RD, WASI_SHUT_WR, WASI_SHUT_RD | WASI_SHUT_WR};
	if ((unsigned)how > SHUT_RDWR)
		how = -1;
	return check(wasi_sock_shutdown(fd, how < 0 ? 0 : flags[how]), 0);
}

enum kind { FLAG, SIZE, TIME, LINGER };

static enum kind option_kind(int opt)
{
	switch (opt) {
	case SO_RCVTIMEO:
	case SO_SNDTIMEO:
		return TIME;
	case SO_LINGER:
		return LINGER;
	case SO_RCVBUF:
	case SO_SNDBUF:
	case SO_RCVLOWAT:
	case IP_TTL:
	case IP_MULTICAST_TTL:
	case SO_TYPE:
	case SO_PROTOCOL:
		return SIZE;
	}
	return FLAG;
}

// get_time reads LINGER and the timeouts.
static int get_time(int fd, int opt, void *value, socklen_t *len)
{
	struct wasix_option_time t = {0};
	if (check(wasix_sock_get_opt_time(fd, opt, &t), 0))
		return -1;
	wasi_time ns = t.tag ? t.some : 0;
	struct linger l = {t.tag, (int)(ns / SECOND)};
	struct timeval tv = {ns / SECOND, ns % SECOND / 1000};
	bool linger = opt == SO_LINGER;
	size_t n = linger ? sizeof l : sizeof tv;
	memcpy(value, linger ? (void *)&l : (void *)&tv, n < *len ? n : *len);
	*len = n;
	return 0;
}

int getsockopt(int fd, int level, int opt, void *value, socklen_t *len)
{
	(void)level;
	uint8_t flag = 0;
	uint64_t size = 0;
	wasi_errno err;
	switch (option_kind(opt)) {
	case TIME:
	case LINGER:
		return get_time(fd, opt, value, len);
	case SIZE:
		err = wasix_sock_get_opt_size(fd, opt, &size);
		break;
	default:
		err = wasix_sock_get_opt_flag(fd, opt, &flag);
		size = flag;
	}
	if (check(err, 0))
		return -1;
	int v = (int)size;
	memcpy(value, &v, *len < sizeof v ? *len : sizeof v);
	*len = sizeof v;
	return 0;
}

int setsockopt(int fd, int level, int opt, const void *value, socklen_t len)
{
	(void)level;
	const struct linger *l = value;
	const struct timeval *tv = value;
	struct wasix_option_time t = {0};
	enum kind kind = option_kind(opt);
	if (len < (kind == TIME ? sizeof *tv : kind == LINGER ? sizeof *l : sizeof(int)))
		return check(EINVAL, 0);
	switch (kind) {
	case TIME:
		t.some = (wasi_time)tv->tv_sec * SECOND + (wasi_time)tv->tv_usec * 1000;
		t.tag = t.some != 0;
		return check(wasix_sock_set_opt_time(fd, opt, &t), 0);
	case LINGER:
		t.some = (wasi_time)l->l_linger * SECOND;
		t.tag = l->l_onoff != 0;
		return check(wasix_sock_set_opt_time(fd, opt, &t), 0);
	case SIZE:
		return check(wasix_sock_set_opt_size(fd, opt, *(const unsigned *)value), 0);
	default:
		return check(wasix_sock_set_opt_flag(fd, opt, *(const int *)value != 0), 0);
	}
}
