// The parts of the probe of descriptors.
#ifndef PROBE_H
#define PROBE_H

#include "guest.h"

extern int root;        // the probe's directory
extern char home[4096]; // its path
extern char buf[64];

void check(const char *name, long long rc); // prints errno for -1, else OK
int new_file(void);                         // makes f with ten digits in it
long long get_flags(int fd);                // 1 for O_NONBLOCK, 2 for O_APPEND

void numbers(void);
void sharing(void);
void events(void);
void current_directory(void);
void open_directories(void);
void listing(void);
void clocks(void);

#endif
