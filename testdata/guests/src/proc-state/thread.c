// Processes with several threads: which of them fork, exit and are killed.
#include "probe.h"

static int never[2];

static void *blocks(void *unused)
{
	char c;
	while (read(never[0], &c, 1) < 0)
		;
	return unused;
}

static void *sleeps(void *unused)
{
	for (;;)
		nanosleep(&(struct timespec){1000, 0}, NULL);
	return unused;
}

static volatile int computed;

static void *computes(void *unused)
{
	for (;;)
		computed++;
	return unused;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;

static void *waits_for_cond(void *unused)
{
	pthread_mutex_lock(&lock);
	for (;;)
		pthread_cond_wait(&cond, &lock);
	return unused;
}

// crowd starts a thread of each kind that does not end.
static void crowd(void)
{
	static void *(*const bodies[])(void *) = {blocks, sleeps, computes, waits_for_cond};
	pthread_t t;
	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
		if (pthread_create(&t, NULL, bodies[i], NULL))
			die("pthread_create");
}

static void *exits_with(void *code)
{
	_exit((int)(intptr_t)code);
	return NULL;
}

static void *raises(void *signo)
{
	raise((int)(intptr_t)signo);
	return sleeps(NULL);
}

static void *ends_thread(void *unused) { return unused; }

static int beside_crowd(void *(*body)(void *), intptr_t arg)
{
	pthread_t t;
	crowd();
	if (pthread_create(&t, NULL, body, (void *)arg))
		die("pthread_create");
	sleeps(NULL);
	return 1;
}

static int thread_exits(int code) { return beside_crowd(exits_with, code); }
static int thread_raises(int signo) { return beside_crowd(raises, signo); }

static int main_returns(int code)
{
	crowd();
	return code;
}

static int waits_to_be_killed(int tell)
{
	crowd();
	write_all(tell, "r", 1);
	sleeps(NULL);
	return 1;
}

static void ends(void)
{
	int ready[2];
	char c;
	if (pipe(ready))
		die("pipe");
	waited("ends.exit in a thread", child_of(thread_exits, 33), 0);
	waited("ends.exit in main", child_of(main_returns, 34), 0);
	waited("ends.signal in a thread", child_of(thread_raises, SIGTERM), 0);
	static const int list[] = {SIGKILL, SIGTERM, SIGINT};
	for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
		pid_t pid = child_of(waits_to_be_killed, ready[1]);
		if (read(ready[0], &c, 1) != 1)
			die("read");
		kill(pid, list[i]);
		waited("ends.killed", pid, 0);
	}
}

static int threads_of_child(int unused)
{
	(void)unused;
	int before = computed;
	nanosleep(&(struct timespec){0, 3000000}, NULL);
	return computed == before ? 12 : 13;
}

static void *forks(void *unused)
{
	waited("forks.in a thread", child_of(threads_of_child, 0), 0);
	return unused;
}

static int with_crowd(int unused)
{
	pthread_t t;
	(void)unused;
	crowd();
	if (pthread_create(&t, NULL, forks, NULL) || pthread_join(t, NULL))
		die("pthread_create");
	waited("forks.in main", child_of(threads_of_child, 0), 0);
	return 0;
}

static void *main_of_child(void *unused)
{
	pid_t pid = fork();
	if (pid == 0) { // the only thread: it may make others
		pthread_t t;
		void *result = NULL;
		if (pthread_create(&t, NULL, ends_thread, (void *)7) || pthread_join(t, &result))
			_exit(1);
		_exit((int)(intptr_t)result);
	}
	waited("forks.child makes threads", pid, 0);
	return unused;
}

static void forking(void)
{
	pthread_t t;
	waited("forks.beside others", child_of(with_crowd, 0), 0);
	if (pthread_create(&t, NULL, main_of_child, NULL) || pthread_join(t, NULL))
		die("pthread_create");
}

int thread_rows(void)
{
	if (pipe(never))
		die("pipe");
	ends();
	forking();
	thread_signals();
	return 0;
}
