// How children end.
#include "guest.h"

void say_end(const char *what, pid_t pid)
{
	int status = 0;
	pid_t got = waitpid(pid, &status, 0);
	if (got < 0)
		say("%s: %s\n", what, errname(errno));
	else if (WIFSIGNALED(status))
		say("%s: signal %d\n", what, WTERMSIG(status));
	else
		say("%s: %s exits with %d\n", what, got == pid ? "it" : "another", WEXITSTATUS(status));
}
