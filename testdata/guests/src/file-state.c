// What the calls on files answer in each state and to each wrong argument, in the
// directory given, which must be empty.
#include "guest.h"

static int root;

static void check(const char *name, long long rc)
{
	if (rc < 0)
		say("%s: %s\n", name, errname(errno));
	else
		say("%s: OK %lld\n", name, rc);
}

// told is check for calls that return an errno.
static void told(const char *name, int err) { say("%s: %s\n", name, errname(err)); }

static int make(const char *name, const char *content)
{
	int fd = openat(root, name, O_RDWR | O_CREAT | O_EXCL, 0644);
	if (fd < 0 || !write_all(fd, content, strlen(content)))
		die(name);
	return fd;
}

static void show(const char *name, int fd)
{
	char buf[64];
	struct iovec iov = {buf, sizeof buf - 1};
	ssize_t n = preadv(fd, &iov, 1, 0);
	buf[n > 0 ? n : 0] = 0;
	for (ssize_t i = 0; i < n; i++)
		if (!buf[i])
			buf[i] = '.';
	say("%s: %d \"%s\"\n", name, (int)n, buf);
}

static void attributes(const char *name, const char *path, int flags)
{
	struct stat st;
	if (fstatat(root, path, &st, flags)) {
		check(name, -1);
		return;
	}
	bool dir = S_ISDIR(st.st_mode);
	say("%s: %s nlink %d size %d\n", name, dir ? "directory" : S_ISLNK(st.st_mode) ? "link" : S_ISREG(st.st_mode) ? "file" : "other",
	    dir ? 0 : (int)st.st_nlink, dir ? 0 : (int)st.st_size);
}

static void directories(void)
{
	check("mkdir", mkdirat(root, "d", 0755));
	check("mkdir again", mkdirat(root, "d", 0755));
	check("mkdir with a slash", mkdirat(root, "e/", 0755));
	check("mkdir below nothing", mkdirat(root, "none/d", 0755));
	check("mkdir below a file", mkdirat(root, "f/d", 0755));
	check("mkdir of nothing", mkdirat(root, "", 0755));
	check("mkdir .", mkdirat(root, ".", 0755));
	check("mkdir in a closed directory", mkdirat(99, "x", 0755));
	check("rmdir of a file", unlinkat(root, "f", AT_REMOVEDIR));
	check("rmdir of nothing", unlinkat(root, "none", AT_REMOVEDIR));
	check("rmdir .", unlinkat(root, ".", AT_REMOVEDIR));
	check("rmdir d/..", unlinkat(root, "d/..", AT_REMOVEDIR));
	check("mkdir below", mkdirat(root, "d/x", 0755));
	check("rmdir not empty", unlinkat(root, "d", AT_REMOVEDIR));
	check("unlink a directory", unlinkat(root, "d", 0));
	check("unlink with a slash", unlinkat(root, "f/", 0));
	check("unlink nothing", unlinkat(root, "none", 0));
	check("rmdir", unlinkat(root, "d/x/", AT_REMOVEDIR));
	check("rmdir e", unlinkat(root, "e", AT_REMOVEDIR));
}

static void links(void)
{
	char buf[64];
	check("symlink", symlinkat("f", root, "s"));
	check("symlink again", symlinkat("f", root, "s"));
	check("symlink to nothing", symlinkat("", root, "t"));
	check("symlink with a slash", symlinkat("f", root, "t/"));
	check("symlink dangling", symlinkat("nowhere", root, "dangling"));
	check("symlink loop", symlinkat("loop", root, "loop"));
	attributes("stat through a link", "s", 0);
	attributes("stat of a link", "s", AT_SYMLINK_NOFOLLOW);
	attributes("stat dangling", "dangling", 0);
	attributes("stat loop", "loop", 0);
	check("open loop", openat(root, "loop", O_RDONLY));
	check("create through dangling, exclusive", openat(root, "dangling", O_WRONLY | O_CREAT | O_EXCL, 0644));
	check("readlink", readlinkat(root, "s", buf, sizeof buf));
	check("readlink cut", readlinkat(root, "dangling", buf, 3));
	check("readlink of a file", readlinkat(root, "f", buf, sizeof buf));
	check("readlink of nothing", readlinkat(root, "none", buf, sizeof buf));
	check("readlink into nothing", readlinkat(root, "s", buf, 0));
	check("link", linkat(root, "f", root, "g", 0));
	check("link again", linkat(root, "f", root, "g", 0));
	check("link of a directory", linkat(root, "d", root, "h", 0));
	check("link of nothing", linkat(root, "none", root, "h", 0));
	check("link below nothing", linkat(root, "f", root, "none/h", 0));
	check("link of a link", linkat(root, "s", root, "s2", 0));
	attributes("the link's link", "s2", AT_SYMLINK_NOFOLLOW);
	check("link followed", linkat(root, "s", root, "s3", AT_SYMLINK_FOLLOW));
	attributes("the followed link", "s3", AT_SYMLINK_NOFOLLOW);
	attributes("the file", "f", 0);
	for (const char *const *p = (const char *const[]){"s", "dangling", "loop", "g", "s2", "s3", NULL}; *p; p++)
		check("unlink", unlinkat(root, *p, 0));
}

