// A blocking echo server with one thread per connection.
// Arguments: [addr] port. Where threads are impossible it serves one connection
// at a time.
#include "guest.h"

static void serve(int fd)
{
	char buf[16384];
	for (;;) {
		ssize_t n = recv(fd, buf, sizeof buf, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		for (ssize_t sent = 0; sent < n;) {
			ssize_t done = send(fd, buf + sent, (size_t)(n - sent), MSG_NOSIGNAL);
			if (done < 0 && errno == EINTR)
				continue;
			if (done < 0)
				goto out;
			sent += done;
		}
	}
out:
	close(fd);
}

static void *thread(void *arg)
{
	serve((int)(intptr_t)arg);
	return NULL;
}

// pause lets connections end when the host is out of descriptors or threads.
static void pause_briefly(void)
{
	struct timespec t = {0, 10000000};
	nanosleep(&t, NULL);
}

static void start(int fd)
{
	pthread_t t;
	for (;;) {
		int err = pthread_create(&t, NULL, thread, (void *)(intptr_t)fd);
		if (!err) {
			pthread_detach(t);
			return;
		}
		if (err != EAGAIN) {
			serve(fd);
			return;
		}
		pause_briefly();
	}
}

int main(int argc, char **argv)
{
	int l = listen_on(argc, argv, SOCK_STREAM, 0), on = 1;
	for (;;) {
		int fd = accept(l, NULL, NULL);
		if (fd >= 0) {
			setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
			start(fd);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			pause_briefly();
		else if (errno != EINTR && errno != ECONNABORTED)
			die("accept");
	}
}
