// Copyright the gowasix authors. SPDX-License-Identifier: Apache-2.0
//
// The WASIX imports that the guests use, as a program sees them: functions,
// structures and numbers. Every call without a note returns an errno.
// Calls that today's wasix-libc takes from wasi_snapshot_preview1 are taken from
// there here, too.
#ifndef WASIX_H
#define WASIX_H

#include <stddef.h>
#include <stdint.h>

#define WASI_IMPORT(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(#name)))
#define WASIX_IMPORT(name) __attribute__((import_module("wasix_32v1"), import_name(#name)))

typedef int32_t wasi_errno;
typedef uint32_t wasi_fd;
typedef uint64_t wasi_time; // nanoseconds

// An iovec of a receive or send.
struct wasi_iovec {
	void *base;
	size_t len;
};

struct wasi_fdstat {
	uint8_t filetype;
	uint16_t flags;
	uint64_t rights, inheriting;
};

struct wasi_filestat {
	uint64_t dev, ino;
	uint8_t filetype;
	uint64_t nlink, size;
	wasi_time atim, mtim, ctim;
};

struct wasi_dirent {
	uint64_t next, ino;
	uint32_t namlen;
	uint8_t type;
};

struct wasi_prestat {
	uint8_t tag;
	uint32_t name_len;
};

struct wasix_tty {
	uint32_t cols, rows, width, height;
	uint8_t stdin_tty, stdout_tty, stderr_tty, echo, line_buffered, line_feeds;
};

struct wasi_subscription {
	uint64_t userdata;
	uint8_t type; // WASI_EVENT_*
	union {
		struct {
			uint32_t id;
			wasi_time timeout, precision;
			uint16_t flags; // WASI_ABSTIME
		} clock;
		wasi_fd fd;
	} u;
};

struct wasi_event {
	uint64_t userdata;
	uint16_t error;
	uint8_t type;
	uint64_t nbytes;
	uint16_t flags; // WASI_HANGUP
};

_Static_assert(sizeof(struct wasi_fdstat) == 24, "fdstat");
_Static_assert(sizeof(struct wasi_filestat) == 64, "filestat");
_Static_assert(sizeof(struct wasi_dirent) == 24, "dirent");
_Static_assert(sizeof(struct wasi_subscription) == 48, "subscription");
_Static_assert(sizeof(struct wasi_event) == 32, "event");

enum { WASI_EVENT_CLOCK, WASI_EVENT_READ, WASI_EVENT_WRITE };
enum { WASI_ABSTIME = 1, WASI_HANGUP = 1 };
enum { WASI_FDFLAGS_APPEND = 1, WASI_FDFLAGS_NONBLOCK = 4 };
enum { WASI_OFLAGS_CREAT = 1, WASI_OFLAGS_DIRECTORY = 2, WASI_OFLAGS_EXCL = 4, WASI_OFLAGS_TRUNC = 8 };
enum { WASI_LOOKUP_FOLLOW = 1 };
enum { WASI_RI_PEEK = 1, WASI_RI_WAITALL = 2, WASI_RI_TRUNC = 4, WASI_RI_DONTWAIT = 8 };
enum { WASI_RO_TRUNCATED = 1 };
enum { WASI_SI_DONTWAIT = 1 };
enum { WASI_SHUT_RD = 1, WASI_SHUT_WR = 2 };
enum {
	WASI_FILETYPE_UNKNOWN,
	WASI_FILETYPE_BLOCK_DEVICE,
	WASI_FILETYPE_CHARACTER_DEVICE,
	WASI_FILETYPE_DIRECTORY,
	WASI_FILETYPE_REGULAR_FILE,
	WASI_FILETYPE_SOCKET_DGRAM,
	WASI_FILETYPE_SOCKET_STREAM,
	WASI_FILETYPE_SYMBOLIC_LINK,
	WASI_FILETYPE_SOCKET_RAW,
	WASI_FILETYPE_SOCKET_SEQPACKET,
};
#define WASI_RIGHT_SOCK_ACCEPT (1ull << 29)
#define WASI_RIGHT_SOCK_LISTEN (1ull << 31)
#define WASI_RIGHT_SOCK_BIND (1ull << 32)

