// Programs that are executed: what they get, and what is no program.
#include "probe.h"
#include "spawns.h"

static const char *arg_path; // where the programs below are
static char *const small_env[] = {"PROBE=x=y", "EMPTY=", NULL};

static void print_all(const char *row, char **strings)
{
	say("%s:", row);
	for (; *strings; strings++)
		say(" [%s]", *strings);
	say("\n");
}

// report prints what the numbers and names after the group ask for.
int report(int argc, char **argv)
{
	const char *group = argv[2];
	char row[64];
	for (int i = 3; i < argc; i++) {
		format(row, sizeof row, "%s.%s", group, argv[i]);
		if (!strcmp(argv[i], "args"))
			print_all(row, argv);
		else if (!strcmp(argv[i], "env"))
			print_all(row, environ);
		else if (!strcmp(argv[i], "parent"))
			say("%s: %s\n", row, atoi(getenv("PARENT")) == getppid() ? "the same" : "another");
		else if (!strcmp(argv[i], "pid"))
			say("%s: %s\n", row, atoi(getenv("SELF")) == getpid() ? "the same" : "another");
		else if (!strcmp(argv[i], "letters"))
			answered(row, open("letters", O_RDONLY));
		else if (!strncmp(argv[i], "fd", 2))
			answered(row, fcntl(atoi(argv[i] + 2), F_GETFD));
		else if (!strncmp(argv[i], "read", 4)) {
			char c = '-';
			answered(row, (int)read(atoi(argv[i] + 4), &c, 1));
			say("%s byte: %c\n", row, c);
		} else if (!strncmp(argv[i], "raise", 5))
			raise(atoi(argv[i] + 5));
		else if (!strcmp(argv[i], "unblock"))
			unblock_all();
		else if (!strcmp(argv[i], "sleep"))
			nanosleep(&(struct timespec){10, 0}, NULL);
	}
	return argc;
}

static int becomes(char *const argv[])
{
	execve(arg_path, argv, small_env);
	return errno == 0 ? 99 : 100;
}

// executed runs a program in a child, which prints itself, or why not.
static void executed(const char *row, const char *path, char *const argv[])
{
	arg_path = path;
	pid_t pid = fork();
	if (pid == 0) {
		becomes(argv);
		say("%s: %s\n", row, errname(errno));
		_exit(100);
	}
	char status[64];
	format(status, sizeof status, "%s status", row);
	waited(status, pid, 0);
}

static void put_file(const char *path, const char *text, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);
	if (fd < 0 || !write_all(fd, text, n))
		die(path);
	close(fd);
}

static void put_text(const char *path, const char *text) { put_file(path, text, strlen(text)); }

static char *const plain[] = {"name", "report", "plain", "args", NULL};

static void programs(void)
{
	executed("program", PROGRAM, plain);
	executed("environment", PROGRAM, (char *const[]){"", "report", "environment", "env", "args", "", NULL});
	executed("missing", "files/missing", plain);
	executed("below a file", PROGRAM "/missing", plain);
	executed("directory", "files", plain);
	executed("no name", "", plain);
	put_text("files/garbage", "\x7f" "ELF or what");
	executed("garbage", "files/garbage", plain);
	put_text("files/empty", "");
	executed("empty", "files/empty", plain);
	put_file("files/magic", "\0asm", 4);
	executed("magic number only", "files/magic", plain);
	put_file("files/version", "\0asm\2\0\0\0", 8);
	executed("another version", "files/version", plain);
	int dir = open("files", O_RDONLY | O_DIRECTORY);
	if (symlinkat("program", dir, "link") || symlinkat("nowhere", dir, "broken") || symlinkat("loop", dir, "loop"))
		die("symlink");
	close(dir);
	executed("link", "files/link", plain);
	executed("broken link", "files/broken", plain);
	executed("links in a circle", "files/loop", plain);
}

// searched runs a program that is looked for in path.
static void searched(const char *row, char *path, const char *name)
{
	pid_t pid = fork();
	if (pid == 0) {
		environ = (char *[]){path, NULL};
		execvp(name, plain);
		say("%s: %s\n", row, errname(errno));
		_exit(100);
	}
	char status[64];
	format(status, sizeof status, "%s status", row);
	waited(status, pid, 0);
}

static void searches(void)
{
	searched("search", "PATH=nowhere:files:files/program", "program");
	searched("search in vain", "PATH=nowhere:" PROGRAM, "program");
	searched("search with a slash", "PATH=files", "./program");
	searched("search past a directory", "PATH=.:files", "files");
	searched("search in the current directory", "PATH=:nowhere", "program");
}

