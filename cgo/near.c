//go:build cgo && linux && (amd64 || (arm64 && libwasmer))

// Where compiled code lies. The code calls the stack probe in libwasmer, and
// libwasmer 2.0.0 writes the distance as 32 bits even when it is more: such a call
// leads nowhere. The kernel puts code next to libwasmer when there is room; but each
// memory of a guest takes 6 GiB of that room. So the room is reserved, and given
// free only while code is loaded. It is too small for memories.

#define _GNU_SOURCE // for MAP_FIXED_NOREPLACE and RTLD_DEFAULT

#include "bridge.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sys/mman.h>

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000 // older kernels take the address for a hint
#endif

// A call reaches 2 GiB; libwasmer and the code itself take some of that.
#define REACH (1900UL << 20)
#define CHUNK (16UL << 20)
#define CHUNKS (2 * REACH / CHUNK)

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int loading;          // how many threads load code
static bool reserved[CHUNKS];
static uintptr_t first;      // chunk

uintptr_t cw_stack_probe(void) {
  // The address as the library knows it; &wasmer_vm_probestack may be in the program.
  return (uintptr_t)dlsym(RTLD_DEFAULT, "wasmer_vm_probestack");
}

static bool reserve(void *at) {
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
  void *got = mmap(at, CHUNK, PROT_NONE, flags, -1, 0);
  if (got == at) return true;
  if (got != MAP_FAILED) munmap(got, CHUNK);
  return false;
}

static void change(bool reserving) {
  for (size_t i = 0; i < CHUNKS; i++) {
    void *at = (void *)(first + i * CHUNK);
    if (reserving)
      reserved[i] = reserve(at);
    else if (reserved[i])
      munmap(at, CHUNK);
  }
}

void cw_load_begin(void) {
  pthread_mutex_lock(&mutex);
  if (loading++ == 0 && first != 0) change(false);
  pthread_mutex_unlock(&mutex);
}

void cw_load_end(void) {
  pthread_mutex_lock(&mutex);
  uintptr_t near = cw_stack_probe() & -CHUNK;
  if (first == 0 && near > REACH) first = near - REACH;
  if (--loading == 0 && first != 0) change(true);
  pthread_mutex_unlock(&mutex);
}
