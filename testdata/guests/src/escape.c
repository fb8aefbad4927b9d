// Tries to get out of a network that a policy guards, in the ways that programs
// have: by other descriptors of a socket, options, other forms of an address, other
// kinds of sockets, names, and children, which try all of it again. Each line says
// what an attempt is answered; those that got through say OK.
//
// Arguments: FORBIDDEN GRANTED DATAGRAM PATH ABSTRACT OUTSIDE
//
// On 127.0.0.1, the TCP port FORBIDDEN may not be connected to and DATAGRAM may not
// be sent to, but GRANTED may, where a server names an address that is not granted
// and its port. PATH is a Unix socket of the host that the guest sees as a file, with
// a symbolic link beside it, PATH.link, to OUTSIDE, a socket where the guest sees
// nothing; both have another of datagrams beside them, PATH.datagrams. ABSTRACT is the
// abstract name of one, ABSTRACT.datagrams that of another. Children by exec and spawn
// get a socket's descriptor and their name as further arguments.
#include "spawns.h"

static const char *who = "parent", *granted, *path, *abstract, *outside;
static int forbidden, datagram;

static void tell(const char *what, long result)
{
	say("%s: %s: %s\n", who, what, errname(result < 0 ? errno : 0));
}

static int open_socket(int family, int type)
{
	int fd = socket(family, type, 0);
	if (fd < 0)
		die("socket");
	return fd;
}

static struct sockaddr_in ip4(uint32_t ip, int port)
{
	return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(ip)}};
}

static int connect4(int fd, uint32_t ip, int port)
{
	struct sockaddr_in to = ip4(ip, port);
	return connect(fd, (void *)&to, sizeof to);
}

static long send4(int fd, int port)
{
	struct sockaddr_in to = ip4(INADDR_LOOPBACK, port);
	return sendto(fd, "x", 1, 0, (void *)&to, sizeof to);
}

static int dissolve(int fd)
{
	struct sockaddr none = {.sa_family = AF_UNSPEC};
	return connect(fd, &none, sizeof none);
}

// descriptors tries a socket by all its numbers.
static void descriptors(int fd)
{
	struct sockaddr_in at = ip4(INADDR_ANY, forbidden);
	tell("connect", connect4(fd, INADDR_LOOPBACK, forbidden));
	tell("connect by a duplicate", connect4(dup(fd), INADDR_LOOPBACK, forbidden));
	tell("connect by another number", connect4(dup2(fd, 40), INADDR_LOOPBACK, forbidden));
	tell("connect to the wildcard", connect4(40, INADDR_ANY, forbidden));
	tell("connect to another loopback address", connect4(40, 0x7f0a0b0c, forbidden));
	tell("bind by another number", bind(40, (void *)&at, sizeof at));
	tell("listen by another number", listen(40, 1));
	close(40);
}

static void options(void)
{
	static const struct {
		const char *name;
		int level, opt;
	} list[] = {{"SO_REUSEADDR", SOL_SOCKET, SO_REUSEADDR}, {"SO_REUSEPORT", SOL_SOCKET, SO_REUSEPORT},
		    {"SO_DONTROUTE", SOL_SOCKET, SO_DONTROUTE}, {"SO_BROADCAST", SOL_SOCKET, SO_BROADCAST}};
	int fd = open_socket(AF_INET, SOCK_STREAM), on = 1;
	for (size_t i = 0; i < sizeof list / sizeof *list; i++)
		if (setsockopt(fd, list[i].level, list[i].opt, &on, sizeof on))
			die(list[i].name);
	struct sockaddr_in at = ip4(INADDR_LOOPBACK, forbidden);
	tell("connect with options", connect4(fd, INADDR_LOOPBACK, forbidden));
	tell("bind with options", bind(fd, (void *)&at, sizeof at));
	close(fd);
}

