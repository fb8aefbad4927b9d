// malloc in size classes of powers of two. A block is never split or joined.
#include "posix.h"

enum { MIN_SHIFT = 5, CLASSES = 25, PAGE = 65536 };

// block heads a block; next is used while it is free.
union block {
	struct {
		uint32_t class;
		union block *next;
	};
	char align[16];
};

extern char __heap_base;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static union block *freed[CLASSES];
static uintptr_t top;

// carve takes n bytes from the end of the heap. The lock is held.
static void *carve(size_t n)
{
	if (!top)
		top = ((uintptr_t)&__heap_base + 15) & ~(uintptr_t)15;
	uint64_t end = (uint64_t)top + n;
	uint64_t have = (uint64_t)__builtin_wasm_memory_size(0) * PAGE;
	if (end > have && __builtin_wasm_memory_grow(0, (size_t)((end - have + PAGE - 1) / PAGE)) == (size_t)-1)
		return NULL;
	void *p = (void *)top;
	top = (uintptr_t)end;
	return p;
}

void *malloc(size_t n)
{
	uint32_t class = 0;
	while (class < CLASSES && ((size_t)1 << (class + MIN_SHIFT)) < n + sizeof(union block))
		class++;
	if (class == CLASSES || n > n + sizeof(union block)) {
		errno = ENOMEM;
		return NULL;
	}
	pthread_mutex_lock(&lock);
	union block *b = freed[class];
	if (b)
		freed[class] = b->next;
	else
		b = carve((size_t)1 << (class + MIN_SHIFT));
	pthread_mutex_unlock(&lock);
	if (!b) {
		errno = ENOMEM;
		return NULL;
	}
	b->class = class;
	return b + 1;
}

void free(void *p)
{
	if (!p)
		return;
	union block *b = (union block *)p - 1;
	pthread_mutex_lock(&lock);
	b->next = freed[b->class];
	freed[b->class] = b;
	pthread_mutex_unlock(&lock);
}

void *calloc(size_t n, size_t size)
{
	if (size && n > SIZE_MAX / size) {
		errno = ENOMEM;
		return NULL;
	}
	void *p = malloc(n * size);
	return p ? memset(p, 0, n * size) : NULL;
}

void *realloc(void *p, size_t n)
{
	if (!p)
		return malloc(n);
	size_t have = ((size_t)1 << (((union block *)p - 1)->class + MIN_SHIFT)) - sizeof(union block);
	if (n <= have)
		return p;
	void *q = malloc(n);
	if (q) {
		memcpy(q, p, have);
		free(p);
	}
	return q;
}
