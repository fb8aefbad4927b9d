// Start and end of a program: arguments, environment, exit.
#include "posix.h"
#include "wasix.h"

_Thread_local int errno;
char **environ;

static char **strings(wasi_errno (*sizes)(size_t *, size_t *), wasi_errno (*get)(char **, char *), size_t *count)
{
	size_t len;
	if (sizes(count, &len))
		_exit(71);
	char **list = malloc((*count + 1) * sizeof(char *) + len);
	if (!list || get(list, (char *)(list + *count + 1)))
		_exit(71);
	list[*count] = NULL;
	return list;
}

#ifdef __wasm_atomics__
// init_variables gives the main thread its variables. Other threads get theirs
// where they are started.
static void init_variables(void)
{
	void __wasm_init_tls(void *);
	static _Alignas(16) char memory[512];
	if (__builtin_wasm_tls_size() > sizeof memory)
		abort();
	__wasm_init_tls(memory);
}
#else
static void init_variables(void) {}
#endif

__attribute__((export_name("_start"))) void _start(void)
{
	size_t argc, envc;
	init_variables();
	char **argv = strings(wasi_args_sizes_get, wasi_args_get, &argc);
	environ = strings(wasi_environ_sizes_get, wasi_environ_get, &envc);
	int code = main((int)argc, argv);
	if (code != 0)
		exit(code);
}

_Noreturn void _exit(int code) { wasix_proc_exit2((uint32_t)code); }

_Noreturn void exit(int code) { _exit(code); }

_Noreturn void abort(void) { __builtin_trap(); }

char *getenv(const char *name)
{
	size_t n = strlen(name);
	for (char **e = environ; *e; e++)
		if (!strncmp(*e, name, n) && (*e)[n] == '=')
			return *e + n + 1;
	return NULL;
}

ssize_t getrandom(void *buf, size_t n, unsigned flags)
{
	(void)flags;
	errno = wasi_random_get(buf, n);
	return errno ? -1 : (ssize_t)n;
}