enum { WASIX_AF_UNSPEC, WASIX_AF_INET4, WASIX_AF_INET6, WASIX_AF_UNIX };
enum { WASIX_SOCK_STREAM = 1, WASIX_SOCK_DGRAM, WASIX_SOCK_RAW, WASIX_SOCK_SEQPACKET };
enum { WASIX_PROTO_IP = 0, WASIX_PROTO_TCP = 6, WASIX_PROTO_UDP = 17 };

// Socket options; flag, time and size options have calls of their own.
enum {
	WASIX_OPT_REUSE_PORT = 1,
	WASIX_OPT_REUSE_ADDR,
	WASIX_OPT_NO_DELAY,
	WASIX_OPT_DONT_ROUTE,
	WASIX_OPT_ONLY_V6,
	WASIX_OPT_BROADCAST,
	WASIX_OPT_MULTICAST_LOOP_V4,
	WASIX_OPT_MULTICAST_LOOP_V6,
	WASIX_OPT_PROMISCUOUS,
	WASIX_OPT_LISTENING,
	WASIX_OPT_LAST_ERROR,
	WASIX_OPT_KEEP_ALIVE,
	WASIX_OPT_LINGER,
	WASIX_OPT_OOB_INLINE,
	WASIX_OPT_RECV_BUF_SIZE,
	WASIX_OPT_SEND_BUF_SIZE,
	WASIX_OPT_RECV_LOWAT,
	WASIX_OPT_SEND_LOWAT,
	WASIX_OPT_RECV_TIMEOUT,
	WASIX_OPT_SEND_TIMEOUT,
	WASIX_OPT_CONNECT_TIMEOUT,
	WASIX_OPT_ACCEPT_TIMEOUT,
	WASIX_OPT_TTL,
	WASIX_OPT_MULTICAST_TTL_V4,
	WASIX_OPT_TYPE,
	WASIX_OPT_PROTO,
};

// An address with a port. The port is in the machine's (little-endian) order,
// the octets of the address in network order.
struct wasix_addr_port {
	uint8_t tag; // WASIX_AF_*
	union {
		struct {
			uint16_t port;
			uint8_t octets[24]; // 4 of them for INET4, 16 for INET6
		} ip;
		char path[108]; // UNIX
	} u;
};
_Static_assert(sizeof(struct wasix_addr_port) == 110, "addr_port");

struct wasix_addr_ip {
	uint8_t tag, pad;
	uint8_t octets[16];
};
_Static_assert(sizeof(struct wasix_addr_ip) == 18, "addr_ip");

struct wasix_option_time {
	uint8_t tag; // 0 none, 1 some
	wasi_time some;
};
_Static_assert(sizeof(struct wasix_option_time) == 16, "option_timestamp");

// What thread_spawn_v2 hands on to the export wasi_thread_start.
struct wasix_thread_start {
	void *stack, *tls_base;
	void *start_funct, *start_args;
	uint32_t reserved[10];
	uint32_t stack_size, guard_size;
};
_Static_assert(sizeof(struct wasix_thread_start) == 64, "thread_start");

struct wasix_option_pid {
	uint8_t tag; // 0 none, 1 some
	uint32_t some;
};
_Static_assert(sizeof(struct wasix_option_pid) == 8, "option_pid");

enum { WASIX_JOIN_NOTHING, WASIX_JOIN_EXIT, WASIX_JOIN_SIGNAL, WASIX_JOIN_STOPPED };
struct wasix_join_status {
	uint8_t tag;
	uint16_t exit_code; // of WASIX_JOIN_EXIT and WASIX_JOIN_SIGNAL; the signal of WASIX_JOIN_STOPPED
	uint8_t signal;     // of WASIX_JOIN_SIGNAL
};
_Static_assert(sizeof(struct wasix_join_status) == 6, "join_status");

struct wasix_disposition {
	uint8_t signal, disposition; // WASIX_DISPOSITION_*
};
enum { WASIX_DISPOSITION_DEFAULT, WASIX_DISPOSITION_IGNORE };

// A file action of proc_spawn2.
struct wasix_fd_op {
	uint8_t cmd; // WASIX_FD_OP_*
	uint32_t fd, src_fd;
	const char *path;
	size_t path_len;
	uint32_t dirflags;
	uint16_t oflags;
	uint64_t rights, inheriting;
	uint16_t fdflags, fdflagsext;
};
_Static_assert(sizeof(struct wasix_fd_op) == 56, "proc_spawn_fd_op");
enum { WASIX_FD_OP_CLOSE, WASIX_FD_OP_DUP2, WASIX_FD_OP_OPEN, WASIX_FD_OP_CHDIR };

