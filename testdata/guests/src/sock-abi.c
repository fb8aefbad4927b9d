// The socket calls as they are imported: results where they belong and no byte
// further, bad pointers that take nothing away, unknown flags, rights. One line
// per case, the same on every run.
#include "guest.h"
#include "wasix.h"

static char *const beyond = (char *)0xfffffff0u;

static void result(const char *name, wasi_errno err) { say("%s: %s\n", name, errname(err)); }

static void truth(const char *name, bool v) { say("%s: %s\n", name, v ? "yes" : "no"); }

static wasi_fd opened(uint32_t family, uint32_t type)
{
	wasi_fd fd = 0;
	wasi_errno err = wasix_sock_open(family, type, 0, &fd);
	if (err) {
		errno = err;
		die("sock_open");
	}
	return fd;
}

static struct wasix_addr_port loopback(uint16_t port)
{
	struct wasix_addr_port a = {.tag = WASIX_AF_INET4};
	a.u.ip.port = port;
	a.u.ip.octets[0] = 127;
	a.u.ip.octets[3] = 1;
	return a;
}

static struct wasix_addr_port local(wasi_fd fd)
{
	struct wasix_addr_port a;
	memset(&a, 0, sizeof a);
	wasix_sock_addr_local(fd, &a);
	return a;
}

static wasi_fd listener(void)
{
	wasi_fd fd = opened(WASIX_AF_INET4, WASIX_SOCK_STREAM);
	struct wasix_addr_port a = loopback(0);
	if (wasix_sock_bind(fd, &a) || wasix_sock_listen(fd, 8))
		die("listen");
	return fd;
}

static wasi_fd client(wasi_fd l)
{
	wasi_fd fd = opened(WASIX_AF_INET4, WASIX_SOCK_STREAM);
	struct wasix_addr_port a = local(l);
	if (wasix_sock_connect(fd, &a))
		die("connect");
	return fd;
}

static void pair(wasi_fd *a, wasi_fd *b)
{
	struct wasix_addr_port addr;
	wasi_fd l = listener();
	*a = client(l);
	if (wasix_sock_accept_v2(l, 0, b, &addr))
		die("accept");
	wasi_fd_close(l);
}

// written returns how many bytes from the start of p are not 0xaa any more,
// provided that the rest still is.
static int written(const void *p, size_t n)
{
	const uint8_t *b = p;
	while (n && b[n - 1] == 0xaa)
		n--;
	return (int)n;
}

static void drop_right(wasi_fd fd, uint64_t right)
{
	struct wasi_fdstat st;
	wasi_fd_fdstat_get(fd, &st);
	result("right.drop", wasi_fd_fdstat_set_rights(fd, st.rights & ~right, st.inheriting));
}

static void rights(void)
{
	struct wasix_addr_port a = loopback(0);
	struct wasi_fdstat st;
	wasi_fd conn, fd = opened(WASIX_AF_INET4, WASIX_SOCK_STREAM);
	result("right.fdstat", wasi_fd_fdstat_get(fd, &st));
	truth("right.listen is there", st.rights & WASI_RIGHT_SOCK_LISTEN);
	say("right.filetype stream: %d\n", st.filetype == WASI_FILETYPE_SOCKET_STREAM);
	drop_right(fd, WASI_RIGHT_SOCK_BIND);
	result("right.bind without", wasix_sock_bind(fd, &a));
	drop_right(fd, WASI_RIGHT_SOCK_LISTEN);
	result("right.listen without", wasix_sock_listen(fd, 1));
	a = local(fd);
	say("right.listen without leaves it unbound: %d\n", a.u.ip.port);
	result("right.regain", wasi_fd_fdstat_set_rights(fd, st.rights, st.inheriting));
	wasi_fd_close(fd);
	fd = listener();
	drop_right(fd, WASI_RIGHT_SOCK_ACCEPT);
	result("right.accept without", wasix_sock_accept_v2(fd, 0, &conn, &a));
	wasi_fd_close(fd);
	fd = opened(WASIX_AF_INET4, 0);
	wasi_fd_fdstat_get(fd, &st);
	say("right.filetype of the old number for dgram: %d\n", st.filetype == WASI_FILETYPE_SOCKET_DGRAM);
	wasi_fd_close(fd);
}

static void opening(void)
{
	wasi_fd first = opened(WASIX_AF_INET4, WASIX_SOCK_STREAM), again;
	wasi_fd_close(first);
	result("open.result outside", wasix_sock_open(WASIX_AF_INET4, WASIX_SOCK_STREAM, 0, (wasi_fd *)beyond + 3));
	result("open.pair outside", wasix_sock_pair(WASIX_AF_UNIX, WASIX_SOCK_STREAM, 0, &again, (wasi_fd *)beyond + 3));
	again = opened(WASIX_AF_INET4, WASIX_SOCK_STREAM);
	truth("open.nothing was leaked", again == first);
	wasi_fd_close(again);
}

