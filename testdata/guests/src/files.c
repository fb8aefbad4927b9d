// Files and directories below the one given, which must be empty and writable.
// Without argument, it lists the directories that the host gives (WASIX only).
#include "guest.h"
#ifdef __wasm__
#include "wasix.h"
#endif

static const char *root;

// in returns the path of name below the directory.
static const char *in(const char *name)
{
	static char bufs[4][512];
	static int next;
	char *buf = bufs[next++ % 4];
	format(buf, sizeof bufs[0], "%s/%s", root, name);
	return buf;
}

static int check(const char *name, ssize_t rc)
{
	if (rc < 0)
		say("files.%s: %s\n", name, errname(errno));
	else
		say("files.%s: OK\n", name);
	return (int)rc;
}

static void put(const char *name, const char *content)
{
	int fd = open(in(name), O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0 || !write_all(fd, content, strlen(content)))
		die(name);
	close(fd);
}

static const char *kind(uint8_t type)
{
	switch (type) {
	case DT_DIR:
		return "directory";
	case DT_REG:
		return "file";
	case DT_LNK:
		return "link";
	}
	return "other";
}

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

// list prints the names in a directory, sorted, each with its kind.
static void list(const char *name, const char *path)
{
	char *names[256];
	size_t n = 0;
	DIR *d = opendir(path);
	if (!d) {
		check(name, -1);
		return;
	}
	for (struct dirent *e; n < 256 && (e = readdir(d));) {
		names[n] = malloc(512);
		format(names[n++], 512, "%s %s", e->d_name, kind(e->d_type));
	}
	check(name, closedir(d));
	qsort(names, n, sizeof *names, by_text);
	for (size_t i = 0; i < n; i++) {
		say("files.%s entry: %s\n", name, names[i]);
		free(names[i]);
	}
}

static void writing(void)
{
	char buf[16] = "";
	int fd = check("create", open(in("a.txt"), O_RDWR | O_CREAT | O_EXCL, 0644));
	say("files.write: %d\n", (int)write(fd, "hello, world", 12));
	say("files.seek: %lld\n", (long long)lseek(fd, 7, SEEK_SET));
	say("files.read: %d", (int)read(fd, buf, 15));
	say(" %s\n", buf);
	say("files.read at the end: %d\n", (int)read(fd, buf, 15));
	say("files.seek back: %lld\n", (long long)lseek(fd, -5, SEEK_END));
	check("seek before the start", lseek(fd, -1, SEEK_SET));
	struct iovec iov[2] = {{"W", 1}, {"ORLD", 4}};
	say("files.writev: %d\n", (int)writev(fd, iov, 2));
	close(fd);
	check("create again", open(in("a.txt"), O_RDWR | O_CREAT | O_EXCL, 0644));
	fd = open(in("a.txt"), O_WRONLY | O_APPEND);
	say("files.append: %d\n", (int)write(fd, "!", 1));
	check("read of a write-only file", read(fd, buf, 1));
	close(fd);
	fd = open(in("a.txt"), O_RDONLY);
	ssize_t n = read(fd, buf, 15);
	buf[n > 0 ? n : 0] = 0;
	say("files.content: %s\n", buf);
	check("write to a read-only file", write(fd, "x", 1));
	struct pollfd p = {.fd = fd, .events = POLLIN};
	say("files.poll: %d\n", poll(&p, 1, 0));
	close(fd);
}

static void paths(void)
{
	struct stat st;
	put("b.txt", "bb");
	check("open missing", open(in("missing"), O_RDONLY));
	check("open below a file", open(in("b.txt/x"), O_RDONLY));
	check("open a directory to write", open(root, O_WRONLY));
	check("open a file as a directory", open(in("b.txt"), O_RDONLY | O_DIRECTORY));
	check("stat missing", stat(in("missing"), &st));
	check("stat", stat(in("b.txt"), &st));
	say("files.stat: size %d, regular %d\n", (int)st.st_size, S_ISREG(st.st_mode));
	check("stat directory", stat(root, &st));
	say("files.stat directory: %d\n", S_ISDIR(st.st_mode));
	check("stat through dots", stat(in("./././b.txt"), &st));
	check("empty path", open("", O_RDONLY));
	check("truncate", open(in("b.txt"), O_WRONLY | O_TRUNC));
	stat(in("b.txt"), &st);
	say("files.truncated size: %d\n", (int)st.st_size);
	int dir = open(root, O_RDONLY | O_DIRECTORY);
	check("openat", openat(dir, "b.txt", O_RDONLY));
	check("openat missing", openat(dir, "none", O_RDONLY));
	check("openat of a file", openat(open(in("b.txt"), O_RDONLY), "x", O_RDONLY));
	char c;
	check("read of a directory", read(dir, &c, 1));
	close(dir);
	check("openat of nothing", openat(dir, "b.txt", O_RDONLY));
}

static void directories(void)
{
	static char name[32];
	list("list", root);
	for (int i = 0; i < 100; i++) {
		format(name, sizeof name, "many-%03d", i);
		put(name, "");
	}
	DIR *d = opendir(root);
	int n = 0, many = 0;
	for (struct dirent *e; d && (e = readdir(d)); n++)
		many += !strncmp(e->d_name, "many-", 5);
	if (d)
		closedir(d);
	say("files.many entries: %d %d\n", n, many);
	list("list of a file", in("a.txt"));
	list("list missing", in("missing"));
	for (int i = 0; i < 100; i++) {
		format(name, sizeof name, "many-%03d", i);
		if (unlink(in(name)))
			die("unlink");
	}
	check("unlink missing", unlink(in("missing")));
	check("unlink directory", unlink(root));
	int fd = open(in("a.txt"), O_RDONLY);
	check("unlink open file", unlink(in("a.txt")));
	say("files.unlinked file reads: %d\n", (int)read(fd, name, 5));
	close(fd);
	check("unlink", unlink(in("b.txt")));
	list("list at the end", root);
}

#ifdef __wasm__
static int preopens(void)
{
	struct wasi_prestat st;
	char name[256];
	int fd = 3, err;
	for (; !(err = wasi_fd_prestat_get(fd, &st)) && st.name_len < sizeof name; fd++) {
		err = wasi_fd_prestat_dir_name(fd, name, st.name_len);
		name[st.name_len] = 0;
		say("preopen %d: %s \"%s\"\n", fd, errname(err), name);
		list("preopen", name);
	}
	say("after the last: %s\n", errname(err));
	return 0;
}
#else
static int preopens(void) { return 2; }
#endif

int main(int argc, char **argv)
{
	if (argc < 2)
		return preopens();
	root = argv[1];
	writing();
	paths();
	directories();
	return 0;
}
