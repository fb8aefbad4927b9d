// The parts of libwasmer's C API this package uses, as wasm.h and wasmer.h of
// libwasmer 2.0.0 declare them. The symbols are weak because wasmer-go names the
// library to the linker, and cgo links this package on its own, too.

#ifndef CWASMER_CAPI_H
#define CWASMER_CAPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEAK extern __attribute__((weak))

typedef struct wasm_config_t wasm_config_t;
typedef struct wasm_engine_t wasm_engine_t;
typedef struct wasm_store_t wasm_store_t;
typedef struct wasm_module_t wasm_module_t;
typedef struct wasm_instance_t wasm_instance_t;
typedef struct wasm_func_t wasm_func_t;
typedef struct wasm_global_t wasm_global_t;
typedef struct wasm_memory_t wasm_memory_t;
typedef struct wasm_extern_t wasm_extern_t;
typedef struct wasm_trap_t wasm_trap_t;
typedef struct wasm_valtype_t wasm_valtype_t;
typedef struct wasm_functype_t wasm_functype_t;
typedef struct wasm_globaltype_t wasm_globaltype_t;
typedef struct wasm_memorytype_t wasm_memorytype_t;
typedef struct wasm_externtype_t wasm_externtype_t;
typedef struct wasm_importtype_t wasm_importtype_t;
typedef struct wasm_exporttype_t wasm_exporttype_t;

typedef struct wasm_limits_t { uint32_t min, max; } wasm_limits_t;

typedef struct wasm_val_t {
  uint8_t kind;
  union { int32_t i32; int64_t i64; uint32_t bits32; uint64_t bits64; } of;
} wasm_val_t;

typedef struct wasm_byte_vec_t { size_t size; char *data; } wasm_byte_vec_t;
typedef struct wasm_val_vec_t { size_t size; wasm_val_t *data; } wasm_val_vec_t;
typedef struct wasm_valtype_vec_t { size_t size; wasm_valtype_t **data; } wasm_valtype_vec_t;
typedef struct wasm_extern_vec_t { size_t size; wasm_extern_t **data; } wasm_extern_vec_t;
typedef struct wasm_importtype_vec_t { size_t size; wasm_importtype_t **data; } wasm_importtype_vec_t;
typedef struct wasm_exporttype_vec_t { size_t size; wasm_exporttype_t **data; } wasm_exporttype_vec_t;

enum { WASM_I32, WASM_I64, WASM_F32, WASM_F64 };
enum { WASM_EXTERN_FUNC, WASM_EXTERN_GLOBAL, WASM_EXTERN_TABLE, WASM_EXTERN_MEMORY };

WEAK void wasm_byte_vec_delete(wasm_byte_vec_t *);
WEAK void wasm_val_vec_delete(wasm_val_vec_t *);
WEAK void wasm_extern_vec_delete(wasm_extern_vec_t *);
WEAK void wasm_importtype_vec_delete(wasm_importtype_vec_t *);
WEAK void wasm_exporttype_vec_delete(wasm_exporttype_vec_t *);

WEAK wasm_config_t *wasm_config_new(void);
WEAK wasm_engine_t *wasm_engine_new_with_config(wasm_config_t *);
WEAK void wasm_engine_delete(wasm_engine_t *);
WEAK wasm_store_t *wasm_store_new(wasm_engine_t *);
WEAK void wasm_store_delete(wasm_store_t *);

WEAK uint8_t wasm_valtype_kind(const wasm_valtype_t *);
WEAK const wasm_valtype_vec_t *wasm_functype_params(const wasm_functype_t *);
WEAK const wasm_valtype_vec_t *wasm_functype_results(const wasm_functype_t *);
WEAK const wasm_valtype_t *wasm_globaltype_content(const wasm_globaltype_t *);
WEAK uint8_t wasm_globaltype_mutability(const wasm_globaltype_t *);
WEAK wasm_memorytype_t *wasm_memorytype_new(const wasm_limits_t *);
WEAK const wasm_limits_t *wasm_memorytype_limits(const wasm_memorytype_t *);
WEAK void wasm_memorytype_delete(wasm_memorytype_t *);
WEAK uint8_t wasm_externtype_kind(const wasm_externtype_t *);
WEAK const wasm_functype_t *wasm_externtype_as_functype_const(const wasm_externtype_t *);
WEAK const wasm_globaltype_t *wasm_externtype_as_globaltype_const(const wasm_externtype_t *);
WEAK const wasm_memorytype_t *wasm_externtype_as_memorytype_const(const wasm_externtype_t *);
WEAK const wasm_byte_vec_t *wasm_importtype_module(const wasm_importtype_t *);
WEAK const wasm_byte_vec_t *wasm_importtype_name(const wasm_importtype_t *);
WEAK const wasm_externtype_t *wasm_importtype_type(const wasm_importtype_t *);
WEAK const wasm_byte_vec_t *wasm_exporttype_name(const wasm_exporttype_t *);
WEAK const wasm_externtype_t *wasm_exporttype_type(const wasm_exporttype_t *);

