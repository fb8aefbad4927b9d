package wasix

//go:generate go run ../internal/syscalldoc -o ../docs/SYSCALLS.md

// row is a line of the system call table. It stands for every import of its
// name, in any module and with any signature that [abi.Functions] lists, unless
// module or params narrow it down. The first row that fits an import is its row.
//
// A row without handler answers ENOSYS; see [unsupported].
type row struct {
	name    string
	support Support
	do      handler
	note    string

	module string                          // only when imported from this module
	params string                          // only with these parameters, "i32 i64"
	raw    func(t *Thread, stack []uint64) // instead of do, when the result is not an errno

	rewinds, leaves bool // see Syscall
}

// family is a part of the table, as traces and docs/SYSCALLS.md group it.
type family struct {
	name string
	rows []row
}

// Reasons that several rows share.
const (
	noteAsyncify   = "for binaries with asyncify exports"
	noteForkEnv    = "the caller is the child until that has executed a program or exited; not within such a child"
	noteWaker      = "asynchronous form of April to June 2023, withdrawn"
	noteBus        = "Wasmer's bus, withdrawn in February 2023"
	noteProposal   = "proposal that no released toolchain uses"
	noteSide       = "needs dynamic linking"
	noteContext    = "needs switching of stacks"
	notePortHidden = "of a virtual network; ENOTSUP on the host's, whose interfaces are not shown"
	notePortFixed  = "of a virtual network; EPERM on the host's, and under a policy"
)