enum { WASIX_EPOLL_ADD = 1, WASIX_EPOLL_DEL, WASIX_EPOLL_MOD };
enum {
	WASIX_EPOLLIN = 1,
	WASIX_EPOLLOUT = 2,
	WASIX_EPOLLRDHUP = 4,
	WASIX_EPOLLPRI = 8,
	WASIX_EPOLLERR = 16,
	WASIX_EPOLLHUP = 32,
	WASIX_EPOLLET = 64,
	WASIX_EPOLLONESHOT = 128,
};
struct wasix_epoll_event {
	uint32_t events;
	struct {
		uint32_t ptr, fd, data1;
		uint64_t data2;
	} data;
};
_Static_assert(sizeof(struct wasix_epoll_event) == 32, "epoll_event");

// Programs, clocks, random numbers.
WASI_IMPORT(args_get) wasi_errno wasi_args_get(char **argv, char *buf);
WASI_IMPORT(args_sizes_get) wasi_errno wasi_args_sizes_get(size_t *argc, size_t *buf_len);
WASI_IMPORT(environ_get) wasi_errno wasi_environ_get(char **env, char *buf);
WASI_IMPORT(environ_sizes_get) wasi_errno wasi_environ_sizes_get(size_t *count, size_t *buf_len);
WASI_IMPORT(clock_res_get) wasi_errno wasi_clock_res_get(uint32_t id, wasi_time *res);
WASI_IMPORT(clock_time_get) wasi_errno wasi_clock_time_get(uint32_t id, wasi_time precision, wasi_time *now);
WASI_IMPORT(random_get) wasi_errno wasi_random_get(void *buf, size_t len);
WASI_IMPORT(sched_yield) wasi_errno wasi_sched_yield(void);
WASI_IMPORT(proc_exit) _Noreturn void wasi_proc_exit(uint32_t code);
WASIX_IMPORT(proc_exit2) _Noreturn void wasix_proc_exit2(uint32_t code);
WASIX_IMPORT(proc_id) wasi_errno wasix_proc_id(uint32_t *pid);
WASIX_IMPORT(proc_parent) wasi_errno wasix_proc_parent(uint32_t pid, uint32_t *parent);
WASIX_IMPORT(proc_fork) wasi_errno wasix_proc_fork(uint32_t copy_memory, uint32_t *pid);
WASIX_IMPORT(proc_exec3) wasi_errno wasix_proc_exec3(const char *name, size_t name_len, const char *args,
	size_t args_len, const char *envs, size_t envs_len, uint8_t search, const char *path, size_t path_len);
WASIX_IMPORT(proc_spawn2) wasi_errno wasix_proc_spawn2(const char *name, size_t name_len, const char *args,
	size_t args_len, const char *envs, size_t envs_len, const void *fd_ops, size_t fd_ops_len,
	const void *dispositions, size_t dispositions_len, uint8_t search, const char *path, size_t path_len,
	uint32_t *pid);
WASIX_IMPORT(proc_join) wasi_errno wasix_proc_join(struct wasix_option_pid *pid, uint32_t flags, struct wasix_join_status *status);
WASIX_IMPORT(proc_signals_sizes_get) wasi_errno wasix_proc_signals_sizes_get(size_t *count);
WASIX_IMPORT(proc_signals_get) wasi_errno wasix_proc_signals_get(struct wasix_disposition *dispositions);
WASIX_IMPORT(stack_checkpoint) wasi_errno wasix_stack_checkpoint(void *snapshot, uint64_t *value);
WASIX_IMPORT(stack_restore) _Noreturn void wasix_stack_restore(const void *snapshot, uint64_t value);
WASIX_IMPORT(proc_signal) wasi_errno wasix_proc_signal(uint32_t pid, uint8_t signal);
WASIX_IMPORT(proc_raise_interval) wasi_errno wasix_proc_raise_interval(uint8_t signal, wasi_time interval, uint8_t repeat);
WASIX_IMPORT(thread_signal) wasi_errno wasix_thread_signal(uint32_t tid, uint8_t signal);
WASIX_IMPORT(callback_signal) void wasix_callback_signal(const char *name, size_t len); // no result

