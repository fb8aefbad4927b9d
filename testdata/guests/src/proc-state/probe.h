// What the parts of the probe share.
#ifndef PROBE_H
#define PROBE_H

#include "guest.h"
#include "signals.h"

// Each prints a group of rows, "group.row: what was seen".
int waits(void);
int stops(void);
int deaths(void);
int inherits(void);
int executes(void);
int spawns(void);
int signal_rows(void);
int thread_rows(void);
int jump_rows(void);
void thread_signals(void); // the part of thread_rows on signals

// report is the program that is executed: it prints what it finds. argv[1] is
// "report", argv[2] the rows' group, and the rest depends on that.
int report(int argc, char **argv);

// program is the path of this program, below the current directory.
#define PROGRAM "files/program"

// child_of forks a child that exits with what body returns for arg.
pid_t child_of(int (*body)(int), int arg);

// waited calls waitpid and prints a row: an error, "none", or how the child ended,
// which is called another unless it is pid. Of a pid that is not above 0 it is any.
void waited(const char *row, pid_t pid, int options);

// answered prints a row: the errno of a call that failed, OK of one that did not.
void answered(const char *row, int result);

// A gate holds processes up: those that pass it wait until open_gate.
struct gate {
	int fds[2];
};
void make_gate(struct gate *g);
void pass(struct gate *g);      // in a child
void open_gate(struct gate *g); // in the process that made it, once

#endif
