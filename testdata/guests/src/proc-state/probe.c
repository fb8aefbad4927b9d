// Forking, waiting and printing for the parts of the probe.
#include "probe.h"

pid_t child_of(int (*body)(int), int arg)
{
	pid_t pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0)
		_exit(body(arg));
	return pid;
}

static const char *whose(pid_t asked, pid_t got)
{
	if (asked <= 0)
		return "one";
	return asked == got ? "it" : "another";
}

void waited(const char *row, pid_t pid, int options)
{
	int status = 0;
	pid_t got = waitpid(pid, &status, options);
	if (got < 0)
		say("%s: %s\n", row, errname(errno));
	else if (got == 0)
		say("%s: none\n", row);
	else if (WIFSTOPPED(status))
		say("%s: %s is stopped by %d\n", row, whose(pid, got), WSTOPSIG(status));
	else if (WIFSIGNALED(status))
		say("%s: %s is killed by %d\n", row, whose(pid, got), WTERMSIG(status));
	else
		say("%s: %s exits with %d\n", row, whose(pid, got), WEXITSTATUS(status));
}

void answered(const char *row, int result) { say("%s: %s\n", row, result < 0 ? errname(errno) : "OK"); }

void make_gate(struct gate *g)
{
	if (pipe(g->fds))
		die("pipe");
}

void pass(struct gate *g)
{
	char c;
	close(g->fds[1]);
	while (read(g->fds[0], &c, 1) < 0)
		if (errno != EINTR)
			die("read");
}

void open_gate(struct gate *g)
{
	close(g->fds[0]);
	close(g->fds[1]);
}
