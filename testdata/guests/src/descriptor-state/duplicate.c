// Duplicates of descriptors, and events.
#include "probe.h"

// The numbers that dup and its like give, by the lowest free one.
void numbers(void)
{
	int lowest = dup(root), fds[2];
	close(lowest);
	say("dup gives the lowest: %d\n", dup(root) == lowest);
	say("dup2 gives its number: %d\n", dup2(root, lowest + 20) == lowest + 20);
	say("F_DUPFD gives the lowest from: %d\n", fcntl(root, F_DUPFD, lowest + 20) == lowest + 21);
	say("F_DUPFD gives one between: %d\n", fcntl(root, F_DUPFD, lowest + 5) == lowest + 5);
	say("F_DUPFD_CLOEXEC: %d\n", fcntl(root, F_DUPFD_CLOEXEC, lowest + 10) == lowest + 10);
	say("closes on exec: %d\n", fcntl(lowest + 10, F_GETFD));
	say("a duplicate of it does not: %d\n", fcntl(dup2(lowest + 10, lowest + 11), F_GETFD));
	check("F_SETFD", fcntl(lowest + 11, F_SETFD, FD_CLOEXEC));
	dup2(root, lowest + 11);
	say("what is replaced loses the flag: %d\n", fcntl(lowest + 11, F_GETFD));
	check("F_SETFD none", fcntl(lowest + 10, F_SETFD, 0));
	say("closes on exec: %d\n", fcntl(lowest + 10, F_GETFD));
	if (pipe(fds))
		die("pipe");
	dup2(root, fds[1]);
	say("replacing closes: %d\n", (int)read(fds[0], buf, 1));
	for (int fd = lowest; fd < lowest + 24; fd++)
		close(fd);
}

// Duplicates share the offset and the flags, not what was opened again.
void sharing(void)
{
	int fd = new_file(), same = dup(fd), again = openat(root, "f", O_RDWR);
	say("read: %d\n", (int)read(fd, buf, 4));
	say("offset of the duplicate: %lld\n", (long long)lseek(same, 0, SEEK_CUR));
	say("offset of another: %lld\n", (long long)lseek(again, 0, SEEK_CUR));
	check("F_SETFL", fcntl(same, F_SETFL, O_APPEND));
	say("flags: %lld\n", get_flags(fd));
	say("flags of another: %lld\n", get_flags(again));
	close(fd);
	say("read of the duplicate: %d\n", (int)read(same, buf, 4));
	close(same);
	close(again);
}

static void show_event(const char *name, int fd)
{
	uint64_t v = 0;
	ssize_t n = read(fd, &v, sizeof v);
	if (n < 0)
		say("%s: %s\n", name, errname(errno));
	else
		say("%s: %d bytes, %llu\n", name, (int)n, (unsigned long long)v);
}

static void add(const char *name, int fd, uint64_t v) { check(name, write(fd, &v, sizeof v)); }

void events(void)
{
	check("eventfd with unknown flags", eventfd(0, 1 << 20));
	int fd = eventfd(3, EFD_NONBLOCK), sem = eventfd(2, EFD_NONBLOCK | EFD_SEMAPHORE);
	show_event("event of 3", fd);
	show_event("event of 0", fd);
	add("add 0", fd, 0);
	show_event("after adding 0", fd);
	add("add the highest", fd, UINT64_MAX);
	add("add the highest but one", fd, UINT64_MAX - 1);
	add("add one more", fd, 1);
	add("add 0 to a full one", fd, 0);
	show_event("full one", fd);
	add("add 5", fd, 5);
	add("add the highest but one to 5", fd, UINT64_MAX - 1);
	check("write 7 bytes", write(fd, buf, 7));
	add("add 2", fd, 2);
	check("read 7 bytes", read(fd, buf, 7));
	say("read 16 bytes: %d\n", (int)read(fd, buf, 16));
	struct iovec in[2] = {{buf, 4}, {buf + 4, 4}};
	add("add 9", fd, 9);
	say("readv in two parts: %d\n", (int)readv(fd, in, 2));
	say("value: %d\n", buf[0]);
	for (int i = 0; i < 3; i++)
		show_event("semaphore", sem);
	add("add 2", sem, 2);
	show_event("semaphore", sem);
	close(fd);
	close(sem);
}
