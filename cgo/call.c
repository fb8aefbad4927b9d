//go:build cgo && linux && (amd64 || arm64 && libwasmer)

// Calls from the host into the guest and back. This is the hot path.

#include "bridge.h"
#include "_cgo_export.h"

#include <stdlib.h>
#include <string.h>

// current is the instance whose code this OS thread runs.
static __thread cw_instance *current;

// conforming chooses between the two ways to give a result to libwasmer, see
// give_results.
static bool conforming = true;

bool cw_set_conforming(bool on) {
  bool was = conforming;
  conforming = on;
  return was;
}

cw_frame cw_enter(cw_instance *in) {
  cw_frame outer = {current, cw_in_guest};
  cw_guard_stack();
  current = in;
  cw_in_guest = true;
  return outer;
}

void cw_leave(cw_frame outer) {
  current = outer.instance;
  cw_in_guest = outer.in_guest;
  if (outer.instance) cw_guard_stack();
}

static wasm_trap_t *trap_new(wasm_store_t *store, const char *message) {
  wasm_byte_vec_t m = {strlen(message) + 1, (char *)message};
  return wasm_trap_new(store, &m);
}

char *cw_take_message(wasm_trap_t *trap) {
  wasm_byte_vec_t m = {0, NULL};
  wasm_trap_message(trap, &m);
  char *text = strndup(m.data ? m.data : "", m.size);
  wasm_byte_vec_delete(&m);
  wasm_trap_delete(trap);
  return text;
}

// free_arguments frees what libwasmer 2.0.0 forgets to: the arguments, and the
// vector for the results, unless it is used.
static void free_arguments(const wasm_val_vec_t *args, wasm_val_vec_t *results) {
  if (conforming) return;
  wasm_val_vec_t params = *args, slots = *results;
  wasm_val_vec_delete(&params);
  wasm_val_vec_delete(&slots);
  results->data = NULL;
}

// give_results returns the values to libwasmer. The C API's way is to fill the
// vector it provides; libwasmer 2.0.0 leaks that vector, but takes any other just
// as well, hence one that lives until this thread's next host call returns.
static void give_results(const cw_func *f, const uint64_t *stack, wasm_val_vec_t *results) {
  static __thread wasm_val_t slots[CW_MAX_VALUES];
  if (!conforming) results->data = slots;
  for (size_t i = 0; i < f->nresults; i++) results->data[i] = cw_value(f->result_kinds[i], stack[i]);
}

// passes reports whether the guest goes on at a checkpoint without asking Go. To ask
// takes a processor of Go's scheduler, of which there are fewer than guests that
// compute.
static bool passes(const cw_func *f, const cw_instance *in) {
  return f->checkpoint && in->attention && !__atomic_load_n(in->attention, __ATOMIC_ACQUIRE);
}

static wasm_trap_t *trampoline(void *env, const wasm_val_vec_t *args, wasm_val_vec_t *results) {
  const cw_func *f = env;
  const cw_instance *in = current;
  uint64_t stack[CW_MAX_VALUES];
  stack[0] = 0;
  for (size_t i = 0; i < f->nparams; i++) stack[i] = cw_bits(&args->data[i]);
  free_arguments(args, results);
  if (!in) return trap_new(f->store, "host function called outside of a guest thread");
  if (passes(f, in)) {
    give_results(f, stack, results);
    return NULL;
  }
  if (cw_stack_is_low()) cw_raise_overflow();

  size_t size = in->memory ? wasm_memory_data_size(in->memory) : 0;
  uint32_t n = f->nparams > f->nresults ? f->nparams : f->nresults;
  cw_in_guest = false;
  bool ok = cwasmerHostCall(in->handle, f->index, stack, n ? n : 1, in->base, size);
  cw_in_guest = true;
  if (!ok) return trap_new(f->store, "ended by the host");
  give_results(f, stack, results);
  return NULL;
}

cw_func *cw_func_new(wasm_store_t *store, const wasm_functype_t *type, uint32_t index) {
  cw_signature s;
  if (!cw_signature_of(type, &s)) return NULL;
  cw_func *f = calloc(1, sizeof *f);
  if (!f) abort();
  f->store = store;
  f->index = index;
  f->nparams = s.nparams;
  f->nresults = s.nresults;
  memcpy(f->result_kinds, s.results, sizeof f->result_kinds);
  f->func = wasm_func_new_with_env(store, type, trampoline, f, NULL);
  return f;
}

void cw_func_delete(cw_func *f) {
  wasm_func_delete(f->func);
  free(f);
}

char *cw_call(cw_instance *in, uint32_t export_index, const cw_signature *s, uint64_t *values) {
  wasm_val_t in_vals[CW_MAX_VALUES], out_vals[CW_MAX_VALUES];
  wasm_val_vec_t params = {s->nparams, in_vals}, outs = {s->nresults, out_vals};
  for (size_t i = 0; i < s->nparams; i++) in_vals[i] = cw_value(s->params[i], values[i]);
  memset(out_vals, 0, s->nresults * sizeof *out_vals);

  cw_frame outer = cw_enter(in);
  if (cw_stack_is_low()) {
    cw_leave(outer);
    return strdup("call stack exhausted");
  }
  wasm_trap_t *trap = wasm_func_call(wasm_extern_as_func(in->exports.data[export_index]), &params, &outs);
  cw_leave(outer);
  if (trap) return cw_take_message(trap);
  values[0] = 0;
  for (size_t i = 0; i < s->nresults; i++) values[i] = cw_bits(&out_vals[i]);
  return NULL;
}
