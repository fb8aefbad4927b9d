// Descriptors, files and directories.
#include "runtime.h"

int close(int fd) { return check(wasi_fd_close(fd), 0); }

ssize_t readv(int fd, const struct iovec *iov, int n)
{
	size_t done = 0;
	wasi_errno err = wasi_fd_read(fd, (const struct wasi_iovec *)iov, n, &done);
	return check(err, done);
}

ssize_t writev(int fd, const struct iovec *iov, int n)
{
	size_t done = 0;
	wasi_errno err = wasi_fd_write(fd, (const struct wasi_iovec *)iov, n, &done);
	return check(err, done);
}

ssize_t read(int fd, void *buf, size_t n)
{
	struct iovec iov = {buf, n};
	return readv(fd, &iov, 1);
}

ssize_t write(int fd, const void *buf, size_t n)
{
	struct iovec iov = {(void *)buf, n};
	return writev(fd, &iov, 1);
}

off_t lseek(int fd, off_t offset, int whence)
{
	uint64_t pos = 0;
	wasi_errno err = wasi_fd_seek(fd, offset, whence, &pos);
	if (!err)
		return (off_t)pos;
	errno = err;
	return -1;
}

int dup(int fd)
{
	wasi_fd to = 0;
	wasi_errno err = wasix_fd_dup(fd, &to);
	return check(err, to);
}

int dup2(int fd, int to) { return check(wasi_fd_renumber(fd, to), to); }

int pipe(int fds[2]) { return check(wasix_fd_pipe((wasi_fd *)&fds[0], (wasi_fd *)&fds[1]), 0); }

int eventfd(unsigned initial, int flags)
{
	wasi_fd fd = 0;
	wasi_errno err = wasix_fd_event(initial, flags, &fd);
	return check(err, fd);
}

static int get_flags(int fd)
{
	struct wasi_fdstat st;
	if (check(wasi_fd_fdstat_get(fd, &st), 0))
		return -1;
	int flags = (st.flags & WASI_FDFLAGS_NONBLOCK ? O_NONBLOCK : 0) | (st.flags & WASI_FDFLAGS_APPEND ? O_APPEND : 0);
	return flags | O_RDWR;
}

static int get_cloexec(int fd)
{
	uint16_t flags = 0;
	wasi_errno err = wasix_fd_fdflags_get(fd, &flags);
	return check(err, flags);
}

static int dup_from(int fd, int lowest, bool cloexec)
{
	wasi_fd to = 0;
	wasi_errno err = wasix_fd_dup2(fd, lowest, cloexec, &to);
	return check(err, to);
}

static int set_flags(int fd, int flags)
{
	uint32_t f = (flags & O_NONBLOCK ? WASI_FDFLAGS_NONBLOCK : 0) | (flags & O_APPEND ? WASI_FDFLAGS_APPEND : 0);
	return check(wasi_fd_fdstat_set_flags(fd, f), 0);
}

int fcntl(int fd, int cmd, ...)
{
	if (cmd == F_GETFL)
		return get_flags(fd);
	if (cmd == F_GETFD)
		return get_cloexec(fd);
	va_list args;
	va_start(args, cmd);
	int arg = va_arg(args, int);
	va_end(args);
	switch (cmd) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		return dup_from(fd, arg, cmd == F_DUPFD_CLOEXEC);
	case F_SETFD:
		return check(wasix_fd_fdflags_set(fd, arg), 0);
	}
	return set_flags(fd, arg);
}

// preopen finds the directory that the host gave for path and leaves in path
// what comes after it. The longest match wins.
static int preopen(const char **path)
{
	int best = -1;
	size_t best_len = 0;
	const char *rest = *path;
	if (!*rest)
		return -1;
	for (int fd = 3;; fd++) {
		struct wasi_prestat st;
		char name[256];
		if (wasi_fd_prestat_get(fd, &st) || st.name_len > sizeof name)
			break;
		size_t n = st.name_len;
		if (wasi_fd_prestat_dir_name(fd, name, n))
			break;
		while (n > 0 && (name[n - 1] == '/' || !name[n - 1]))
			n--;
		bool here = n == 1 && name[0] == '.' && **path != '/';
		bool below = !strncmp(*path, name, n) && ((*path)[n] == '/' || !(*path)[n] || n == 0);
		if ((!here && !below) || (best >= 0 && n < best_len))
			continue;
		best = fd;
		best_len = n;
		rest = *path + (here ? 0 : n);
	}
	while (*rest == '/' && best_len > 0) // below the root a path stays whole, as in wasix-libc
		rest++;
	*path = *rest ? rest : ".";
	return best;
}

