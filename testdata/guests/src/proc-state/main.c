// Processes in their states: what waitpid, fork, exec and signals answer. Argument:
// the group of rows.
#include "probe.h"

#ifdef __wasm__
static void isolate(void) {}
#else
#include <sys/resource.h>

// isolate keeps signals to groups and core files from others, and forgets what the
// parent has ignored.
static void isolate(void)
{
	sigset_t none;
	sigemptyset(&none);
	setpgid(0, 0);
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int signo = 1; signo < 32; signo++)
		signal(signo, SIG_DFL);
}
#endif

static const struct {
	const char *name;
	int (*run)(void);
} groups[] = {{"waits", waits},       {"stops", stops},   {"deaths", deaths},       {"inherits", inherits},
	      {"executes", executes}, {"spawns", spawns}, {"signals", signal_rows}, {"threads", thread_rows},
	      {"jumps", jump_rows}};

int main(int argc, char **argv)
{
	inherit_signals();
	if (argc > 2 && !strncmp(argv[1], "report", 6)) // a script gives it more in one argument
		return report(argc, argv);
	isolate();
	for (size_t i = 0; argc > 1 && i < sizeof groups / sizeof *groups; i++)
		if (!strcmp(argv[1], groups[i].name))
			return groups[i].run();
	complain("no such group\n");
	return 2;
}
