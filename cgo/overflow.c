//go:build cgo && linux && (amd64 || arm64 && libwasmer)

// Stack overflow. The guest runs on the stack of its OS thread. libwasmer turns
// the fault at the stack's end into a trap when it happens in the guest's code,
// but not in its own (a prologue's stack probe, memory.grow, the way to a host
// function): then the program dies. So there is a handler before libwasmer's.
//
// On a thread that runs guests the last part of the stack, the zone, is closed. When the
// guest's code runs into it, or a stack probe does, the handler makes the fault
// one that libwasmer takes for the end of the stack. Other code may hold locks and
// must go on: the zone is opened for it. If it was on its way to a host function,
// that is where the guest ends.

#define _GNU_SOURCE // for pthread_getattr_np, dl_iterate_phdr and the names of registers

#include "bridge.h"

#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

// Host functions need this much stack: Go's runtime runs on it, and so does what
// C libraries Go calls, such as the resolver.
#define RED_ZONE (256 << 10)

// ZONE is more than the code between a guest and a host function needs; stacks
// smaller than MIN_STACK have none.
#define ZONE (128 << 10)
#define MIN_STACK (2 << 20)

// The first thread's stack grows; the kernel keeps this much below it free.
#define MAIN_GUARD (1 << 20)

__thread bool cw_in_guest;

// The stack of this OS thread: the guard is from guard to lowest, the zone from
// lowest to zone_end.
static __thread uintptr_t guard, lowest, zone_end;
static __thread bool zone_closed;

static __thread enum { NOT_RAISED, OVERFLOW, PROBE } raised;

static struct sigaction libwasmers; // handler of SIGSEGV
static uintptr_t guest_pc;          // an address in a guest's code
static uintptr_t stack_probe;       // see cw_stack_probe

static void find_stack(void) {
  pthread_attr_t attr;
  void *address;
  size_t size, guard_size = 0;
  lowest = guard = zone_end = 1;
  if (pthread_getattr_np(pthread_self(), &attr) != 0) return;
  if (pthread_attr_getstack(&attr, &address, &size) == 0) {
    pthread_attr_getguardsize(&attr, &guard_size);
    lowest = zone_end = (uintptr_t)address;
    guard = lowest - (guard_size ? guard_size : MAIN_GUARD);
    // The first thread's stack has no guard page, and nothing yet where the zone
    // would be.
    if (guard_size && size >= MIN_STACK) zone_end += ZONE;
  }
  pthread_attr_destroy(&attr);
}

static void protect_zone(bool closed) {
  if (zone_end == lowest || zone_closed == closed) return;
  mprotect((void *)lowest, zone_end - lowest, closed ? PROT_NONE : PROT_READ | PROT_WRITE);
  zone_closed = closed;
}

// at_exit runs reopen_zone when a thread ends: its stack may become another's.
static pthread_key_t at_exit;
static pthread_once_t at_exit_once = PTHREAD_ONCE_INIT;

static void reopen_zone(void *unused) {
  (void)unused;
  protect_zone(false);
}

static void make_at_exit(void) { pthread_key_create(&at_exit, reopen_zone); }

void cw_guard_stack(void) {
  if (lowest == 0) {
    find_stack();
    pthread_once(&at_exit_once, make_at_exit);
    pthread_setspecific(at_exit, &at_exit);
  }
  protect_zone(true);
}

bool cw_stack_is_low(void) {
  return (uintptr_t)__builtin_frame_address(0) < zone_end + RED_ZONE;
}

#if defined(__x86_64__)
#define PC(c) (c)->uc_mcontext.gregs[REG_RIP]
#define SP(c) (c)->uc_mcontext.gregs[REG_RSP]
#define FP(c) (c)->uc_mcontext.gregs[REG_RBP]
#elif defined(__aarch64__)
#define PC(c) (c)->uc_mcontext.pc
#define SP(c) (c)->uc_mcontext.sp
#define FP(c) (c)->uc_mcontext.regs[29]
#endif

// pretend makes the fault one of the guest's, at a place that is not known to trap,
// which libwasmer takes for the end of the stack. The frame is one without a
// caller, so that nobody walks the real stack, which can be a million frames.
static void pretend(siginfo_t *info, ucontext_t *c) {
  static const uintptr_t no_caller[16] __attribute__((aligned(16)));
  info->si_addr = (void *)(lowest - 1);
  PC(c) = guest_pc;
  SP(c) = FP(c) = (uintptr_t)no_caller;
}

