// poll_oneoff as it is imported: what each kind of subscription gets, and what
// bad ones do. One line per case, the same on every run.
#include "guest.h"
#include "wasix.h"

enum { MOST = 4, MS = 1000000 };

static struct wasi_subscription subs[MOST];
static struct wasi_event events[MOST + 1];
static size_t count;

static void clock_sub(uint32_t id, wasi_time timeout, uint16_t flags)
{
	struct wasi_subscription *s = &subs[count];
	*s = (struct wasi_subscription){.userdata = 100 + count, .type = WASI_EVENT_CLOCK};
	s->u.clock.id = id;
	s->u.clock.timeout = timeout;
	s->u.clock.flags = flags;
	count++;
}

static void fd_sub(uint8_t type, int fd)
{
	struct wasi_subscription *s = &subs[count];
	*s = (struct wasi_subscription){.userdata = 100 + count, .type = type};
	s->u.fd = (wasi_fd)fd;
	count++;
}

static wasi_time now(uint32_t id)
{
	wasi_time t = 0;
	wasi_clock_time_get(id, 1, &t);
	return t;
}

// untouched tells whether everything behind the events is as it was.
static bool untouched(size_t n)
{
	const uint8_t *p = (const uint8_t *)&events[n], *end = (const uint8_t *)&events[MOST + 1];
	while (p < end)
		if (*p++ != 0xaa)
			return false;
	return true;
}

static void show(const char *name, wasi_errno err, size_t n)
{
	static const char *const types[] = {"clock", "read", "write"};
	say("%s: %s", name, errname(err));
	for (size_t i = 0; !err && i < n && i < MOST; i++) {
		const struct wasi_event *e = &events[i];
		say(" [%d %s %s", (int)(e->userdata - 100), e->type < 3 ? types[e->type] : "?", errname(e->error));
		if (e->nbytes)
			say(" %d bytes", (int)e->nbytes);
		say("%s]", e->flags & WASI_HANGUP ? " hangup" : "");
	}
	say("%s\n", untouched(err ? 0 : n) ? "" : ", wrote beyond");
	count = 0;
}

typedef wasi_errno poll_fn(const struct wasi_subscription *, struct wasi_event *, size_t, size_t *);

static void poll_by(const char *name, poll_fn *fn)
{
	size_t n = 0;
	memset(events, 0xaa, sizeof events);
	wasi_errno err = fn(subs, events, count, &n);
	show(name, err, n);
}

static void poll_now(const char *name) { poll_by(name, wasi_poll_oneoff); }

// timed polls and tells whether it took ms at least, and no more than 5 s longer.
static void timed(const char *name, uint32_t ms)
{
	wasi_time start = now(CLOCK_MONOTONIC);
	poll_now(name);
	wasi_time took = now(CLOCK_MONOTONIC) - start;
	if (took < ms * (wasi_time)MS || took > (ms + 5000) * (wasi_time)MS)
		say("%s: took %u ms\n", name, (unsigned)(took / MS));
}

static void clocks(void)
{
	clock_sub(CLOCK_MONOTONIC, 20 * MS, 0);
	timed("clock.relative", 20);
	clock_sub(CLOCK_REALTIME, 20 * MS, 0);
	timed("clock.relative realtime", 20);
	clock_sub(CLOCK_MONOTONIC, now(CLOCK_MONOTONIC) + 20 * MS, WASI_ABSTIME);
	timed("clock.absolute", 19);
	clock_sub(CLOCK_REALTIME, now(CLOCK_REALTIME) + 20 * MS, WASI_ABSTIME);
	timed("clock.absolute realtime", 19);
	clock_sub(CLOCK_MONOTONIC, 1, WASI_ABSTIME);
	poll_now("clock.absolute, past");
	clock_sub(CLOCK_REALTIME, now(CLOCK_REALTIME) - 1000ull * MS, WASI_ABSTIME);
	poll_now("clock.absolute realtime, past");
	clock_sub(CLOCK_MONOTONIC, 0, WASI_ABSTIME);
	poll_now("clock.absolute 0");
	clock_sub(CLOCK_MONOTONIC, 0, 0);
	poll_now("clock.zero is now");
	clock_sub(CLOCK_MONOTONIC, 0, 0);
	clock_sub(CLOCK_MONOTONIC, 10 * MS, 0);
	poll_by("clock.zero is never in wasix_32v1", wasix_poll_oneoff);
	clock_sub(CLOCK_MONOTONIC, 1, 0);
	poll_by("clock.one is now in wasix_32v1", wasix_poll_oneoff);
	clock_sub(CLOCK_MONOTONIC, 3600000ull * MS, 0);
	clock_sub(CLOCK_MONOTONIC, 20 * MS, 0);
	clock_sub(CLOCK_REALTIME, 3600000ull * MS, 0);
	timed("clock.the shortest of several", 20);
	clock_sub(CLOCK_MONOTONIC, UINT64_MAX, 0);
	clock_sub(CLOCK_MONOTONIC, 10 * MS, 0);
	poll_now("clock.the longest there is");
	clock_sub(CLOCK_MONOTONIC, 1, WASI_ABSTIME);
	clock_sub(CLOCK_REALTIME, 1, WASI_ABSTIME);
	poll_now("clock.all that are due");
	clock_sub(99, 0, 0);
	poll_now("clock.unknown");
	clock_sub(CLOCK_MONOTONIC, 0, 0x8000);
	poll_now("clock.unknown flag");
}

