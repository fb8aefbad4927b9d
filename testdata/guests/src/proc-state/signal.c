// Signals between processes: whom they reach, what they interrupt, and what a
// handler may do.
#include "probe.h"

static struct gate gate;
static volatile int handled, last;
static jmp_buf landing;

static void count(int signo)
{
	handled++;
	last = signo;
}

static void handle(int signo, void (*handler)(int), int flags)
{
	struct sigaction act = {.sa_handler = handler, .sa_flags = flags};
	if (sigaction(signo, &act, NULL))
		die("sigaction");
}

static int behind_gate(int code)
{
	pass(&gate);
	return code;
}

static void addresses(void)
{
	make_gate(&gate);
	pid_t pid = child_of(behind_gate, 3);
	answered("kill.asks for a child", kill(pid, 0));
	answered("kill.asks for itself", kill(getpid(), 0));
	answered("kill.asks for the group", kill(0, 0));
	answered("kill.no signal 65", kill(pid, 65));
	answered("kill.no signal -1", kill(pid, -1));
	answered("kill.nobody", kill(0x3ffff0, 0));
	answered("kill.child", kill(pid, SIGTERM));
	// A zombie is there until it is waited for.
	for (int i = 0; i < 100; i++)
		sched_yield();
	answered("kill.a zombie, or nearly", kill(pid, SIGTERM));
	waited("kill.status", pid, 0);
	answered("kill.gone", kill(pid, 0));
	open_gate(&gate);
}

static int counts_itself(int tell)
{
	handle(SIGUSR1, count, 0);
	write_all(tell, "r", 1);
	for (int i = 0; !handled && i < 10000; i++)
		nanosleep(&(struct timespec){0, 1000000}, NULL);
	return 40 + handled;
}

static void group(void)
{
	int ready[2];
	pid_t pids[3];
	char c;
	if (pipe(ready))
		die("pipe");
	handle(SIGUSR1, count, 0);
	handled = 0;
	for (int i = 0; i < 3; i++)
		pids[i] = child_of(counts_itself, ready[1]);
	for (int i = 0; i < 3; i++)
		if (read(ready[0], &c, 1) != 1)
			die("read");
	answered("group.kill", kill(0, SIGUSR1));
	while (!handled)
		sched_yield();
	for (int i = 0; i < 3; i++)
		waited("group.member", pids[i], 0);
	say("group.itself: %d\n", handled);
	close(ready[0]);
	close(ready[1]);
}

static int writes_to_nobody(int unused)
{
	int fds[2];
	(void)unused;
	if (pipe(fds))
		die("pipe");
	close(fds[0]);
	ssize_t n = write(fds[1], "x", 1);
	return n < 0 && errno == EPIPE ? 32 : 0;
}

static void pipes(void)
{
	waited("SIGPIPE.default", child_of(writes_to_nobody, 0), 0);
	handle(SIGPIPE, SIG_IGN, 0);
	waited("SIGPIPE.ignored", child_of(writes_to_nobody, 0), 0);
	handled = 0;
	handle(SIGPIPE, count, 0);
	say("SIGPIPE.handled: %d\n", writes_to_nobody(0));
	say("SIGPIPE.times: %d\n", handled);
	handle(SIGPIPE, SIG_DFL, 0);
}

static int exits(int code) { return code; }

static void ends(void)
{
	handled = 0;
	handle(SIGCHLD, count, 0);
	pid_t pid = child_of(exits, 4);
	while (!handled)
		nanosleep(&(struct timespec){0, 1000000}, NULL);
	say("SIGCHLD.signal: %d\n", last);
	waited("SIGCHLD.collects", pid, WNOHANG);
	make_gate(&gate);
	pid = child_of(behind_gate, 0);
	handled = 0;
	kill(pid, SIGKILL);
	waited("SIGCHLD.of a killed one", pid, 0);
	say("SIGCHLD.times: %d\n", handled);
	open_gate(&gate);
	handle(SIGCHLD, SIG_DFL, 0);
}

static int interrupts_parent(int unused)
{
	(void)unused;
	pid_t parent = getppid();
	for (int i = 0; i < 10000 && getppid() == parent; i++) {
		kill(parent, SIGUSR1);
		nanosleep(&(struct timespec){0, 2000000}, NULL);
	}
	return 0;
}

