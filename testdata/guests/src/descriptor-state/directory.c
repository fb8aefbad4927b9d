// The current directory, and listings; clocks that there are not.
#include "probe.h"

// Of how a path in the probe's directory is called.
static const char *below(const char *path)
{
	size_t n = strlen(home);
	return strncmp(path, home, n) ? "elsewhere" : path[n] ? path + n : "home";
}

static void show_cwd(const char *name)
{
	char path[4096];
	say("%s: %s\n", name, getcwd(path, sizeof path) ? below(path) : errname(errno));
}

static void show_open(const char *name, const char *path)
{
	int fd = open(path, O_RDONLY);
	check(name, fd);
	close(fd);
}

void current_directory(void)
{
	static char small[4096];
	check("getcwd into nothing", getcwd(small, 0) ? 0 : -1);
	check("getcwd into one byte", getcwd(small, 1) ? 0 : -1);
	check("getcwd without the NUL", getcwd(small, strlen(home)) ? 0 : -1);
	check("getcwd exactly", getcwd(small, strlen(home) + 1) ? 0 : -1);
	if (mkdirat(root, "w", 0755) || mkdirat(root, "w/v", 0755) || symlinkat("w/v", root, "link"))
		die("mkdir");
	check("chdir", chdir("w"));
	show_cwd("in w");
	show_open("v from there", "v");
	show_open("w from there", "w");
	check("chdir ..", chdir(".."));
	check("chdir through a link", chdir("link"));
	show_cwd("through a link");
	check("chdir ../..", chdir("../.."));
	check("chdir to nothing", chdir(""));
	check("chdir to none", chdir("none"));
	check("chdir to a file", chdir("f"));
	show_cwd("still");
	check("chdir absolute", chdir(home));
	check("chdir", chdir("w/v"));
	check("rmdir of the current directory", unlinkat(root, "w/v", AT_REMOVEDIR));
	show_cwd("removed");
	show_open("open in a removed one", "x");
	show_open("open . of a removed one", ".");
	show_open("open .. of a removed one", "..");
	check("chdir back", chdir(home));
	check("chdir", chdir("w"));
	check("rename of the current directory", renameat(root, "w", root, "u"));
	show_cwd("renamed");
	check("chdir back", chdir(home));
	unlinkat(root, "u", AT_REMOVEDIR);
	unlinkat(root, "link", 0);
}

static void show_openat(const char *name, int dir, const char *path)
{
	int fd = openat(dir, path, O_RDWR | O_CREAT, 0644);
	check(name, fd);
	close(fd);
}

static int entries(DIR *d)
{
	int n = 0;
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

// Directories that are renamed, replaced or removed while they are open.
void open_directories(void)
{
	struct stat st;
	if (mkdirat(root, "w", 0755))
		die("mkdir");
	int dir = openat(root, "w", O_RDONLY | O_DIRECTORY);
	show_openat("create in an open directory", dir, "in");
	check("rename of an open directory", renameat(root, "w", root, "u"));
	check("fstat of a renamed one", fstat(dir, &st));
	say("list of a renamed one: %d\n", entries(fdopendir(dup(dir))));
	show_openat("open in a renamed one", dir, "in");
	check("mkdir of its former name", mkdirat(root, "w", 0755));
	show_openat("create after that", dir, "new");
	say("it is in the former name: %d\n", !unlinkat(root, "w/new", 0));
	say("it is in the new name: %d\n", !unlinkat(root, "u/new", 0));
	close(dir);
	dir = openat(root, "w", O_RDONLY | O_DIRECTORY);
	check("rmdir of an open directory", unlinkat(root, "w", AT_REMOVEDIR));
	check("fstat of a removed one", fstat(dir, &st));
	say("list of a removed one: %d\n", entries(fdopendir(dup(dir))));
	show_openat("create in a removed one", dir, "new");
	close(dir);
	if (unlinkat(root, "u/in", 0) || unlinkat(root, "u", AT_REMOVEDIR))
		die("rmdir");
}

// A listing begins with . and .., and is at its end when it is.
void listing(void)
{
	DIR *d = fdopendir(openat(root, ".", O_RDONLY | O_DIRECTORY));
	int n = 0, dots = 0;
	for (struct dirent *e; (e = readdir(d)); n++)
		dots += !strcmp(e->d_name, ".") || !strcmp(e->d_name, "..");
	say("listing: %d, %d\n", n, dots);
	errno = 0;
	say("after the end: %d %s\n", readdir(d) != NULL, errname(errno));
	check("closedir", closedir(d));
}

void clocks(void)
{
	struct timespec t;
	check("clock_gettime of none", clock_gettime(77, &t));
	check("clock_getres of none", clock_getres(77, &t));
}
