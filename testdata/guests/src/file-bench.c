// How long calls on files, and waits, take: a line for each, with nanoseconds per
// call, the best of several batches. Arguments: "files", "input" or "waits", and for
// the first a directory that holds "file" of 16 MiB and "many", with 10,000 entries.
// For "input", something can be read from the standard input.
//
// Files are opened by preview1's call, so that hosts that know no more can do it.
#include "guest.h"
#ifdef __wasm__
#include "wasix.h"
#endif

enum { PAGE = 4096, LARGE = 1 << 20, SIZE = 16 << 20, DESCRIPTORS = 10000 };

static _Alignas(PAGE) char buf[LARGE];

static long long now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

// measure prints the best time of one call of f out of batches of n.
static void measure(const char *name, int n, void (*f)(int i))
{
	enum { BATCHES = 7 };
	long long best = INT64_MAX;
	for (int batch = 0; batch < BATCHES; batch++) {
		long long start = now();
		for (int i = 0; i < n; i++)
			f(i);
		long long took = now() - start;
		best = took < best ? took : best;
	}
	say("%s\t%lld\n", name, best / n);
}

static int fd, root;

#ifdef __wasm__
static int open_at(int dir, const char *path, int flags)
{
	wasi_fd f = -1;
	struct wasi_fdstat st;
	uint64_t drop = flags & O_RDWR ? 0 : 1 << 6; // the right to write
	errno = wasi_fd_fdstat_get(dir, &st);
	if (!errno)
		errno = wasi_path_open(dir, WASI_LOOKUP_FOLLOW, path, strlen(path), flags & O_DIRECTORY ? WASI_OFLAGS_DIRECTORY : 0,
				       st.inheriting & ~drop, st.inheriting, 0, &f);
	return errno ? -1 : (int)f;
}
#else
static int open_at(int dir, const char *path, int flags) { return openat(dir, path, flags); }
#endif

static void moved(ssize_t n, ssize_t want)
{
	if (n != want)
		die("transfer");
}

// at returns a random offset in the file, a multiple of size.
static off_t at(int size)
{
	static uint32_t seed = 1;
	seed = seed * 1103515245 + 12345;
	return (off_t)((seed >> 8) % (SIZE / size)) * size;
}

// again makes sequential calls start again in time.
static void again(int i, int size)
{
	if (i % (SIZE / size) == 0)
		lseek(fd, 0, SEEK_SET);
}

static struct iovec iov(size_t n) { return (struct iovec){buf, n}; }

#define TRANSFERS(size, label)                                                                              \
	static void read_##label(int i) { again(i, size), moved(read(fd, buf, size), size); }               \
	static void write_##label(int i) { again(i, size), moved(write(fd, buf, size), size); }             \
	static void pread_##label(int i)                                                                    \
	{                                                                                                   \
		struct iovec v = iov(size);                                                                 \
		(void)i, moved(preadv(fd, &v, 1, at(size)), size);                                          \
	}                                                                                                   \
	static void pwrite_##label(int i)                                                                   \
	{                                                                                                   \
		struct iovec v = iov(size);                                                                 \
		(void)i, moved(pwritev(fd, &v, 1, at(size)), size);                                         \
	}
TRANSFERS(PAGE, page)
TRANSFERS(LARGE, large)

static void open_close(int i)
{
	int f = open_at(root, "file", O_RDONLY);
	(void)i;
	if (f < 0)
		die("open");
	close(f);
}

static void look(int i)
{
	struct stat st;
	(void)i;
	if (fstatat(root, "file", &st, 0))
		die("stat");
}

static void look_in_vain(int i)
{
	struct stat st;
	(void)i;
	if (!fstatat(root, "none", &st, 0))
		die("no file is there");
}

static void list(int i)
{
	DIR *d = fdopendir(open_at(root, "many", O_RDONLY | O_DIRECTORY));
	int n = 0;
	(void)i;
	while (d && readdir(d))
		n++;
	if (n < DESCRIPTORS)
		die("readdir");
	closedir(d);
}

static void files(const char *dir)
{
#ifdef __wasm__
	(void)dir;
	root = 3; // the only directory there is
#else
	root = open(dir, O_RDONLY | O_DIRECTORY);
#endif
	fd = open_at(root, "file", O_RDWR);
	if (fd < 0)
		die("file");
	memset(buf, 1, sizeof buf);
	measure("4 KiB read, sequential", 2000, read_page);
	measure("4 KiB read, random", 2000, pread_page);
	measure("4 KiB write, sequential", 2000, write_page);
	measure("4 KiB write, random", 2000, pwrite_page);
	measure("1 MiB read, sequential", 32, read_large);
	measure("1 MiB read, random", 32, pread_large);
	measure("1 MiB write, sequential", 32, write_large);
	measure("1 MiB write, random", 32, pwrite_large);
	measure("open, close", 1000, open_close);
	measure("stat", 1000, look);
	measure("stat of what is missing", 1000, look_in_vain);
	measure("readdir of 10,000 entries", 1, list);
	close(fd);
}

static struct pollfd polled[DESCRIPTORS];
static int watched, ep;

static void wait_poll(int i)
{
	(void)i;
	if (poll(polled, (nfds_t)watched, -1) != 1)
		die("poll");
}

static void wait_input(int i)
{
	(void)i;
	if (poll(polled, (nfds_t)watched, -1) != watched)
		die("poll");
}

static void wait_time(int i)
{
	struct timespec t = {0, 1000};
	(void)i;
	nanosleep(&t, 0);
}

// input waits for what hosts know that have no events: the standard input, once and
// many times in one call, and time.
static void input(void)
{
	for (watched = 1; watched <= DESCRIPTORS; watched *= 100) {
		char name[64];
		for (int i = 0; i < watched; i++)
			polled[i] = (struct pollfd){0, POLLIN, 0};
		format(name, sizeof name, "poll of the input, %d times", watched);
		measure(name, 20000 / (watched + 10) + 1, wait_input);
	}
	measure("nanosleep of 1 us", 100, wait_time);
}

static void wait_epoll(int i)
{
	struct epoll_event e;
	(void)i;
	if (epoll_wait(ep, &e, 1, -1) != 1)
		die("epoll_wait");
}

// waits has one event ready, after all the others.
static void waits(void)
{
	ep = epoll_create1(0);
	for (int n = 1; n <= DESCRIPTORS; n *= 100) {
		char name[64];
		for (; watched < n; watched++) {
			struct epoll_event e = {.events = EPOLLIN};
			int event = eventfd(watched == 0, EFD_NONBLOCK);
			if (event < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, event, &e))
				die("eventfd");
			polled[DESCRIPTORS - 1 - watched] = (struct pollfd){event, POLLIN, 0};
		}
		memmove(polled, polled + DESCRIPTORS - n, (size_t)n * sizeof *polled);
		format(name, sizeof name, "poll of %d", n);
		measure(name, 20000 / (n + 10) + 1, wait_poll);
		format(name, sizeof name, "epoll_wait of %d", n);
		measure(name, 2000, wait_epoll);
		memmove(polled + DESCRIPTORS - n, polled, (size_t)n * sizeof *polled);
	}
}

int main(int argc, char **argv)
{
	if (argc > 2 && !strcmp(argv[1], "files"))
		files(argv[2]);
	else if (argc > 1 && !strcmp(argv[1], "input"))
		input();
	else if (argc > 1 && !strcmp(argv[1], "waits"))
		waits();
	else
		return 2;
	return 0;
}
