// How children of vfork live on their parent's memory. On WASIX they are made as by
// programs with wasm exceptions: proc_fork_env returns once, and the child's end
// returns to the parent where the child was. Every line is the same on Linux.
// Argument: threads, for what takes several.
#include "guest.h"
#include "signals.h"

#ifdef __wasm__
#include "wasix.h"

WASIX_IMPORT(proc_fork_env) wasi_errno wasix_proc_fork_env(uint32_t *pid);
WASIX_IMPORT(proc_exit2) void leave(uint32_t code);
WASIX_IMPORT(proc_exec3) wasi_errno wasix_proc_exec3(const char *name, size_t name_len, const char *args,
	size_t args_len, const char *envs, size_t envs_len, uint8_t search, const char *path, size_t path_len);

#define IN_CHILD(pid) (wasix_proc_fork_env((uint32_t *)&(pid)) == 0)

// become executes a program with one argument. It returns true when that succeeded.
static bool become(const char *program, const char *argument)
{
	char args[512];
	size_t n = format(args, sizeof args, "%s\n%s\n", program, argument);
	errno = wasix_proc_exec3(program, strlen(program), args, n, 0, 0, 0, 0, 0);
	return errno == 0;
}
#else
#define IN_CHILD(pid) (((pid) = vfork()) == 0)
#define leave _exit

static bool become(const char *program, const char *argument)
{
	execl(program, program, argument, (char *)NULL);
	return false;
}
#endif

static const char self[] = "files/program"; // this one
static volatile int shared;

static void exits(void)
{
	pid_t pid, me = getpid();
	if (IN_CHILD(pid)) {
		shared = getpid() != me && getppid() == me ? 1 : -1;
		leave(300);
	}
	say("exit.memory: %d\n", shared);
	say("exit.own id: %s\n", getpid() == me && pid != me && pid > 0 ? "as before" : "changed");
	say_end("exit.status", pid);
	say_end("exit.once more", pid);
}

static void executes(void)
{
	pid_t pid;
	if (IN_CHILD(pid)) {
		if (!become(self, "child"))
			leave(1);
	}
	say_end("exec.status", pid);
	if (IN_CHILD(pid)) {
		if (!become("/does/not/exist", "x")) {
			shared = errno;
			if (!become("/", "x"))
				leave(4);
		}
	}
	say("exec.fails: %s\n", errname(shared));
	say_end("exec.status after failing", pid);
}

static void descriptors(void)
{
	int ends[2];
	char buf[8] = "", cwd[256], was[256];
	pid_t pid;
	if (pipe(ends) || !getcwd(was, sizeof was))
		die("pipe");
	if (IN_CHILD(pid)) {
		close(ends[0]);
		dup2(ends[1], STDERR_FILENO);
		if (chdir("files"))
			leave(1);
		write_all(STDERR_FILENO, "child", 5);
		leave(0);
	}
	close(ends[1]);
	say("descriptors.read: %d %s\n", (int)read(ends[0], buf, sizeof buf - 1), buf);
	say("descriptors.then: %d\n", (int)read(ends[0], buf, sizeof buf - 1));
	say("descriptors.directory: %s\n", getcwd(cwd, sizeof cwd) && !strcmp(cwd, was) ? "as before" : "changed");
	say_end("descriptors.status", pid);
	close(ends[0]);
}

static void killed(void)
{
	pid_t pid;
	if (IN_CHILD(pid)) {
		kill(getpid(), SIGKILL);
		write_all(STDOUT_FILENO, "and writes\n", 11);
		leave(7);
	}
	say_end("killed.status", pid);
	if (IN_CHILD(pid)) {
		kill(getpid(), SIGKILL);
		if (!become(self, "child"))
			leave(7);
	}
	say_end("killed.before exec", pid);
}

static void waits(void)
{
	pid_t pid, first;
	if (IN_CHILD(first))
		leave(3);
	if (IN_CHILD(pid))
		leave(waitpid(-1, NULL, 0) < 0 ? 20 : 30);
	say_end("waits.for a brother", pid);
	say_end("waits.first", first);
}

static void many(void)
{
	volatile int sum = 0;
	int status;
	for (volatile int i = 0; i < 100; i++) {
		pid_t pid;
		if (IN_CHILD(pid))
			leave((unsigned)i);
		if (waitpid(pid, &status, 0) != pid)
			die("waitpid");
		sum += WEXITSTATUS(status);
	}
	say("many: %d\n", sum);
}

// lends is a program whose child tells that it is there, waits, and executes one more.
static int lends(void)
{
	pid_t pid;
	char c;
	if (IN_CHILD(pid)) {
		write_all(STDOUT_FILENO, ".", 1);
		if (read(STDIN_FILENO, &c, 1) || !become(self, "child"))
			leave(1);
	}
	return 2;
}

// lender is killed while its child is in its place.
static void lender(void)
{
	int gate[2], told[2];
	char buf[32] = "";
	pid_t pid;
	if (pipe(gate) || pipe(told))
		die("pipe");
	if (IN_CHILD(pid)) {
		dup2(gate[0], STDIN_FILENO);
		dup2(told[1], STDOUT_FILENO);
		close(gate[1]);
		close(told[1]);
		if (!become(self, "lends"))
			leave(1);
	}
	close(told[1]);
	say("lender.lends: %d\n", (int)read(told[0], buf, 1));
	kill(pid, SIGTERM);
	say_end("lender.status", pid);
	close(gate[1]);
	say("lender.has a child that goes on: %d ", (int)read(told[0], buf, sizeof buf - 1));
	say("%s", buf);
	say("lender.child ends: %d\n", (int)read(told[0], buf, sizeof buf));
	close(gate[0]);
	close(told[0]);
}

static int ends[2];

static void *writes(void *unused)
{
	(void)unused;
	write_all(ends[1], "x", 1);
	return NULL;
}

// threads has the child wait for another thread of the parent.
static void threads(void)
{
	pthread_t thread;
	pid_t pid;
	char c;
	if (pipe(ends) || pthread_create(&thread, NULL, writes, NULL))
		die("threads");
	if (IN_CHILD(pid))
		leave(read(ends[0], &c, 1) == 1 ? 11 : 12);
	say_end("threads.status", pid);
	pthread_join(thread, NULL);
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "child")) {
		say("child: %d arguments\n", argc);
		return 9;
	}
	if (argc > 1 && !strcmp(argv[1], "lends"))
		return lends();
	if (argc > 1) {
		threads();
		return 0;
	}
	exits();
	executes();
	descriptors();
	killed();
	waits();
	many();
	lender();
	return 0;
}
