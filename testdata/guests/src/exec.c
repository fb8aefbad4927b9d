// Runs other programs. Arguments: how, and what it takes.
//
//   exec PATH ARGS...    becomes the program
//   spawn PATH ARGS...   runs it in a child whose standard error is this one's
//                        standard output, and prints how it ended
#include "guest.h"
#include "wasix.h"

WASIX_IMPORT(proc_exec3) wasi_errno wasix_proc_exec3(const char *name, size_t name_len, const char *args,
	size_t args_len, const char *envs, size_t envs_len, uint8_t search, const char *path, size_t path_len);
WASIX_IMPORT(proc_spawn2) wasi_errno wasix_proc_spawn2(const char *name, size_t name_len, const char *args,
	size_t args_len, const char *envs, size_t envs_len, const void *fd_ops, size_t fd_ops_len,
	const void *dispositions, size_t dispositions_len, uint8_t search, const char *path, size_t path_len,
	uint32_t *pid);

struct fd_op {
	uint8_t cmd;
	uint32_t fd, src_fd;
	const char *path;
	size_t path_len;
	uint32_t dirflags;
	uint16_t oflags;
	uint64_t rights, inheriting;
	uint16_t fdflags, fdflagsext;
};

static char lines[4096];

// list puts the strings into lines, each with a newline, and returns the length.
static size_t list(char **strings)
{
	size_t n = 0;
	for (; *strings; strings++) {
		size_t len = strlen(*strings);
		if (n + len + 1 > sizeof lines)
			exit(2);
		memcpy(lines + n, *strings, len);
		n += len;
		lines[n++] = '\n';
	}
	return n;
}

static int spawn(char **argv)
{
	struct fd_op to_output = {.cmd = 1, .fd = 2, .src_fd = 1};
	uint32_t pid = 0;
	size_t n = list(argv);
	wasi_errno err = wasix_proc_spawn2(argv[0], strlen(argv[0]), lines, n, 0, 0, &to_output, 1, 0, 0, 1, 0, 0, &pid);
	if (err) {
		say("spawn: %s\n", errname(err));
		return 1;
	}
	struct wasix_option_pid which = {1, pid};
	struct wasix_join_status status;
	err = wasix_proc_join(&which, 0, &status);
	say("join: %s, the child: %s, ended %d with %d\n", errname(err), which.some == pid ? "yes" : "no", status.tag,
		status.tag == WASIX_JOIN_SIGNAL ? status.signal : status.exit_code);
	which.tag = 0;
	say("once more: %s\n", errname(wasix_proc_join(&which, 0, &status)));
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	if (!strcmp(argv[1], "spawn"))
		return spawn(argv + 2);
	size_t n = list(argv + 2);
	wasi_errno err = wasix_proc_exec3(argv[2], strlen(argv[2]), lines, n, 0, 0, 1, 0, 0);
	say("exec: %s\n", errname(err));
	return 1;
}
