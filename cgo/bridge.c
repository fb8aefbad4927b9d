//go:build cgo && linux && (amd64 || arm64 && libwasmer)

// Making stores, modules, memories, host functions and instances, and asking
// them for what Go wants to know.

#include "bridge.h"

#include <stdlib.h>
#include <string.h>

bool cw_available(void) {
  return wasmer_version && wasmer_features_new && wasm_config_set_features;
}

// last_error returns libwasmer's message for the latest failure on this thread.
static char *last_error(const char *otherwise) {
  int n = wasmer_last_error_length();
  if (n <= 0) return strdup(otherwise);
  char *message = calloc(1, (size_t)n + 1);
  if (message) wasmer_last_error_message(message, n);
  return message;
}

static wasmer_features_t *features_new(void) {
  wasmer_features_t *f = wasmer_features_new();
  wasmer_features_threads(f, true);
  wasmer_features_bulk_memory(f, true);
  wasmer_features_reference_types(f, true);
  wasmer_features_simd(f, true);
  wasmer_features_multi_value(f, true);
  return f;
}

wasm_store_t *cw_store_new(wasm_engine_t **engine) {
  wasm_config_t *config = wasm_config_new();
  wasm_config_set_features(config, features_new());
  *engine = wasm_engine_new_with_config(config);
  return *engine ? wasm_store_new(*engine) : NULL;
}

wasm_module_t *cw_module_new(wasm_store_t *store, char *wasm, size_t n, char **error) {
  wasm_byte_vec_t bytes = {n, wasm};
  cw_load_begin();
  wasm_module_t *m = wasm_module_new(store, &bytes);
  cw_load_end();
  if (!m) *error = last_error("the module does not compile");
  return m;
}

wasm_module_t *cw_module_deserialize(wasm_store_t *store, char *code, size_t n, char **error) {
  wasm_byte_vec_t bytes = {n, code};
  cw_load_begin();
  wasm_module_t *m = wasm_module_deserialize(store, &bytes);
  cw_load_end();
  if (!m) *error = last_error("the compiled code cannot be read");
  return m;
}

bool cw_module_serialize(const wasm_module_t *m, wasm_byte_vec_t *out, char **error) {
  out->size = 0;
  out->data = NULL;
  wasm_module_serialize(m, out);
  if (!out->data) *error = last_error("the module cannot be serialized");
  return out->data != NULL;
}

wasm_memory_t *cw_memory_new(wasm_store_t *store, uint32_t min, uint32_t max, char **error) {
  wasm_limits_t limits = {min, max};
  wasm_memorytype_t *type = wasm_memorytype_new(&limits);
  wasm_memory_t *m = type ? wasm_memory_new(store, type) : NULL;
  if (!m) *error = last_error("no address space for the memory");
  if (type) wasm_memorytype_delete(type);
  return m;
}

static bool kinds_of(const wasm_valtype_vec_t *types, uint8_t *n, uint8_t *kinds) {
  if (types->size > CW_MAX_VALUES) return false;
  *n = (uint8_t)types->size;
  for (size_t i = 0; i < types->size; i++) {
    kinds[i] = wasm_valtype_kind(types->data[i]);
    if (kinds[i] > WASM_F64) return false;
  }
  return true;
}

bool cw_signature_of(const wasm_functype_t *type, cw_signature *s) {
  return kinds_of(wasm_functype_params(type), &s->nparams, s->params) &&
         kinds_of(wasm_functype_results(type), &s->nresults, s->results);
}

static cw_instance *abandon(cw_instance *in) {
  cw_instance_delete(in);
  return NULL;
}

// start_instance runs in the frame of the new instance, as the module's start
// function may call host functions.
static bool start_instance(cw_instance *in, wasm_store_t *store, const wasm_module_t *m,
                           const wasm_extern_vec_t *imports, bool *trapped, char **error) {
  wasm_trap_t *trap = NULL;
  cw_frame outer = cw_enter(in);
  in->instance = wasm_instance_new(store, m, imports, &trap);
  cw_leave(outer);
  if (in->instance && !trap) return true;
  *trapped = trap != NULL;
  *error = trap ? cw_take_message(trap) : last_error("the module cannot be instantiated");
  return false;
}

cw_instance *cw_instance_new(wasm_store_t *store, const wasm_module_t *m, wasm_extern_t **imports, size_t n,
                             uint64_t handle, wasm_memory_t *memory, int memory_export, uintptr_t attention,
                             bool *trapped, char **error) {
  cw_instance *in = calloc(1, sizeof *in);
  if (!in) abort();
  in->handle = handle;
  in->memory = memory;
  in->attention = (const uint32_t *)attention;
  in->base = memory ? wasm_memory_data(memory) : NULL;
  wasm_extern_vec_t vec = {n, imports};
  if (!start_instance(in, store, m, &vec, trapped, error)) return abandon(in);
  wasm_instance_exports(in->instance, &in->exports);
  if (!memory && memory_export >= 0) {
    in->memory = wasm_extern_as_memory(in->exports.data[memory_export]);
    in->base = wasm_memory_data(in->memory);
  }
  return in;
}

void cw_instance_delete(cw_instance *in) {
  if (in->exports.data) wasm_extern_vec_delete(&in->exports);
  if (in->instance) wasm_instance_delete(in->instance);
  free(in);
}

uint64_t cw_global_get(cw_instance *in, uint32_t export_index) {
  wasm_val_t v;
  wasm_global_get(wasm_extern_as_global(in->exports.data[export_index]), &v);
  return cw_bits(&v);
}

void cw_global_set(cw_instance *in, uint32_t export_index, uint8_t kind, uint64_t bits) {
  wasm_val_t v = cw_value(kind, bits);
  wasm_global_set(wasm_extern_as_global(in->exports.data[export_index]), &v);
}
