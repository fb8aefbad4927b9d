// Programs that are executed, or run in children. For WASIX it does as wasix-libc:
// arguments and environment are lines, and exec tells nothing of signals.
#include "spawns.h"

#ifdef __wasm__

#include "../runtime/runtime.h"

static int execute(const char *name, char *const argv[], char *const envp[], bool search)
{
	size_t args_len, envs_len;
	char *args = join_lines(argv, &args_len), *envs = join_lines(envp, &envs_len);
	const char *path = getenv("PATH");
	wasi_errno err = ENOMEM;
	if (args && envs)
		err = wasix_proc_exec3(name, strlen(name), args, args_len, envs, envs_len, search, path, path ? strlen(path) : 0);
	free(args);
	free(envs);
	return check(err, 0);
}

int execve(const char *path, char *const argv[], char *const envp[]) { return execute(path, argv, envp, false); }
int execvp(const char *name, char *const argv[]) { return execute(name, argv, environ, true); }

// dispositions lists what is ignored, and then what shall not be.
static size_t dispositions(struct wasix_disposition *list, const posix_spawnattr_t *attr)
{
	uint8_t ignored[64];
	size_t n = 0, count = ignored_signals(ignored);
	for (; n < count; n++)
		list[n] = (struct wasix_disposition){ignored[n], WASIX_DISPOSITION_IGNORE};
	for (int signo = 1; attr && attr->flags & POSIX_SPAWN_SETSIGDEF && signo <= 64; signo++)
		if (attr->sigdefault >> (signo - 1) & 1)
			list[n++] = (struct wasix_disposition){(uint8_t)signo, WASIX_DISPOSITION_DEFAULT};
	return n;
}

int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attr,
		char *const argv[], char *const envp[])
{
	struct wasix_disposition signals[128];
	uint32_t child = 0;
	size_t n = dispositions(signals, attr), args_len, envs_len;
	char *args = join_lines(argv, &args_len), *envs = join_lines(envp, &envs_len);
	int err = ENOMEM;
	if (args && envs)
		err = wasix_proc_spawn2(path, strlen(path), args, args_len, envs, envs_len, actions ? actions->ops : NULL,
					actions ? actions->n : 0, signals, n, false, NULL, 0, &child);
	free(args);
	free(envs);
	*pid = (pid_t)child;
	return err;
}

int posix_spawn_file_actions_init(posix_spawn_file_actions_t *actions)
{
	*actions = (posix_spawn_file_actions_t){.n = 0};
	return 0;
}

static int add(posix_spawn_file_actions_t *actions, struct wasix_fd_op op)
{
	if (actions->n == sizeof actions->ops / sizeof *actions->ops)
		return ENOMEM;
	actions->ops[actions->n++] = op;
	return 0;
}

int posix_spawn_file_actions_addclose(posix_spawn_file_actions_t *actions, int fd)
{
	return add(actions, (struct wasix_fd_op){.cmd = WASIX_FD_OP_CLOSE, .fd = fd});
}

int posix_spawn_file_actions_adddup2(posix_spawn_file_actions_t *actions, int fd, int to)
{
	return add(actions, (struct wasix_fd_op){.cmd = WASIX_FD_OP_DUP2, .fd = to, .src_fd = fd});
}

int posix_spawn_file_actions_addopen(posix_spawn_file_actions_t *actions, int fd, const char *path, int flags, mode_t mode)
{
	(void)mode;
	const uint64_t reading = 1ull << 1, writing = 1ull << 6;
	uint16_t oflags = (flags & O_CREAT ? WASI_OFLAGS_CREAT : 0) | (flags & O_TRUNC ? WASI_OFLAGS_TRUNC : 0);
	uint64_t rights = ~((flags & O_ACCMODE) == O_RDONLY ? writing : 0) & ~((flags & O_ACCMODE) == O_WRONLY ? reading : 0);
	return add(actions, (struct wasix_fd_op){.cmd = WASIX_FD_OP_OPEN, .fd = fd, .path = path, .path_len = strlen(path),
						 .dirflags = WASI_LOOKUP_FOLLOW, .oflags = oflags, .rights = rights, .inheriting = ~0ull});
}

int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t *actions, const char *path)
{
	return add(actions, (struct wasix_fd_op){.cmd = WASIX_FD_OP_CHDIR, .path = path, .path_len = strlen(path)});
}

int posix_spawnattr_init(posix_spawnattr_t *attr)
{
	*attr = (posix_spawnattr_t){0};
	return 0;
}

int posix_spawnattr_setflags(posix_spawnattr_t *attr, short flags)
{
	attr->flags = flags;
	return 0;
}

int posix_spawnattr_setsigdefault(posix_spawnattr_t *attr, const sigset_t *set)
{
	attr->sigdefault = *set;
	return 0;
}

int sigemptyset(sigset_t *set)
{
	*set = 0;
	return 0;
}

int sigaddset(sigset_t *set, int signo)
{
	*set |= 1ull << (signo - 1);
	return 0;
}

#endif