static void accepting(void)
{
	struct wasix_addr_port a;
	wasi_fd conn = 77, l = listener(), c = client(l);
	result("accept.fd outside", wasix_sock_accept_v2(l, 0, (wasi_fd *)beyond + 3, &a));
	result("accept.address outside", wasix_sock_accept_v2(l, 0, &conn, (void *)(beyond + 12)));
	result("accept.unknown flag", wasix_sock_accept_v2(l, 0x100, &conn, &a));
	say("accept.fd untouched: %d\n", conn);
	memset(&a, 0xaa, sizeof a);
	result("accept.the connection is still there", wasix_sock_accept_v2(l, 0, &conn, &a));
	say("accept.address bytes: %d\n", written(&a, sizeof a));
	truth("accept.address is the client's", a.tag == WASIX_AF_INET4 && a.u.ip.port == local(c).u.ip.port && a.u.ip.octets[0] == 127);
	wasi_fd_close(conn);
	wasi_fd_close(c);
	c = client(l);
	memset(&a, 0xaa, sizeof a);
	result("accept.old form", wasix_sock_accept(l, 0, &conn, &a));
	say("accept.old form address bytes: %d\n", written(&a, sizeof a));
	wasi_fd_close(conn);
	wasi_fd_close(c);
	c = client(l);
	result("accept.preview1", wasi_sock_accept(l, 4, &conn));
	struct wasi_fdstat st;
	wasi_fd_fdstat_get(conn, &st);
	truth("accept.preview1 nonblocking", st.flags & WASI_FDFLAGS_NONBLOCK);
	wasi_fd_close(conn);
	wasi_fd_close(c);
	wasi_fd_close(l);
}

static void addresses(void)
{
	union {
		uint8_t bytes[128];
		struct wasix_addr_port a;
	} u;
	struct wasix_addr_port a = loopback(0);
	wasi_fd fd = opened(WASIX_AF_INET4, WASIX_SOCK_STREAM), fd6 = opened(WASIX_AF_INET6, WASIX_SOCK_STREAM);
	a.tag = 9;
	result("address.unknown family", wasix_sock_bind(fd, &a));
	result("address.outside", wasix_sock_bind(fd, (void *)beyond));
	a = loopback(0);
	result("address.bind", wasix_sock_bind(fd, &a));
	memset(&u, 0xaa, sizeof u);
	result("address.local", wasix_sock_addr_local(fd, &u.a));
	say("address.local bytes: %d\n", written(&u, sizeof u));
	truth("address.port", u.a.u.ip.port != 0);
	memset(&u, 0xaa, sizeof u);
	result("address.local at an odd place", wasix_sock_addr_local(fd, (void *)(u.bytes + 1)));
	say("address.local at an odd place bytes: %d\n", written(&u, sizeof u));
	memset(&u, 0xaa, sizeof u);
	result("address.local inet6", wasix_sock_addr_local(fd6, &u.a));
	say("address.local inet6 bytes: %d\n", written(&u, sizeof u));
	result("address.local outside", wasix_sock_addr_local(fd, (void *)(beyond + 12)));
	result("address.peer outside", wasix_sock_addr_peer(fd, (void *)(beyond + 12)));
	wasi_fd_close(fd);
	wasi_fd_close(fd6);
}

