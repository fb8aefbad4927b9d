// What a child has of its parent after fork, and what it has of its own.
#include "probe.h"

static int fd, pipe_fds[2];
static volatile int handled;
static void count(int signo) { handled += signo != 0; }

static void handle(int signo, void (*handler)(int))
{
	struct sigaction act = {.sa_handler = handler};
	if (sigaction(signo, &act, NULL))
		die("sigaction");
}

static char next(void)
{
	char c = '-';
	return read(fd, &c, 1) == 1 ? c : '-';
}

static int reads_on(int unused)
{
	(void)unused;
	say("offset.in the child: %c\n", next());
	lseek(fd, 6, SEEK_SET);
	return 0;
}

static void offset(void)
{
	fd = open("files/letters", O_RDWR | O_CREAT | O_TRUNC, 0644);
	if (fd < 0 || !write_all(fd, "abcdefgh", 8) || lseek(fd, 1, SEEK_SET) != 1)
		die("files/letters");
	waited("offset.child", child_of(reads_on, 0), 0);
	say("offset.in the parent: %c\n", next());
}

static int sets_flags(int unused)
{
	(void)unused;
	fcntl(fd, F_SETFL, O_APPEND);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK);
	return 0;
}

static void flags(void)
{
	char c;
	waited("flags.child", child_of(sets_flags, 0), 0);
	say("flags.append: %d\n", (fcntl(fd, F_GETFL) & O_APPEND) != 0);
	say("flags.close on exec: %d\n", fcntl(fd, F_GETFD));
	answered("flags.non-blocking", (int)read(pipe_fds[0], &c, 1));
	fcntl(pipe_fds[0], F_SETFL, 0);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static int changes_descriptors(int unused)
{
	(void)unused;
	say("descriptors.close on exec: %d\n", fcntl(fd, F_GETFD));
	close(fd);
	int opened = open("files", O_RDONLY | O_DIRECTORY);
	say("descriptors.lowest: %s\n", opened == fd ? "the closed one" : "another");
	say("descriptors.duplicate: %s\n", dup2(opened, 50) == 50 ? "50" : errname(errno));
	return 0;
}

static void descriptors(void)
{
	waited("descriptors.child", child_of(changes_descriptors, 0), 0);
	answered("descriptors.closed there", lseek(fd, 0, SEEK_SET) ? -1 : 0);
	answered("descriptors.duplicated there", fcntl(50, F_GETFD));
}

static int changes_directory(int unused)
{
	char buf[256];
	(void)unused;
	answered("directory.change", chdir("files"));
	say("directory.of the child: %s\n", strncmp(getcwd(buf, sizeof buf) + strlen(buf) - 5, "files", 5) ? "another" : "files");
	answered("directory.file there", open("letters", O_RDONLY));
	return 0;
}

static void directory(void)
{
	waited("directory.child", child_of(changes_directory, 0), 0);
	answered("directory.file from there", open("letters", O_RDONLY));
	int opened = open("files/letters", O_RDONLY);
	answered("directory.file from here", opened);
	close(opened);
}

static int handles(int signo)
{
	raise(signo);
	int before = handled;
	handle(signo, SIG_IGN);
	raise(signo);
	return before * 10 + handled;
}

static void handlers(void)
{
	handled = 0;
	handle(SIGUSR1, count);
	handle(SIGUSR2, SIG_IGN);
	waited("handlers.set", child_of(handles, SIGUSR1), 0);
	waited("handlers.ignored", child_of(handles, SIGUSR2), 0);
	raise(SIGUSR1);
	say("handlers.of the parent: %d\n", handled);
	handle(SIGUSR2, SIG_DFL);
	waited("handlers.default", child_of(raise, SIGUSR2), 0);
}

static int pending_there(int signo)
{
	raise(signo);
	int blocked = handled;
	unblock_all();
	return blocked * 10 + handled;
}

static void pending(void)
{
	handled = 0;
	block_all();
	raise(SIGUSR1);
	waited("pending.child", child_of(pending_there, SIGUSR1), 0);
	say("pending.in the parent: %d\n", handled);
	unblock_all();
	say("pending.unblocked: %d\n", handled);
}

static char buffer[32];

// Like a buffer of stdio: what is in it at a fork both write.
static int flushes(int from)
{
	size_t n = strlen(buffer);
	format(buffer + n, sizeof buffer - n, "%d\n", from);
	say("%s", buffer);
	return 0;
}

static void buffers(void)
{
	format(buffer, sizeof buffer, "buffer.written by: ");
	waited("buffer.child", child_of(flushes, 1), 0);
	flushes(2);
}

static int sleeps(int ms)
{
	handled = 0;
	nanosleep(&(struct timespec){0, ms * 1000000}, NULL);
	return handled;
}

static void alarms(void)
{
	handle(SIGALRM, count);
	alarm_every(2000, true);
	pid_t pid = child_of(sleeps, 20);
	handled = 0;
	while (handled < 3)
		;
	alarm_every(0, false);
	waited("alarm.of the child", pid, 0);
}

static int adds(int unused)
{
	uint64_t three = 3;
	(void)unused;
	return write(fd, &three, sizeof three) == sizeof three ? 0 : 1;
}

static void waits_on(void)
{
	uint64_t sum = 0;
	struct epoll_event ev = {.events = EPOLLIN};
	fd = eventfd(2, 0);
	int ep = epoll_create1(0);
	if (fd < 0 || ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev))
		die("eventfd");
	waited("event.child", child_of(adds, 0), 0);
	say("event.ready: %d\n", epoll_wait(ep, &ev, 1, 0));
	answered("event.read", (int)read(fd, &sum, sizeof sum));
	say("event.sum: %llu\n", (unsigned long long)sum);
	close(fd);
	close(ep);
}

static int listener;

static int accepts(int unused)
{
	(void)unused;
	int conn = accept(listener, NULL, NULL);
	return conn >= 0 && write_all(conn, "child", 5) ? 0 : 1;
}

static void sockets(void)
{
	union address addr = {.in = {.sin_family = AF_INET}};
	socklen_t len = sizeof addr.in;
	char buf[8] = "";
	addr.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(listener, &addr.any, len) || listen(listener, 1) || getsockname(listener, &addr.any, &len))
		die("listen");
	pid_t pid = child_of(accepts, 0);
	int conn = socket(AF_INET, SOCK_STREAM, 0);
	answered("socket.connect", connect(conn, &addr.any, len));
	ssize_t n = recv(conn, buf, 5, MSG_WAITALL);
	say("socket.from: %s %d\n", buf, (int)n);
	waited("socket.child", pid, 0);
	say("socket.end: %d\n", (int)recv(conn, buf, 1, 0));
	close(conn);
	close(listener);
}

int inherits(void)
{
	if (pipe(pipe_fds))
		die("pipe");
	offset();
	flags();
	descriptors();
	directory();
	close(fd);
	handlers();
	pending();
	buffers();
	alarms();
	waits_on();
	sockets();
	return 0;
}
