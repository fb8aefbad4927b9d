// Threads on thread_spawn_v2 and futexes on futex_wait and futex_wake.
#include "posix.h"
#include "wasix.h"

#ifndef __wasm_atomics__

int pthread_create(pthread_t *t, const void *attr, void *(*fn)(void *), void *arg)
{
	(void)t, (void)attr, (void)fn, (void)arg;
	return ENOTSUP;
}
int pthread_join(pthread_t t, void **result) { return (void)t, (void)result, ESRCH; }
int pthread_detach(pthread_t t) { return (void)t, ESRCH; }
_Noreturn void pthread_exit(void *result) { (void)result, _exit(0); }
int pthread_mutex_lock(pthread_mutex_t *m) { return (void)m, 0; }
int pthread_mutex_trylock(pthread_mutex_t *m) { return (void)m, 0; }
int pthread_mutex_unlock(pthread_mutex_t *m) { return (void)m, 0; }
int pthread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m) { return (void)c, (void)m, EDEADLK; }
int pthread_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *until)
{
	return (void)c, (void)m, (void)until, EDEADLK;
}
int pthread_cond_signal(pthread_cond_t *c) { return (void)c, 0; }
int pthread_cond_broadcast(pthread_cond_t *c) { return (void)c, 0; }
int sched_yield(void) { return wasi_sched_yield() ? -1 : 0; }

#else

enum { STACK = 60 << 10, FREE = 0, RUNNING = 1, ENDED = 2 };

// thread is a guest thread. Threads are never given back to malloc, but reused.
struct thread {
	struct wasix_thread_start start; // first: what the entry reads
	uint32_t state, detached;
	void *(*fn)(void *);
	void *arg, *result;
	struct thread *next;
	char *memory;
};

uint8_t thread_woken; // where the end of a thread has the result of its wake
static pthread_mutex_t threads_lock = PTHREAD_MUTEX_INITIALIZER;
static struct thread *threads;
static _Thread_local struct thread *self; // NULL in the main thread

_Noreturn void thread_end(uint32_t *state);

// futex_wait waits while *addr is v; it may return early.
static void futex_wait(const uint32_t *addr, uint32_t v, const struct wasix_option_time *timeout)
{
	static const struct wasix_option_time forever = {0};
	uint8_t woken;
	if (wasix_futex_wait(addr, v, timeout ? timeout : &forever, &woken))
		abort();
}

static void futex_wake(const uint32_t *addr, bool all)
{
	uint8_t woken;
	if (all ? wasix_futex_wake_all(addr, &woken) : wasix_futex_wake(addr, &woken))
		abort();
}

// thread_take finds an unused thread or makes one.
static struct thread *thread_take(void)
{
	pthread_mutex_lock(&threads_lock);
	struct thread *t = threads;
	for (; t; t = t->next) {
		uint32_t s = __atomic_load_n(&t->state, __ATOMIC_ACQUIRE);
		if (s == FREE || (s == ENDED && __atomic_load_n(&t->detached, __ATOMIC_ACQUIRE)))
			break;
	}
	if (!t && (t = calloc(1, sizeof *t))) {
		t->memory = malloc(STACK + __builtin_wasm_tls_size() + __builtin_wasm_tls_align());
		if (t->memory) {
			t->next = threads;
			threads = t;
		} else {
			free(t);
			t = NULL;
		}
	}
	if (t) {
		t->detached = 0;
		__atomic_store_n(&t->state, RUNNING, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&threads_lock);
	return t;
}

int pthread_create(pthread_t *out, const void *attr, void *(*fn)(void *), void *arg)
{
	(void)attr;
	struct thread *t = thread_take();
	if (!t)
		return ENOMEM;
	t->fn = fn;
	t->arg = arg;
	uintptr_t align = __builtin_wasm_tls_align() | 16;
	uintptr_t tls = ((uintptr_t)t->memory + STACK + align - 1) & ~(align - 1);
	t->start.stack = (void *)((uintptr_t)t->memory + STACK);
	t->start.tls_base = (void *)tls;
	t->start.stack_size = STACK;
	uint32_t tid;
	int err = wasix_thread_spawn_v2(&t->start, &tid);
	if (err) {
		__atomic_store_n(&t->state, FREE, __ATOMIC_RELEASE);
		return err;
	}
	*out = t;
	return 0;
}

// thread_run is called by the entry of the thread, and returns to it.
uint32_t *thread_run(uint32_t tid, struct thread *t)
{
	(void)tid;
	self = t;
	t->result = t->fn(t->arg);
	return &t->state;
}

_Noreturn void pthread_exit(void *result)
{
	if (!self)
		wasix_thread_exit(0);
	self->result = result;
	thread_end(&self->state);
}

int pthread_join(pthread_t t, void **result)
{
	while (__atomic_load_n(&t->state, __ATOMIC_ACQUIRE) == RUNNING)
		futex_wait(&t->state, RUNNING, NULL);
	if (result)
		*result = t->result;
	__atomic_store_n(&t->state, FREE, __ATOMIC_RELEASE);
	return 0;
}

int pthread_detach(pthread_t t)
{
	__atomic_store_n(&t->detached, 1, __ATOMIC_RELEASE);
	return 0;
}

int pthread_mutex_trylock(pthread_mutex_t *m)
{
	uint32_t free = 0;
	return __atomic_compare_exchange_n(&m->state, &free, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED) ? 0 : EBUSY;
}

int pthread_mutex_lock(pthread_mutex_t *m)
{
	if (!pthread_mutex_trylock(m))
		return 0;
	while (__atomic_exchange_n(&m->state, 2, __ATOMIC_ACQUIRE) != 0)
		futex_wait(&m->state, 2, NULL);
	return 0;
}

int pthread_mutex_unlock(pthread_mutex_t *m)
{
	if (__atomic_exchange_n(&m->state, 0, __ATOMIC_RELEASE) == 2)
		futex_wake(&m->state, false);
	return 0;
}

static int cond_wait(pthread_cond_t *c, pthread_mutex_t *m, const struct wasix_option_time *timeout)
{
	uint32_t seq = __atomic_load_n(&c->seq, __ATOMIC_ACQUIRE);
	pthread_mutex_unlock(m);
	futex_wait(&c->seq, seq, timeout);
	pthread_mutex_lock(m);
	return 0;
}

int pthread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m) { return cond_wait(c, m, NULL); }

int pthread_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *until)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	long long ns = (until->tv_sec - now.tv_sec) * 1000000000ll + until->tv_nsec - now.tv_nsec;
	if (ns <= 0)
		return ETIMEDOUT;
	struct wasix_option_time timeout = {1, (wasi_time)ns};
	cond_wait(c, m, &timeout);
	clock_gettime(CLOCK_REALTIME, &now);
	bool late = now.tv_sec > until->tv_sec || (now.tv_sec == until->tv_sec && now.tv_nsec >= until->tv_nsec);
	return late ? ETIMEDOUT : 0;
}

static int cond_wake(pthread_cond_t *c, bool all)
{
	__atomic_fetch_add(&c->seq, 1, __ATOMIC_RELEASE);
	futex_wake(&c->seq, all);
	return 0;
}

int pthread_cond_signal(pthread_cond_t *c) { return cond_wake(c, false); }
int pthread_cond_broadcast(pthread_cond_t *c) { return cond_wake(c, true); }
int sched_yield(void) { return wasi_sched_yield() ? -1 : 0; }

#endif