static int fds[2], pair[2];

static int waits_for_child(void) { return waitpid(-1, NULL, 0); }
static int reads_pipe(void)
{
	char c;
	return (int)read(fds[0], &c, 1);
}
static int receives(void)
{
	char c;
	return (int)recv(pair[0], &c, 1, 0);
}
static int polls(void) { return poll(&(struct pollfd){fds[0], POLLIN, 0}, 1, -1); }
static int sleeps(void) { return nanosleep(&(struct timespec){1000, 0}, NULL); }

// collect waits for a child, whatever comes meanwhile.
static void collect(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static void interrupted(const char *row, int (*call)(void))
{
	handled = 0;
	handle(SIGUSR1, count, 0);
	pid_t pid = child_of(interrupts_parent, 0);
	int n = call(), err = errno;
	kill(pid, SIGKILL);
	collect(pid);
	say("%s: %s", row, n < 0 ? errname(err) : "OK");
	say(", handled: %s\n", handled ? "yes" : "no");
}

static void interrupts(void)
{
	if (pipe(fds) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		die("pipe");
	interrupted("EINTR.waitpid", waits_for_child);
	interrupted("EINTR.read", reads_pipe);
	interrupted("EINTR.recv", receives);
	interrupted("EINTR.poll", polls);
	interrupted("EINTR.nanosleep", sleeps);
}

static int signals_and_writes(int unused)
{
	(void)unused;
	for (int i = 0; i < 15; i++) {
		kill(getppid(), SIGUSR1);
		nanosleep(&(struct timespec){0, 2000000}, NULL);
	}
	return write(fds[1], "x", 1) == 1 ? 0 : 1;
}

// SA_RESTART is the C library's to carry out.
static void restarts(void)
{
	handled = 0;
#ifdef __wasm__
	handle(SIGUSR1, count, 0);
#else
	handle(SIGUSR1, count, SA_RESTART);
#endif
	pid_t pid = child_of(signals_and_writes, 0);
	answered("SA_RESTART.read", reads_pipe());
	collect(pid);
	say("SA_RESTART.handled: %s\n", handled ? "yes" : "no");
}

static void jumps(int signo) { longjmp(landing, signo); }

static volatile pid_t from_handler;

static void forks(int signo)
{
	if ((from_handler = fork()) == 0)
		_exit(signo);
}

static void nests(int signo)
{
	handled++;
	if (signo == SIGUSR1)
		raise(SIGUSR2);
	say("nested.%d after %d\n", signo, handled);
}

static void handlers(void)
{
	handle(SIGUSR2, nests, 0);
	handle(SIGUSR1, nests, 0);
	handled = 0;
	raise(SIGUSR1);
	handle(SIGUSR1, forks, 0);
	raise(SIGUSR1);
	waited("handler.forks", from_handler, 0);
	handle(SIGALRM, jumps, 0);
	volatile int value = setjmp(landing);
	if (!value) {
		alarm_every(2000, false);
		for (;;)
			nanosleep(&(struct timespec){1000, 0}, NULL);
	}
	say("handler.jumps with: %d\n", value);
	handle(SIGALRM, SIG_DFL, 0);
}

static void blocked(void)
{
	handled = 0;
	handle(SIGUSR1, count, 0);
	block_all();
	kill(getpid(), SIGUSR1);
	raise(SIGUSR2);
	say("blocked.handled: %d\n", handled);
	handle(SIGUSR2, SIG_IGN, 0);
	unblock_all();
	sched_yield();
	say("blocked.then: %d\n", handled);
	make_gate(&gate);
	block_all();
	pid_t pid = child_of(behind_gate, 0);
	kill(pid, SIGTERM);
	waited("blocked.child does not end", pid, WNOHANG);
	kill(pid, SIGKILL);
	waited("blocked.but by SIGKILL", pid, 0);
	unblock_all();
	open_gate(&gate);
}

int signal_rows(void)
{
	addresses();
	group();
	pipes();
	ends();
	interrupts();
	restarts();
	handlers();
	blocked();
	return 0;
}