// connected tries what a socket that has a peer may do beside.
static void connected(void)
{
	int fd = open_socket(AF_INET, SOCK_DGRAM), server = atoi(granted);
	tell("a peer that is granted", connect4(fd, INADDR_LOOPBACK, server));
	tell("send to another", send4(fd, datagram));
	tell("connect to another", connect4(fd, INADDR_LOOPBACK, datagram));
	tell("dissolve", dissolve(fd));
	tell("send after it", send4(fd, datagram));
	tell("connect after it", connect4(fd, INADDR_LOOPBACK, datagram));
	struct iovec iov = {"x", 1};
	struct sockaddr_in to = ip4(INADDR_LOOPBACK, datagram);
	struct msghdr msg = {.msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &iov, .msg_iovlen = 1};
	tell("sendmsg after it", sendmsg(fd, &msg, 0));
	close(fd);
	fd = open_socket(AF_INET, SOCK_STREAM);
	tell("a stream to a server that is granted", connect4(fd, INADDR_LOOPBACK, server));
	dissolve(fd);
	tell("connect after it", connect4(fd, INADDR_LOOPBACK, forbidden));
	close(fd);
}

// forms tries IPv6 addresses that lead to 127.0.0.1.
static void forms(void)
{
	static const struct {
		const char *name;
		uint8_t octets[16];
	} list[] = {
		{"mapped", {[10] = 0xff, 0xff, 127, 0, 0, 1}},
		{"NAT64", {0, 0x64, 0xff, 0x9b, [12] = 127, 0, 0, 1}},
		{"local NAT64", {0, 0x64, 0xff, 0x9b, 0, 1, [12] = 127, 0, 0, 1}},
		{"translated", {[8] = 0xff, 0xff, [12] = 127, 0, 0, 1}},
		{"compatible", {[12] = 127, 0, 0, 1}},
		{"6to4", {0x20, 0x02, 127, 0, 0, 1}},
		{"wildcard", {0}},
		{"loopback", {[15] = 1}},
	};
	for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
		int fd = socket(AF_INET6, SOCK_STREAM, 0), off = 0;
		struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)forbidden)};
		memcpy(&to.sin6_addr, list[i].octets, 16);
		if (fd >= 0 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off))
			die("IPV6_V6ONLY");
		tell(list[i].name, fd < 0 ? fd : connect(fd, (void *)&to, sizeof to));
		close(fd);
	}
}

// kinds tries sockets that are no streams or datagrams of IP.
static void kinds(void)
{
	static const struct {
		const char *name;
		int family, type, proto;
	} list[] = {{"raw TCP", AF_INET, SOCK_RAW, 6}, {"raw ICMP", AF_INET, SOCK_RAW, 1},
		    {"raw IP", AF_INET, SOCK_RAW, 255}, {"raw ICMPv6", AF_INET6, SOCK_RAW, 58},
		    {"packets", 17, SOCK_RAW, 0x300}, {"packets without headers", 17, SOCK_DGRAM, 0x300},
		    {"netlink", 16, SOCK_RAW, 0}, {"vsock", 40, SOCK_STREAM, 0}};
	for (size_t i = 0; i < sizeof list / sizeof *list; i++)
		tell(list[i].name, socket(list[i].family, list[i].type, list[i].proto));
}

// unix_address makes an address of two parts of a name, and returns its length.
static socklen_t unix_address(struct sockaddr_un *addr, const char *name, const char *more, bool is_abstract)
{
	char *to = addr->sun_path + is_abstract;
	memset(addr, 0, sizeof *addr);
	addr->sun_family = AF_UNIX;
	to += format(to, sizeof addr->sun_path - 1, "%s%s", name, more);
	return (socklen_t)(to - (char *)addr);
}

