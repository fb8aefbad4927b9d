// What each signal does to a process without a handler for it.
#include "probe.h"

static int sends_itself(int signo)
{
	kill(getpid(), signo);
	return 7;
}

static int raises(int signo)
{
	raise(signo);
	return 7;
}

static void by_each(const char *how, int (*body)(int))
{
	for (int signo = 1; signo <= 64; signo++) {
		char row[32];
		if (signo == 32 || signo == 33) // the C library's own
			continue;
		pid_t pid = child_of(body, signo);
		format(row, sizeof row, "%s.%d", how, signo);
		waited(row, pid, WUNTRACED);
		kill(pid, SIGKILL); // one that is stopped
		waitpid(pid, NULL, 0);
	}
}

static void nothing(int signo) { (void)signo; }

int deaths(void)
{
	by_each("without handlers", sends_itself);
	struct sigaction act = {.sa_handler = nothing};
	if (sigaction(SIGCHLD, &act, NULL))
		die("sigaction");
	act.sa_handler = SIG_DFL;
	sigaction(SIGCHLD, &act, NULL);
	by_each("after one", raises);
	return 0;
}
