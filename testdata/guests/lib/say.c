// Printing and names.
#include "guest.h"

struct output {
	char *buf;
	size_t n, cap;
};

static void put(struct output *o, char c)
{
	if (o->n < o->cap)
		o->buf[o->n++] = c;
}

static void put_number(struct output *o, unsigned long long v, unsigned base, int width)
{
	char digits[24];
	int n = 0;
	do
		digits[n++] = "0123456789abcdef"[v % base];
	while (v /= base);
	while (width-- > n)
		put(o, '0');
	while (n)
		put(o, digits[--n]);
}

static void put_signed(struct output *o, long long v, int width)
{
	if (v < 0)
		put(o, '-');
	put_number(o, v < 0 ? 0 - (unsigned long long)v : (unsigned long long)v, 10, width);
}

// verb writes one argument; it returns the end of the verb.
static const char *verb(struct output *o, const char *f, va_list *args)
{
	int width = 0, longs = 0;
	for (; *f >= '0' && *f <= '9'; f++)
		width = width * 10 + (*f - '0');
	for (; *f == 'l'; f++)
		longs++;
	switch (*f) {
	case 's':
		for (const char *s = va_arg(*args, const char *); *s; s++)
			put(o, *s);
		break;
	case 'c':
		put(o, (char)va_arg(*args, int));
		break;
	case 'd':
		put_signed(o, longs ? va_arg(*args, long long) : va_arg(*args, int), width);
		break;
	case 'u':
	case 'x':
		put_number(o, longs ? va_arg(*args, unsigned long long) : va_arg(*args, unsigned), *f == 'x' ? 16 : 10, width);
		break;
	default:
		put(o, *f);
	}
	return f + 1;
}

static void vformat(struct output *o, const char *f, va_list *args)
{
	while (*f)
		if (*f == '%')
			f = verb(o, f + 1, args);
		else
			put(o, *f++);
}

static void print(int fd, const char *f, va_list *args)
{
	char buf[512];
	struct output o = {buf, 0, sizeof buf};
	vformat(&o, f, args);
	if (!write_all(fd, buf, o.n))
		_exit(1);
}

void say(const char *f, ...)
{
	va_list args;
	va_start(args, f);
	print(STDOUT_FILENO, f, &args);
	va_end(args);
}

void complain(const char *f, ...)
{
	va_list args;
	va_start(args, f);
	print(STDERR_FILENO, f, &args);
	va_end(args);
}

size_t format(char *buf, size_t n, const char *f, ...)
{
	struct output o = {buf, 0, n - 1};
	va_list args;
	va_start(args, f);
	vformat(&o, f, &args);
	va_end(args);
	buf[o.n] = 0;
	return o.n;
}

bool write_all(int fd, const void *buf, size_t n)
{
	for (const char *p = buf; n;) {
		ssize_t done = write(fd, p, n);
		if (done < 0 && errno != EINTR)
			return false;
		if (done > 0) {
			p += done;
			n -= (size_t)done;
		}
	}
	return true;
}

#define CASE(name) \
	case E##name: \
		return "E" #name;
const char *errname(int err)
{
	switch (err) {
	case 0:
		return "OK";
#ifdef __wasm__
#define CASE_OF(name, number) CASE(name)
		ERRNO_TABLE(CASE_OF)
#else
		CASE(2BIG) CASE(ACCES) CASE(ADDRINUSE) CASE(ADDRNOTAVAIL) CASE(AFNOSUPPORT) CASE(AGAIN) CASE(ALREADY) CASE(BADF)
		CASE(BADMSG) CASE(BUSY) CASE(CANCELED) CASE(CHILD) CASE(CONNABORTED) CASE(CONNREFUSED) CASE(CONNRESET) CASE(DEADLK)
		CASE(DESTADDRREQ) CASE(DOM) CASE(DQUOT) CASE(EXIST) CASE(FAULT) CASE(FBIG) CASE(HOSTUNREACH) CASE(IDRM) CASE(ILSEQ)
		CASE(INPROGRESS) CASE(INTR) CASE(INVAL) CASE(IO) CASE(ISCONN) CASE(ISDIR) CASE(LOOP) CASE(MFILE) CASE(MLINK)
		CASE(MSGSIZE) CASE(MULTIHOP) CASE(NAMETOOLONG) CASE(NETDOWN) CASE(NETRESET) CASE(NETUNREACH) CASE(NFILE) CASE(NOBUFS)
		CASE(NODEV) CASE(NOENT) CASE(NOEXEC) CASE(NOLCK) CASE(NOLINK) CASE(NOMEM) CASE(NOMSG) CASE(NOPROTOOPT) CASE(NOSPC)
		CASE(NOSYS) CASE(NOTCONN) CASE(NOTDIR) CASE(NOTEMPTY) CASE(NOTRECOVERABLE) CASE(NOTSOCK) CASE(NOTSUP) CASE(NOTTY)
		CASE(NXIO) CASE(OVERFLOW) CASE(OWNERDEAD) CASE(PERM) CASE(PIPE) CASE(PROTO) CASE(PROTONOSUPPORT) CASE(PROTOTYPE)
		CASE(RANGE) CASE(ROFS) CASE(SPIPE) CASE(SRCH) CASE(STALE) CASE(TIMEDOUT) CASE(TXTBSY) CASE(XDEV)
		CASE(SOCKTNOSUPPORT) CASE(PFNOSUPPORT) CASE(SHUTDOWN)
#endif
	}
	return "unknown";
}

_Noreturn void die(const char *what)
{
	complain("%s: %s\n", what, errname(errno));
	exit(1);
}