static void scripts(void)
{
	put_text("files/script", "#!" PROGRAM " report\nno matter\n");
	executed("script", "files/script", (char *const[]){"dropped", "args", NULL});
	put_text("files/spaces", "#! \t" PROGRAM "\t report  two words \t\nx");
	executed("script with spaces", "files/spaces", (char *const[]){"dropped", "args", NULL});
	put_text("files/nested", "#!files/script\n");
	executed("nested script", "files/nested", (char *const[]){"dropped", "args", NULL});
	put_text("files/orphan", "#!files/missing\n");
	executed("no interpreter", "files/orphan", plain);
	put_text("files/nameless", "#!\n");
	executed("nameless interpreter", "files/nameless", plain);
	put_text("files/itself", "#!files/itself\n");
	executed("its own interpreter", "files/itself", plain);
	put_text("files/in-directory", "#!files\n");
	executed("interpreter is a directory", "files/in-directory", plain);
	put_text("files/text", "echo no interpreter line\n");
	executed("text", "files/text", plain);
	put_text("files/unended", "#!" PROGRAM " report");
	executed("script without newline", "files/unended", (char *const[]){"dropped", "args", NULL});
}

static void lengths(void)
{
	static char longest[(128 << 10) + 1], name[5000];
	memset(longest, 'x', sizeof longest - 1);
	memset(name, 'n', sizeof name - 1);
	executed("argument too long", PROGRAM, (char *const[]){"name", longest, NULL});
	longest[sizeof longest - 2] = 0;
	executed("longest argument", PROGRAM, (char *const[]){"name", "report", "longest", longest, NULL});
	char *many[40];
	for (int i = 0; i < 39; i++)
		many[i] = longest;
	many[39] = NULL;
	executed("arguments too long", PROGRAM, many);
	executed("path too long", name, plain);
	name[300] = 0;
	executed("name too long", name, plain);
}

static void number(char *buf, const char *name, int value) { format(buf, 32, "%s=%d", name, value); }

// inherited executes a program in a child with descriptors, a directory, signals.
static void inherited(void)
{
	char self[32], parent[32];
	char *const env[] = {self, parent, NULL};
	number(parent, "PARENT", (int)getpid());
	put_text("files/letters", "abc");
	pid_t pid = fork();
	if (pid == 0) {
		char c;
		int fd = open("files/letters", O_RDONLY);
		dup2(fd, 40);
		dup2(fd, 41);
		fcntl(41, F_SETFD, FD_CLOEXEC);
		if (read(40, &c, 1) != 1 || chdir("files"))
			die("set up");
		number(self, "SELF", (int)getpid());
		execve("program", (char *const[]){"p", "report", "inherited", "pid", "parent", "fd40", "fd41", "read40", "letters", NULL}, env);
		die("program");
	}
	waited("inherited.status", pid, 0);
}

// The environment that a program gave itself, for the exec that names none.
static void environment(void)
{
	pid_t pid = fork();
	if (pid == 0) {
		environ = (char *[]){"PROBE=its own", "SECOND=2", NULL};
		execvp(PROGRAM, (char *const[]){"p", "report", "environment of the process", "env", NULL});
		die(PROGRAM);
	}
	waited("environment of the process.status", pid, 0);
}

static void nothing(int signo) { (void)signo; }

static pid_t raises_there(void (*handler)(int), char *what)
{
	pid_t pid = fork();
	if (pid)
		return pid;
	struct sigaction act = {.sa_handler = handler};
	if (sigaction(SIGUSR1, &act, NULL))
		die("sigaction");
	becomes((char *const[]){"p", "report", "signal", what, NULL});
	_exit(100);
}

static int to_itself(int signo) { return kill(getpid(), signo); }

// blocked_there executes a program with signals blocked, once how has sent one.
static pid_t blocked_there(int (*how)(int), char *what)
{
	pid_t pid = fork();
	if (pid)
		return pid;
	block_all();
	if (how && how(SIGUSR1))
		die("raise");
	becomes((char *const[]){"p", "report", "signal", what, NULL});
	_exit(100);
}

static void signals(void)
{
	arg_path = PROGRAM;
	waited("signal.blocked before", blocked_there(NULL, "raise10"), 0);
	waited("signal.pending from before", blocked_there(to_itself, "unblock"), 0);
	waited("signal.pending for the thread", blocked_there(raise, "unblock"), 0);
	waited("signal.handled before", raises_there(nothing, "raise10"), 0);
	waited("signal.ignored before", raises_there(SIG_IGN, "raise10"), 0);
	pid_t pid = fork();
	if (pid == 0) {
		alarm_every(100000, false);
		becomes((char *const[]){"p", "report", "signal", "sleep", NULL});
		_exit(100);
	}
	waited("signal.alarm from before", pid, 0);
}

static void *blocks(void *fds)
{
	char c;
	while (read(((int *)fds)[0], &c, 1) > 0)
		;
	return NULL;
}

static void *executes_there(void *unused)
{
	becomes(plain);
	return unused;
}

static void threads(void)
{
	int fds[2];
	pthread_t t;
	if (pipe(fds))
		die("pipe");
	arg_path = PROGRAM;
	for (int in_thread = 0; in_thread < 2; in_thread++) {
		pid_t pid = fork();
		if (pid == 0) {
			if (pthread_create(&t, NULL, blocks, fds) || (in_thread && pthread_create(&t, NULL, executes_there, NULL)))
				die("pthread_create");
			if (!in_thread)
				becomes(plain);
			blocks(fds);
		}
		waited(in_thread ? "threads.in another" : "threads.beside one", pid, 0);
	}
}

int executes(void)
{
	programs();
	searches();
	scripts();
	lengths();
	inherited();
	environment();
	signals();
	threads();
	return 0;
}