// unix_socket goes for a socket of the host, and has the same name for its own.
static void unix_socket(const char *what, const char *name, bool is_abstract)
{
	struct sockaddr_un to, datagrams;
	socklen_t len = unix_address(&to, name, "", is_abstract);
	socklen_t datagrams_len = unix_address(&datagrams, name, ".datagrams", is_abstract);
	int fd = open_socket(AF_UNIX, SOCK_STREAM), packets = open_socket(AF_UNIX, SOCK_DGRAM);
	say("%s: Unix socket %s\n", who, what);
	tell("connect", connect(fd, (void *)&to, len));
	tell("connect for datagrams", connect(packets, (void *)&datagrams, datagrams_len));
	tell("send", sendto(packets, "x", 1, 0, (void *)&datagrams, datagrams_len));
	tell("bind", bind(packets, (void *)&datagrams, datagrams_len));
	tell("send to itself", sendto(packets, "x", 1, 0, (void *)&datagrams, datagrams_len));
	close(fd);
	close(packets);
}

static void unix_sockets(void)
{
	char link[100], up[100];
	format(link, sizeof link, "%s.link", path);
	format(up, sizeof up, "/host/../..%s", outside);
	unix_socket("by path", path, false);
	unix_socket("by a path that leads nowhere", outside, false);
	unix_socket("by a way up", up, false);
	unix_socket("by a symbolic link", link, false);
	unix_socket("by abstract name", abstract, true);
	tell("open the socket's file", open(path, O_RDWR));
	tell("open through the link", open(link, O_RDWR));
}

// names tries to get an address that is not granted by a name.
static void names(void)
{
	static const char *const list[] = {"2130706433", "0x7f000001", "017700000001", "127.1", "0x7f.1", "metadata.test",
					   "loopback.test", "localhost"};
	char port[16];
	format(port, sizeof port, "%d", forbidden);
	for (size_t i = 0; i < sizeof list / sizeof *list; i++)
		tell(list[i], dial(list[i], port, 0));
	struct addrinfo *found = NULL;
	tell("a name that is granted", getaddrinfo("rebind.test", port, NULL, &found) ? -1 : 0);
	freeaddrinfo(found);
	tell("where the name leads then", dial("rebind.test", port, 0));
}

// redirect asks the server that is granted for where to go, and goes there.
static void redirect(void)
{
	char to[64] = "";
	union address addr;
	socklen_t len;
	int fd = dial("127.0.0.1", granted, 0);
	for (ssize_t n = 0, got; (got = recv(fd, to + n, sizeof to - 1 - (size_t)n, 0)) > 0;)
		n += got;
	close(fd);
	if (!parse_address(to, 80, &addr, &len))
		die(to);
	fd = open_socket(AF_INET, SOCK_STREAM);
	tell(to, connect(fd, &addr.any, len));
	close(fd);
}

static void attempts(int fd)
{
	descriptors(fd);
	options();
	connected();
	forms();
	kinds();
	unix_sockets();
	names();
	redirect();
}

static void wait_for(pid_t pid)
{
	int status = 0;
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		die("a child");
}

int main(int argc, char **argv)
{
	if (argc < 7)
		return 2;
	forbidden = atoi(argv[1]), granted = argv[2], datagram = atoi(argv[3]);
	path = argv[4], abstract = argv[5], outside = argv[6];
	if (argc > 8) {
		who = argv[8];
		attempts(atoi(argv[7]));
		return 0;
	}
	int fd = open_socket(AF_INET, SOCK_STREAM);
	attempts(fd);
	pid_t pid = fork();
	if (pid == 0) {
		who = "fork";
		attempts(fd);
		_exit(0);
	}
	wait_for(pid);
	char number[16];
	format(number, sizeof number, "%d", fd);
	char *args[] = {argv[0], argv[1], argv[2], argv[3], argv[4], argv[5], argv[6], number, "exec", NULL};
	if ((pid = fork()) == 0) {
		execv(argv[0], args);
		die("exec");
	}
	wait_for(pid);
	args[8] = "spawn";
	if (posix_spawn(&pid, argv[0], NULL, NULL, args, environ))
		die("spawn");
	wait_for(pid);
	return 0;
}