// Descriptors and files.
WASI_IMPORT(fd_close) wasi_errno wasi_fd_close(wasi_fd fd);
WASI_IMPORT(fd_fdstat_get) wasi_errno wasi_fd_fdstat_get(wasi_fd fd, struct wasi_fdstat *st);
WASI_IMPORT(fd_fdstat_set_flags) wasi_errno wasi_fd_fdstat_set_flags(wasi_fd fd, uint32_t flags);
WASI_IMPORT(fd_fdstat_set_rights) wasi_errno wasi_fd_fdstat_set_rights(wasi_fd fd, uint64_t base, uint64_t inheriting);
WASI_IMPORT(fd_filestat_get) wasi_errno wasi_fd_filestat_get(wasi_fd fd, struct wasi_filestat *st);
WASI_IMPORT(fd_prestat_get) wasi_errno wasi_fd_prestat_get(wasi_fd fd, struct wasi_prestat *st);
WASI_IMPORT(fd_prestat_dir_name) wasi_errno wasi_fd_prestat_dir_name(wasi_fd fd, char *path, size_t len);
WASI_IMPORT(fd_read) wasi_errno wasi_fd_read(wasi_fd fd, const struct wasi_iovec *iov, size_t n, size_t *nread);
WASI_IMPORT(fd_readdir) wasi_errno wasi_fd_readdir(wasi_fd fd, void *buf, size_t len, uint64_t cookie, size_t *used);
WASI_IMPORT(fd_renumber) wasi_errno wasi_fd_renumber(wasi_fd fd, wasi_fd to);
WASI_IMPORT(fd_seek) wasi_errno wasi_fd_seek(wasi_fd fd, int64_t offset, uint32_t whence, uint64_t *pos);
WASI_IMPORT(fd_write) wasi_errno wasi_fd_write(wasi_fd fd, const struct wasi_iovec *iov, size_t n, size_t *nwritten);
WASI_IMPORT(path_filestat_get)
wasi_errno wasi_path_filestat_get(wasi_fd dir, uint32_t flags, const char *path, size_t len, struct wasi_filestat *st);
WASI_IMPORT(fd_advise) wasi_errno wasi_fd_advise(wasi_fd fd, uint64_t offset, uint64_t len, uint32_t advice);
WASI_IMPORT(fd_allocate) wasi_errno wasi_fd_allocate(wasi_fd fd, uint64_t offset, uint64_t len);
WASI_IMPORT(fd_datasync) wasi_errno wasi_fd_datasync(wasi_fd fd);
WASI_IMPORT(fd_sync) wasi_errno wasi_fd_sync(wasi_fd fd);
WASI_IMPORT(fd_filestat_set_size) wasi_errno wasi_fd_filestat_set_size(wasi_fd fd, uint64_t size);
WASI_IMPORT(fd_filestat_set_times)
wasi_errno wasi_fd_filestat_set_times(wasi_fd fd, wasi_time atim, wasi_time mtim, uint32_t flags);
WASI_IMPORT(fd_pread)
wasi_errno wasi_fd_pread(wasi_fd fd, const struct wasi_iovec *iov, size_t n, uint64_t offset, size_t *nread);
WASI_IMPORT(fd_pwrite)
wasi_errno wasi_fd_pwrite(wasi_fd fd, const struct wasi_iovec *iov, size_t n, uint64_t offset, size_t *nwritten);
WASI_IMPORT(path_create_directory) wasi_errno wasi_path_create_directory(wasi_fd dir, const char *path, size_t len);
WASI_IMPORT(path_remove_directory) wasi_errno wasi_path_remove_directory(wasi_fd dir, const char *path, size_t len);
WASI_IMPORT(path_rename)
wasi_errno wasi_path_rename(wasi_fd from, const char *path, size_t len, wasi_fd to, const char *name, size_t name_len);
WASI_IMPORT(path_link)
wasi_errno wasi_path_link(wasi_fd from, uint32_t flags, const char *path, size_t len, wasi_fd to, const char *name,
			  size_t name_len);
WASI_IMPORT(path_symlink)
wasi_errno wasi_path_symlink(const char *target, size_t target_len, wasi_fd dir, const char *path, size_t len);
WASI_IMPORT(path_readlink)
wasi_errno wasi_path_readlink(wasi_fd dir, const char *path, size_t len, char *buf, size_t n, size_t *used);
WASI_IMPORT(path_filestat_set_times)
wasi_errno wasi_path_filestat_set_times(wasi_fd dir, uint32_t flags, const char *path, size_t len, wasi_time atim,
					wasi_time mtim, uint32_t fst_flags);
