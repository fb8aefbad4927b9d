// What each call on paths answers to each kind of path, in the directory given,
// which must be empty: it is filled anew after each change.
#include "guest.h"

static int root;
static char home[4096];
static bool built;

static void build(void)
{
	if (built)
		return;
	built = true;
	int fd = openat(root, "f", O_RDWR | O_CREAT | O_EXCL, 0644);
	if (fd < 0 || close(fd) || mkdirat(root, "d", 0755) || mkdirat(root, "full", 0755) || mkdirat(root, "full/in", 0755) ||
	    symlinkat("f", root, "to-f") || symlinkat("d", root, "to-d") || symlinkat("nowhere", root, "dangling") ||
	    symlinkat("loop", root, "loop"))
		die("build");
}

// What the cases may leave behind, what is in a directory before it.
static const char *const names[] = {"d/x/in", "d/x", "d/in", "d/f", "full/in/x", "full/in/in", "full/in", "new/in", "none/in", "f", "d", "full", "to-f", "to-d", "dangling",
				    "loop", "nowhere", "new", "none", NULL};

static void clear(void)
{
	for (const char *const *p = names; *p; p++)
		if (unlinkat(root, *p, 0))
			unlinkat(root, *p, AT_REMOVEDIR);
	built = false;
}

// show prints what is there, but for what was built and still is what it was.
static void show(void)
{
	struct stat st;
	for (const char *const *p = names; *p; p++)
		if (!fstatat(root, *p, &st, AT_SYMLINK_NOFOLLOW))
			say(" %s%s", *p, S_ISDIR(st.st_mode) ? "/" : S_ISLNK(st.st_mode) ? "@" : "");
}

static int opened(int fd)
{
	if (fd >= 0)
		close(fd);
	return fd < 0 ? -1 : 0;
}

static int open_read(int dir, const char *p) { return opened(openat(dir, p, O_RDONLY)); }
static int open_write(int dir, const char *p) { return opened(openat(dir, p, O_WRONLY)); }
static int open_directory(int dir, const char *p) { return opened(openat(dir, p, O_RDONLY | O_DIRECTORY)); }
static int open_create(int dir, const char *p) { return opened(openat(dir, p, O_RDWR | O_CREAT, 0644)); }
static int open_exclusive(int dir, const char *p) { return opened(openat(dir, p, O_RDWR | O_CREAT | O_EXCL, 0644)); }
static int open_truncate(int dir, const char *p) { return opened(openat(dir, p, O_WRONLY | O_TRUNC)); }
static int open_nofollow(int dir, const char *p) { return opened(openat(dir, p, O_RDONLY | O_NOFOLLOW)); }

static int follow(int dir, const char *p)
{
	struct stat st;
	return fstatat(dir, p, &st, 0);
}

static int nofollow(int dir, const char *p)
{
	struct stat st;
	return fstatat(dir, p, &st, AT_SYMLINK_NOFOLLOW);
}

static int read_link(int dir, const char *p)
{
	char buf[64];
	return readlinkat(dir, p, buf, sizeof buf) < 0 ? -1 : 0;
}

static const struct timespec times[2] = {{1000, 0}, {2000, 0}};
static int set_times(int dir, const char *p) { return utimensat(dir, p, times, 0); }
static int set_link_times(int dir, const char *p) { return utimensat(dir, p, times, AT_SYMLINK_NOFOLLOW); }
static int make_directory(int dir, const char *p) { return mkdirat(dir, p, 0755); }
static int remove_directory(int dir, const char *p) { return unlinkat(dir, p, AT_REMOVEDIR); }
static int remove_file(int dir, const char *p) { return unlinkat(dir, p, 0); }
static int symlink_at(int dir, const char *p) { return symlinkat("f", dir, p); }
static int link_from(int dir, const char *p) { return linkat(dir, p, root, "new", 0); }
static int link_through(int dir, const char *p) { return linkat(dir, p, root, "new", AT_SYMLINK_FOLLOW); }
static int link_to(int dir, const char *p) { return linkat(root, "f", dir, p, 0); }
static int rename_from(int dir, const char *p) { return renameat(dir, p, root, "new"); }
static int rename_file_to(int dir, const char *p) { return renameat(root, "f", dir, p); }
static int rename_directory_to(int dir, const char *p) { return renameat(root, "full", dir, p); }
static int rename_link_to(int dir, const char *p) { return renameat(root, "to-d", dir, p); }

// change_directory goes there from the directory, and comes back.
static int change_directory(int dir, const char *p)
{
	(void)dir;
	int rc = chdir(p), err = errno;
	if (chdir(home))
		die("back");
	errno = err;
	return rc;
}

enum { READS, TIMES, CHANGES, MOVES, FROM_HERE };
static const struct call {
	const char *name;
	int (*call)(int dir, const char *path);
	int kind;
} calls[] = {
	{"open", open_read, READS},
	{"open for writing", open_write, READS},
	{"open as a directory", open_directory, READS},
	{"open without following", open_nofollow, READS},
	{"create", open_create, CHANGES},
	{"create exclusively", open_exclusive, CHANGES},
	{"truncate", open_truncate, READS},
	{"stat", follow, READS},
	{"lstat", nofollow, READS},
	{"readlink", read_link, READS},
	{"utimens", set_times, TIMES},
	{"utimens of a link", set_link_times, TIMES},
	{"mkdir", make_directory, CHANGES},
	{"rmdir", remove_directory, CHANGES},
	{"unlink", remove_file, CHANGES},
	{"symlink", symlink_at, CHANGES},
	{"link from", link_from, MOVES},
	{"link through", link_through, MOVES},
	{"link to", link_to, MOVES},
	{"rename from", rename_from, MOVES},
	{"rename file to", rename_file_to, MOVES},
	{"rename directory to", rename_directory_to, MOVES},
	{"rename link to", rename_link_to, MOVES},
	{"chdir", change_directory, FROM_HERE},
};
enum { CALLS = sizeof calls / sizeof *calls };