static void receiving(void)
{
	wasi_fd a, b;
	char buf[8];
	size_t n = 0;
	struct {
		uint16_t before, flags, after;
	} ro = {0xaaaa, 0xaaaa, 0xaaaa};
	struct wasi_iovec iov = {"hello", 5}, bad = {beyond, 32}, in = {buf, 8}, two[2] = {{buf, 2}, {beyond, 32}};
	pair(&a, &b);
	result("send.unknown flag", wasi_sock_send(a, &iov, 1, 0x10, &n));
	result("send.iovec outside", wasi_sock_send(a, &bad, 1, 0, &n));
	result("send.iovecs outside", wasi_sock_send(a, (void *)beyond, 4, 0, &n));
	wasi_errno err = wasi_sock_send(a, &iov, 1u << 29, 0, &n);
	result("send.iovecs that overflow", err == EINVAL ? EFAULT : err);
	result("send.result outside", wasi_sock_send(a, &iov, 1, 0, (size_t *)beyond + 3));
	result("send.good", wasi_sock_send(a, &iov, 1, 0, &n));
	result("recv.unknown flag", wasi_sock_recv(b, &in, 1, 0x8000, &n, &ro.flags));
	result("recv.iovec outside", wasi_sock_recv(b, &bad, 1, 0, &n, &ro.flags));
	result("recv.second iovec outside", wasi_sock_recv(b, two, 2, 0, &n, &ro.flags));
	result("recv.length outside", wasi_sock_recv(b, &in, 1, 0, (size_t *)beyond + 3, &ro.flags));
	result("recv.flags outside", wasi_sock_recv(b, &in, 1, 0, &n, (uint16_t *)(beyond + 15)));
	result("recv.good", wasi_sock_recv(b, &in, 1, 0, &n, &ro.flags));
	say("recv.nothing was lost: %d\n", (int)n);
	say("recv.flags are 16 bits wide: %x %x %x\n", ro.before, ro.flags, ro.after);
	result("shutdown.no direction", wasi_sock_shutdown(a, 0));
	result("shutdown.unknown direction", wasi_sock_shutdown(a, 4));
	wasi_fd_close(a);
	wasi_fd_close(b);
}

static void datagrams(void)
{
	char buf[8];
	size_t n = 99;
	uint16_t ro = 0;
	struct wasix_addr_port from, addr = loopback(0);
	struct wasi_iovec out[2] = {{"abc", 3}, {"def", 3}}, in = {buf, 4}, none = {buf, 0}, bad = {beyond, 32};
	wasi_fd a = opened(WASIX_AF_INET4, WASIX_SOCK_DGRAM), b = opened(WASIX_AF_INET4, WASIX_SOCK_DGRAM);
	wasix_sock_bind(a, &addr);
	addr = local(a);
	result("dgram.send", wasix_sock_send_to(b, out, 2, 0, &addr, &n));
	say("dgram.sent: %d\n", (int)n);
	result("dgram.send to outside", wasix_sock_send_to(b, out, 2, 0, (void *)beyond, &n));
	result("dgram.recv outside", wasix_sock_recv_from(a, &bad, 1, 0, &n, &ro, &from));
	result("dgram.from outside", wasix_sock_recv_from(a, &in, 1, 0, &n, &ro, (void *)(beyond + 12)));
	memset(&from, 0xaa, sizeof from);
	result("dgram.recv", wasix_sock_recv_from(a, &in, 1, 0, &n, &ro, &from));
	say("dgram.received: %d, flags %d, address bytes %d\n", (int)n, ro, written(&from, sizeof from));
	truth("dgram.from", from.u.ip.port == local(b).u.ip.port);
	result("dgram.send nothing", wasix_sock_send_to(b, &none, 1, 0, &addr, &n));
	result("dgram.send no iovecs", wasix_sock_send_to(b, NULL, 0, 0, &addr, &n));
	result("dgram.recv nothing", wasix_sock_recv_from(a, &in, 1, 0, &n, &ro, &from));
	say("dgram.received nothing: %d\n", (int)n);
	result("dgram.recv no iovecs", wasix_sock_recv_from(a, NULL, 0, 0, &n, &ro, &from));
	result("dgram.recv empty queue", wasix_sock_recv_from(a, &in, 1, WASI_RI_DONTWAIT, &n, &ro, &from));
	wasi_fd_close(a);
	wasi_fd_close(b);
}