WASI_IMPORT(path_unlink_file) wasi_errno wasi_path_unlink_file(wasi_fd dir, const char *path, size_t len);
WASI_IMPORT(path_open)
wasi_errno wasi_path_open(wasi_fd dir, uint32_t lookup, const char *path, size_t len, uint32_t oflags, uint64_t rights,
			  uint64_t inheriting, uint32_t fdflags, wasi_fd *fd);
WASIX_IMPORT(path_open2)
wasi_errno wasix_path_open2(wasi_fd dir, uint32_t lookup, const char *path, size_t len, uint32_t oflags, uint64_t rights,
			    uint64_t inheriting, uint32_t fdflags, uint32_t fdflagsext, wasi_fd *fd);
WASIX_IMPORT(fd_dup) wasi_errno wasix_fd_dup(wasi_fd fd, wasi_fd *to);
WASIX_IMPORT(fd_dup2) wasi_errno wasix_fd_dup2(wasi_fd fd, wasi_fd lowest, uint32_t cloexec, wasi_fd *to);
WASIX_IMPORT(fd_fdflags_get) wasi_errno wasix_fd_fdflags_get(wasi_fd fd, uint16_t *flags);
WASIX_IMPORT(fd_fdflags_set) wasi_errno wasix_fd_fdflags_set(wasi_fd fd, uint32_t flags);
WASIX_IMPORT(chdir) wasi_errno wasix_chdir(const char *path, size_t len);
WASIX_IMPORT(getcwd) wasi_errno wasix_getcwd(char *path, size_t *len);
WASIX_IMPORT(fd_event) wasi_errno wasix_fd_event(uint64_t initial, uint32_t flags, wasi_fd *fd);
WASIX_IMPORT(tty_get) wasi_errno wasix_tty_get(struct wasix_tty *state);
WASIX_IMPORT(tty_set) wasi_errno wasix_tty_set(const struct wasix_tty *state);
WASIX_IMPORT(fd_pipe) wasi_errno wasix_fd_pipe(wasi_fd *r, wasi_fd *w);

// Waiting.
WASI_IMPORT(poll_oneoff)
wasi_errno wasi_poll_oneoff(const struct wasi_subscription *in, struct wasi_event *out, size_t n, size_t *nevents);
WASIX_IMPORT(poll_oneoff)
wasi_errno wasix_poll_oneoff(const struct wasi_subscription *in, struct wasi_event *out, size_t n, size_t *nevents);
WASIX_IMPORT(epoll_create) wasi_errno wasix_epoll_create(wasi_fd *fd);
WASIX_IMPORT(epoll_ctl)
wasi_errno wasix_epoll_ctl(wasi_fd ep, uint32_t op, wasi_fd fd, const struct wasix_epoll_event *event);
WASIX_IMPORT(epoll_wait)
wasi_errno wasix_epoll_wait(wasi_fd ep, struct wasix_epoll_event *events, size_t max, wasi_time timeout, size_t *n);

// Threads.
WASIX_IMPORT(thread_spawn_v2) wasi_errno wasix_thread_spawn_v2(struct wasix_thread_start *start, uint32_t *tid);
WASIX_IMPORT(thread_exit) _Noreturn void wasix_thread_exit(uint32_t code);
WASIX_IMPORT(thread_id) wasi_errno wasix_thread_id(uint32_t *tid);
WASIX_IMPORT(thread_join) wasi_errno wasix_thread_join(uint32_t tid);
WASIX_IMPORT(thread_parallelism) wasi_errno wasix_thread_parallelism(size_t *n);
WASIX_IMPORT(thread_sleep) wasi_errno wasix_thread_sleep(wasi_time ns);
WASIX_IMPORT(futex_wait)
wasi_errno wasix_futex_wait(const void *addr, uint32_t expected, const struct wasix_option_time *timeout, uint8_t *woken);
WASIX_IMPORT(futex_wake) wasi_errno wasix_futex_wake(const void *addr, uint8_t *woken);
WASIX_IMPORT(futex_wake_all) wasi_errno wasix_futex_wake_all(const void *addr, uint8_t *woken);

