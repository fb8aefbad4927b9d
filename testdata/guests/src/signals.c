// Signals: what handlers see, which calls they interrupt, and how a process ends
// by one. Arguments: what to do.
//
//   handlers       prints what handlers do
//   interrupts     prints which calls a handler interrupts
//   pipes          prints who gets SIGPIPE
//   errors         prints what calls refuse
//   die N [catch]  ends by signal N; with catch after there was another handler
//   exit           ends with status 7 in a handler
//   trap           traps in a handler
//   abort          ends by abort(3)'s signal
//   serve          counts USR1 and ends on TERM, for tests that send them
//   stubborn       never returns from the handler of INT
#include "signals.h"

static volatile int counts[65], last;
static volatile int order[16], depth;
static volatile unsigned handled;

static void count(int signo)
{
	counts[signo]++;
	last = signo;
	if (handled < sizeof order / sizeof *order)
		order[handled] = signo;
	handled++;
}

static void handle(int signo, void (*handler)(int))
{
	struct sigaction act = {.sa_handler = handler};
	if (sigaction(signo, &act, NULL))
		die("sigaction");
}

static void print_order(const char *what)
{
	say("%s:", what);
	for (unsigned i = 0; i < handled; i++)
		say(" %d", order[i]);
	say("\n");
	handled = 0;
}

// raise_twice raises its own signal, which waits, and another, which does not.
static void raise_twice(int signo)
{
	count(signo);
	depth++;
	if (counts[signo] == 1) {
		raise(signo);
		say("raised in its own handler: %d times\n", counts[signo]);
		raise(signo == SIGUSR1 ? SIGUSR2 : SIGHUP);
		say("depth %d after another\n", depth);
	}
	depth--;
}

// spin computes until the signal has come so often, without system calls.
static void spin(int signo, int n)
{
	while (counts[signo] < n)
		;
}

static int handlers(void)
{
	handle(SIGUSR1, count);
	say("raise: %d", raise(SIGUSR1));
	say(", handled %d times\n", counts[SIGUSR1]);
	say("kill: %d", kill((int)getpid(), SIGUSR1));
	say(", handled %d times\n", counts[SIGUSR1]);
	handled = 0;
	handle(SIGUSR2, count);
	handle(SIGTERM, count);
	block_all();
	raise(SIGUSR2);
	raise(SIGUSR1);
	raise(SIGUSR2);
	raise(SIGTERM);
	print_order("blocked");
	unblock_all();
	print_order("unblocked");
	handle(SIGTERM, SIG_IGN);
	raise(SIGTERM);
	print_order("ignored");
	handle(SIGTERM, count);
	raise(SIGTERM);
	print_order("no longer ignored");
	raise(SIGCHLD), raise(SIGURG), raise(SIGWINCH);
	print_order("ignored by default");
	memset((void *)counts, 0, sizeof counts);
	handle(SIGUSR1, raise_twice);
	handle(SIGUSR2, raise_twice);
	handle(SIGHUP, raise_twice);
	raise(SIGUSR1);
	print_order("nested");
	handle(SIGALRM, count);
	alarm_every(2000, false);
	spin(SIGALRM, 1);
	alarm_every(2000, true);
	spin(SIGALRM, 4);
	alarm_every(0, false);
	say("while computing: last %d\n", last);
	return 0;
}

static int fds[2], pair[2], listener;
static char data[1 << 16];

static int do_read(void) { return (int)read(fds[0], data, 1); }
static int do_write(void)
{
	int n;
	do
		n = (int)write(fds[1], data, sizeof data);
	while (n > 0);
	return n;
}
static int do_recv(void) { return (int)recv(pair[0], data, 1, 0); }
static int do_accept(void) { return accept(listener, NULL, NULL); }
static int do_sleep(void) { return nanosleep(&(struct timespec){1000, 0}, NULL); }
static int do_poll(void) { return poll(&(struct pollfd){pair[0], POLLIN, 0}, 1, 1000000); }
static int do_poll_nothing(void) { return poll(&(struct pollfd){pair[0], POLLIN, 0}, 1, -1); }
static int do_epoll(void)
{
	struct epoll_event ev = {.events = EPOLLIN};
	int ep = epoll_create1(0);
	if (epoll_ctl(ep, EPOLL_CTL_ADD, pair[0], &ev))
		die("epoll_ctl");
	int n = epoll_wait(ep, &ev, 1, -1), err = errno;
	close(ep);
	errno = err;
	return n;
}

static void interrupted(const char *name, int (*call)(void))
{
	counts[SIGALRM] = 0;
	alarm_every(20000, true);
	int n = call();
	int err = errno;
	alarm_every(0, false);
	say("%s: %d %s", name, n, n < 0 ? errname(err) : "OK");
	say(", handled: %s\n", counts[SIGALRM] ? "yes" : "no");
}