// families is the one table of all system calls. It is a function, so that
// handlers may look up the table that holds them. After a change run go generate.
func families() []family {
	return []family{
		{"env", []row{
			{name: "args_get", support: Full, do: argsGet},
			{name: "args_sizes_get", support: Full, do: argsSizesGet},
			{name: "environ_get", support: Full, do: environGet},
			{name: "environ_sizes_get", support: Full, do: environSizesGet},
		}},
		{"clock", []row{
			{name: "clock_res_get", support: Full, do: clockResGet},
			{name: "clock_time_get", support: Full, do: clockTimeGet},
			{name: "clock_time_set", support: Full, do: clockTimeSet, note: "answers EPERM: no guest sets the host's clocks; EINVAL for one that there is not"},
		}},
		{"random", []row{
			{name: "random_get", support: Full, do: randomGet},
		}},
		{"fd", []row{
			{name: "fd_advise", do: fdAdvise, support: Full},
			{name: "fd_allocate", do: fdAllocate, support: Full},
			{name: "fd_close", do: fdClose, support: Full},
			{name: "fd_datasync", do: fdDatasync, support: Full},
			{name: "fd_dup", do: fdDup, support: Full},
			{name: "fd_dup2", do: fdDup2, support: Full},
			{name: "fd_event", do: fdEvent, support: Full},
			{name: "fd_fdflags_get", do: fdFdflagsGet, support: Full},
			{name: "fd_fdflags_set", do: fdFdflagsSet, support: Full},
			{name: "fd_fdstat_get", do: fdFdstatGet, support: Full},
			{name: "fd_fdstat_set_flags", do: fdFdstatSetFlags, support: Full},
			{name: "fd_fdstat_set_rights", do: fdFdstatSetRights, support: Full},
			{name: "fd_filestat_get", module: "wasi_unstable", do: fdFilestatGet(&statUnstable), support: Full},
			{name: "fd_filestat_get", do: fdFilestatGet(&statPreview1), support: Full},
			{name: "fd_filestat_set_size", do: fdFilestatSetSize, support: Full},
			{name: "fd_filestat_set_times", do: fdFilestatSetTimes, support: Full},
			{name: "fd_pipe", do: fdPipe, support: Full, note: "one way, as on Linux; Wasmer's of 2023 led both ways"},
			{name: "pipe", do: fdPipe, support: Full},
			{name: "fd_pread", do: fdPread, support: Full},
			{name: "fd_pread_poll", note: noteWaker},
			{name: "fd_prestat_dir_name", do: fdPrestatDirName, support: Full},
			{name: "fd_prestat_get", do: fdPrestatGet, support: Full},
			{name: "fd_pwrite", do: fdPwrite, support: Full},
			{name: "fd_pwrite_poll", note: noteWaker},
			{name: "fd_read", do: fdRead, support: Full},
			{name: "fd_read_poll", note: noteWaker},
			{name: "fd_readdir", do: fdReaddir, support: Full},
			{name: "fd_renumber", do: fdRenumber, support: Full},
			{name: "fd_seek", module: "wasi_unstable", do: fdSeek(whenceUnstable), support: Full},
			{name: "fd_seek", do: fdSeek(whencePreview1), support: Full},
			{name: "fd_sync", do: fdSync, support: Full},
			{name: "fd_tell", do: fdTell, support: Full},
			{name: "fd_write", do: fdWrite, support: Full},
			{name: "fd_write_poll", note: noteWaker},
		}},
		{"path", []row{
			{name: "chdir", do: chdir, support: Full},
			{name: "getcwd", do: getcwd, support: Full},
			{name: "path_create_directory", do: pathCreateDirectory, support: Full},
			{name: "path_filestat_get", module: "wasi_unstable", do: pathFilestatGet(&statUnstable), support: Full},
			{name: "path_filestat_get", do: pathFilestatGet(&statPreview1), support: Full},
			{name: "path_filestat_set_times", do: pathFilestatSetTimes, support: Full},
			{name: "path_link", do: pathLink, support: Full},
			{name: "path_open", do: pathOpen, support: Full},
			{name: "path_open2", do: pathOpen2, support: Full},
			{name: "path_readlink", do: pathReadlink, support: Full},
			{name: "path_remove_directory", do: pathRemoveDirectory, support: Full},
			{name: "path_rename", do: pathRename, support: Full},
			{name: "path_symlink", do: pathSymlink, support: Full},
			{name: "path_unlink_file", do: pathUnlinkFile, support: Full},
		}},
		{"sock", []row{
			{name: "resolve", support: Full, do: resolve},
			{name: "sock_accept", support: Full, do: sockAcceptPreview1, module: "wasi_snapshot_preview1"},
			{name: "sock_accept", support: Full, do: sockAccept},
			{name: "sock_accept_poll", note: noteWaker},
			{name: "sock_accept_ready_poll", note: noteWaker},
			{name: "sock_accept_v2", support: Full, do: sockAcceptV2},
			{name: "sock_addr_local", support: Full, do: sockAddrLocal},
			{name: "sock_addr_peer", support: Full, do: sockAddrPeer},
			{name: "sock_bind", support: Full, do: sockBind},
			{name: "sock_connect", support: Full, do: sockConnect},
			{name: "sock_get_opt_flag", support: Full, do: sockGetOptFlag},
			{name: "sock_get_opt_size", support: Full, do: sockGetOptSize},
			{name: "sock_get_opt_time", support: Full, do: sockGetOptTime},
			{name: "sock_join_multicast_v4", support: Full, do: sockJoinMulticastV4},
			{name: "sock_join_multicast_v6", support: Full, do: sockJoinMulticastV6},
			{name: "sock_leave_multicast_v4", support: Full, do: sockLeaveMulticastV4},
			{name: "sock_leave_multicast_v6", support: Full, do: sockLeaveMulticastV6},
			{name: "sock_listen", support: Full, do: sockListen},
			{name: "sock_open", support: Full, do: sockOpen},
			{name: "sock_pair", support: Full, do: sockPair},
			{name: "sock_recv", support: Full, do: sockRecv},
			{name: "sock_recv_from", support: Full, do: sockRecvFrom},
			{name: "sock_recv_from_poll", note: noteWaker},
			{name: "sock_recv_poll", note: noteWaker},
			{name: "sock_recv_ready_poll", note: noteWaker},
			{name: "sock_send", support: Full, do: sockSend},
			{name: "sock_send_file", support: Full, do: sockSendFile},
			{name: "sock_send_poll", note: noteWaker},
			{name: "sock_send_ready_poll", note: noteWaker},
			{name: "sock_send_to", support: Full, do: sockSendTo},
			{name: "sock_send_to_poll", note: noteWaker},
			{name: "sock_set_opt_flag", support: Full, do: sockSetOptFlag},
			{name: "sock_set_opt_size", support: Full, do: sockSetOptSize},
			{name: "sock_set_opt_time", support: Full, do: sockSetOptTime},
			{name: "sock_shutdown", support: Full, do: sockShutdown},
			{name: "sock_status", support: Full, do: sockStatus},
		}},
		{"port", []row{
			{name: "port_addr_add", do: portAddrAdd, support: Full, note: notePortFixed},
			{name: "port_addr_clear", do: portAddrClear, support: Full, note: notePortFixed},
			{name: "port_addr_list", do: portAddrList, support: Full, note: notePortHidden},
			{name: "port_addr_remove", do: portAddrRemove, support: Full, note: notePortFixed},
			{name: "port_bridge", do: portBridge, support: Full, note: notePortFixed},
			{name: "port_dhcp_acquire", do: portDhcpAcquire, support: Full, note: notePortFixed},
			{name: "port_gateway_set", do: portGatewaySet, support: Full, note: notePortFixed},
			{name: "port_mac", do: portMac, support: Full, note: notePortHidden},
			{name: "port_route_add", do: portRouteAdd, support: Full, note: notePortFixed},
			{name: "port_route_clear", do: portRouteClear, support: Full, note: notePortFixed},
			{name: "port_route_list", do: portRouteList, support: Full, note: notePortHidden},
			{name: "port_route_remove", do: portRouteRemove, support: Full, note: notePortFixed},
			{name: "port_unbridge", do: portUnbridge, support: Full, note: notePortFixed},
		}},
		{"poll", []row{
			{name: "poll_oneoff", module: "wasi_unstable", do: pollOneoff(&pollUnstable), support: Full},
			{name: "poll_oneoff", module: "wasix_32v1", do: pollOneoff(&pollWasix), support: Full},
			{name: "poll_oneoff", do: pollOneoff(&pollPreview1), support: Full},
			{name: "epoll_create", do: epollCreate, support: Full},
			{name: "epoll_ctl", do: epollCtl, support: Full},
			{name: "epoll_wait", do: epollWait, support: Full},
		}},
		{"proc", []row{
			{name: "getpid", do: procID, support: Full},
			{name: "getppid", do: procParent, support: Full},
			{name: "proc_exec", raw: procExec, leaves: true, support: Full},
			{name: "proc_exec2", raw: procExec2, leaves: true, support: Full},
			{name: "proc_exec3", params: "i32 i32 i32 i32 i32 i32", note: noteProposal},
			{name: "proc_exec3", do: procExec3, leaves: true, support: Full},
			{name: "proc_exec4", do: procExec4, leaves: true, support: Full},
			{name: "proc_exit", raw: procExit, leaves: true, support: Full},
			{name: "proc_exit2", raw: procExit, leaves: true, support: Full},
			{name: "proc_fork", params: "i32", note: noteProposal},
			{name: "proc_fork", do: procFork, rewinds: true, support: Full, note: noteAsyncify + "; a child made in a signal handler must not return from it"},
			{name: "proc_fork_env", do: procForkEnv, support: Full, note: noteForkEnv},
			{name: "proc_id", do: procID, support: Full},
			{name: "proc_join", params: "i32 i32", do: procJoin2022, support: Full, note: "2022 to March 2023"},
			{name: "proc_join", do: procJoin, support: Full},
			{name: "proc_join_poll", note: noteWaker},
			{name: "proc_parent", do: procParent, support: Full},
			{name: "proc_snapshot"},
			{name: "proc_spawn", do: procSpawn, support: Full, note: "without chroot, preopens of the child's own and logs"},
			{name: "proc_spawn2", do: procSpawn2, support: Full},
			{name: "proc_spawn3", do: procSpawn3, support: Full},
			{name: "proc_vfork", note: noteProposal},
			{name: "process_spawn", note: "the form of 2022, withdrawn"},
		}},
		{"signal", []row{
			{name: "callback_signal", raw: callbackSignal, support: Full},
			{name: "proc_raise", do: procRaise, support: Full},
			{name: "proc_raise_interval", do: procRaiseInterval, support: Full},
			{name: "proc_raise_interval2", note: noteProposal},
			{name: "proc_signal", do: procSignal, support: Full},
			{name: "proc_signals_count_get", note: noteProposal},
			{name: "proc_signals_get", do: procSignalsGet, support: Full},
			{name: "proc_signals_sizes_get", do: procSignalsSizesGet, support: Full},
			{name: "signal_ignored", raw: signalIgnored, support: Full},
			{name: "thread_signal", do: threadSignal, support: Full},
		}},
		{"thread", []row{
			{name: "callback_reactor", note: "reactors were withdrawn in May 2023"},
			{name: "callback_thread"},
			{name: "callback_thread_local_destroy"},
			{name: "checkpoint", raw: checkpoint, support: Full},
			{name: "sched_yield", do: schedYield, support: Full},
			{name: "thread-spawn", raw: wasiThreadSpawn, support: Full},
			{name: "thread_exit", raw: threadExit, support: Full},
			{name: "thread_id", do: threadID, support: Full},
			{name: "thread_join", do: threadJoin, support: Full},
			{name: "thread_join_poll", note: noteWaker},
			{name: "thread_local_create", do: threadLocalCreate, support: Full},
			{name: "thread_local_destroy", do: threadLocalDestroy, support: Full},
			{name: "thread_local_get", do: threadLocalGet, support: Full},
			{name: "thread_local_set", do: threadLocalSet, support: Full},
			{name: "thread_parallelism", do: threadParallelism, support: Full},
			{name: "thread_sleep", do: threadSleep, support: Full},
			{name: "thread_sleep_poll", note: noteWaker},
			{name: "thread_spawn", params: "i32 i32", do: threadSpawnV2, support: Full},
			{name: "thread_spawn", params: "i64 i64 i64 i32 i32", do: threadSpawn2022, support: Full, note: "2022 to March 2023"},
			{name: "thread_spawn", note: noteProposal},
			{name: "thread_spawn_v2", do: threadSpawnV2, support: Full},
		}},
		{"futex", []row{
			{name: "futex_wait", do: futexWait, support: Full},
			{name: "futex_wait_poll", note: noteWaker},
			{name: "futex_wake", do: futexWake, support: Full},
			{name: "futex_wake_all", do: futexWakeAll, support: Full},
			{name: "memory_atomic_notify", raw: memoryAtomicNotify, support: Full},
			{name: "memory_atomic_wait32", raw: memoryAtomicWait32, support: Full},
			{name: "memory_atomic_wait64", raw: memoryAtomicWait64, support: Full},
		}},
		{"memory", []row{
			{name: "memory_grow", raw: memoryGrow, support: Full},
		}},
		{"stack", []row{
			{name: "stack_checkpoint", do: stackCheckpoint, rewinds: true, support: Full, note: noteAsyncify},
			{name: "stack_restore", raw: stackRestore, support: Full, note: noteAsyncify},
		}},
		{"tty", []row{
			{name: "tty_get", do: ttyGet, support: Full},
			{name: "tty_set", do: ttySet, support: Full},
		}},
		{"dl", []row{
			{name: "call_dynamic", note: noteSide},
			{name: "call_dynamic2", note: noteProposal},
			{name: "closure_allocate", note: noteSide},
			{name: "closure_free", note: noteSide},
			{name: "closure_prepare", note: noteSide},
			{name: "dl_invalid_handle", note: noteSide},
			{name: "dlclose", note: noteProposal},
			{name: "dlopen", note: noteSide},
			{name: "dlsym", note: noteSide},
			{name: "reflect_signature", note: noteSide},
		}},
		{"context", []row{
			{name: "context_create", note: noteContext},
			{name: "context_delete", note: noteProposal},
			{name: "context_destroy", note: noteContext},
			{name: "context_new", note: noteProposal},
			{name: "context_switch", note: noteContext},
			{name: "continuation_context", note: noteProposal},
			{name: "continuation_delete", note: noteProposal},
			{name: "continuation_new", note: noteProposal},
			{name: "continuation_switch", note: noteProposal},
			{name: "coroutine_context", note: noteProposal},
			{name: "coroutine_delete", note: noteProposal},
			{name: "coroutine_new", note: noteProposal},
			{name: "coroutine_switch", note: noteProposal},
		}},
		{"withdrawn", []row{
			{name: "bus_call", note: noteBus},
			{name: "bus_callback", note: noteBus},
			{name: "bus_close", note: noteBus},
			{name: "bus_drop", note: noteBus},
			{name: "bus_fault", note: noteBus},
			{name: "bus_invoke", note: noteBus},
			{name: "bus_listen", note: noteBus},
			{name: "bus_open_local", note: noteBus},
			{name: "bus_open_remote", note: noteBus},
			{name: "bus_poll", note: noteBus},
			{name: "bus_poll_data", note: noteBus},
			{name: "bus_reply", note: noteBus},
			{name: "bus_spawn_local", note: noteBus},
			{name: "bus_spawn_remote", note: noteBus},
			{name: "bus_subcall", note: noteBus},
			{name: "call_close", note: noteBus},
			{name: "call_fault", note: noteBus},
			{name: "call_reply", note: noteBus},
			{name: "callback_wake", note: noteProposal},
			{name: "callback_waker_drop", note: noteWaker},
			{name: "callback_waker_wake", note: noteWaker},
			{name: "http_request", note: "withdrawn in December 2022"},
			{name: "http_status", note: "withdrawn in December 2022"},
			{name: "ws_connect", note: "withdrawn in January 2023"},
		}},
	}
}