WEAK wasm_module_t *wasm_module_new(wasm_store_t *, const wasm_byte_vec_t *);
WEAK void wasm_module_delete(wasm_module_t *);
WEAK void wasm_module_imports(const wasm_module_t *, wasm_importtype_vec_t *);
WEAK void wasm_module_exports(const wasm_module_t *, wasm_exporttype_vec_t *);
WEAK void wasm_module_serialize(const wasm_module_t *, wasm_byte_vec_t *);
WEAK wasm_module_t *wasm_module_deserialize(wasm_store_t *, const wasm_byte_vec_t *);

WEAK wasm_instance_t *wasm_instance_new(wasm_store_t *, const wasm_module_t *,
                                        const wasm_extern_vec_t *, wasm_trap_t **);
WEAK void wasm_instance_delete(wasm_instance_t *);
WEAK void wasm_instance_exports(const wasm_instance_t *, wasm_extern_vec_t *);

typedef wasm_trap_t *(*wasm_func_callback_with_env_t)(void *, const wasm_val_vec_t *, wasm_val_vec_t *);
WEAK wasm_func_t *wasm_func_new_with_env(wasm_store_t *, const wasm_functype_t *,
                                         wasm_func_callback_with_env_t, void *, void (*)(void *));
WEAK void wasm_func_delete(wasm_func_t *);
WEAK wasm_trap_t *wasm_func_call(const wasm_func_t *, const wasm_val_vec_t *, wasm_val_vec_t *);

WEAK void wasm_global_get(const wasm_global_t *, wasm_val_t *);
WEAK void wasm_global_set(wasm_global_t *, const wasm_val_t *);

WEAK wasm_memory_t *wasm_memory_new(wasm_store_t *, const wasm_memorytype_t *);
WEAK void wasm_memory_delete(wasm_memory_t *);
WEAK char *wasm_memory_data(wasm_memory_t *);
WEAK size_t wasm_memory_data_size(const wasm_memory_t *);
WEAK bool wasm_memory_grow(wasm_memory_t *, uint32_t);

WEAK wasm_extern_t *wasm_func_as_extern(wasm_func_t *);
WEAK wasm_extern_t *wasm_memory_as_extern(wasm_memory_t *);
WEAK wasm_func_t *wasm_extern_as_func(wasm_extern_t *);
WEAK wasm_global_t *wasm_extern_as_global(wasm_extern_t *);
WEAK wasm_memory_t *wasm_extern_as_memory(wasm_extern_t *);

WEAK wasm_trap_t *wasm_trap_new(wasm_store_t *, const wasm_byte_vec_t *);
WEAK void wasm_trap_delete(wasm_trap_t *);
WEAK void wasm_trap_message(const wasm_trap_t *, wasm_byte_vec_t *);

// Wasmer's own.
typedef struct wasmer_features_t wasmer_features_t;

WEAK wasmer_features_t *wasmer_features_new(void);
WEAK bool wasmer_features_threads(wasmer_features_t *, bool);
WEAK bool wasmer_features_bulk_memory(wasmer_features_t *, bool);
WEAK bool wasmer_features_reference_types(wasmer_features_t *, bool);
WEAK bool wasmer_features_simd(wasmer_features_t *, bool);
WEAK bool wasmer_features_multi_value(wasmer_features_t *, bool);
WEAK void wasm_config_set_features(wasm_config_t *, wasmer_features_t *);

WEAK int wasmer_last_error_length(void);
WEAK int wasmer_last_error_message(char *, int);
WEAK const char *wasmer_version(void);

#endif
