// Shared by the parts of the runtime.
#ifndef RUNTIME_H
#define RUNTIME_H

#include "posix.h"
#include "wasix.h"

// check turns a call's errno into POSIX's result: -1 with errno set, or value.
static inline ssize_t check(wasi_errno err, ssize_t value)
{
	if (!err)
		return value;
	errno = err;
	return -1;
}

// fill_stat converts the attributes of a file; it returns 0.
int fill_stat(struct stat *to, const struct wasi_filestat *st);

// join_lines puts the strings into one of len bytes, each with a newline behind it, as
// exec and spawn want them: without newlines of their own. NULL without memory.
char *join_lines(char *const *strings, size_t *len);

_Static_assert(sizeof(struct iovec) == sizeof(struct wasi_iovec), "iovec");

#endif