// Sockets.
WASI_IMPORT(sock_accept) wasi_errno wasi_sock_accept(wasi_fd fd, uint32_t flags, wasi_fd *conn);
WASI_IMPORT(sock_recv)
wasi_errno wasi_sock_recv(wasi_fd fd, const struct wasi_iovec *iov, size_t n, uint32_t flags, size_t *nread, uint16_t *roflags);
WASI_IMPORT(sock_send)
wasi_errno wasi_sock_send(wasi_fd fd, const struct wasi_iovec *iov, size_t n, uint32_t flags, size_t *nsent);
WASI_IMPORT(sock_shutdown) wasi_errno wasi_sock_shutdown(wasi_fd fd, uint32_t how);
WASIX_IMPORT(sock_open) wasi_errno wasix_sock_open(uint32_t family, uint32_t type, uint32_t proto, wasi_fd *fd);
WASIX_IMPORT(sock_pair) wasi_errno wasix_sock_pair(uint32_t family, uint32_t type, uint32_t proto, wasi_fd *a, wasi_fd *b);
WASIX_IMPORT(sock_bind) wasi_errno wasix_sock_bind(wasi_fd fd, const struct wasix_addr_port *addr);
WASIX_IMPORT(sock_listen) wasi_errno wasix_sock_listen(wasi_fd fd, size_t backlog);
WASIX_IMPORT(sock_accept_v2)
wasi_errno wasix_sock_accept_v2(wasi_fd fd, uint32_t flags, wasi_fd *conn, struct wasix_addr_port *addr);
WASIX_IMPORT(sock_accept)
wasi_errno wasix_sock_accept(wasi_fd fd, uint32_t flags, wasi_fd *conn, struct wasix_addr_port *addr);
WASIX_IMPORT(sock_connect) wasi_errno wasix_sock_connect(wasi_fd fd, const struct wasix_addr_port *addr);
WASIX_IMPORT(sock_addr_local) wasi_errno wasix_sock_addr_local(wasi_fd fd, struct wasix_addr_port *addr);
WASIX_IMPORT(sock_addr_peer) wasi_errno wasix_sock_addr_peer(wasi_fd fd, struct wasix_addr_port *addr);
WASIX_IMPORT(sock_recv_from)
wasi_errno wasix_sock_recv_from(wasi_fd fd, const struct wasi_iovec *iov, size_t n, uint32_t flags, size_t *nread,
				uint16_t *roflags, struct wasix_addr_port *from);
WASIX_IMPORT(sock_send_to)
wasi_errno wasix_sock_send_to(wasi_fd fd, const struct wasi_iovec *iov, size_t n, uint32_t flags,
			      const struct wasix_addr_port *to, size_t *nsent);
WASIX_IMPORT(sock_send_file)
wasi_errno wasix_sock_send_file(wasi_fd out, wasi_fd in, uint64_t offset, uint64_t count, uint64_t *nsent);
WASIX_IMPORT(sock_get_opt_flag) wasi_errno wasix_sock_get_opt_flag(wasi_fd fd, uint32_t opt, uint8_t *flag);
WASIX_IMPORT(sock_set_opt_flag) wasi_errno wasix_sock_set_opt_flag(wasi_fd fd, uint32_t opt, uint32_t flag);
WASIX_IMPORT(sock_get_opt_size) wasi_errno wasix_sock_get_opt_size(wasi_fd fd, uint32_t opt, uint64_t *size);
WASIX_IMPORT(sock_set_opt_size) wasi_errno wasix_sock_set_opt_size(wasi_fd fd, uint32_t opt, uint64_t size);
WASIX_IMPORT(sock_get_opt_time) wasi_errno wasix_sock_get_opt_time(wasi_fd fd, uint32_t opt, struct wasix_option_time *t);
WASIX_IMPORT(sock_set_opt_time) wasi_errno wasix_sock_set_opt_time(wasi_fd fd, uint32_t opt, const struct wasix_option_time *t);
WASIX_IMPORT(sock_status) wasi_errno wasix_sock_status(wasi_fd fd, uint8_t *status);
WASIX_IMPORT(resolve)
wasi_errno wasix_resolve(const char *host, size_t len, uint32_t port, struct wasix_addr_ip *addrs, size_t max, size_t *n);

#endif
