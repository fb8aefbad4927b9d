// What each call on descriptors answers to each kind of descriptor and to each
// wrong argument; dup, dup2 and fcntl; events; the current directory. In the
// directory given, which must be empty.
#include "probe.h"

int root;
char home[4096], buf[64] = "12345678901234567890";

// A kind makes a descriptor that does not block; other is what must stay open for it.
static int other = -1;

static int flags_on(int fd)
{
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

static int file_for(int flags)
{
	struct iovec content = {"0123456789", 10};
	int fd = openat(root, "f", O_RDWR | O_CREAT, 0644);
	if (fd < 0 || pwritev(fd, &content, 1, 0) != 10 || ftruncate(fd, 10) || close(fd))
		die("file");
	return openat(root, "f", flags);
}

int new_file(void) { return file_for(O_RDWR); }
static int new_readable(void) { return file_for(O_RDONLY); }
static int new_writable(void) { return file_for(O_WRONLY); }
static int new_appending(void) { return file_for(O_RDWR | O_APPEND); }
static int new_directory(void) { return dup(root); }

static int pipe_end(int end)
{
	int fds[2];
	if (pipe(fds))
		die("pipe");
	other = fds[!end];
	return flags_on(fds[end]);
}

static int new_reader(void) { return pipe_end(0); }
static int new_writer(void) { return pipe_end(1); }

static int new_broken(void)
{
	int fd = pipe_end(1);
	close(other);
	other = -1;
	return fd;
}

static int new_event(void) { return eventfd(0, EFD_NONBLOCK); }
static int new_epoll(void) { return epoll_create1(0); }
static int new_socket(void) { return flags_on(socket(AF_INET, SOCK_STREAM, 0)); }

static int new_pair(void)
{
	int fds[2];
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
		die("socketpair");
	other = fds[1];
	return flags_on(fds[0]);
}

static int no_number(void) { return -1; }
static int no_descriptor(void) { return 999; }
static int no_small_number(void) { return 0x7fffffff; }

static const struct kind {
	const char *name;
	int (*make)(void);
	bool bare; // it has no inode of its own
} kinds[] = {
	{"file", new_file, false}, {"file to read", new_readable, false}, {"file to write", new_writable, false}, {"file to append", new_appending, false},
	{"directory", new_directory, false}, {"pipe to read", new_reader, false}, {"pipe to write", new_writer, false}, {"broken pipe", new_broken, false},
	{"event", new_event, true}, {"epoll", new_epoll, true}, {"socket", new_socket, false}, {"pair", new_pair, false},
	{"-1", no_number, false}, {"closed", no_descriptor, false}, {"2147483647", no_small_number, false},
};

static long long read_none(int fd) { return read(fd, buf, 0); }
static long long read_some(int fd) { return read(fd, buf + 32, 16); }
static long long read_few(int fd) { return read(fd, buf + 32, 7); }
static long long read_nowhere(int fd) { return read(fd, (void *)-4096, 16); }
static long long write_none(int fd) { return write(fd, buf, 0); }
static long long write_some(int fd) { return write(fd, buf, 8); }
static long long write_few(int fd) { return write(fd, buf, 7); }
static long long write_from_nowhere(int fd) { return write(fd, (void *)-4096, 16); }

static volatile int negative = -1; // or the compiler objects

static struct iovec *iovecs(size_t length)
{
	static struct iovec iov[1025];
	for (int i = 0; i < 1025; i++)
		iov[i] = (struct iovec){buf, length};
	return iov;
}

static long long readv_none(int fd) { return readv(fd, iovecs(0), 0); }
static long long readv_empty(int fd) { return readv(fd, iovecs(0), 3); }
static long long readv_most(int fd) { return readv(fd, iovecs(0), 1024); }
static long long readv_more(int fd) { return readv(fd, iovecs(0), 1025); }
static long long readv_negative(int fd) { return readv(fd, iovecs(0), negative); }
static long long writev_none(int fd) { return writev(fd, iovecs(0), 0); }
static long long writev_empty(int fd) { return writev(fd, iovecs(0), 3); }
static long long writev_more(int fd) { return writev(fd, iovecs(0), 1025); }
static long long writev_negative(int fd) { return writev(fd, iovecs(0), negative); }
static long long preadv_some(int fd) { return preadv(fd, iovecs(4), 2, 1); }
static long long preadv_more(int fd) { return preadv(fd, iovecs(0), 1025, 0); }
static long long preadv_negative(int fd) { return preadv(fd, iovecs(4), 2, -1); }
static long long preadv_far(int fd) { return preadv(fd, iovecs(4), 1, INT64_MAX); }
static long long pwritev_some(int fd) { return pwritev(fd, iovecs(4), 2, 1); }
static long long pwritev_none(int fd) { return pwritev(fd, iovecs(0), 0, 1); }
static long long pwritev_more(int fd) { return pwritev(fd, iovecs(0), 1025, 0); }
static long long pwritev_negative(int fd) { return pwritev(fd, iovecs(4), 2, -1); }
static long long pwritev_far(int fd) { return pwritev(fd, iovecs(4), 1, INT64_MAX); }

static long long seek_here(int fd) { return lseek(fd, 0, SEEK_CUR); }
static long long seek_negative(int fd) { return lseek(fd, -1, SEEK_SET); }
static long long seek_unknown(int fd) { return lseek(fd, 0, 77); }
static long long seek_lowest(int fd) { return lseek(fd, INT64_MIN, SEEK_CUR); }
static long long truncate_short(int fd) { return ftruncate(fd, 3); }
static long long truncate_negative(int fd) { return ftruncate(fd, -1); }
static long long allocate(int fd) { return -posix_fallocate(fd, 0, 1); }
static long long allocate_nothing(int fd) { return -posix_fallocate(fd, 0, 0); }
static long long allocate_negative(int fd) { return -posix_fallocate(fd, -1, 1); }
static long long allocate_less(int fd) { return -posix_fallocate(fd, 0, -1); }
static long long allocate_far(int fd) { return -posix_fallocate(fd, INT64_MAX, INT64_MAX); }
static long long advise(int fd) { return -posix_fadvise(fd, 0, 10, POSIX_FADV_NORMAL); }
static long long advise_unknown(int fd) { return -posix_fadvise(fd, 0, 10, 42); }
static long long advise_negative(int fd) { return -posix_fadvise(fd, 0, -1, POSIX_FADV_NORMAL); }
static long long sync_all(int fd) { return fsync(fd); }
static long long sync_data(int fd) { return fdatasync(fd); }

static const struct timespec old[2] = {{1000, 0}, {2000, 0}}, unset[2] = {{0, UTIME_OMIT}, {0, UTIME_OMIT}};
static long long set_times(int fd) { return futimens(fd, old); }
static long long set_times_now(int fd) { return futimens(fd, NULL); }
static long long set_no_times(int fd) { return futimens(fd, unset); }

static long long stat_type(int fd)
{
	struct stat st;
	return fstat(fd, &st) ? -1 : S_ISDIR(st.st_mode) ? 4 : S_ISREG(st.st_mode) ? 8 : 0;
}

long long get_flags(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	return flags < 0 ? -1 : (flags & O_NONBLOCK ? 1 : 0) + (flags & O_APPEND ? 2 : 0);
}

static long long set_flags(int fd)
{
	if (fcntl(fd, F_SETFL, O_NONBLOCK | O_APPEND))
		return -1;
	return get_flags(fd);
}

static long long get_close_on_exec(int fd) { return fcntl(fd, F_GETFD); }

static long long set_close_on_exec(int fd)
{
	int before = fcntl(fd, F_GETFD), rc = fcntl(fd, F_SETFD, FD_CLOEXEC), after = fcntl(fd, F_GETFD);
	fcntl(fd, F_SETFD, before);
	return rc ? -1 : after;
}

// closing returns -1 for a descriptor that there is not, and closes one that is.
static long long closing(int fd)
{
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

static long long duplicate(int fd) { return closing(dup(fd)); }
static long long duplicate_from(int fd) { return closing(fcntl(fd, F_DUPFD, 100)); }
static long long duplicate_negative(int fd) { return closing(fcntl(fd, F_DUPFD, -1)); }
static long long duplicate_high(int fd) { return closing(fcntl(fd, F_DUPFD, 0x7fffffff)); }
static long long replace_itself(int fd) { return dup2(fd, fd) < 0 ? -1 : 0; }
static long long replace_free(int fd) { return closing(dup2(fd, 100)); }
static long long replace_negative(int fd) { return closing(dup2(fd, -1)); }
static long long replace_high(int fd) { return closing(dup2(fd, 0x7fffffff)); }

static long long list(int fd)
{
	int own = dup(fd);
	DIR *d = fdopendir(own < 0 ? fd : own);
	if (d)
		return closedir(d);
	int err = errno;
	close(own);
	errno = err;
	return -1;
}

static long long terminal(int fd) { return isatty(fd) ? 1 : -1; }

static long long watch(int fd)
{
	int ep = epoll_create1(0);
	struct epoll_event e = {.events = EPOLLIN};
	int rc = epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e), err = errno;
	close(ep);
	errno = err;
	return rc;
}

static long long watch_by(int fd)
{
	struct epoll_event e = {.events = EPOLLIN};
	return epoll_ctl(fd, EPOLL_CTL_ADD, fd == root ? STDIN_FILENO : root, &e);
}

static long long wait_by(int fd)
{
	struct epoll_event e;
	return epoll_wait(fd, &e, 1, 0);
}

static long long poll_it(int fd)
{
	struct pollfd p = {fd, POLLIN, 0};
	poll(&p, 1, 0);
	return p.revents & POLLNVAL ? 32 : 0;
}

static long long send_file_in(int fd)
{
	int fds[2];
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
		die("socketpair");
	off_t at = 0;
	ssize_t n = sendfile(fds[0], fd, &at, 4);
	int err = errno;
	close(fds[0]);
	close(fds[1]);
	errno = err;
	return n;
}

static long long local_name(int fd)
{
	union address a;
	socklen_t len = sizeof a;
	return getsockname(fd, &a.any, &len);
}

enum { PLAIN, TOLD, VARIES }; // TOLD returns its errno; Linux's versions differ in what VARIES does to what has no inode
static const struct call {
	const char *name;
	long long (*call)(int fd);
	int how;
} calls[] = {
	{"read nothing", read_none, PLAIN},
	{"read", read_some, PLAIN},
	{"read few", read_few, PLAIN},
	{"read nowhere", read_nowhere, PLAIN},
	{"write nothing", write_none, PLAIN},
	{"write", write_some, PLAIN},
	{"write few", write_few, PLAIN},
	{"write from nowhere", write_from_nowhere, PLAIN},
	{"readv of no buffers", readv_none, PLAIN},
	{"readv of empty ones", readv_empty, PLAIN},
	{"readv of 1024", readv_most, PLAIN},
	{"readv of 1025", readv_more, PLAIN},
	{"readv of -1", readv_negative, PLAIN},
	{"writev of no buffers", writev_none, PLAIN},
	{"writev of empty ones", writev_empty, PLAIN},
	{"writev of 1025", writev_more, PLAIN},
	{"writev of -1", writev_negative, PLAIN},
	{"preadv", preadv_some, PLAIN},
	{"preadv of 1025", preadv_more, PLAIN},
	{"preadv at -1", preadv_negative, PLAIN},
	{"preadv far", preadv_far, PLAIN},
	{"pwritev", pwritev_some, PLAIN},
	{"pwritev of no buffers", pwritev_none, PLAIN},
	{"pwritev of 1025", pwritev_more, PLAIN},
	{"pwritev at -1", pwritev_negative, PLAIN},
	{"pwritev far", pwritev_far, PLAIN},
	{"seek", seek_here, PLAIN},
	{"seek to -1", seek_negative, PLAIN},
	{"seek unknown", seek_unknown, PLAIN},
	{"seek lowest", seek_lowest, PLAIN},
	{"truncate", truncate_short, PLAIN},
	{"truncate to -1", truncate_negative, PLAIN},
	{"allocate", allocate, TOLD},
	{"allocate nothing", allocate_nothing, TOLD},
	{"allocate at -1", allocate_negative, TOLD},
	{"allocate -1", allocate_less, TOLD},
	{"allocate far", allocate_far, TOLD},
	{"advise", advise, TOLD},
	{"advise unknown", advise_unknown, TOLD},
	{"advise -1", advise_negative, TOLD},
	{"sync", sync_all, PLAIN},
	{"datasync", sync_data, PLAIN},
	{"futimens", set_times, VARIES},
	{"futimens now", set_times_now, VARIES},
	{"futimens of none", set_no_times, PLAIN},
	{"fstat", stat_type, PLAIN},
	{"F_GETFL", get_flags, PLAIN},
	{"F_SETFL", set_flags, PLAIN},
	{"F_GETFD", get_close_on_exec, PLAIN},
	{"F_SETFD", set_close_on_exec, PLAIN},
	{"dup", duplicate, PLAIN},
	{"F_DUPFD 100", duplicate_from, PLAIN},
	{"F_DUPFD -1", duplicate_negative, PLAIN},
	{"F_DUPFD too high", duplicate_high, PLAIN},
	{"dup2 onto itself", replace_itself, PLAIN},
	{"dup2 onto a free one", replace_free, PLAIN},
	{"dup2 onto -1", replace_negative, PLAIN},
	{"dup2 too high", replace_high, PLAIN},
	{"fdopendir", list, PLAIN},
	{"isatty", terminal, VARIES},
	{"epoll_ctl of it", watch, PLAIN},
	{"epoll_ctl by it", watch_by, PLAIN},
	{"epoll_wait", wait_by, PLAIN},
	{"poll", poll_it, PLAIN},
	{"sendfile from it", send_file_in, PLAIN},
	{"getsockname", local_name, PLAIN},
};

static void try(const struct call *c, const struct kind *k)
{
	int fd = k->make();
	long long rc = c->call(fd);
	if (rc < 0)
		say("%s, %s: %s\n", k->name, c->name, errname(c->how == TOLD ? (int)-rc : errno));
	else
		say("%s, %s: %lld\n", k->name, c->name, rc);
	if (other >= 0)
		close(other);
	other = -1;
	if (k->make != no_descriptor)
		close(fd);
}

void check(const char *name, long long rc)
{
	if (rc < 0)
		say("%s: %s\n", name, errname(errno));
	else
		say("%s: OK\n", name);
}

int main(int argc, char **argv)
{
	if (argc < 2 || (root = open(argv[1], O_RDONLY | O_DIRECTORY)) < 0 || chdir(argv[1]) || !getcwd(home, sizeof home))
		die("directory");
	signal(SIGPIPE, SIG_IGN);
	for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
		for (size_t c = 0; c < sizeof calls / sizeof *calls; c++)
			if (calls[c].how != VARIES || !kinds[k].bare)
				try(&calls[c], &kinds[k]);
	numbers();
	sharing();
	events();
	current_directory();
	open_directories();
	listing();
	clocks();
	return 0;
}
