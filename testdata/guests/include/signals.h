// The part of <signal.h> that probes use. On WASIX it is libc/signal.c, which does as
// wasix-libc, but can block signals.
#ifndef SIGNALS_H
#define SIGNALS_H

#include "guest.h"

#ifdef __wasm__

enum { SIGHUP = 1, SIGINT = 2, SIGABRT = 6, SIGUSR1 = 10, SIGUSR2 = 12, SIGALRM = 14, SIGTERM = 15, SIGCHLD = 17, SIGCONT = 18,
	SIGSTOP = 19, SIGTSTP = 20, SIGTTIN = 21, SIGTTOU = 22, SIGURG = 23, SIGWINCH = 28 };
#define SIG_DFL ((void (*)(int))0)
typedef uint64_t sigset_t;
struct sigaction {
	void (*sa_handler)(int);
	int sa_flags;
	sigset_t sa_mask;
};
int sigaction(int signo, const struct sigaction *act, struct sigaction *old);
int raise(int signo);
typedef jmp_buf sigjmp_buf;
#define sigsetjmp(env, savemask) setjmp(env)
#define siglongjmp longjmp

// ignored_signals fills in which signals are ignored, up to 64, and returns how many.
size_t ignored_signals(uint8_t *list);

#endif

// inherit_signals learns what the process ignores from its start, as a C library
// does before main.
void inherit_signals(void);

// block_all and unblock_all are sigprocmask(2) with all signals.
void block_all(void);
void unblock_all(void);

// this_thread names the calling thread for signal_thread, which is pthread_kill(3).
uintptr_t this_thread(void);
int signal_thread(uintptr_t thread, int signo);

// alarm_every sends SIGALRM in so many microseconds and, if again is set, every
// so many from then on; 0 ends that.
void alarm_every(int us, bool again);

#endif