static void options(void)
{
	uint8_t flags[4];
	uint64_t size = 0;
	struct wasix_option_time t = {0, 0}, some = {1, 250000000};
	wasi_fd fd = opened(WASIX_AF_INET4, WASIX_SOCK_STREAM);
	memset(flags, 0xaa, sizeof flags);
	result("option.flag", wasix_sock_get_opt_flag(fd, WASIX_OPT_KEEP_ALIVE, flags));
	say("option.flag bytes: %d\n", written(flags, sizeof flags));
	result("option.flag as size", wasix_sock_get_opt_size(fd, WASIX_OPT_KEEP_ALIVE, &size));
	result("option.size as flag", wasix_sock_get_opt_flag(fd, WASIX_OPT_RECV_BUF_SIZE, flags));
	result("option.time as flag", wasix_sock_set_opt_flag(fd, WASIX_OPT_LINGER, 1));
	result("option.unknown", wasix_sock_get_opt_flag(fd, 99, flags));
	result("option.noop", wasix_sock_get_opt_flag(fd, 0, flags));
	result("option.flag outside", wasix_sock_get_opt_flag(fd, WASIX_OPT_KEEP_ALIVE, (uint8_t *)beyond));
	result("option.time outside", wasix_sock_set_opt_time(fd, WASIX_OPT_LINGER, (void *)beyond));
	static const struct {
		const char *name;
		uint32_t opt;
	} times[] = {{"recv", WASIX_OPT_RECV_TIMEOUT}, {"send", WASIX_OPT_SEND_TIMEOUT}, {"connect", WASIX_OPT_CONNECT_TIMEOUT}, {"accept", WASIX_OPT_ACCEPT_TIMEOUT}};
	for (int i = 0; i < 4; i++) {
		wasix_sock_get_opt_time(fd, times[i].opt, &t);
		say("option.%s timeout: before %d", times[i].name, t.tag);
		say(", set %s", errname(wasix_sock_set_opt_time(fd, times[i].opt, &some)));
		say(", get %s", errname(wasix_sock_get_opt_time(fd, times[i].opt, &t)));
		say(" %d %d", t.tag, (int)t.some);
		some.tag = 0;
		wasix_sock_set_opt_time(fd, times[i].opt, &some);
		wasix_sock_get_opt_time(fd, times[i].opt, &t);
		say(", cleared %d\n", t.tag);
		some.tag = 1;
	}
	wasi_fd_close(fd);
	wasi_fd l = listener(), conn;
	struct wasix_addr_port a;
	some.some = 20000000;
	wasix_sock_set_opt_time(l, WASIX_OPT_ACCEPT_TIMEOUT, &some);
	result("option.accept timeout passes", wasix_sock_accept_v2(l, 0, &conn, &a));
	wasi_fd_close(l);
}

static void status(void)
{
	uint8_t s = 9;
	wasi_fd a, b, l = listener();
	wasix_sock_status(l, &s);
	say("status.listener: %d\n", s);
	wasi_fd_close(l);
	pair(&a, &b);
	wasix_sock_status(a, &s);
	say("status.connected: %d\n", s);
	wasi_fd_close(b);
	result("status.outside", wasix_sock_status(a, (uint8_t *)beyond));
	result("status.closed", wasix_sock_status(b, &s));
	result("status.stdout", wasix_sock_status(1, &s));
	wasi_fd_close(a);
}

static void names(void)
{
	struct wasix_addr_ip addrs[4];
	size_t n = 0;
	memset(addrs, 0xaa, sizeof addrs);
	result("resolve.number", wasix_resolve("127.0.0.1", 9, 80, addrs, 4, &n));
	say("resolve.number: %d, tag %d, %d.%d.%d.%d, bytes %d\n", (int)n, addrs[0].tag, addrs[0].octets[0], addrs[0].octets[1],
	    addrs[0].octets[2], addrs[0].octets[3], written(addrs, sizeof addrs));
	result("resolve.number inet6", wasix_resolve("::1", 3, 0, addrs, 4, &n));
	say("resolve.number inet6: %d, tag %d, last %d\n", (int)n, addrs[0].tag, addrs[0].octets[15]);
	result("resolve.localhost", wasix_resolve("localhost", 9, 0, addrs, 4, &n));
	truth("resolve.localhost has an address", n > 0);
	result("resolve.no room", wasix_resolve("127.0.0.1", 9, 0, addrs, 0, &n));
	result("resolve.outside", wasix_resolve("127.0.0.1", 9, 0, (void *)beyond, 4, &n));
	result("resolve.name outside", wasix_resolve(beyond, 90, 0, addrs, 4, &n));
	result("resolve.empty", wasix_resolve("", 0, 0, addrs, 4, &n));
}

static void backlog(void)
{
	wasi_fd fd = opened(WASIX_AF_INET4, WASIX_SOCK_STREAM);
	struct wasix_addr_port a = loopback(0);
	wasix_sock_bind(fd, &a);
	result("listen.backlog -1", wasix_sock_listen(fd, 0xffffffff));
	result("listen.backlog 2^31", wasix_sock_listen(fd, 0x80000000));
	result("listen.fd -1", wasix_sock_listen(0xffffffff, 1));
	result("listen.stdin", wasix_sock_listen(0, 1));
	wasi_fd to = opened(WASIX_AF_INET4, WASIX_SOCK_STREAM);
	result("renumber.listener", wasi_fd_renumber(fd, to));
	result("renumber.listens", wasix_sock_listen(to, 1));
	result("renumber.far away", wasi_fd_renumber(to, 0xfffffff0));
	result("renumber.onto a preopened directory", wasi_fd_renumber(to, 3));
	wasi_fd_close(to);
	wasi_fd_close(fd);
}

int main(int argc, char **argv)
{
	(void)argc, (void)argv;
	rights();
	opening();
	accepting();
	addresses();
	receiving();
	datagrams();
	options();
	status();
	names();
	backlog();
	return 0;
}
