# Entry and end of a guest thread. The stack and the thread's variables come from
# the start record; the last steps use no stack, because whoever joins the thread
# may use it again as soon as the end flag is set.

	.globaltype	__stack_pointer, i32
	.functype	__wasm_init_tls (i32) -> ()
	.functype	thread_run (i32, i32) -> (i32)
	.functype	wasix_futex_wake_all (i32, i32) -> (i32)
	.import_module	wasix_futex_wake_all, wasix_32v1
	.import_name	wasix_futex_wake_all, futex_wake_all
	.functype	wasix_thread_exit (i32) -> ()
	.import_module	wasix_thread_exit, wasix_32v1
	.import_name	wasix_thread_exit, thread_exit

# thread_end sets a thread's end flag, wakes who waits for it, and ends the thread.
	.globl	thread_end
	.type	thread_end,@function
thread_end:
	.functype	thread_end (i32) -> ()
	local.get	0
	i32.const	2
	i32.atomic.store	0
	local.get	0
	i32.const	thread_woken
	call	wasix_futex_wake_all
	drop
	i32.const	0
	call	wasix_thread_exit
	unreachable
	end_function

	.globl	wasi_thread_start
	.type	wasi_thread_start,@function
	.export_name	wasi_thread_start, wasi_thread_start
wasi_thread_start:
	.functype	wasi_thread_start (i32, i32) -> ()
	local.get	1
	i32.load	0
	global.set	__stack_pointer
	local.get	1
	i32.load	4
	call	__wasm_init_tls
	local.get	0
	local.get	1
	call	thread_run
	call	thread_end
	unreachable
	end_function
