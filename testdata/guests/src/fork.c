// How processes are made and end, and how the stack is jumped up. Every line is
// the same on Linux.
#include "guest.h"

static int global = 1;

static void memory(void)
{
	int local = 1;
	char *heap = malloc(100000);
	heap[99999] = 1;
	pid_t pid = fork();
	if (pid == 0) {
		global++, local++, heap[99999]++;
		say("memory.child: %d %d %d\n", global, local, heap[99999]);
		_exit(7);
	}
	say_end("memory.status", pid);
	say("memory.parent: %d %d %d\n", global, local, heap[99999]);
	say_end("memory.waited for again", pid);
}

static void family(void)
{
	pid_t me = getpid(), pid = fork();
	if (pid == 0) {
		say("family.parent: %s\n", getppid() == me ? "mine" : "not mine");
		say("family.own id: %s\n", getpid() != me ? "new" : "the parent's");
		pid_t mine = getpid(), grandchild = fork();
		if (grandchild == 0) {
			say("family.grandparent: %s\n", getppid() == mine ? "right" : "wrong");
			_exit(300);
		}
		say_end("family.grandchild", grandchild);
		_exit(0);
	}
	say_end("family.child", pid);
	say("family.no child: %d %s\n", waitpid(-1, NULL, 0), errname(errno));
	say("family.not a child: %d %s\n", waitpid(me, NULL, 0), errname(errno));
}

static void descriptors(void)
{
	int to[2], from[2];
	if (pipe(to) || pipe(from))
		die("pipe");
	pid_t pid = fork();
	if (pid == 0) {
		char buf[16];
		close(to[1]);
		ssize_t n;
		while ((n = read(to[0], buf, sizeof buf)) > 0)
			write_all(from[1], buf, (size_t)n);
		fcntl(from[0], F_SETFL, O_NONBLOCK);
		close(from[0]);
		_exit(n ? 1 : 0);
	}
	close(to[0]);
	close(from[1]);
	write_all(to[1], "through a child", 15);
	close(to[1]);
	char buf[64] = "";
	ssize_t n, len = 0;
	while ((n = read(from[0], buf + len, sizeof buf - 1 - (size_t)len)) > 0 || (n < 0 && errno == EAGAIN))
		len += n > 0 ? n : 0;
	say_end("descriptors.status", pid);
	say("descriptors.read: %s\n", buf);
	say("descriptors.flags are shared: %s\n", fcntl(from[0], F_GETFL) & O_NONBLOCK ? "yes" : "no");
	close(from[0]);
}

static void ends(void)
{
	pid_t pid = fork();
	if (pid == 0) {
		kill(getpid(), SIGKILL);
		for (;;)
			sched_yield();
	}
	say_end("ends.killed", pid);
	int hold[2];
	if (pipe(hold))
		die("pipe");
	if ((pid = fork()) == 0) {
		char c;
		close(hold[1]);
		_exit(read(hold[0], &c, 1) == 0 ? 5 : 6);
	}
	say("ends.nothing yet: %d\n", waitpid(pid, NULL, WNOHANG));
	close(hold[0]);
	close(hold[1]);
	say_end("ends.then", pid);
	if ((pid = vfork()) == 0)
		_exit(3);
	say_end("ends.vfork", pid);
}

static void many(void)
{
	int sum = 0, status;
	for (int i = 0; i < 100; i++) {
		pid_t pid = fork();
		if (pid < 0)
			die("fork");
		if (pid == 0)
			_exit(i);
		if (waitpid(pid, &status, 0) != pid)
			die("waitpid");
		sum += WEXITSTATUS(status);
	}
	say("many.in turn: %d\n", sum);
	pid_t pids[20];
	for (int i = 0; i < 20; i++)
		if ((pids[i] = fork()) == 0)
			_exit(i);
	sum = 0;
	for (int i = 0; i < 20; i++)
		if (waitpid(-1, &status, 0) > 0)
			sum += WEXITSTATUS(status);
	say("many.at once: %d\n", sum);
}

static jmp_buf top, copy;

static void deep(int n, int value);
static void (*volatile deeper)(int, int) = deep; // else gcc takes it for endless

static void deep(int n, int value)
{
	volatile char frame[64];
	frame[n % 64] = (char)n;
	if (frame[n % 64] > 0)
		deeper(n - 1, value);
	longjmp(top, value);
}

static void jumps(void)
{
	volatile int times = 0;
	int value = setjmp(top);
	say("jumps.setjmp: %d after %d\n", value, times);
	if (times++ < 3)
		deep(times * 10, times - 1);
	memcpy(copy, top, sizeof top);
	volatile int loops = 0;
	if (setjmp(top) < 1000) {
		loops++;
		longjmp(top, loops);
	}
	say("jumps.loops: %d\n", loops);
	if (times++ < 6)
		longjmp(copy, 100 + times);
	say("jumps.end: %d\n", times);
}

static void jump_in_child(void)
{
	volatile pid_t pid = -1;
	if (setjmp(top) == 0) {
		pid = fork();
		if (pid == 0)
			deep(5, 1);
		say_end("jump in child.status", pid);
		return;
	}
	say("jump in child.landed: %s\n", pid == 0 ? "child" : "parent");
	_exit(9);
}

#ifdef __wasm__

#include "wasix.h"

enum { SIGUSR1 = 10 };
static void (*volatile handler)(int);
__attribute__((export_name("__wasm_signal"))) void __wasm_signal(int signo)
{
	if (signo == SIGUSR1) // SIGCHLD comes, too
		handler(signo);
}

static void raise_handled(void (*h)(int))
{
	handler = h;
	wasix_callback_signal("__wasm_signal", 13);
	if (wasix_thread_signal(0, SIGUSR1))
		die("thread_signal");
}

#else

static void raise_handled(void (*h)(int))
{
	signal(SIGUSR1, h);
	raise(SIGUSR1);
}

#endif

static volatile pid_t from_handler;

static void fork_and_exit(int signo)
{
	if ((from_handler = fork()) == 0)
		_exit(signo + 1);
}

static void vfork_and_exit(int signo)
{
	if ((from_handler = vfork()) == 0)
		_exit(signo + 2);
}

static void fork_and_jump(int signo)
{
	if ((from_handler = fork()) == 0)
		longjmp(top, signo);
}

static void in_handler(void)
{
	raise_handled(fork_and_exit);
	say_end("in handler.fork", from_handler);
	raise_handled(vfork_and_exit);
	say_end("in handler.vfork", from_handler);
	if (setjmp(top) == 0) {
		raise_handled(fork_and_jump);
		say_end("in handler.jump", from_handler);
		return;
	}
	say("in handler.landed: %s\n", from_handler == 0 ? "child" : "parent");
	_exit(8);
}

int main(int argc, char **argv)
{
	(void)argc, (void)argv;
	memory();
	family();
	descriptors();
	ends();
	many();
	jumps();
	jump_in_child();
	in_handler();
	return 0;
}
