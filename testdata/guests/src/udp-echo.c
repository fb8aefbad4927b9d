// Sends every datagram back to where it came from. Arguments: [addr] port.
#include "guest.h"

int main(int argc, char **argv)
{
	static char buf[65536];
	int fd = listen_on(argc, argv, SOCK_DGRAM, 0);
	for (;;) {
		union address from;
		socklen_t len = sizeof from;
		ssize_t n = recvfrom(fd, buf, sizeof buf, 0, &from.any, &len);
		// Errors of earlier answers, and interruptions, are not ours to end for.
		if (n < 0 && errno != EINTR && errno != ECONNREFUSED)
			die("recvfrom");
		if (n >= 0)
			sendto(fd, buf, (size_t)n, MSG_NOSIGNAL, &from.any, len);
	}
}
