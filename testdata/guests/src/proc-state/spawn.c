// posix_spawn: what the file actions and attributes do, and how they fail.
#include "probe.h"
#include "spawns.h"

static posix_spawn_file_actions_t actions;
static char *const env[] = {"PROBE=spawned", NULL};

// spawned runs a program with the actions, which are forgotten then.
static void spawned(const char *row, const char *path, const posix_spawnattr_t *attr, char *const argv[])
{
	pid_t pid = 0;
	int err = posix_spawn(&pid, path, &actions, attr, argv, env);
	posix_spawn_file_actions_init(&actions);
	if (err)
		say("%s: %s\n", row, errname(err));
	else
		waited(row, pid, 0);
}

static char *const plain[] = {"p", "report", "spawn", "args", "env", NULL};

static void plainly(void)
{
	spawned("plain", PROGRAM, NULL, plain);
	spawned("missing", "files/missing", NULL, plain);
	spawned("directory", "files", NULL, plain);
	int fd = open("files/garbage", O_WRONLY | O_CREAT, 0755);
	if (fd < 0 || !write_all(fd, "garbage", 7))
		die("files/garbage");
	close(fd);
	spawned("garbage", "files/garbage", NULL, plain);
	waited("no child is left", -1, WNOHANG);
}

static void duplicates(int fd)
{
	dup2(fd, 41);
	posix_spawn_file_actions_adddup2(&actions, 41, 42);
	posix_spawn_file_actions_addclose(&actions, 41);
	spawned("duplicate", PROGRAM, NULL, (char *const[]){"p", "report", "duplicate", "read42", "fd41", NULL});
	fcntl(41, F_SETFD, FD_CLOEXEC);
	spawned("close on exec", PROGRAM, NULL, (char *const[]){"p", "report", "close on exec", "fd41", NULL});
	posix_spawn_file_actions_adddup2(&actions, 41, 41);
	spawned("to itself", PROGRAM, NULL, (char *const[]){"p", "report", "to itself", "fd41", NULL});
	say("of the parent: %d\n", fcntl(41, F_GETFD));
	posix_spawn_file_actions_adddup2(&actions, 45, 46);
	spawned("duplicate of none", PROGRAM, NULL, plain);
	posix_spawn_file_actions_addclose(&actions, 45);
	spawned("close of none", PROGRAM, NULL, (char *const[]){"p", "report", "close", NULL});
}

static void opens(void)
{
	posix_spawn_file_actions_addopen(&actions, 43, "files/letters", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, 43, 44);
	spawned("open", PROGRAM, NULL, (char *const[]){"p", "report", "open", "read43", "read44", NULL});
	answered("open in the parent", fcntl(43, F_GETFD));
	posix_spawn_file_actions_addopen(&actions, 43, "files/missing", O_RDONLY, 0);
	spawned("open missing", PROGRAM, NULL, plain);
	posix_spawn_file_actions_addopen(&actions, 1, "files/output", O_WRONLY | O_CREAT | O_TRUNC, 0644);
	spawned("to a file", PROGRAM, NULL, (char *const[]){"p", "report", "file", "args", NULL});
	char buf[128] = "";
	int fd = open("files/output", O_RDONLY);
	say("in the file: %d %s", (int)read(fd, buf, sizeof buf - 1), buf);
	close(fd);
}

static int spawns_below(int unused)
{
	(void)unused;
	if (chdir("files"))
		die("files");
	spawned("directory of the parent", "program", NULL, (char *const[]){"p", "report", "directory of the parent", "letters", NULL});
	return 0;
}

static void directories(void)
{
	waited("directory of the parent.child", child_of(spawns_below, 0), 0);
	posix_spawn_file_actions_addchdir_np(&actions, "files");
	posix_spawn_file_actions_addopen(&actions, 43, "letters", O_RDONLY, 0);
	spawned("directory first", "program", NULL, (char *const[]){"p", "report", "directory", "letters", "read43", NULL});
	posix_spawn_file_actions_addchdir_np(&actions, "files/missing");
	spawned("no directory", PROGRAM, NULL, plain);
	posix_spawn_file_actions_addchdir_np(&actions, "files/letters");
	spawned("to a file as directory", PROGRAM, NULL, plain);
}

static void handler(int signo) { (void)signo; }

static void signals(void)
{
	posix_spawnattr_t attr;
	sigset_t set;
	char *const raises[] = {"p", "report", "signal", "raise10", NULL};
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigdefault(&attr, &set);
	spawned("default", PROGRAM, NULL, raises);
	struct sigaction act = {.sa_handler = SIG_IGN};
	sigaction(SIGUSR1, &act, NULL);
	spawned("ignored", PROGRAM, NULL, raises);
	spawned("ignored, default", PROGRAM, &attr, raises);
	act.sa_handler = handler;
	sigaction(SIGUSR1, &act, NULL);
	spawned("handled", PROGRAM, NULL, raises);
}

int spawns(void)
{
	int fd = open("files/letters", O_RDWR | O_CREAT | O_TRUNC, 0644);
	if (fd < 0 || !write_all(fd, "abc", 3) || lseek(fd, 0, SEEK_SET))
		die("files/letters");
	posix_spawn_file_actions_init(&actions);
	plainly();
	duplicates(fd);
	opens();
	directories();
	signals();
	return 0;
}
