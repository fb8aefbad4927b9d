// Runs other programs. Arguments: how, and what it takes.
//
//   exec PATH ARGS...    becomes the program
//   spawn PATH ARGS...   runs it in a child whose standard error is this one's
//                        standard output, and prints how it ended
//   pipe DIR PATH ARGS... runs it in DIR with pipes as its standard input, where
//                        the text "piped" comes from, and output, without
//                        standard error, and prints what it wrote and how it ended
#include "guest.h"
#include "wasix.h"

WASIX_IMPORT(proc_spawn) wasi_errno wasix_proc_spawn(const char *name, size_t name_len, uint8_t chroot, const char *args,
	size_t args_len, const char *preopen, size_t preopen_len, uint8_t in, uint8_t out, uint8_t err,
	const char *working_dir, size_t working_dir_len, void *handles);

enum { PIPED, INHERIT, NO_STREAM };

struct option_fd {
	uint8_t tag;
	uint32_t fd;
};

struct process_handles {
	uint32_t pid;
	struct option_fd in, out, err;
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

// joins waits for the child and prints how it ended.
static void joins(uint32_t pid)
{
	struct wasix_option_pid which = {1, pid};
	struct wasix_join_status status;
	wasi_errno err = wasix_proc_join(&which, 0, &status);
	say("join: %s, the child: %s, ended %d with %d\n", errname(err), which.some == pid ? "yes" : "no", status.tag,
		status.tag == WASIX_JOIN_SIGNAL ? status.signal : status.exit_code);
}

static int pipes(char **argv)
{
	const char *dir = *argv++;
	struct process_handles child;
	size_t n = list(argv);
	wasi_errno err = wasix_proc_spawn(argv[0], strlen(argv[0]), 0, lines, n, 0, 0, PIPED, PIPED, NO_STREAM, dir,
		strlen(dir), &child);
	if (err) {
		say("spawn: %s\n", errname(err));
		return 1;
	}
	say("streams: %d %d %d\n", child.in.tag, child.out.tag, child.err.tag);
	write_all((int)child.in.fd, "piped", 5); // fails when the child has ended
	close((int)child.in.fd);
	char buf[256];
	for (ssize_t got; (got = read((int)child.out.fd, buf, sizeof buf)) > 0;)
		write_all(STDOUT_FILENO, buf, (size_t)got);
	joins(child.pid);
	return 0;
}

static int spawn(char **argv)
{
	struct wasix_fd_op to_output = {.cmd = 1, .fd = 2, .src_fd = 1};
	uint32_t pid = 0;
	size_t n = list(argv);
	wasi_errno err = wasix_proc_spawn2(argv[0], strlen(argv[0]), lines, n, 0, 0, &to_output, 1, 0, 0, 1, 0, 0, &pid);
	if (err) {
		say("spawn: %s\n", errname(err));
		return 1;
	}
	joins(pid);
	struct wasix_option_pid which = {0, 0};
	struct wasix_join_status status;
	say("once more: %s\n", errname(wasix_proc_join(&which, 0, &status)));
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	if (!strcmp(argv[1], "spawn"))
		return spawn(argv + 2);
	if (!strcmp(argv[1], "pipe") && argc > 3)
		return pipes(argv + 2);
	size_t n = list(argv + 2);
	wasi_errno err = wasix_proc_exec3(argv[2], strlen(argv[2]), lines, n, 0, 0, 1, 0, 0);
	say("exec: %s\n", errname(err));
	return 1;
}
