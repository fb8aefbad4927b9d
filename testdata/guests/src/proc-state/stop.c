// Processes that are stopped and go on, as waitpid with WUNTRACED tells.
#include "probe.h"

static struct gate gate;

static int behind_gate(int code)
{
	pass(&gate);
	return code;
}

static void from_outside(void)
{
	make_gate(&gate);
	pid_t pid = child_of(behind_gate, 5);
	waited("outside.runs", pid, WNOHANG | WUNTRACED);
	kill(pid, SIGSTOP);
	waited("outside.stopped", pid, WUNTRACED);
	waited("outside.told once", pid, WNOHANG | WUNTRACED);
	kill(pid, SIGSTOP);
	waited("outside.stopped again", pid, WNOHANG | WUNTRACED);
	waited("outside.without the flag", pid, WNOHANG);
	kill(pid, SIGCONT);
	waited("outside.goes on", pid, WNOHANG | WUNTRACED);
	kill(pid, SIGSTOP);
	waited("outside.stopped once more", -1, WUNTRACED);
	kill(pid, SIGCONT);
	open_gate(&gate);
	waited("outside.ends", pid, WUNTRACED);
}

static int stops_itself(int signo)
{
	raise(signo);
	return signo;
}

static void itself(void)
{
	static const int list[] = {SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU};
	for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
		char row[32];
		pid_t pid = child_of(stops_itself, list[i]);
		format(row, sizeof row, "itself.by %d", list[i]);
		waited(row, i % 2 ? pid : -1, WUNTRACED);
		kill(pid, SIGCONT);
		format(row, sizeof row, "itself.by %d, and goes on", list[i]);
		waited(row, pid, WUNTRACED);
	}
}

static void ends(void)
{
	pid_t pid = child_of(stops_itself, SIGSTOP);
	waited("ends.stopped", pid, WUNTRACED);
	kill(pid, SIGKILL);
	waited("ends.killed", pid, WUNTRACED);
	pid = child_of(stops_itself, SIGSTOP);
	waited("ends.stopped by itself", pid, WUNTRACED);
	kill(pid, SIGTERM);
	waited("ends.not yet", pid, WNOHANG | WUNTRACED);
	kill(pid, SIGCONT);
	waited("ends.with going on", pid, 0);
}

static pid_t stopped;

// continues goes on with the stopped child of its parent, once that waits for it or
// is about to.
static int continues(int signo)
{
	pass(&gate);
	kill(stopped, signo);
	return 0;
}

static void without_flag(void)
{
	stopped = child_of(stops_itself, SIGSTOP);
	waited("without.stopped", stopped, WUNTRACED);
	make_gate(&gate);
	pid_t pid = child_of(continues, SIGCONT);
	open_gate(&gate);
	waited("without.waits for the end", stopped, 0);
	waited("without.the other", pid, 0);
}

static int stops_child(int signo)
{
	pid_t pid = child_of(stops_itself, signo);
	waited("family.grandchild", pid, WUNTRACED);
	kill(pid, SIGCONT);
	raise(signo);
	waited("family.grandchild ends", pid, 0);
	return 1;
}

static void family(void)
{
	pid_t pid = child_of(stops_child, SIGSTOP);
	waited("family.child", pid, WUNTRACED);
	waited("family.told once", pid, WUNTRACED | WNOHANG);
	kill(pid, SIGCONT);
	waited("family.child ends", pid, WUNTRACED);
}

static volatile int children;
static void count(int signo) { children += signo == SIGCHLD; }

// heard waits until SIGCHLD has come so often, or long enough.
static int heard(int n)
{
	for (int i = 0; children < n && i < 5000; i++)
		nanosleep(&(struct timespec){0, 1000000}, NULL);
	return children;
}

static void signals(void)
{
	struct sigaction act = {.sa_handler = count};
	if (sigaction(SIGCHLD, &act, NULL))
		die("sigaction");
	make_gate(&gate);
	pid_t pid = child_of(behind_gate, 3);
	kill(pid, SIGSTOP);
	say("SIGCHLD.stopped: %d\n", heard(1));
	kill(pid, SIGCONT);
	say("SIGCHLD.goes on: %d\n", heard(2));
	kill(pid, SIGCONT);
	open_gate(&gate);
	say("SIGCHLD.ends: %d\n", heard(3));
	waited("SIGCHLD.status", pid, WUNTRACED);
}

int stops(void)
{
	from_outside();
	itself();
	ends();
	without_flag();
	family();
	signals();
	return 0;
}