static int interrupts(void)
{
	handle(SIGALRM, count);
	union address addr = {.in = {.sin_family = AF_INET}};
	addr.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	if (pipe(fds) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) || bind(listener, &addr.any, sizeof addr.in) || listen(listener, 1))
		die("set up");
	interrupted("read", do_read);
	interrupted("write", do_write);
	interrupted("recv", do_recv);
	interrupted("accept", do_accept);
	interrupted("nanosleep", do_sleep);
	interrupted("poll", do_poll);
	interrupted("poll without limit", do_poll_nothing);
	interrupted("epoll_wait", do_epoll);
	// An ignored signal interrupts nothing: the handled one does.
	handle(SIGALRM, SIG_IGN);
	handle(SIGUSR1, count);
	alarm_every(1000, true);
	int n = (int)nanosleep(&(struct timespec){0, 20000000}, NULL);
	alarm_every(0, false);
	say("nanosleep, ignored: %d\n", n);
	return 0;
}

static void wrote(const char *name, int n)
{
	int err = errno;
	say("%s: %d %s", name, n, n < 0 ? errname(err) : "OK");
	say(", SIGPIPE %d times\n", counts[SIGPIPE]);
	counts[SIGPIPE] = 0;
}

static int pipes(void)
{
	handle(SIGPIPE, count);
	if (pipe(fds) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		die("set up");
	close(fds[0]);
	close(pair[0]);
	wrote("write to a pipe", (int)write(fds[1], "x", 1));
	wrote("writev to a pipe", (int)writev(fds[1], &(struct iovec){"x", 1}, 1));
	wrote("write to a socket", (int)write(pair[1], "x", 1));
	wrote("send with NOSIGNAL", (int)send(pair[1], "x", 1, MSG_NOSIGNAL));
	wrote("send", (int)send(pair[1], "x", 1, 0));
	handle(SIGPIPE, SIG_IGN);
	wrote("write, ignored", (int)write(fds[1], "x", 1));
	block_all();
	handle(SIGPIPE, count);
	wrote("write, blocked", (int)write(fds[1], "x", 1));
	unblock_all();
	say("unblocked: SIGPIPE %d times\n", counts[SIGPIPE]);
	handle(SIGPIPE, SIG_DFL);
	wrote("write, default", (int)write(fds[1], "x", 1));
	return 0;
}

static void refused(const char *name, int n) { say("%s: %s\n", name, n ? errname(errno) : "OK"); }

static int errors(void)
{
	int self = (int)getpid();
	refused("kill self 0", kill(self, 0));
	refused("kill group 0", kill(0, 0));
	refused("kill 65", kill(self, 65));
	refused("kill nobody", kill(0x3ffff0, SIGTERM));
	refused("kill no group", kill(-0x3ffff0, SIGTERM));
	refused("raise 65", raise(65));
	refused("raise 0", raise(0));
	return 0;
}

static int end_by(int signo, bool caught)
{
	if (caught) {
		handle(SIGUSR2, count);
		handle(signo, count);
		handle(signo, SIG_DFL);
	}
	raise(signo);
	say("still there\n");
	return 0;
}

static void exit_in_handler(int signo) { exit(signo == SIGUSR1 ? 7 : 8); }
static void trap_in_handler(int signo) { (void)signo, __builtin_trap(); }

static int in_handler(void (*handler)(int))
{
	handle(SIGUSR1, handler);
	raise(SIGUSR1);
	return 1;
}

static _Noreturn void serve(void)
{
	handle(SIGUSR1, count);
	handle(SIGTERM, exit_in_handler);
	say("ready\n");
	for (int seen = 0;; ) {
		nanosleep(&(struct timespec){0, 20000000}, NULL); // a signal may come just before
		while (seen < counts[SIGUSR1])
			say("USR1 %d\n", ++seen);
	}
}

static void never_return(int signo)
{
	say("got %d\n", signo);
	for (;;)
		;
}

static int stubborn(void)
{
	handle(SIGINT, never_return);
	say("ready\n");
	return do_sleep();
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "handlers";
	if (!strcmp(mode, "handlers"))
		return handlers();
	if (!strcmp(mode, "interrupts"))
		return interrupts();
	if (!strcmp(mode, "pipes"))
		return pipes();
	if (!strcmp(mode, "errors"))
		return errors();
	if (!strcmp(mode, "die"))
		return end_by(atoi(argv[2]), argc > 3);
	if (!strcmp(mode, "exit"))
		return in_handler(exit_in_handler);
	if (!strcmp(mode, "trap"))
		return in_handler(trap_in_handler);
	if (!strcmp(mode, "abort"))
		return end_by(SIGABRT, true);
	if (!strcmp(mode, "serve"))
		serve();
	if (!strcmp(mode, "stubborn"))
		return stubborn();
	complain("unknown mode %s\n", mode);
	return 2;
}