static void descriptors(void)
{
	int fds[2];
	char c;
	if (pipe(fds))
		die("pipe");
	fd_sub(WASI_EVENT_READ, fds[0]);
	clock_sub(CLOCK_MONOTONIC, 10 * MS, 0);
	poll_now("pipe.empty");
	fd_sub(WASI_EVENT_WRITE, fds[1]);
	clock_sub(CLOCK_MONOTONIC, 10000ull * MS, 0);
	poll_now("pipe.writable");
	write(fds[1], "abc", 3);
	fd_sub(WASI_EVENT_READ, fds[0]);
	fd_sub(WASI_EVENT_WRITE, fds[1]);
	poll_now("pipe.readable");
	fd_sub(WASI_EVENT_READ, fds[0]);
	fd_sub(WASI_EVENT_READ, fds[0]);
	poll_now("pipe.twice");
	close(fds[1]);
	fd_sub(WASI_EVENT_READ, fds[0]);
	poll_now("pipe.readable, hung up");
	while (read(fds[0], &c, 1) > 0)
		;
	fd_sub(WASI_EVENT_READ, fds[0]);
	poll_now("pipe.hung up");
	close(fds[0]);

	int fd = eventfd(0, 0);
	fd_sub(WASI_EVENT_READ, fd);
	fd_sub(WASI_EVENT_WRITE, fd);
	poll_now("event.zero");
	write(fd, &(uint64_t){1}, 8);
	fd_sub(WASI_EVENT_READ, fd);
	poll_now("event.one");
	close(fd);

	fd_sub(WASI_EVENT_READ, fd);
	poll_now("bad.closed");
	fd_sub(WASI_EVENT_READ, 9999);
	fd_sub(WASI_EVENT_WRITE, STDOUT_FILENO);
	fd_sub(WASI_EVENT_WRITE, -1);
	clock_sub(CLOCK_MONOTONIC, 3600000ull * MS, 0);
	poll_now("bad.among good");
	fd_sub(7, STDOUT_FILENO);
	poll_now("bad.type");
}

static void pointers(void)
{
	size_t n = 0;
	void *beyond = (void *)(__builtin_wasm_memory_size(0) * 65536 - 8);
	poll_now("pointer.no subscriptions");
	clock_sub(CLOCK_MONOTONIC, 0, 0);
	say("pointer.in: %s\n", errname(wasi_poll_oneoff(beyond, events, 1, &n)));
	say("pointer.out: %s\n", errname(wasi_poll_oneoff(subs, beyond, 1, &n)));
	say("pointer.count: %s\n", errname(wasi_poll_oneoff(subs, events, 1, (size_t *)-2)));
	say("pointer.in at the end of the address space: %s\n", errname(wasi_poll_oneoff((void *)-8, events, 1, &n)));
	wasi_errno err = wasi_poll_oneoff(subs, events, 0x10000000, &n);
	say("pointer.too many: %s\n", err == EINVAL || err == EFAULT ? "refused" : errname(err));
	err = wasi_poll_oneoff(subs, events, (size_t)-1, &n);
	say("pointer.all there are: %s\n", err == EINVAL || err == EFAULT ? "refused" : errname(err));
	say("pointer.count untouched: %s\n", n == 0 ? "yes" : "no");
}

int main(int argc, char **argv)
{
	(void)argc, (void)argv;
	clocks();
	descriptors();
	pointers();
	return 0;
}
