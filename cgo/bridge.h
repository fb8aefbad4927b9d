// What Go calls, and the state that C keeps.

#ifndef CWASMER_BRIDGE_H
#define CWASMER_BRIDGE_H

#include "capi.h"

// The most parameters and the most results a host or exported function may have.
#define CW_MAX_VALUES 32

// cw_func is an imported host function, the environment of its trampoline.
typedef struct cw_func {
  wasm_store_t *store;
  uint32_t index;          // among the function imports, what Go knows it by
  uint8_t nparams, nresults;
  uint8_t result_kinds[CW_MAX_VALUES];
  bool checkpoint;         // is called only when the instance is to pay attention
  wasm_func_t *func;
} cw_func;

// cw_instance is an instance, owned by one guest thread.
typedef struct cw_instance {
  uint64_t handle;         // of the Go Instance
  wasm_instance_t *instance;
  wasm_extern_vec_t exports;
  wasm_memory_t *memory;   // the first memory, NULL without or not yet known
  char *base;              // of memory, constant: it never moves
  const uint32_t *attention;  // Go's, pinned; NULL without
} cw_instance;

// cw_signature is what a call needs to know of a function's type.
typedef struct cw_signature {
  uint8_t nparams, nresults;
  uint8_t params[CW_MAX_VALUES], results[CW_MAX_VALUES];
} cw_signature;

// cw_bits and cw_value convert between libwasmer's values and raw bits.

static inline uint64_t cw_bits(const wasm_val_t *v) {
  return v->kind == WASM_I64 || v->kind == WASM_F64 ? v->of.bits64 : v->of.bits32;
}

static inline wasm_val_t cw_value(uint8_t kind, uint64_t bits) {
  return (wasm_val_t){.kind = kind, .of.bits64 = bits};
}

// cw_catch_overflow is called once before all else. It returns false when
// libwasmer does not turn faults into traps as expected.
bool cw_catch_overflow(void);

// cw_load_begin and cw_load_end go around whatever makes a module.
void cw_load_begin(void);
void cw_load_end(void);

// cw_stack_probe returns the address of libwasmer's function that prologues call.
uintptr_t cw_stack_probe(void);

// cw_guard_stack makes the last part of this OS thread's stack unusable, for
// guests to end there.
void cw_guard_stack(void);

// cw_stack_is_low reports whether too little stack is left for host functions.
bool cw_stack_is_low(void);

// cw_raise_overflow unwinds the guest with the trap "call stack exhausted".
void cw_raise_overflow(void) __attribute__((noreturn));

// cw_in_guest says that this OS thread runs the guest's code or libwasmer's.
extern __thread bool cw_in_guest;

// cw_frame is what an OS thread did before it entered a guest.
typedef struct cw_frame {
  cw_instance *instance;
  bool in_guest;
} cw_frame;

// cw_enter makes an instance the current one of this OS thread; cw_leave puts
// back what was before.
cw_frame cw_enter(cw_instance *);
void cw_leave(cw_frame outer);

// cw_take_message frees a trap and returns its message.
char *cw_take_message(wasm_trap_t *);

// Functions that can fail store a message for the caller to free.

bool cw_available(void);
bool cw_set_conforming(bool);
wasm_store_t *cw_store_new(wasm_engine_t **engine);
wasm_module_t *cw_module_new(wasm_store_t *, char *wasm, size_t, char **error);
wasm_module_t *cw_module_deserialize(wasm_store_t *, char *code, size_t, char **error);
bool cw_module_serialize(const wasm_module_t *, wasm_byte_vec_t *, char **error);
wasm_memory_t *cw_memory_new(wasm_store_t *, uint32_t min, uint32_t max, char **error);
cw_func *cw_func_new(wasm_store_t *, const wasm_functype_t *, uint32_t index);
void cw_func_delete(cw_func *);
bool cw_signature_of(const wasm_functype_t *, cw_signature *);

cw_instance *cw_instance_new(wasm_store_t *, const wasm_module_t *, wasm_extern_t **imports, size_t n,
                             uint64_t handle, wasm_memory_t *, int memory_export, uintptr_t attention,
                             bool *trapped, char **error);
void cw_instance_delete(cw_instance *);
// cw_call calls an export with values, of which there are CW_MAX_VALUES, and puts the
// results in their place, or 0 for none. It returns NULL, or the message of a trap, which the caller frees.
char *cw_call(cw_instance *, uint32_t export_index, const cw_signature *, uint64_t *values);
uint64_t cw_global_get(cw_instance *, uint32_t export_index);
void cw_global_set(cw_instance *, uint32_t export_index, uint8_t kind, uint64_t bits);

#endif
