// A tree of processes that does not end by itself. Arguments: what they do, and how
// many children there are.
//
//   bomb         each forks again and again, and goes on when there is no more
//   computes N   they compute, without a call
//   sleeps N     they sleep
//   reads N      they read from a pipe that nobody writes to
//   chain N      each is the child of the one before, and waits for its own
//   full         forks until it fails, ends the children, and forks once more
//
// The first process prints a line once all are there, and then does as the others;
// with bomb, once it can fork no more; with full it ends.
#include "guest.h"

static int ready[2], never[2];

static void compute(void)
{
	for (volatile unsigned turns = 0;; turns++)
		;
}

static void sleep_on(void)
{
	struct timespec t = {100000, 0};
	for (;;)
		nanosleep(&t, NULL);
}

static void read_on(void)
{
	char c;
	for (;;)
		read(never[0], &c, 1);
}

static void tell_ready(void)
{
	if (write(ready[1], "x", 1) != 1)
		die("write");
}

static void await_ready(int n)
{
	char c;
	for (int i = 0; i < n; i++)
		if (read(ready[0], &c, 1) != 1)
			die("read");
}

static void crowd(int n, void (*go_on)(void))
{
	for (int i = 0; i < n; i++) {
		pid_t pid = fork();
		if (pid < 0)
			die("fork");
		if (pid == 0) {
			tell_ready();
			go_on();
		}
	}
	await_ready(n);
	say("%d children\n", n);
	go_on();
}

static void chain(int n)
{
	pid_t pid = 0;
	int depth = 0;
	while (depth < n && (pid = fork()) == 0) {
		depth++;
		tell_ready();
	}
	if (pid < 0)
		die("fork");
	if (depth == 0) {
		await_ready(n);
		say("%d children\n", n);
	}
	if (depth < n)
		waitpid(pid, NULL, 0);
	sleep_on();
}

static void bomb(void)
{
	pid_t first = getpid();
	for (bool told = false;;) {
		if (fork() >= 0 || told || getpid() != first)
			continue;
		say("fork: %s\n", errname(errno));
		told = true;
	}
}

// fill makes children until there are no more to be had, and returns how many.
static int fill(pid_t *pids, int room)
{
	int n = 0;
	while (n < room && (pids[n] = fork()) >= 0)
		if (pids[n++] == 0)
			read_on();
	return n;
}

static int full(void)
{
	enum { ROOM = 1000 };
	static pid_t pids[ROOM + 1];
	int n = fill(pids, ROOM);
	say("fork: %s after %d children\n", errname(n < ROOM ? errno : 0), n);
	for (int i = 0; i < n; i++) {
		int status;
		if (kill(pids[i], 9) || waitpid(pids[i], &status, 0) != pids[i] || !WIFSIGNALED(status))
			die("kill");
	}
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	say("fork: %s\n", pid > 0 && waitpid(pid, NULL, 0) == pid ? "OK" : errname(errno));
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	int n = argc > 2 ? atoi(argv[2]) : 0;
	if (pipe(ready) || pipe(never))
		die("pipe");
	if (!strcmp(what, "bomb"))
		bomb();
	if (!strcmp(what, "computes"))
		crowd(n, compute);
	if (!strcmp(what, "sleeps"))
		crowd(n, sleep_on);
	if (!strcmp(what, "reads"))
		crowd(n, read_on);
	if (!strcmp(what, "chain"))
		chain(n);
	return strcmp(what, "full") ? 2 : full();
}
