// Small programs that scripts call, each by its own name: argv[0] says which.
//
//   args ...       prints the arguments, one a line
//   cat [file ...] copies files, or standard input, to standard output
//   echo ...       prints the arguments on one line
//   env            prints the environment, sorted
//   false          exits with 1
//   first [N]      copies N lines of standard input, one if not told
//   kills N        sends itself signal N
//   lines          counts the lines of standard input
//   sleeps MS      waits
//   sort           sorts the lines of standard input
//   status N       exits with N
//   true           exits with 0
//   yes            prints "y" until nobody reads
#include "guest.h"

// input is all that came from a descriptor, with a NUL behind.
struct input {
	char *bytes;
	size_t len;
};

static struct input read_all(int fd)
{
	struct input in = {malloc(4096), 0};
	size_t room = 4096;
	for (ssize_t n; in.bytes && (n = read(fd, in.bytes + in.len, room - in.len - 1)) != 0;) {
		if (n < 0)
			die("read");
		in.len += (size_t)n;
		if (room - in.len < 2)
			in.bytes = realloc(in.bytes, room *= 2);
	}
	if (!in.bytes)
		die("malloc");
	in.bytes[in.len] = 0;
	return in;
}

static void print(const void *bytes, size_t n)
{
	if (!write_all(STDOUT_FILENO, bytes, n))
		exit(2);
}

static int args(char **argv)
{
	while (*argv) {
		print(*argv, strlen(*argv));
		print("\n", 1);
		argv++;
	}
	return 0;
}

static int echo(char **argv)
{
	for (; *argv; argv++) {
		print(*argv, strlen(*argv));
		if (argv[1])
			print(" ", 1);
	}
	print("\n", 1);
	return 0;
}

static int copy(int fd)
{
	static char buf[10000];
	ssize_t n;
	while ((n = read(fd, buf, sizeof buf)) > 0)
		print(buf, (size_t)n);
	return n < 0;
}

static int cat(char **argv)
{
	int status = 0;
	if (!*argv)
		return copy(STDIN_FILENO);
	for (; *argv; argv++) {
		int fd = open(*argv, O_RDONLY);
		if (fd < 0) {
			complain("cat: %s: %s\n", *argv, errname(errno));
			status = 1;
			continue;
		}
		status |= copy(fd);
		close(fd);
	}
	return status;
}

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

// print_sorted prints strings, one a line.
static int print_sorted(char **strings, size_t n)
{
	qsort(strings, n, sizeof *strings, by_text);
	for (size_t i = 0; i < n; i++) {
		print(strings[i], strlen(strings[i]));
		print("\n", 1);
	}
	return 0;
}

static int env(void)
{
	size_t n = 0;
	while (environ[n])
		n++;
	return print_sorted(environ, n);
}

static size_t count_lines(struct input in)
{
	size_t n = 0;
	for (size_t i = 0; i < in.len; i++)
		n += in.bytes[i] == '\n';
	return n;
}

static int sort(void)
{
	struct input in = read_all(STDIN_FILENO);
	char **strings = malloc((count_lines(in) + 1) * sizeof *strings), *end;
	size_t n = 0;
	if (!strings)
		die("malloc");
	for (char *at = in.bytes; (end = strchr(at, '\n')); at = end + 1) {
		*end = 0;
		strings[n++] = at;
	}
	return print_sorted(strings, n);
}

static int first(int lines)
{
	char c;
	while (lines > 0 && read(STDIN_FILENO, &c, 1) == 1) {
		print(&c, 1);
		lines -= c == '\n';
	}
	return 0;
}

static int kills(int signo)
{
	kill(getpid(), signo);
	return 0;
}

static int sleeps(int ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000l};
	return nanosleep(&t, NULL) != 0;
}

_Noreturn static void yes(void)
{
	static char many[8192];
	for (size_t i = 0; i < sizeof many; i++)
		many[i] = i % 2 ? '\n' : 'y';
	for (;;)
		print(many, sizeof many);
}

int main(int argc, char **argv)
{
	const char *name = argv[0];
	for (const char *at; (at = strchr(name, '/'));)
		name = at + 1;
	int number = argc > 1 ? atoi(argv[1]) : 1;
#define IS(text) (!strcmp(name, text))
	if (IS("args"))
		return args(argv + 1);
	if (IS("cat"))
		return cat(argv + 1);
	if (IS("echo"))
		return echo(argv + 1);
	if (IS("env"))
		return env();
	if (IS("false") || IS("true"))
		return IS("false");
	if (IS("first"))
		return first(number);
	if (IS("kills"))
		return kills(number);
	if (IS("lines")) {
		say("%lld\n", (long long)count_lines(read_all(STDIN_FILENO)));
		return 0;
	}
	if (IS("sleeps"))
		return sleeps(number);
	if (IS("sort"))
		return sort();
	if (IS("status"))
		return number;
	if (IS("yes"))
		yes();
	complain("tools: there is no %s\n", name);
	return 127;
}