static int open_in(int dir, const char *path, int flags)
{
	uint32_t oflags = (flags & O_CREAT ? WASI_OFLAGS_CREAT : 0) | (flags & O_DIRECTORY ? WASI_OFLAGS_DIRECTORY : 0) |
			  (flags & O_EXCL ? WASI_OFLAGS_EXCL : 0) | (flags & O_TRUNC ? WASI_OFLAGS_TRUNC : 0);
	uint32_t fdflags = (flags & O_NONBLOCK ? WASI_FDFLAGS_NONBLOCK : 0) | (flags & O_APPEND ? WASI_FDFLAGS_APPEND : 0);
	struct wasi_fdstat st;
	if (check(wasi_fd_fdstat_get(dir, &st), 0))
		return -1;
	uint64_t drop = ((flags & O_ACCMODE) == O_RDONLY ? 1ull << 6 : 0) | ((flags & O_ACCMODE) == O_WRONLY ? 1ull << 1 : 0);
	wasi_fd fd = 0;
	wasi_errno err = wasix_path_open2(dir, flags & O_NOFOLLOW ? 0 : WASI_LOOKUP_FOLLOW, path, strlen(path), oflags, st.inheriting & ~drop,
					  st.inheriting, fdflags, 0, &fd);
	return check(err, fd);
}

int openat(int dir, const char *path, int flags, ...) { return open_in(dir, path, flags); }

int open(const char *path, int flags, ...)
{
	int dir = preopen(&path);
	if (dir < 0)
		return check(ENOENT, 0);
	return open_in(dir, path, flags);
}

int unlink(const char *path)
{
	int dir = preopen(&path);
	return check(dir < 0 ? ENOENT : wasi_path_unlink_file(dir, path, strlen(path)), 0);
}

int fill_stat(struct stat *to, const struct wasi_filestat *st)
{
	static const mode_t modes[] = {0, S_IFBLK, S_IFCHR, S_IFDIR, S_IFREG, S_IFSOCK, S_IFSOCK, S_IFLNK, S_IFSOCK, S_IFSOCK};
	*to = (struct stat){.st_dev = st->dev, .st_ino = st->ino, .st_nlink = st->nlink, .st_size = st->size};
	to->st_mode = st->filetype < sizeof modes / sizeof *modes ? modes[st->filetype] : 0;
	to->st_mtime = st->mtim / 1000000000;
	return 0;
}

int fstat(int fd, struct stat *st)
{
	struct wasi_filestat fs;
	return check(wasi_fd_filestat_get(fd, &fs), 0) ? -1 : fill_stat(st, &fs);
}

int stat(const char *path, struct stat *st)
{
	struct wasi_filestat fs;
	int dir = preopen(&path);
	if (check(dir < 0 ? ENOENT : wasi_path_filestat_get(dir, WASI_LOOKUP_FOLLOW, path, strlen(path), &fs), 0))
		return -1;
	return fill_stat(st, &fs);
}

// isatty asks as wasix-libc does: a character device that cannot seek.
int isatty(int fd)
{
	struct wasi_fdstat st;
	if (check(wasi_fd_fdstat_get(fd, &st), 0))
		return 0;
	if (st.filetype == WASI_FILETYPE_CHARACTER_DEVICE && !(st.rights & (1ull << 2 | 1ull << 5)))
		return 1;
	errno = ENOTTY;
	return 0;
}

struct directory {
	int fd;
	uint64_t cookie;
	size_t pos, used;
	struct dirent entry;
	char buf[1024];
};

static int load(DIR *d)
{
	d->pos = d->used = 0;
	return check(wasi_fd_readdir(d->fd, d->buf, sizeof d->buf, d->cookie, &d->used), 0);
}

// fdopendir reads the first entries, as wasix-libc does: that tells a directory.
DIR *fdopendir(int fd)
{
	DIR *d = calloc(1, sizeof *d);
	if (!d)
		return NULL;
	d->fd = fd;
	if (!load(d))
		return d;
	free(d);
	return NULL;
}

DIR *opendir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d && fd >= 0)
		close(fd);
	return d;
}

// take fills entry from the buffer; false when it does not hold a whole one.
static bool take(DIR *d)
{
	static const uint8_t types[] = {0, DT_BLK, DT_CHR, DT_DIR, DT_REG, DT_SOCK, DT_SOCK, DT_LNK, DT_SOCK, DT_SOCK};
	struct wasi_dirent e;
	if (d->used - d->pos < sizeof e)
		return false;
	memcpy(&e, d->buf + d->pos, sizeof e);
	if (d->used - d->pos - sizeof e < e.namlen || e.namlen >= sizeof d->entry.d_name)
		return false;
	memcpy(d->entry.d_name, d->buf + d->pos + sizeof e, e.namlen);
	d->entry.d_name[e.namlen] = 0;
	d->entry.d_ino = e.ino;
	d->entry.d_type = e.type < sizeof types ? types[e.type] : DT_UNKNOWN;
	d->cookie = e.next;
	d->pos += sizeof e + e.namlen;
	return true;
}

struct dirent *readdir(DIR *d)
{
	if (take(d))
		return &d->entry;
	if (d->used < sizeof d->buf || load(d))
		return NULL;
	return take(d) ? &d->entry : NULL;
}

int closedir(DIR *d)
{
	int fd = d->fd;
	free(d);
	return close(fd);
}
