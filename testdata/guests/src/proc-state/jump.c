// Jumps and forks in handlers: within a handler, out of one, out of several, and
// whatever it has interrupted.
#include "probe.h"

static sigjmp_buf top, inner;
static volatile int handled[2]; // SIGUSR1, SIGUSR2
static volatile pid_t from_handler;

static void handle(int signo, void (*handler)(int))
{
	struct sigaction act = {.sa_handler = handler};
	if (sigaction(signo, &act, NULL))
		die("sigaction");
}

static void count(int signo) { handled[signo == SIGUSR2]++; }

static void jumps_out(int signo)
{
	count(signo);
	siglongjmp(top, signo);
}

static void jumps_inside(int signo)
{
	count(signo);
	siglongjmp(inner, signo);
}

static void begin(void (*first)(int), void (*second)(int))
{
	handled[0] = handled[1] = 0;
	handle(SIGUSR1, first);
	handle(SIGUSR2, second);
}

static void deep(int n);
static void (*volatile deeper)(int) = deep;

static void deep(int n)
{
	volatile char frame[64];
	frame[n] = (char)n;
	if (frame[n])
		deeper(n - 1);
	siglongjmp(inner, 5);
}

// A handler jumps back to itself, twice, and returns.
static void jumps_to_itself(int signo)
{
	volatile int times = 0;
	int value = sigsetjmp(inner, 1);
	if (times++ < 2)
		deep(10);
	say("itself.value: %d after %d\n", value, times);
	count(signo);
}

static void within(void)
{
	volatile int local = 1;
	begin(jumps_to_itself, count);
	for (int i = 0; i < 2; i++, local++)
		raise(SIGUSR1);
	say("itself.then: %d, %d\n", handled[0], local);
}

// A handler raises a signal whose handler jumps back to it.
static void raises_and_lands(int signo)
{
	int value = sigsetjmp(inner, 1);
	if (!value)
		raise(SIGUSR2);
	say("nested.value: %d\n", value);
	count(signo);
}

static void nested(void)
{
	begin(raises_and_lands, jumps_inside);
	for (int i = 0; i < 2; i++)
		raise(SIGUSR1);
	say("nested.then: %d, %d\n", handled[0], handled[1]);
	begin(count, count);
	raise(SIGUSR1), raise(SIGUSR2);
	say("nested.both come again: %d, %d\n", handled[0], handled[1]);
}

static void raises_the_other(int signo)
{
	count(signo);
	raise(SIGUSR2);
	say("not reached\n");
}

static void out_of_two(void)
{
	volatile int times = 0;
	begin(raises_the_other, jumps_out);
	sigsetjmp(top, 1);
	if (times++ < 3)
		raise(SIGUSR1);
	say("out of two: %d, %d after %d\n", handled[0], handled[1], times);
	begin(count, count);
	raise(SIGUSR1), raise(SIGUSR2);
	say("out of two, both come again: %d, %d\n", handled[0], handled[1]);
}

static volatile int computed;

// The jump leaves code that makes no calls.
static void out_of_a_loop(void)
{
	handle(SIGALRM, jumps_out);
	for (int i = 0; i < 3; i++) {
		int value = sigsetjmp(top, 1);
		if (!value) {
			alarm_every(2000, false);
			for (;;)
				computed++;
		}
		say("out of a loop: %d\n", value);
	}
}

static void out_of_calls(void)
{
	int fds[2];
	char c;
	if (pipe(fds))
		die("pipe");
	int value = sigsetjmp(top, 1);
	if (!value) {
		alarm_every(2000, false);
		for (;;)
			read(fds[0], &c, 1);
	}
	say("out of a read: %d\n", value);
	value = sigsetjmp(top, 1);
	if (!value) {
		alarm_every(2000, false);
		for (;;)
			poll(NULL, 0, -1);
	}
	say("out of a poll: %d\n", value);
	close(fds[0]);
	close(fds[1]);
}

// longjmp leaves the mask as it is in the handler.
static void leave(int signo)
{
	count(signo);
	longjmp(top, signo);
}

static void without_mask(void)
{
	begin(leave, count);
	if (!setjmp(top))
		raise(SIGUSR1);
	handle(SIGUSR1, count);
	raise(SIGUSR1);
	say("without the mask: %d\n", handled[0]);
	unblock_all();
}

static void *jumps_there(void *unused)
{
	int value = sigsetjmp(top, 1);
	if (!value)
		raise(SIGUSR1);
	say("thread.jumps out: %d\n", value);
	return unused;
}

static void in_a_thread(void)
{
	pthread_t t;
	begin(jumps_out, count);
	for (int i = 0; i < 2; i++)
		if (pthread_create(&t, NULL, jumps_there, NULL) || pthread_join(t, NULL))
			die("pthread_create");
	say("thread.then: %d\n", handled[0]);
}

static void forks(int signo)
{
	count(signo);
	if ((from_handler = fork()) == 0)
		_exit(20 + handled[0]);
}

// The child jumps about in its handler, and ends there.
static void forks_and_jumps(int signo)
{
	count(signo);
	if ((from_handler = fork()) == 0) {
		volatile int times = 0;
		sigsetjmp(inner, 1);
		if (times++ < 3)
			deep(5);
		_exit(30 + times);
	}
}

// A signal that was sent to the process while it was blocked comes in the call
// after that at the latest: in WASIX the call is still about the stack.
static void send_blocked(void)
{
	block_all();
	kill(getpid(), SIGUSR1);
	unblock_all();
}

static void forking(void)
{
	begin(forks, count);
	send_blocked();
	pid_t pid = fork();
	if (pid == 0)
		_exit(9);
	waited("fork.in a handler in a fork", from_handler, 0);
	waited("fork.that it interrupted", pid, 0);
	volatile int times = 0;
	int value = sigsetjmp(top, 1);
	if (times++ < 2) {
		send_blocked();
		siglongjmp(top, times);
	}
	say("fork.jump with: %d\n", value);
	waited("fork.in a handler in a jump", from_handler, 0);
	waited("fork.the one before", -1, 0);
	say("fork.handled: %d\n", handled[0]);
	begin(forks_and_jumps, count);
	raise(SIGUSR1);
	waited("fork.in a handler, and jumps", from_handler, 0);
}

static void in_a_child(void)
{
	volatile pid_t pid = -1;
	begin(jumps_out, count);
	if (sigsetjmp(top, 1) == 0) {
		pid = fork();
		if (pid == 0)
			raise(SIGUSR1);
		waited("child.jumps out", pid, 0);
		return;
	}
	_exit(pid == 0 ? 40 + handled[0] : 1);
}

int jump_rows(void)
{
	within();
	nested();
	out_of_two();
	out_of_a_loop();
	out_of_calls();
	without_mask();
	in_a_thread();
	forking();
	in_a_child();
	return 0;
}
