// Threads. Argument: what to do; without one, the cases that end by themselves and
// print the same on every run.
//
//   exit       one thread ends the process with 7 while others wait and compute
//   trap       one thread runs into unreachable code
//   main-exit  the main thread ends alone, the last thread ends the process
//   sleep      threads sleep; the process ends when all have slept
//   many N     N threads at once, all waiting for the last
#include "guest.h"

enum { WORKERS = 8, ROUNDS = 2000 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int counter, turn, waiting;
static bool go;

static pthread_t start(void *(*fn)(void *), int arg)
{
	pthread_t t;
	int err = pthread_create(&t, NULL, fn, (void *)(intptr_t)arg);
	if (err) {
		errno = err;
		die("pthread_create");
	}
	return t;
}

static int join(pthread_t t)
{
	void *result = NULL;
	int err = pthread_join(t, &result);
	if (err) {
		errno = err;
		die("pthread_join");
	}
	return (int)(intptr_t)result;
}

static void *twice(void *arg) { return (void *)((intptr_t)arg * 2); }

static void joining(void)
{
	say("threads.join result: %d\n", join(start(twice, 21)));
	int sum = 0;
	for (int i = 0; i < 100; i++)
		sum += join(start(twice, i));
	say("threads.one after the other: %d\n", sum);
	pthread_t all[WORKERS];
	for (int i = 0; i < WORKERS; i++)
		all[i] = start(twice, i);
	sum = 0;
	for (int i = WORKERS - 1; i >= 0; i--)
		sum += join(all[i]);
	say("threads.joined in reverse: %d\n", sum);
}

static void *count_up(void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		pthread_mutex_lock(&lock);
		counter++;
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

static int atomic_counter;

static void *count_atomically(void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS; i++)
		__atomic_fetch_add(&atomic_counter, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void contention(void)
{
	pthread_t all[WORKERS];
	for (int i = 0; i < WORKERS; i++)
		all[i] = start(i % 2 ? count_up : count_atomically, 0);
	for (int i = 0; i < WORKERS; i++)
		join(all[i]);
	say("threads.mutex counter: %d\n", counter);
	say("threads.atomic counter: %d\n", atomic_counter);
}

static void *take_turns(void *arg)
{
	int me = (int)(intptr_t)arg;
	pthread_mutex_lock(&lock);
	for (int i = 0; i < ROUNDS; i++) {
		while (turn != me)
			pthread_cond_wait(&changed, &lock);
		turn = !me;
		counter++;
		pthread_cond_signal(&changed);
	}
	pthread_mutex_unlock(&lock);
	return NULL;
}

static void *await_go(void *arg)
{
	pthread_mutex_lock(&lock);
	waiting++;
	pthread_cond_broadcast(&changed);
	while (!go)
		pthread_cond_wait(&changed, &lock);
	waiting--;
	pthread_mutex_unlock(&lock);
	return arg;
}

static void await_waiting(int n)
{
	pthread_mutex_lock(&lock);
	while (waiting < n)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

static void release(void)
{
	pthread_mutex_lock(&lock);
	go = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static void conditions(void)
{
	counter = 0;
	pthread_t ping = start(take_turns, 0), pong = start(take_turns, 1);
	join(ping);
	join(pong);
	say("threads.turns taken: %d\n", counter);
	pthread_t all[WORKERS];
	for (int i = 0; i < WORKERS; i++)
		all[i] = start(await_go, i);
	await_waiting(WORKERS);
	release();
	int sum = 0;
	for (int i = 0; i < WORKERS; i++)
		sum += join(all[i]);
	say("threads.broadcast woke all: %d, left %d\n", sum, waiting);
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += 30000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&lock);
	int err;
	do
		err = pthread_cond_timedwait(&changed, &lock, &until);
	while (!err);
	pthread_mutex_unlock(&lock);
	say("threads.timed wait: %s\n", errname(err));
}

// Through a variable, so that compilers do not see that it never returns.
static void (*volatile leave)(void *) = pthread_exit;

static void nested_exit(int depth)
{
	if (depth == 0)
		leave((void *)(intptr_t)42);
	else
		nested_exit(depth - 1);
	say("threads.nested exit returned\n");
}

static void *exit_nested(void *arg)
{
	nested_exit((int)(intptr_t)arg);
	return NULL;
}

static _Thread_local int mine = 5;

static void *change_mine(void *arg)
{
	int before = mine, err = errno;
	mine = (int)(intptr_t)arg;
	errno = EBUSY;
	sched_yield();
	return (void *)(intptr_t)(before * 1000 + mine + (err == EBUSY));
}

static void *start_another(void *arg) { return (void *)(intptr_t)join(start(twice, (int)(intptr_t)arg)); }

static void variables(void)
{
	say("threads.exit from nested calls: %d\n", join(start(exit_nested, 20)));
	errno = EBUSY;
	int first = join(start(change_mine, 7)), second = join(start(change_mine, 8));
	say("threads.own variables: %d %d, main %d\n", first, second, mine);
	say("threads.errno is one's own: %s\n", errname(errno));
	say("threads.started by a thread: %d\n", join(start(start_another, 11)));
}

static void *write_pipe(void *arg)
{
	int fd = (int)(intptr_t)arg;
	struct timespec t = {0, 20000000};
	nanosleep(&t, NULL);
	return (void *)(intptr_t)write(fd, "hello", 5);
}

static void pipes(void)
{
	char buf[8];
	int fds[2];
	if (pipe(fds))
		die("pipe");
	pthread_t t = start(write_pipe, fds[1]);
	say("threads.blocked read: %d\n", (int)read(fds[0], buf, sizeof buf));
	say("threads.writer: %d\n", join(t));
	t = start(write_pipe, fds[1]);
	struct pollfd p = {.fd = fds[0], .events = POLLIN};
	say("threads.blocked poll: %d\n", poll(&p, 1, 10000));
	join(t);
	close(fds[0]);
	close(fds[1]);
}

static void *wait_for_ever(void *arg)
{
	char c;
	int fds[2];
	pthread_mutex_lock(&lock);
	waiting++;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	struct timespec day = {86400, 0};
	switch ((intptr_t)arg) {
	case 0: // on a pipe
		if (!pipe(fds))
			read(fds[0], &c, 1);
		break;
	case 1: // sleeping
		nanosleep(&day, NULL);
		break;
	case 2: // computing
		for (volatile uint64_t i = 0;; i++)
			;
	case 3: // on a lock
		pthread_mutex_lock(&lock);
		while (!go)
			pthread_cond_wait(&changed, &lock);
	}
	return NULL;
}

static void *exit_with(void *arg)
{
	exit((int)(intptr_t)arg);
	return NULL;
}

static void *trap(void *arg)
{
	(void)arg;
	__builtin_trap();
	return NULL;
}

// surrounded runs fn in a thread while others wait in several ways, for ever.
static void surrounded(void *(*fn)(void *), int arg)
{
	for (int i = 0; i < 4; i++)
		start(wait_for_ever, i);
	await_waiting(4);
	say("threads.all wait: %d\n", waiting);
	join(start(fn, arg));
	say("threads.joined what cannot be\n");
}

static void *finish_late(void *arg)
{
	struct timespec t = {0, 50000000};
	nanosleep(&t, NULL);
	say("threads.last one ends: yes\n");
	exit((int)(intptr_t)arg);
	return NULL;
}

static void *sleep_for(void *arg)
{
	struct timespec t = {0, (long)(intptr_t)arg * 1000000};
	return (void *)(intptr_t)nanosleep(&t, NULL);
}

static void sleeping(void)
{
	struct timespec a, b;
	pthread_t all[WORKERS];
	int failed = 0;
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (int i = 0; i < WORKERS; i++)
		all[i] = start(sleep_for, 50);
	for (int i = 0; i < WORKERS; i++)
		failed += join(all[i]);
	clock_gettime(CLOCK_MONOTONIC, &b);
	long long ms = (b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000;
	say("threads.slept: %s, failed %d\n", ms >= 50 ? "long enough" : "too short", failed);
}

static void many(int n)
{
	pthread_t *all = calloc((size_t)n, sizeof *all);
	if (!all)
		die("calloc");
	for (int i = 0; i < n; i++)
		all[i] = start(await_go, i);
	await_waiting(n);
	release();
	long long sum = 0;
	for (int i = 0; i < n; i++)
		sum += join(all[i]);
	say("threads.many: %s\n", sum == (long long)n * (n - 1) / 2 ? "all" : "some lost");
	free(all);
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	if (!strcmp(mode, "exit"))
		surrounded(exit_with, 7);
	else if (!strcmp(mode, "trap"))
		surrounded(trap, 0);
	else if (!strcmp(mode, "main-exit")) {
		pthread_t t = start(finish_late, 3);
		pthread_detach(t);
		pthread_exit(NULL);
	} else if (!strcmp(mode, "sleep"))
		sleeping();
	else if (!strcmp(mode, "many"))
		many(argc > 2 ? atoi(argv[2]) : 64);
	else {
		joining();
		contention();
		conditions();
		variables();
		pipes();
	}
	return 0;
}
