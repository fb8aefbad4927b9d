// Makes many processes. Arguments: how, and how many.
//
//   fork N [MIB]      one after the other, each of which exits at once; with memory
//                     in use that is to be copied
//   exec N PROGRAM    one after the other, each of which becomes the program
//   vfork N PROGRAM   the same with vfork
//   spawn N PROGRAM   the same with posix_spawn
//   crowd N           all at once; they wait until standard input ends
//   jump N            setjmp and longjmp, one after the other
//   pipe N            bytes to a child and back, one after the other
//
// Each prints what it did, and the time it took on standard error.
#include "guest.h"

#ifdef __wasm__
#include "wasix.h"

// become executes a program without arguments. It returns only on failure.
static void become(const char *program)
{
	size_t n = strlen(program);
	wasix_proc_exec3(program, n, program, n, 0, 0, 0, 0, 0);
}

// spawned runs a program without arguments in a child, and returns its id or -1.
static pid_t spawned(const char *program)
{
	uint32_t pid = 0;
	size_t n = strlen(program);
	return wasix_proc_spawn2(program, n, program, n, 0, 0, 0, 0, 0, 0, 0, 0, 0, &pid) ? -1 : (pid_t)pid;
}
#else
#include <spawn.h>

static void become(const char *program) { execl(program, program, (char *)NULL); }

static pid_t spawned(const char *program)
{
	pid_t pid;
	char *argv[] = {(char *)program, NULL};
	return posix_spawn(&pid, program, NULL, NULL, argv, environ) ? -1 : pid;
}
#endif

static const char *program;

// collect waits for a child, which must exit with 0.
static void collect(pid_t pid)
{
	int status;
	if (pid < 0)
		die("no process");
	if (waitpid(pid, &status, 0) != pid || status != 0)
		die("waitpid");
}

static char *volatile used;

// use fills memory.
static void use(int mib)
{
	char *heap = used = malloc((size_t)mib << 20);
	if (!heap)
		die("malloc");
	memset(heap, 'x', (size_t)mib << 20);
}

static void one_fork(void)
{
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	collect(pid);
}

static void one_exec(void)
{
	pid_t pid = fork();
	if (pid == 0) {
		become(program);
		_exit(1);
	}
	collect(pid);
}

static void one_vfork(void)
{
	pid_t pid = vfork();
	if (pid == 0) {
		become(program);
		_exit(1);
	}
	collect(pid);
}

static void one_spawn(void) { collect(spawned(program)); }

static jmp_buf top;

static void one_jump(void)
{
	if (setjmp(top) == 0)
		longjmp(top, 1);
}

static int to_child[2], from_child[2];

static void one_pipe(void)
{
	char c = 'x';
	if (write(to_child[1], &c, 1) != 1 || read(from_child[0], &c, 1) != 1)
		die("pipe");
}

// echo makes the child at the other end of the pipes, and returns its id.
static pid_t echo(void)
{
	if (pipe(to_child) || pipe(from_child))
		die("pipe");
	pid_t pid = fork();
	if (pid == 0) {
		char c;
		close(to_child[1]);
		while (read(to_child[0], &c, 1) == 1)
			if (write(from_child[1], &c, 1) != 1)
				die("write");
		_exit(0);
	}
	close(to_child[0]);
	close(from_child[1]);
	return pid;
}

static void crowd(int n)
{
	int ready[2];
	char c;
	if (pipe(ready))
		die("pipe");
	for (int i = 0; i < n; i++) {
		pid_t pid = fork();
		if (pid < 0)
			die("fork");
		if (pid == 0) {
			if (write(ready[1], "x", 1) != 1)
				die("write");
			_exit(read(STDIN_FILENO, &c, 1) == 0 ? 0 : 1);
		}
	}
	for (int i = 0; i < n; i++)
		if (read(ready[0], &c, 1) != 1)
			die("read");
	say("%d wait\n", n);
	int status;
	for (int i = 0; i < n; i++)
		if (waitpid(-1, &status, 0) < 0 || status != 0)
			die("waitpid");
}

static const struct {
	const char *how;
	void (*one)(void);
} ways[] = {
	{"fork", one_fork}, {"exec", one_exec}, {"vfork", one_vfork}, {"spawn", one_spawn},
	{"jump", one_jump}, {"pipe", one_pipe}, {"crowd", NULL},
};

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	size_t way = 0;
	while (strcmp(ways[way].how, argv[1]))
		if (++way == sizeof ways / sizeof *ways)
			return 2;
	int n = atoi(argv[2]);
	program = argc > 3 ? argv[3] : "";
	if (ways[way].one == one_fork && argc > 3)
		use(atoi(program));
	pid_t other = ways[way].one == one_pipe ? echo() : 0;
	struct timespec from, to;
	clock_gettime(CLOCK_MONOTONIC, &from);
	if (!ways[way].one)
		crowd(n);
	for (int i = 0; ways[way].one && i < n; i++)
		ways[way].one();
	clock_gettime(CLOCK_MONOTONIC, &to);
	complain("%lld ns\n", (to.tv_sec - from.tv_sec) * 1000000000ll + to.tv_nsec - from.tv_nsec);
	if (other) {
		close(to_child[1]);
		collect(other);
	}
	say("%s: %d done\n", argv[1], n);
	return 0;
}
