// Calls on paths in a directory, and what changes files.
#include "runtime.h"

int fstatat(int dir, const char *path, struct stat *st, int flags)
{
	struct wasi_filestat fs;
	uint32_t lookup = flags & AT_SYMLINK_NOFOLLOW ? 0 : WASI_LOOKUP_FOLLOW;
	return check(wasi_path_filestat_get(dir, lookup, path, strlen(path), &fs), 0) ? -1 : fill_stat(st, &fs);
}

int mkdirat(int dir, const char *path, mode_t mode)
{
	(void)mode;
	return check(wasi_path_create_directory(dir, path, strlen(path)), 0);
}

int unlinkat(int dir, const char *path, int flags)
{
	size_t n = strlen(path);
	return check(flags & AT_REMOVEDIR ? wasi_path_remove_directory(dir, path, n) : wasi_path_unlink_file(dir, path, n), 0);
}

int renameat(int from, const char *path, int to, const char *name)
{
	return check(wasi_path_rename(from, path, strlen(path), to, name, strlen(name)), 0);
}

int linkat(int from, const char *path, int to, const char *name, int flags)
{
	uint32_t lookup = flags & AT_SYMLINK_FOLLOW ? WASI_LOOKUP_FOLLOW : 0;
	return check(wasi_path_link(from, lookup, path, strlen(path), to, name, strlen(name)), 0);
}

int symlinkat(const char *target, int dir, const char *path)
{
	return check(wasi_path_symlink(target, strlen(target), dir, path, strlen(path)), 0);
}

ssize_t readlinkat(int dir, const char *path, char *buf, size_t n)
{
	size_t used = 0;
	wasi_errno err = wasi_path_readlink(dir, path, strlen(path), buf, n, &used);
	return check(err, used);
}

// set_flags tells fst_flags for two times.
static uint32_t set_flags(const struct timespec *times)
{
	static const uint32_t set[] = {1, 4}, now[] = {2, 8};
	uint32_t flags = 0;
	for (int i = 0; i < 2; i++)
		if (!times || times[i].tv_nsec == UTIME_NOW)
			flags |= now[i];
		else if (times[i].tv_nsec != UTIME_OMIT)
			flags |= set[i];
	return flags;
}

static wasi_time nanoseconds(const struct timespec *t) { return t ? t->tv_sec * 1000000000ull + t->tv_nsec : 0; }

int utimensat(int dir, const char *path, const struct timespec *times, int flags)
{
	uint32_t lookup = flags & AT_SYMLINK_NOFOLLOW ? 0 : WASI_LOOKUP_FOLLOW;
	return check(wasi_path_filestat_set_times(dir, lookup, path, strlen(path), nanoseconds(times),
						  nanoseconds(times ? times + 1 : times), set_flags(times)), 0);
}

int futimens(int fd, const struct timespec *times)
{
	return check(wasi_fd_filestat_set_times(fd, nanoseconds(times), nanoseconds(times ? times + 1 : times),
						set_flags(times)), 0);
}

ssize_t preadv(int fd, const struct iovec *iov, int n, off_t offset)
{
	size_t done = 0;
	wasi_errno err = wasi_fd_pread(fd, (const struct wasi_iovec *)iov, n, offset, &done);
	return check(err, done);
}

ssize_t pwritev(int fd, const struct iovec *iov, int n, off_t offset)
{
	size_t done = 0;
	wasi_errno err = wasi_fd_pwrite(fd, (const struct wasi_iovec *)iov, n, offset, &done);
	return check(err, done);
}

int chdir(const char *path) { return check(wasix_chdir(path, strlen(path)), 0); }

char *getcwd(char *buf, size_t n)
{
	if (!n)
		return errno = EINVAL, NULL;
	return check(wasix_getcwd(buf, &n), 0) ? NULL : buf;
}

int ftruncate(int fd, off_t size) { return check(wasi_fd_filestat_set_size(fd, size), 0); }
int posix_fallocate(int fd, off_t offset, off_t n) { return wasi_fd_allocate(fd, offset, n); }
int fsync(int fd) { return check(wasi_fd_sync(fd), 0); }
int fdatasync(int fd) { return check(wasi_fd_datasync(fd), 0); }

int posix_fadvise(int fd, off_t offset, off_t n, int advice)
{
	static const uint8_t advices[] = {0, 2, 1, 3, 4, 5}; // POSIX has RANDOM before SEQUENTIAL
	return wasi_fd_advise(fd, offset, n, (unsigned)advice < sizeof advices ? advices[advice] : 0xff);
}
