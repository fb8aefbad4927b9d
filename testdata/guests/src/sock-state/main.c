// Goes through the states of sockets and prints what each call answers, one line
// per case, in a form that is the same on every run. Arguments: groups of cases
// to run, all by default.
#include "probe.h"

static const struct {
	const char *name;
	void (*run)(void);
} groups[] = {
	{"open", open_cases},         {"bind", bind_cases},         {"listen", listen_cases},
	{"accept", accept_cases},     {"connect", connect_cases},   {"transfer", transfer_cases},
	{"datagram", datagram_cases}, {"shutdown", shutdown_cases}, {"option", option_cases},
	{"descriptor", descriptor_cases}, {"unix", unix_cases},
};

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
		bool asked = argc < 2;
		for (int j = 1; j < argc; j++)
			asked |= !strcmp(argv[j], groups[i].name);
		if (asked)
			groups[i].run();
	}
	return 0;
}
