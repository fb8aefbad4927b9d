// Whom waitpid waits for, and what it tells of how they ended.
#include "probe.h"

static int exits(int code) { return code; }

static void codes(void)
{
	static const int list[] = {0, 1, 127, 128, 255, 256, -1, 1000};
	for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
		char row[32];
		format(row, sizeof row, "code %d", list[i]);
		waited(row, child_of(exits, list[i]), 0);
	}
}

static void nobody(void)
{
	waited("none.any", -1, 0);
	waited("none.group", 0, 0);
	waited("none.without hanging", -1, WNOHANG);
	waited("none.itself", getpid(), 0);
	waited("none.parent", getppid(), WNOHANG);
	waited("none.nobody", 0x3ffff0, 0);
	waited("none.stopped", -1, WUNTRACED);
}

static void once(void)
{
	pid_t pid = child_of(exits, 3);
	waited("once.first", pid, 0);
	waited("once.again", pid, 0);
	waited("once.any", -1, WNOHANG);
	answered("once.kill", kill(pid, 0));
	pid = child_of(exits, 4);
	say("once.without status: %s\n", waitpid(pid, NULL, 0) == pid ? "it" : "another");
}

static struct gate gates[3];

static int behind_gate(int i)
{
	pass(&gates[i]);
	return 10 + i;
}

// behind_gates forks children, each of which waits for its gate.
static void behind_gates(pid_t pids[3])
{
	for (int i = 0; i < 3; i++) // a later child holds the gates of earlier ones, too
		make_gate(&gates[i]);
	for (int i = 0; i < 3; i++) {
		pids[i] = fork();
		if (pids[i] < 0)
			die("fork");
		if (pids[i])
			continue;
		for (int other = 0; other < 3; other++)
			if (other != i)
				open_gate(&gates[other]);
		_exit(behind_gate(i));
	}
}

static void order(void)
{
	pid_t pids[3];
	behind_gates(pids);
	waited("order.nobody yet", -1, WNOHANG);
	waited("order.not the first yet", pids[0], WNOHANG);
	open_gate(&gates[1]);
	waited("order.any of three", -1, 0);
	open_gate(&gates[2]);
	waited("order.any of two", 0, 0);
	waited("order.not the first", pids[0], WNOHANG);
	waited("order.the last once more", pids[2], WNOHANG);
	open_gate(&gates[0]);
	waited("order.the first", pids[0], 0);
	waited("order.nobody", -1, 0);
}

static void by_pid(void)
{
	pid_t pids[3];
	behind_gates(pids);
	for (int i = 0; i < 3; i++)
		open_gate(&gates[i]);
	waited("pid.third", pids[2], 0);
	waited("pid.first", pids[0], 0);
	waited("pid.no group of that number", -pids[1], 0);
	waited("pid.second", pids[1], 0);
}

static int grandparent(int to)
{
	pid_t pid = child_of(exits, 6);
	write_all(to, &pid, sizeof pid);
	pass(&gates[0]);
	waited("grandchild.of its parent", pid, 0);
	return 0;
}

static void grandchild(void)
{
	int fds[2];
	pid_t pid, grandchild = 0;
	make_gate(&gates[0]);
	if (pipe(fds))
		die("pipe");
	pid = child_of(grandparent, fds[1]);
	if (read(fds[0], &grandchild, sizeof grandchild) != sizeof grandchild)
		die("read");
	waited("grandchild.of another", grandchild, 0);
	open_gate(&gates[0]);
	waited("grandchild.parent", pid, 0);
	close(fds[0]);
	close(fds[1]);
}

static int orphan_tells[2];

static int orphaned(int parent)
{
	for (int i = 0; getppid() == parent && i < 10000; i++)
		nanosleep(&(struct timespec){0, 1000000}, NULL);
	char c = getppid() == parent ? 'n' : 'y';
	write_all(orphan_tells[1], &c, 1);
	return 0;
}

static int leaves_orphan(int grandparent)
{
	(void)grandparent;
	child_of(orphaned, getpid());
	return 9;
}

static void orphan(void)
{
	char c = 0;
	if (pipe(orphan_tells))
		die("pipe");
	waited("orphan.parent", child_of(leaves_orphan, 0), 0);
	close(orphan_tells[1]);
	if (read(orphan_tells[0], &c, 1) != 1)
		die("read");
	say("orphan.has another parent: %c\n", c);
	say("orphan.lives on: %s\n", read(orphan_tells[0], &c, 1) == 0 ? "to its end" : "no");
	waited("orphan.is no child", -1, WNOHANG);
	close(orphan_tells[0]);
}

static int kills_parent(int parent)
{
	kill(parent, SIGTERM);
	return 0;
}

static int waits_in_vain(int i)
{
	(void)i;
	child_of(kills_parent, getpid());
	child_of(behind_gate, 0);
	while (waitpid(-1, NULL, 0) > 0)
		;
	return 1;
}

static void killed(void)
{
	make_gate(&gates[0]);
	waited("killed.while it waits", child_of(waits_in_vain, 0), 0);
	open_gate(&gates[0]);
}

