// What the groups of cases share. Every case prints one line, "group.case: result";
// nothing printed may depend on chance, such as a port.
#ifndef PROBE_H
#define PROBE_H

#include "guest.h"

// check prints "name: OK", or the errno if rc is negative, and returns rc.
int check(const char *name, ssize_t rc);

// value prints "name: v", or the errno if v is negative.
void value(const char *name, long long v);

// truth prints "name: yes" or "name: no".
void truth(const char *name, bool v);

// loopback fills in 127.0.0.1 and port, loopback6 ::1 and port.
void loopback(union address *a, int port);
void loopback6(union address *a, int port);
socklen_t size_of(const union address *a);

// local and peer return the addresses of a socket, zero if it has none.
union address local(int fd);
union address peer(int fd);
bool same_address(union address a, union address b);

// The following exit when they fail: they make what a case needs.
int make(int family, int type);          // a socket
int make_bound(int type);                // one bound to 127.0.0.1 and a free port
int make_listener(int backlog);          // a bound listener
int make_client(int listener);           // a connection to it
int make_connecting(int *listener, int *filler); // one that stays connecting
struct pair {
	int a, b; // a connected, b was accepted
};
struct pair make_pair(void);
void make_nonblocking(int fd);

// bind_to, connect_to are bind and connect without the length.
int bind_to(int fd, union address a);
int connect_to(int fd, union address a);

// wait_for polls fd for events, 5 seconds at most, and returns what came.
int wait_for(int fd, int events);

// settle gives the other end's answer time to arrive where nothing can be polled.
void settle(void);

// error_of returns SO_ERROR, -1 when it cannot be read; flag any int option.
int error_of(int fd);
int option(int fd, int level, int opt);
int set_option(int fd, int level, int opt, int v);

// close_with_reset closes fd so that the peer gets a reset.
void close_with_reset(int fd);

void open_cases(void);
void bind_cases(void);
void listen_cases(void);
void accept_cases(void);
void connect_cases(void);
void transfer_cases(void);
void datagram_cases(void);
void shutdown_cases(void);
void option_cases(void);
void descriptor_cases(void);
void unix_cases(void);

#endif