static void renames(void)
{
	close(make("a", "a"));
	close(make("b", "bb"));
	if (mkdirat(root, "m", 0755) || mkdirat(root, "n", 0755) || mkdirat(root, "n/in", 0755))
		die("mkdir");
	check("rename onto a file", renameat(root, "a", root, "b"));
	attributes("the target", "b", 0);
	attributes("the source", "a", 0);
	check("rename of nothing", renameat(root, "a", root, "b"));
	check("rename file onto directory", renameat(root, "b", root, "m"));
	check("rename directory onto file", renameat(root, "m", root, "b"));
	check("rename directory onto a full one", renameat(root, "m", root, "n"));
	check("rename into itself", renameat(root, "n", root, "n/in/deeper"));
	check("rename onto its parent", renameat(root, "n/in", root, "n"));
	check("rename below nothing", renameat(root, "b", root, "none/b"));
	check("rename below a file", renameat(root, "m", root, "b/m"));
	check("rename onto itself", renameat(root, "b", root, "b"));
	check("rename .", renameat(root, ".", root, "z"));
	check("rename to ..", renameat(root, "m", root, ".."));
	check("rename file with a slash", renameat(root, "b/", root, "z"));
	check("rename file to a slash", renameat(root, "b", root, "z/"));
	check("rename directory with a slash", renameat(root, "m/", root, "k/"));
	check("rename directory onto an empty one", renameat(root, "k", root, "n/in"));
	check("rename in a file", renameat(make("file", ""), "x", root, "y"));
	check("rename of an empty name", renameat(root, "", root, "y"));
	for (const char *const *p = (const char *const[]){"n/in", "n", NULL}; *p; p++)
		check("rmdir", unlinkat(root, *p, AT_REMOVEDIR));
	check("unlink b", unlinkat(root, "b", 0));
	check("unlink file", unlinkat(root, "file", 0));
}

static void contents(void)
{
	struct iovec hi = {"hi", 2}, two[2] = {{"ab", 2}, {"cd", 2}};
	int fd = make("c", "0123456789"), ro = openat(root, "c", O_RDONLY), wo = openat(root, "c", O_WRONLY);
	int ap = openat(root, "c", O_WRONLY | O_APPEND), fds[2];
	char buf[8];
	struct iovec in = {buf, sizeof buf};
	if (pipe(fds))
		die("pipe");
	check("pwrite", pwritev(fd, &hi, 1, 4));
	check("offset stays", lseek(fd, 0, SEEK_CUR));
	check("pwrite past the end", pwritev(fd, two, 2, 12));
	show("content", fd);
	check("pwrite at a negative offset", pwritev(fd, &hi, 1, -1));
	check("pread at a negative offset", preadv(fd, &in, 1, -1));
	check("pread past the end", preadv(fd, &in, 1, 100));
	check("pread for writing only", preadv(wo, &in, 1, 0));
	check("pwrite for reading only", pwritev(ro, &hi, 1, 0));
	check("pread of a pipe", preadv(fds[0], &in, 1, 0));
	check("pread of a directory", preadv(root, &in, 1, 0));
	check("pwrite appending", pwritev(ap, &hi, 1, 0));
	check("write appending", write(ap, "!", 1));
	show("content", fd);
	check("F_SETFL append", fcntl(fd, F_SETFL, O_APPEND));
	check("write", write(fd, "?", 1));
	check("offset at the end", lseek(fd, 0, SEEK_CUR));
	check("F_SETFL none", fcntl(fd, F_SETFL, 0));
	check("truncate", ftruncate(fd, 3));
	check("truncate longer", ftruncate(fd, 6));
	show("content", fd);
	check("truncate negative", ftruncate(fd, -1));
	check("truncate for reading only", ftruncate(ro, 1));
	check("truncate a pipe", ftruncate(fds[1], 1));
	check("truncate a directory", ftruncate(root, 1));
	told("allocate", posix_fallocate(fd, 4, 6));
	told("allocate less", posix_fallocate(fd, 0, 1));
	told("allocate nothing", posix_fallocate(fd, 0, 0));
	told("allocate negative", posix_fallocate(fd, -1, 1));
	told("allocate for reading only", posix_fallocate(ro, 0, 1));
	told("allocate in a pipe", posix_fallocate(fds[1], 0, 1));
	show("content", fd);
	told("advise", posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED));
	told("advise unknown", posix_fadvise(fd, 0, 0, 42));
	told("advise a pipe", posix_fadvise(fds[0], 0, 0, POSIX_FADV_NORMAL));
	check("sync", fsync(ro));
	check("datasync", fdatasync(fd));
	check("sync a pipe", fsync(fds[0]));
	check("sync a directory", fsync(root));
	check("seek", lseek(fd, 2, SEEK_SET));
	check("seek by", lseek(fd, -3, SEEK_CUR));
	check("seek nowhere", lseek(fd, 0, 77));
	check("seek too far", lseek(fd, 0x7fffffffffffffff, SEEK_CUR));
	check("write there", write(fd, "x", 1));
	check("seek far", lseek(fd, 1LL << 40, SEEK_SET));
	check("seek on", lseek(fd, 1, SEEK_CUR));
	check("seek a pipe", lseek(fds[0], 0, SEEK_SET));
	check("unlink open", unlinkat(root, "c", 0));
	show("content", ro);
	for (const int *p = (int[]){fd, ro, wo, ap, fds[0], fds[1], -1}; *p >= 0; p++)
		close(*p);
	check("sync closed", fsync(fd));
	check("truncate closed", ftruncate(fd, 1));
	told("allocate closed", posix_fallocate(fd, 0, 1));
}

