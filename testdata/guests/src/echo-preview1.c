// An echo server for hosts that know preview1 only: it accepts on descriptor 3,
// which the host has opened, and serves one connection at a time. For comparison
// with the sockets that other hosts have.
#include "wasix.h"

static char buf[16384];

static void serve(wasi_fd fd)
{
	for (;;) {
		struct wasi_iovec iov = {buf, sizeof buf};
		size_t n = 0;
		uint16_t flags;
		if (wasi_sock_recv(fd, &iov, 1, 0, &n, &flags) || n == 0)
			return;
		for (iov.len = n; iov.len > 0;) {
			size_t sent = 0;
			if (wasi_sock_send(fd, &iov, 1, 0, &sent))
				return;
			iov.base = (char *)iov.base + sent;
			iov.len -= sent;
		}
	}
}

__attribute__((export_name("_start"))) void _start(void)
{
	wasi_fd fd;
	while (!wasi_sock_accept(3, 0, &fd)) {
		serve(fd);
		wasi_fd_close(fd);
	}
	wasi_proc_exit(1);
}
