// What guests print with, on WASIX and natively alike.
#ifndef GUEST_H
#define GUEST_H

#include "posix.h"

// say writes a line, or a part of one, to standard output with one write. The
// verbs are %s %c %d %u %x %%, and %lld and %llu; a number may have a width with
// leading zeros (%02x). Output beyond 512 bytes is cut off.
__attribute__((format(printf, 1, 2))) void say(const char *format, ...);

// complain is say to standard error.
__attribute__((format(printf, 1, 2))) void complain(const char *format, ...);

// format is say into a buffer; it returns the length without the NUL.
__attribute__((format(printf, 3, 4))) size_t format(char *buf, size_t n, const char *format, ...);

// errname returns the name of an errno, "OK" for 0.
const char *errname(int err);

// die prints what failed with errno's name and exits with 1.
_Noreturn void die(const char *what);

// write_all writes n bytes to a blocking descriptor; false when that fails.
bool write_all(int fd, const void *buf, size_t n);

// say_end waits for a child and says how it ended, after what.
void say_end(const char *what, pid_t pid);

// An address of either family.
union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

// parse_address reads "1.2.3.4", "::1" or "::" with a port; false if it is neither.
bool parse_address(const char *text, int port, union address *addr, socklen_t *len);

// port_of returns an address's port in the machine's order.
int port_of(const union address *addr);

// print_address writes "1.2.3.4:5" or "[::1]:5" to buf, which has room for 64.
const char *print_address(const union address *addr, char *buf);

// listen_on opens a socket of type for the arguments [addr] port, listens if it
// is a stream, and prints "listening on PORT". It exits on errors.
int listen_on(int argc, char **argv, int type, int flags);

// dial connects a TCP socket to a host by its name, to the first of its
// addresses that answers. With SOCK_NONBLOCK as flags it does not wait, and takes
// the first address. It returns the descriptor, or -1 with errno set; ENOENT when
// there is no such host.
int dial(const char *host, const char *port, int flags);

#endif
