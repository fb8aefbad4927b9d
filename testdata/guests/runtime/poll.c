// poll on poll_oneoff, asked and answered as wasix-libc does it; epoll. Unlike
// Linux, poll does not see errors of descriptors of which nothing is asked.
#include "runtime.h"

struct polling {
	size_t cap;
	struct wasi_subscription *subs;
	struct wasi_event *events;
};

static _Thread_local struct polling polling; // grows, is never freed

static bool reserve(size_t n)
{
	if (n <= polling.cap)
		return true;
	free(polling.subs);
	free(polling.events);
	polling.cap = 2 * n;
	polling.subs = calloc(polling.cap, sizeof *polling.subs);
	polling.events = calloc(polling.cap, sizeof *polling.events);
	if (!polling.subs || !polling.events)
		polling.cap = 0;
	return polling.cap;
}

static void subscribe(struct wasi_subscription *sub, uint64_t i, uint8_t type, int fd)
{
	sub->userdata = i;
	sub->type = type;
	sub->u.fd = fd;
}

// subscribe_all fills the subscriptions and returns their number.
static size_t subscribe_all(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	size_t count = 0;
	for (nfds_t i = 0; i < n; i++) {
		fds[i].revents = 0;
		if (fds[i].fd < 0)
			continue;
		if (fds[i].events & POLLIN)
			subscribe(&polling.subs[count++], i, WASI_EVENT_READ, fds[i].fd);
		if (fds[i].events & POLLOUT)
			subscribe(&polling.subs[count++], i, WASI_EVENT_WRITE, fds[i].fd);
	}
	if (timeout_ms >= 0) {
		struct wasi_subscription *s = &polling.subs[count++];
		*s = (struct wasi_subscription){.userdata = n, .type = WASI_EVENT_CLOCK};
		s->u.clock.timeout = timeout_ms ? timeout_ms * 1000000ull : 1;
	}
	return count;
}

static void answer(struct pollfd *p, const struct wasi_event *e)
{
	switch (e->error) {
	case 0:
		if (e->type == WASI_EVENT_READ)
			p->revents |= POLLIN;
		else if (!(e->flags & WASI_HANGUP))
			p->revents |= POLLOUT;
		break;
	case EBADF:
		p->revents |= POLLNVAL;
		return;
	case EPIPE:
		p->revents |= POLLHUP;
		break;
	default:
		p->revents |= POLLERR;
	}
	if (e->flags & WASI_HANGUP)
		p->revents |= POLLHUP;
}

int poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	size_t nevents = 0;
	if (!reserve(2 * n + 1))
		return check(ENOMEM, 0);
	size_t count = subscribe_all(fds, n, timeout_ms);
	if (check(wasi_poll_oneoff(polling.subs, polling.events, count, &nevents), 0))
		return -1;
	int ready = 0;
	for (size_t i = 0; i < nevents; i++) {
		const struct wasi_event *e = &polling.events[i];
		if (e->type == WASI_EVENT_CLOCK)
			continue;
		struct pollfd *p = &fds[e->userdata];
		ready += !p->revents;
		answer(p, e);
		ready -= !p->revents;
	}
	return ready;
}

int epoll_create1(int flags)
{
	(void)flags;
	wasi_fd fd = 0;
	wasi_errno err = wasix_epoll_create(&fd);
	return check(err, fd);
}

int epoll_ctl(int ep, int op, int fd, struct epoll_event *event)
{
	struct wasix_epoll_event e = {0};
	if (event) {
		e.events = event->events;
		e.data.data2 = event->data.u64;
	}
	return check(wasix_epoll_ctl(ep, op, fd, &e), 0);
}

int epoll_wait(int ep, struct epoll_event *events, int max, int timeout_ms)
{
	enum { BATCH = 64 };
	struct wasix_epoll_event buf[BATCH];
	size_t n = 0;
	wasi_time timeout = timeout_ms < 0 ? UINT64_MAX : timeout_ms * 1000000ull;
	if (check(wasix_epoll_wait(ep, buf, max < BATCH ? max : BATCH, timeout, &n), 0))
		return -1;
	for (size_t i = 0; i < n; i++) {
		events[i].events = buf[i].events;
		events[i].data.u64 = buf[i].data.data2;
	}
	return (int)n;
}
