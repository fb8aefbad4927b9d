// Signals in a process with two threads: which of them takes what is sent to it, to
// the process and to the other.
#include "probe.h"

static _Thread_local int mine;
static volatile int handled[2]; // by the main thread, by the other
static volatile int settled;    // what the main thread does before the other begins
static volatile int begun, entered, left;
static volatile uintptr_t main_thread, other;
static int fds[2];

static void counts(int signo)
{
	(void)signo;
	handled[mine]++;
}

// begin waits for the main thread: pthread_create of Linux blocks signals for a while.
static void begin(void)
{
	mine = 1;
	other = this_thread();
	begun = 1;
	while (!settled)
		sched_yield();
}

// beside_main runs body in a thread, while the main thread does what follows up to
// join_it.
static pthread_t beside_main(void *(*body)(void *))
{
	pthread_t t;
	handled[0] = handled[1] = settled = begun = entered = left = 0;
	if (pthread_create(&t, NULL, body, NULL))
		die("pthread_create");
	while (!begun)
		sched_yield();
	return t;
}

static void join_it(const char *row, pthread_t t)
{
	if (pthread_join(t, NULL))
		die("pthread_join");
	while (handled[0] + handled[1] == 0)
		sched_yield();
	say("%s: main %d, it %d\n", row, handled[0], handled[1]);
}

static void *raises(void *unused)
{
	begin();
	raise(SIGUSR1);
	return unused;
}

static void *kills(void *unused)
{
	begin();
	kill(getpid(), SIGUSR1);
	left = handled[1];
	return unused;
}

static void *kills_blocked(void *unused)
{
	begin();
	block_all();
	kill(getpid(), SIGUSR1);
	entered = 1;
	while (!left)
		sched_yield();
	return unused;
}

static void *tells(void *unused)
{
	begin();
	while (!left && !handled[1])
		sched_yield();
	return unused;
}

static int kills_parent(int unused)
{
	(void)unused;
	return kill(getppid(), SIGUSR1);
}

// Linux prefers the main thread, whoever has sent the signal.
static void to_process(void)
{
	pthread_t t = beside_main(raises);
	settled = 1;
	join_it("signal.raised in a thread", t);
	t = beside_main(kills);
	settled = 1;
	join_it("signal.killed by a thread", t);
	t = beside_main(kills);
	for (settled = 1; handled[0] + handled[1] == 0;)
		;
	join_it("signal.killed by it, main computes", t);
	t = beside_main(kills);
	block_all();
	settled = 1;
	join_it("signal.killed by it, main blocks", t);
	unblock_all();
	say("signal.before kill returns: %d\n", left);
	t = beside_main(kills_blocked);
	settled = 1;
	while (handled[0] == 0)
		sched_yield();
	left = 1;
	join_it("signal.killed by it, it blocks", t);
	t = beside_main(tells);
	settled = 1;
	pid_t pid = child_of(kills_parent, 0);
	while (handled[0] + handled[1] == 0)
		sched_yield();
	left = 1;
	join_it("signal.from outside", t);
	waited("signal.from a child", pid, 0);
}

// all_block leaves a signal to the process pending that both block; the main thread
// lets it through first.
static void all_block(void)
{
	pthread_t t = beside_main(kills_blocked);
	block_all();
	settled = 1;
	while (!entered)
		sched_yield();
	say("signal.both block: %d\n", handled[0] + handled[1]);
	unblock_all();
	sched_yield();
	left = 1;
	join_it("signal.main blocks no more", t);
}

static void *reads(void *unused)
{
	char c;
	begin();
	int n = (int)read(fds[0], &c, 1), err = errno;
	say("thread.that reads: %s\n", n < 0 ? errname(err) : "OK");
	left = 1;
	return unused;
}

static void *sleeps(void *unused)
{
	begin();
	int n = nanosleep(&(struct timespec){1000, 0}, NULL), err = errno;
	say("thread.that sleeps: %s\n", n < 0 ? errname(err) : "OK");
	left = 1;
	return unused;
}

static void *computes(void *unused)
{
	begin();
	entered = 1;
	while (!handled[1])
		;
	return unused;
}

static void *blocks(void *unused)
{
	begin();
	block_all();
	entered = 1;
	while (!left)
		sched_yield();
	say("thread.that blocks: %d\n", handled[1]);
	unblock_all();
	return unused;
}

// interrupted signals a thread until its call ends: the first may come before it.
static void interrupted(void *(*body)(void *))
{
	pthread_t t = beside_main(body);
	for (settled = 1; !left;) {
		signal_thread(other, SIGUSR1);
		nanosleep(&(struct timespec){0, 2000000}, NULL);
	}
	if (pthread_join(t, NULL))
		die("pthread_join");
	say("thread.handled by: main %d, it %s\n", handled[0], handled[1] ? "yes" : "no");
}

static void *signals_main(void *unused)
{
	begin();
	signal_thread(main_thread, SIGUSR1);
	signal_thread(other, SIGUSR1);
	left = handled[1];
	return unused;
}

static void to_thread(void)
{
	if (pipe(fds))
		die("pipe");
	interrupted(reads);
	interrupted(sleeps);
	pthread_t t = beside_main(computes);
	settled = 1;
	while (!entered)
		sched_yield();
	say("thread.asks for it: %d\n", signal_thread(other, 0));
	say("thread.no signal 65: %s\n", errname(signal_thread(other, 65)));
	signal_thread(other, SIGUSR1);
	join_it("thread.that computes", t);
	t = beside_main(blocks);
	settled = 1;
	while (!entered)
		sched_yield();
	signal_thread(other, SIGUSR1);
	left = 1;
	join_it("thread.that blocks no more", t);
	main_thread = this_thread();
	t = beside_main(signals_main);
	for (settled = 1; !handled[0];)
		;
	join_it("thread.signals main and itself", t);
	say("thread.before pthread_kill returns: %d\n", left);
}

static int dies_by(int signo)
{
	beside_main(computes);
	settled = 1;
	signal_thread(other, signo);
	nanosleep(&(struct timespec){1000, 0}, NULL);
	return 0;
}

void thread_signals(void)
{
	struct sigaction act = {.sa_handler = counts};
	if (sigaction(SIGUSR1, &act, NULL))
		die("sigaction");
	to_process();
	all_block();
	to_thread();
	waited("thread.default action", child_of(dies_by, SIGTERM), 0);
	waited("thread.SIGKILL", child_of(dies_by, SIGKILL), 0);
}