// try prints what a call answers to a path, and what is there afterwards.
static void try(const struct call *c, int dir, const char *path, const char *shown)
{
	build();
	int rc = c->call(dir, path);
	say("%s %s: %s", c->name, shown, errname(rc ? errno : 0));
	if (!rc && (c->kind == CHANGES || c->kind == MOVES)) {
		show();
		clear();
	}
	say("\n");
}

static void paths(void)
{
	static const char *const all[] = {
		"nothing", "", ".", "./", "..", "../", "f", "f/", "f/.", "f/..", "f/x", "d", "d/", "d//", "d/.", "d/./", "d/..", "d/../",
		"d/../f", "d/x", "d/x/", "full", "full/", "full/in", "full/in/", "full/in/..", "full/in/x", "none", "none/", "none/.", "none/..",
		"none/x", "to-f", "to-f/", "to-f/x", "to-d", "to-d/", "to-d/.", "to-d/..", "to-d/x", "to-d/x/", "dangling", "dangling/",
		"dangling/x", "loop", "loop/", "loop/x", "/", "//", "/..",
	};
	for (size_t i = 1; i < sizeof all / sizeof *all; i++) {
		const char *path = all[i], *shown = *path ? path : all[0];
		for (const struct call *c = calls; c < calls + CALLS; c++)
			if (*path != '/' || (c->kind != MOVES && c->kind != TIMES)) // that is another place
				try(c, root, path, shown);
	}
}

// The longest name, and the longest path, and one byte more.
static void lengths(void)
{
	static char name[300], path[5000];
	for (const struct call *c = calls; c < calls + CALLS; c++) {
		for (size_t n = 255; n <= 256; n++) {
			memset(name, 'n', n);
			name[n] = 0;
			try(c, root, name, n == 255 ? "a long name" : "a name too long");
			format(name + n, 4, "/in");
			unlinkat(root, name, AT_REMOVEDIR);
			name[n] = 0;
			unlinkat(root, name, 0);
			unlinkat(root, name, AT_REMOVEDIR);
		}
		for (size_t n = 4095; n <= 4096; n++) {
			for (size_t i = 0; i < n - 1; i++)
				path[i] = i % 2 ? '/' : '.';
			path[n - 1] = 'f';
			path[n] = 0;
			try(c, root, path, n == 4095 ? "a long path" : "a path too long");
		}
	}
}

// As many links as may be on the way, and one more.
static void chains(void)
{
	enum { MOST = 40 };
	char from[8], to[8];
	for (int i = 0; i <= MOST; i++) {
		format(from, sizeof from, "l%d", i);
		format(to, sizeof to, "l%d", i + 1);
		if (symlinkat(i < MOST ? to : "nowhere", root, from))
			die("chain");
	}
	say("chain of 40 links: %s\n", errname(open_create(root, "l1") ? errno : 0));
	say("chain of 41 links: %s\n", errname(open_read(root, "l0") ? errno : 0));
	say("stat of the first: %s\n", errname(nofollow(root, "l0") ? errno : 0));
	for (int i = 0; i <= MOST; i++) {
		format(from, sizeof from, "l%d", i);
		unlinkat(root, from, 0);
	}
	unlinkat(root, "nowhere", 0);
}

// Paths from what is no directory, or none any more.
static void starts(void)
{
	int fds[2], file = openat(root, "begin", O_RDWR | O_CREAT, 0644), event = eventfd(0, 0), ep = epoll_create1(0);
	if (file < 0 || pipe(fds) || event < 0 || ep < 0 || mkdirat(root, "gone", 0755))
		die("starts");
	int gone = openat(root, "gone", O_RDONLY | O_DIRECTORY);
	unlinkat(root, "gone", AT_REMOVEDIR);
	const struct {
		const char *name;
		int fd;
	} all[] = {
		{"f in a file", file}, {"f in a pipe", fds[0]},
		{"f in an event", event}, {"f in an epoll", ep},
		{"f in a closed one", 999}, {"f in -1", -1},
		{"f in a removed one", gone},
	};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		for (const struct call *c = calls; c < calls + CALLS; c++)
			if (c->kind != FROM_HERE)
				try(c, all[i].fd, "f", all[i].name);
	say("nothing in a file: %s\n", errname(follow(file, "") ? errno : 0));
	say("nothing in a closed one: %s\n", errname(follow(999, "") ? errno : 0));
	for (const int *p = (const int[]){file, fds[0], fds[1], event, ep, gone, -1}; *p >= 0; p++)
		close(*p);
	unlinkat(root, "begin", 0);
}

int main(int argc, char **argv)
{
	if (argc < 2 || (root = open(argv[1], O_RDONLY | O_DIRECTORY)) < 0 || chdir(argv[1]) || !getcwd(home, sizeof home))
		die("directory");
	paths();
	lengths();
	chains();
	starts();
	clear();
	return 0;
}
