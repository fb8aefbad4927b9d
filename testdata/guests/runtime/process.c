// Child processes, and jumps up the stack.
#include "runtime.h"

static pid_t fork_with(bool copy_memory)
{
	uint32_t pid = 0;
	wasi_errno err = wasix_proc_fork(copy_memory, &pid);
	return check(err, pid);
}

pid_t fork(void) { return fork_with(true); }

pid_t vfork(void) { return fork_with(false); }

char *join_lines(char *const *strings, size_t *len)
{
	size_t at = 0;
	*len = 0;
	for (char *const *s = strings; *s; s++)
		*len += strlen(*s) + 1;
	char *lines = malloc(*len + 1);
	for (; lines && *strings; strings++) {
		size_t n = strlen(*strings);
		memcpy(lines + at, *strings, n);
		lines[at + n] = '\n';
		at += n + 1;
	}
	return lines;
}

int execv(const char *path, char *const argv[])
{
	size_t n;
	char *lines = join_lines(argv, &n);
	if (!lines)
		return check(ENOMEM, 0);
	wasi_errno err = wasix_proc_exec3(path, strlen(path), lines, n, 0, 0, 0, 0, 0);
	free(lines);
	return check(err, 0);
}

static int status_of(const struct wasix_join_status *how)
{
	switch (how->tag) {
	case WASIX_JOIN_SIGNAL:
		return how->signal;
	case WASIX_JOIN_STOPPED:
		return (how->exit_code & 0xff) << 8 | 0x7f;
	}
	return how->exit_code << 8;
}

// waitpid has no groups: wasix-libc drops the sign of pid.
pid_t waitpid(pid_t pid, int *status, int options)
{
	struct wasix_option_pid which = {pid != -1, pid < 0 ? -pid : pid};
	struct wasix_join_status how = {0};
	wasi_errno err = wasix_proc_join(&which, options, &how);
	if (err)
		return check(err, 0);
	if (how.tag == WASIX_JOIN_NOTHING)
		return 0;
	if (status)
		*status = status_of(&how);
	return (pid_t)which.some;
}

pid_t getpid(void)
{
	uint32_t pid = 0;
	wasix_proc_id(&pid);
	return (pid_t)pid;
}

pid_t getppid(void)
{
	uint32_t parent = 0;
	wasix_proc_parent((uint32_t)getpid(), &parent);
	return (pid_t)parent;
}

int kill(pid_t pid, int signo) { return check(wasix_proc_signal((uint32_t)pid, (uint8_t)signo), 0); }

int setjmp(jmp_buf env)
{
	uint64_t value = 0;
	if (wasix_stack_checkpoint(env->snapshot, &value))
		abort();
	return (int)value;
}

_Noreturn void longjmp(jmp_buf env, int value) { wasix_stack_restore(env->snapshot, (uint64_t)(unsigned)value); }
