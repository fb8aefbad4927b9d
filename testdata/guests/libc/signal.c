// Signals of a C library. For WASIX it does as wasix-libc: one
// callback that calls handlers, SIG_IGN among them, and default actions that
// end with status 127 whatever the signal, with all signals blocked.
#include "signals.h"

#ifdef __wasm__

#include "wasix.h"

enum { SIGNALS = 65 };
static void (*handlers[SIGNALS])(int);

static void callback(const char *name) { wasix_callback_signal(name, strlen(name)); }

void block_all(void) { callback("__wasm_signal_blocked"); }
void unblock_all(void) { callback("__wasm_signal"); }

// The first function whose address is taken gets the address of SIG_IGN. It is no
// handler, here as in most programs.
static void (*const volatile first)(void) = unblock_all;

static void default_action(int signo)
{
	if (signo == SIGCONT)
		return;
	if (signo == SIGCHLD || signo == SIGURG || signo == SIGWINCH) {
		SIG_IGN(signo);
		return;
	}
	wasix_thread_signal(0, SIGABRT);
	_exit(127);
}

__attribute__((export_name("__wasm_signal"))) void __wasm_signal(int signo)
{
	void (*volatile handler)(int) = handlers[signo];
	if (handler) {
		handler(signo);
		return;
	}
	block_all();
	default_action(signo);
	unblock_all();
}

void inherit_signals(void)
{
	struct wasix_disposition list[SIGNALS];
	size_t n = 0;
	if (wasix_proc_signals_sizes_get(&n) || n > SIGNALS || wasix_proc_signals_get(list))
		exit(71);
	for (size_t i = 0; i < n; i++)
		handlers[list[i].signal] = list[i].disposition == WASIX_DISPOSITION_IGNORE ? SIG_IGN : SIG_DFL;
	first();
}

size_t ignored_signals(uint8_t *list)
{
	size_t n = 0;
	for (int signo = 1; signo < SIGNALS; signo++)
		if (handlers[signo] == SIG_IGN)
			list[n++] = (uint8_t)signo;
	return n;
}

int sigaction(int signo, const struct sigaction *act, struct sigaction *old)
{
	static bool registered;
	if (!registered)
		first();
	registered = true;
	if (old)
		*old = (struct sigaction){.sa_handler = handlers[signo]};
	if (act)
		handlers[signo] = act->sa_handler;
	return 0;
}

int raise(int signo)
{
	errno = wasix_thread_signal(0, (uint8_t)signo);
	return errno ? -1 : 0;
}

uintptr_t this_thread(void)
{
	uint32_t tid = 0;
	wasix_thread_id(&tid);
	return tid;
}

int signal_thread(uintptr_t thread, int signo) { return wasix_thread_signal((uint32_t)thread, (uint8_t)signo); }

void alarm_every(int us, bool again)
{
	if (wasix_proc_raise_interval(SIGALRM, (wasi_time)us * 1000, again))
		die("proc_raise_interval");
}

#else

void inherit_signals(void) {}

static void set_mask(int how)
{
	sigset_t all;
	sigfillset(&all);
	sigprocmask(how, &all, NULL);
}

void block_all(void) { set_mask(SIG_BLOCK); }
void unblock_all(void) { set_mask(SIG_UNBLOCK); }

uintptr_t this_thread(void) { return (uintptr_t)pthread_self(); }
int signal_thread(uintptr_t thread, int signo) { return pthread_kill((pthread_t)thread, signo); }

void alarm_every(int us, bool again)
{
	struct itimerval t = {.it_value = {us / 1000000, us % 1000000}};
	if (again)
		t.it_interval = t.it_value;
	if (setitimer(ITIMER_REAL, &t, NULL))
		die("setitimer");
}

#endif