// libraries are the places of code that is not a guest's.
static struct { uintptr_t start, end; } libraries[64];
static int nlibraries;

static int add_library(struct dl_phdr_info *info, size_t size, void *unused) {
  (void)size, (void)unused;
  for (int i = 0; i < info->dlpi_phnum && nlibraries < 64; i++) {
    const ElfW(Phdr) *p = &info->dlpi_phdr[i];
    if (p->p_type != PT_LOAD || !(p->p_flags & PF_X)) continue;
    libraries[nlibraries].start = info->dlpi_addr + p->p_vaddr;
    libraries[nlibraries++].end = info->dlpi_addr + p->p_vaddr + p->p_memsz;
  }
  return 0;
}

// may_hold_locks reports whether the code at pc is a library's other than a
// stack probe, which belongs to the prologue of a guest's function.
static bool may_hold_locks(uintptr_t pc) {
  if (pc - stack_probe < 64) return false;
  for (int i = 0; i < nlibraries; i++)
    if (pc >= libraries[i].start && pc < libraries[i].end) return true;
  return false;
}

static void on_fault(int sig, siginfo_t *info, void *context) {
  uintptr_t at = (uintptr_t)info->si_addr, pc = PC((ucontext_t *)context);
  bool overflow = raised == OVERFLOW || (cw_in_guest && at >= guard && at < zone_end);
  if (raised == NOT_RAISED && overflow && zone_closed && may_hold_locks(pc)) {
    protect_zone(false);
    return;
  }
  if (raised == PROBE) guest_pc = pc - 1;
  if (overflow) pretend(info, context);
  raised = NOT_RAISED;
  libwasmers.sa_sigaction(sig, info, context);
}

void cw_raise_overflow(void) {
  raised = OVERFLOW;
  *(volatile char *)sizeof(long) = 0;
  __builtin_unreachable();
}

// (module (memory 0) (func (export "f") (i32.store8 (i32.const 0) (i32.const 0))))
static char probe[] = "\0asm\1\0\0\0\1\4\1\x60\0\0\3\2\1\0\5\3\1\0\0\7\5\1\1f\0\0\12\13\1\11\0\x41\0\x41\0\x3a\0\0\13";

// run_probe faults in a guest's code.
static void run_probe(wasm_func_t *f) {
  wasm_val_vec_t none = {0, NULL};
  wasm_trap_t *trap = wasm_func_call(f, &none, &none);
  if (trap) wasm_trap_delete(trap);
}

// find_guest_pc runs the probe twice: libwasmer's handler is there from the first
// time on at the latest, and the second time it is called through on_fault.
static void find_guest_pc(wasm_func_t *f) {
  struct sigaction mine;
  memset(&mine, 0, sizeof mine);
  run_probe(f);
  dl_iterate_phdr(add_library, NULL);
  sigaction(SIGSEGV, NULL, &libwasmers);
  mine.sa_sigaction = on_fault;
  mine.sa_flags = libwasmers.sa_flags;
  mine.sa_mask = libwasmers.sa_mask;
  sigaction(SIGSEGV, &mine, NULL);
  raised = PROBE;
  run_probe(f);
}

bool cw_catch_overflow(void) {
  cw_load_begin();
  cw_load_end();
  stack_probe = cw_stack_probe();
  wasm_engine_t *engine;
  wasm_store_t *store = cw_store_new(&engine);
  wasm_byte_vec_t wasm = {sizeof probe - 1, probe};
  wasm_module_t *module = store ? wasm_module_new(store, &wasm) : NULL;
  wasm_extern_vec_t exports = {0, NULL}, imports = {0, NULL};
  wasm_trap_t *trap = NULL;
  wasm_instance_t *instance = module ? wasm_instance_new(store, module, &imports, &trap) : NULL;
  if (!instance) return false;
  // All of it stays, since guest_pc lies in it.
  wasm_instance_exports(instance, &exports);
  find_guest_pc(wasm_extern_as_func(exports.data[0]));
  return guest_pc != 0;
}
