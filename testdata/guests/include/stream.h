// Connected descriptors for probes, and bringing them into a state. What fails ends
// the probe.
#ifndef STREAM_H
#define STREAM_H

#include "guest.h"

void nonblocking(int fd);

// fill makes fd non-blocking and writes until nothing fits.
void fill(int fd);

// fill_connection is fill until nothing has fitted for a while: the kernel goes on
// moving data to the other end.
void fill_connection(int fd);

// drain makes fd non-blocking and reads until nothing is there.
void drain(int fd);

// listener listens on a port of the loopback address, which it stores.
int listener(union address *a);

// connected makes a connection over TCP: fds[0] is the end that connected.
void connected(int fds[2]);

// shut_for_writing shuts fds[0] of such a connection down for writing, and returns
// when both ends know: a byte that comes back confirms what the peer was told.
void shut_for_writing(int fds[2]);

#endif
