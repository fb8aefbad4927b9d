// The part of <spawn.h> and of exec(3) that probes use. On WASIX it is libc/spawn.c,
// which does as wasix-libc.
#ifndef SPAWNS_H
#define SPAWNS_H

#include "guest.h"
#include "signals.h"

#ifdef __wasm__

#include "wasix.h"

int execve(const char *path, char *const argv[], char *const envp[]);
int execvp(const char *name, char *const argv[]);

typedef struct {
	struct wasix_fd_op ops[8];
	size_t n;
} posix_spawn_file_actions_t;

enum { POSIX_SPAWN_SETSIGDEF = 4 };
typedef struct {
	short flags;
	sigset_t sigdefault;
} posix_spawnattr_t;

int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attr,
		char *const argv[], char *const envp[]);
int posix_spawn_file_actions_init(posix_spawn_file_actions_t *actions);
int posix_spawn_file_actions_addclose(posix_spawn_file_actions_t *actions, int fd);
int posix_spawn_file_actions_adddup2(posix_spawn_file_actions_t *actions, int fd, int to);
int posix_spawn_file_actions_addopen(posix_spawn_file_actions_t *actions, int fd, const char *path, int flags, mode_t mode);
int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t *actions, const char *path);
int posix_spawnattr_init(posix_spawnattr_t *attr);
int posix_spawnattr_setflags(posix_spawnattr_t *attr, short flags);
int posix_spawnattr_setsigdefault(posix_spawnattr_t *attr, const sigset_t *set);
int sigemptyset(sigset_t *set);
int sigaddset(sigset_t *set, int signo);

#else

#include <spawn.h>

#endif

#endif