static void *waits_for(void *pid)
{
	int status = 0;
	pid_t got = waitpid(*(pid_t *)pid, &status, 0);
	return (void *)(intptr_t)(got < 0 ? -errno : WEXITSTATUS(status));
}

static void threads(void)
{
	pthread_t t[2];
	void *results[2];
	make_gate(&gates[0]);
	pid_t pid = child_of(behind_gate, 0);
	for (int i = 0; i < 2; i++)
		if (pthread_create(&t[i], NULL, waits_for, &pid))
			die("pthread_create");
	open_gate(&gates[0]);
	intptr_t code = -1;
	int failed = 0;
	for (int i = 0; i < 2; i++) {
		pthread_join(t[i], &results[i]);
		if ((intptr_t)results[i] >= 0)
			code = (intptr_t)results[i];
		else
			failed = (int)-(intptr_t)results[i];
	}
	say("threads.one: exits with %d\n", (int)code);
	say("threads.the other: %s\n", errname(failed));
	waited("threads.later", pid, 0);
}

static int returns_at_once(int i)
{
	(void)i;
	return kill(getppid(), 0) ? 1 : 0;
}

static volatile int written;

// What a child of vfork does on its parent's memory.
static void vforks_share(void)
{
	written = 0;
	pid_t pid = vfork();
	if (pid == 0) {
		written++;
		_exit(0);
	}
	say("vfork.parent sees: %d\n", written);
	waited("vfork.that writes", pid, 0);
	pid = vfork();
	if (pid == 0) {
		pid_t inner = vfork();
		if (inner == 0)
			_exit(22);
		int status;
		waitpid(inner, &status, 0);
		_exit(WEXITSTATUS(status) + 1);
	}
	waited("vfork.with a child", pid, 0);
	pid = vfork();
	if (pid == 0) {
		alarm_every(20000, false);
		for (;;)
			written++;
	}
	waited("vfork.alarm while it computes", pid, 0);
	pid = vfork();
	if (pid == 0) {
		alarm_every(20000, false);
		nanosleep(&(struct timespec){1000, 0}, NULL);
		_exit(1);
	}
	waited("vfork.alarm while it sleeps", pid, 0);
	pid = vfork();
	if (pid == 0) {
		close(0);
		_exit(open(".", O_RDONLY) != 0);
	}
	waited("vfork.has its own descriptors", pid, 0);
}

static int lender_dies[2], child_tells[2], lender_exits[2];

static void *exits_when_told(void *unused)
{
	char c;
	if (read(lender_exits[0], &c, 1) == 1)
		_exit(23);
	return unused;
}

// lends has a child in its place that waits for the gate.
static int lends(int code)
{
	pthread_t thread;
	if (pthread_create(&thread, NULL, exits_when_told, NULL))
		die("pthread_create");
	close(lender_exits[1]);
	pid_t pid = vfork();
	if (pid == 0) {
		close(lender_dies[1]);
		write_all(child_tells[1], "r", 1);
		pass(&gates[0]);
		write_all(child_tells[1], "g", 1);
		_exit(code);
	}
	return 1;
}

// lender ends, by a signal or of itself, while its child is in its place.
static void lender(const char *how, bool of_itself)
{
	char c = 0, row[48];
	make_gate(&gates[0]);
	if (pipe(lender_dies) || pipe(child_tells) || pipe(lender_exits))
		die("pipe");
	pid_t pid = child_of(lends, 0);
	close(lender_dies[1]);
	close(child_tells[1]);
	say("%s.child: %d\n", how, (int)read(child_tells[0], &c, 1));
	if (of_itself)
		write_all(lender_exits[1], "e", 1);
	else
		kill(pid, SIGKILL);
	format(row, sizeof row, "%s.ends", how);
	waited(row, pid, 0);
	format(row, sizeof row, "%s.has closed its descriptors", how);
	answered(row, (int)read(lender_dies[0], &c, 1));
	format(row, sizeof row, "%s.is there", how);
	answered(row, kill(pid, 0));
	open_gate(&gates[0]);
	say("%s.child goes on: %d\n", how, (int)read(child_tells[0], &c, 1));
	say("%s.child ends: %d\n", how, (int)read(child_tells[0], &c, 1));
	format(row, sizeof row, "%s.child is another's", how);
	waited(row, -1, WNOHANG);
	close(lender_dies[0]);
	close(child_tells[0]);
	open_gate(&(struct gate){{lender_exits[0], lender_exits[1]}});
}

static void vforks(void)
{
	pid_t pid = vfork();
	if (pid == 0)
		_exit(21);
	waited("vfork.child", pid, 0);
	pid = vfork();
	if (pid == 0) {
		kill(getpid(), SIGKILL);
		_exit(1);
	}
	waited("vfork.killed child", pid, 0);
	waited("vfork.after it", child_of(returns_at_once, 0), 0);
	vforks_share();
	lender("killed lender", false);
	lender("exiting lender", true);
}

int waits(void)
{
	codes();
	nobody();
	once();
	order();
	by_pid();
	grandchild();
	orphan();
	killed();
	threads();
	vforks();
	return 0;
}
