// A client of Redis: sends each line of its standard input as a command, its words
// separated by blanks, and prints the replies as redis-cli does.
//
// Arguments: host port. It exits with 1 when the server is not to be reached, or
// does not answer in Redis' protocol.
#include "guest.h"

enum { LINE = 500 }; // what say prints in one piece

// stream reads from a descriptor by and by.
struct stream {
	int fd;
	size_t start, end; // what was read, and not yet taken
	char buf[4096];
};

// next takes a byte; -1 at the end.
static int next(struct stream *s)
{
	if (s->start == s->end) {
		ssize_t n = read(s->fd, s->buf, sizeof s->buf);
		if (n < 0)
			die("read");
		if (n == 0)
			return -1;
		s->start = 0, s->end = (size_t)n;
	}
	return (unsigned char)s->buf[s->start++];
}

// read_line takes a line without its end, and cuts off what has no room; false
// at the end.
static bool read_line(struct stream *s, char line[LINE])
{
	size_t n = 0;
	int c;
	while ((c = next(s)) >= 0 && c != '\n')
		if (n < LINE - 1 && c != '\r')
			line[n++] = (char)c;
	line[n] = 0;
	return c >= 0 || n > 0;
}

// send_command sends the words of a line as an array of strings.
static void send_command(int fd, char *line)
{
	char *words[LINE / 2], buf[16 * LINE];
	size_t count = 0, n;
	for (char *at = line; *at;) {
		while (*at == ' ')
			*at++ = 0;
		if (*at)
			words[count++] = at;
		while (*at && *at != ' ')
			at++;
	}
	n = format(buf, sizeof buf, "*%u\r\n", (unsigned)count);
	for (size_t i = 0; i < count; i++)
		n += format(buf + n, sizeof buf - n, "$%u\r\n%s\r\n", (unsigned)strlen(words[i]), words[i]);
	if (!write_all(fd, buf, n))
		die("write");
}

static void print_string(struct stream *s, int length)
{
	char text[LINE] = "";
	int n = 0;
	for (int c; n < length && (c = next(s)) >= 0; n++)
		if (n < LINE - 1)
			text[n] = (char)c;
	next(s), next(s); // CR LF
	say("\"%s\"\n", text);
}

// print_reply prints one reply, and those in it; false if it is none.
static bool print_reply(struct stream *s)
{
	char line[LINE];
	if (!read_line(s, line))
		return false;
	int n = atoi(line + 1);
	switch (line[0]) {
	case '+':
		say("%s\n", line + 1);
		return true;
	case '-':
		say("(error) %s\n", line + 1);
		return true;
	case ':':
		say("(integer) %s\n", line + 1);
		return true;
	case '$':
		if (n < 0)
			say("(nil)\n");
		else
			print_string(s, n);
		return true;
	case '*':
		for (int i = 0; i < n; i++)
			if (!print_reply(s))
				return false;
		return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	static struct stream server, input = {.fd = STDIN_FILENO};
	char line[LINE];
	server.fd = dial(argv[1], argv[2], 0);
	if (server.fd < 0)
		die(argv[1]);
	while (read_line(&input, line)) {
		if (!line[0])
			continue;
		send_command(server.fd, line);
		if (!print_reply(&server)) {
			complain("%s: no reply\n", argv[1]);
			return 1;
		}
	}
	return 0;
}