static void times(void)
{
	struct timespec old[2] = {{1000, 5}, {2000, 7}}, omit[2] = {{0, UTIME_OMIT}, {3000, 0}}, now[2] = {{0, UTIME_OMIT}, {0, UTIME_NOW}};
	struct stat st;
	int fd = openat(root, "f", O_RDONLY);
	check("futimens", futimens(fd, old));
	fstat(fd, &st);
	say("mtime: %lld\n", (long long)st.st_mtime);
	check("utimensat", utimensat(root, "f", omit, 0));
	fstat(fd, &st);
	say("mtime: %lld\n", (long long)st.st_mtime);
	check("utimensat now", utimensat(root, "f", now, 0));
	fstat(fd, &st);
	say("mtime is now: %d\n", st.st_mtime > 1000000000);
	check("utimensat of nothing", utimensat(root, "none", old, 0));
	check("utimensat below a file", utimensat(root, "f/x", old, 0));
	check("utimensat of a directory", utimensat(root, "d", NULL, 0));
	check("utimensat .", utimensat(root, ".", NULL, 0));
	close(fd);
	check("futimens closed", futimens(fd, old));
}

static void opening(void)
{
	static char longest[300], path[5000];
	memset(longest, 'n', sizeof longest - 1);
	memset(path, '/', sizeof path - 1);
	check("name too long", openat(root, longest, O_RDONLY));
	check("create a name too long", openat(root, longest, O_WRONLY | O_CREAT, 0644));
	check("path too long", openat(root, path, O_RDONLY));
	check("create exclusively", openat(root, "f", O_RDWR | O_CREAT | O_EXCL, 0644));
	check("create a directory's name", openat(root, "d", O_RDONLY | O_CREAT, 0644));
	check("create with a slash", openat(root, "new/", O_RDONLY | O_CREAT, 0644));
	check("write to a directory", openat(root, "d", O_WRONLY));
	check("truncate a directory", openat(root, "d", O_RDWR | O_TRUNC));
	check("file with a slash", openat(root, "f/", O_RDONLY));
	check("file with a dot", openat(root, "f/.", O_RDONLY));
	check("file as a directory", openat(root, "f", O_RDONLY | O_DIRECTORY));
	check("below a file", openat(root, "f/x", O_RDONLY));
	check("below nothing", openat(root, "none/x", O_RDONLY | O_CREAT, 0644));
	check("in a closed directory", openat(99, "f", O_RDONLY));
	check("empty", openat(root, "", O_RDONLY));
}

int main(int argc, char **argv)
{
	if (argc < 2 || (root = open(argv[1], O_RDONLY | O_DIRECTORY)) < 0)
		die("directory");
	close(make("f", "file"));
	directories();
	links();
	renames();
	contents();
	times();
	opening();
	return 0;
}
