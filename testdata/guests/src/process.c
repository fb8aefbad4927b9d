// What a program gets from its host. Argument: what to do.
//
//   args ...   prints the arguments
//   env        prints the environment, sorted, and one variable
//   exit N     ends with status N
//   abort      ends with a trap
//   cat        copies standard input to standard output
//   clocks     checks the clocks
//   random     checks random numbers
//   stdio      what the standard descriptors are and refuse
//   recurse    calls itself until the stack ends
#include "guest.h"

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static int print_args(int argc, char **argv)
{
	say("argc: %d\n", argc);
	for (int i = 1; i < argc; i++)
		say("argv %d: \"%s\"\n", i, argv[i]);
	say("end: %s\n", argv[argc] ? "none" : "NULL");
	return 0;
}

static int print_env(void)
{
	size_t n = 0;
	while (environ[n])
		n++;
	qsort(environ, n, sizeof *environ, by_text);
	for (size_t i = 0; i < n; i++)
		say("env: %s\n", environ[i]);
	say("PROBE: %s\n", getenv("PROBE") ? getenv("PROBE") : "not set");
	say("EMPTY: %s\n", getenv("EMPTY") ? "set" : "not set");
	say("MISSING: %s\n", getenv("MISSING") ? "set" : "not set");
	return 0;
}

static int cat(void)
{
	static char buf[10000];
	ssize_t n;
	while ((n = read(STDIN_FILENO, buf, sizeof buf)) > 0)
		if (!write_all(STDOUT_FILENO, buf, (size_t)n))
			die("write");
	if (n < 0)
		die("read");
	return 0;
}

static long long ns(clockid_t id)
{
	struct timespec t;
	return clock_gettime(id, &t) ? -1 : t.tv_sec * 1000000000ll + t.tv_nsec;
}

static const char *low(clockid_t id) { return ns(id) < 5000000000ll ? "low" : "high"; }

static int clocks(void)
{
	say("process starts %s, ", low(CLOCK_PROCESS_CPUTIME_ID));
	say("thread %s\n", low(CLOCK_THREAD_CPUTIME_ID));
	for (long long start = ns(CLOCK_THREAD_CPUTIME_ID); ns(CLOCK_THREAD_CPUTIME_ID) - start < 20000000;)
		;
	say("computing counts: %s\n", ns(CLOCK_PROCESS_CPUTIME_ID) >= 20000000 ? "yes" : "no");
	static const char *const names[] = {"realtime", "monotonic", "process", "thread"};
	static const clockid_t ids[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID};
	for (int i = 0; i < 4; i++) {
		struct timespec res = {-1, -1};
		long long before = ns(ids[i]);
		int steps = 0;
		for (int j = 0; j < 1000; j++) {
			long long t = ns(ids[i]);
			steps += t < before;
			before = t;
		}
		int rc = clock_getres(ids[i], &res);
		say("clock %s: %s, resolution %s, steps back %d\n", names[i], before > 0 ? "runs" : "stands",
		    rc ? errname(errno) : res.tv_sec == 0 && res.tv_nsec > 0 ? "given" : "odd", steps);
	}
	long long year = ns(CLOCK_REALTIME) / 1000000000 / 31556952 + 1970;
	say("year: %s\n", year >= 2024 && year < 2200 ? "plausible" : "not");
	struct timespec t = {0, 30000000};
	long long cpu = ns(CLOCK_PROCESS_CPUTIME_ID), start = ns(CLOCK_MONOTONIC);
	say("sleep: %d", nanosleep(&t, NULL));
	say(", %s\n", ns(CLOCK_MONOTONIC) - start >= 30000000 ? "long enough" : "too short");
	say("sleeping computes: %s\n", ns(CLOCK_PROCESS_CPUTIME_ID) - cpu > 25000000 ? "yes" : "no");
	say("unknown clock: %d", clock_gettime(77, &t));
	say(" %s\n", errname(errno));
	return 0;
}

static int randoms(void)
{
	static uint8_t a[4096], b[4096];
	int bits = 0;
	say("random: %d %d %d\n", (int)getrandom(a, sizeof a, 0), (int)getrandom(b, sizeof b, 0), (int)getrandom(a, 0, 0));
	for (size_t i = 0; i < sizeof a; i++)
		bits += __builtin_popcount(a[i]);
	say("differs: %s\n", memcmp(a, b, sizeof a) ? "yes" : "no");
	say("half the bits: %s\n", bits > 15000 && bits < 17800 ? "about" : "no");
	return 0;
}

static int stdio(void)
{
	struct stat st;
	char c;
	for (int fd = 0; fd < 3; fd++) {
		say("fd %d: terminal %d", fd, isatty(fd));
		say(", regular file %d\n", fstat(fd, &st) ? -1 : S_ISREG(st.st_mode));
	}
	say("read stdin: %d", (int)read(0, &c, 1));
	say(", then %d\n", (int)read(0, &c, 1));
	say("write stdout nothing: %d\n", (int)write(1, "", 0));
	complain("to stderr\n");
	say("close: %d", close(0));
	say(", read %d", (int)read(0, &c, 1));
	say(" %s\n", errname(errno));
	return 0;
}

static int recurse(int left)
{
	volatile char here[256];
	here[0] = (char)left;
	return left == 0 ? 0 : recurse(left - 1) + here[0];
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "args";
	if (!strcmp(mode, "args"))
		return print_args(argc, argv);
	if (!strcmp(mode, "env"))
		return print_env();
	if (!strcmp(mode, "exit"))
		return argc > 2 ? atoi(argv[2]) : 0;
	if (!strcmp(mode, "abort"))
		__builtin_trap();
	if (!strcmp(mode, "cat"))
		return cat();
	if (!strcmp(mode, "clocks"))
		return clocks();
	if (!strcmp(mode, "random"))
		return randoms();
	if (!strcmp(mode, "stdio"))
		return stdio();
	if (!strcmp(mode, "recurse"))
		return recurse(0x7fffffff);
	complain("unknown mode %s\n", mode);
	return 2;
}
