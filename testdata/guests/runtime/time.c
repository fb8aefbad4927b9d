// Clocks and sleeping.
#include "runtime.h"

enum { SECOND = 1000000000 };

static int from_ns(wasi_errno err, wasi_time ns, struct timespec *t)
{
	t->tv_sec = ns / SECOND;
	t->tv_nsec = ns % SECOND;
	return check(err, 0);
}

int clock_gettime(clockid_t id, struct timespec *t)
{
	wasi_time ns = 0;
	wasi_errno err = wasi_clock_time_get(id, 1, &ns);
	return from_ns(err, ns, t);
}

int clock_getres(clockid_t id, struct timespec *t)
{
	wasi_time ns = 0;
	wasi_errno err = wasi_clock_res_get(id, &ns);
	return from_ns(err, ns, t);
}

int nanosleep(const struct timespec *t, struct timespec *rest)
{
	struct wasi_subscription sub = {.type = WASI_EVENT_CLOCK};
	struct wasi_event event;
	size_t n;
	sub.u.clock.id = CLOCK_MONOTONIC;
	sub.u.clock.timeout = (wasi_time)t->tv_sec * SECOND + t->tv_nsec;
	if (rest)
		*rest = (struct timespec){0};
	wasi_errno err = wasi_poll_oneoff(&sub, &event, 1, &n);
	return check(err ? err : event.error, 0);
}
