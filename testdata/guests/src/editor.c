// A small full-screen editor: editor FILE. The size of the terminal is asked for
// at each key. Ctrl-S saves, Ctrl-Q quits, Ctrl-L draws again. Ctrl-R and Ctrl-X
// end the editor, the latter by abort, and leave the terminal as it is, for whoever
// started it to mend.
#include "guest.h"

enum { CTRL_L = 12, CTRL_Q = 17, CTRL_R = 18, CTRL_S = 19, CTRL_X = 24, BACKSPACE = 127 };

static char text[1 << 16];
static size_t length;
static const char *name, *message = "";
static struct termios original;
static int tty;

static void load(void)
{
	int fd = open(name, O_RDONLY);
	if (fd < 0 && errno == ENOENT)
		return;
	if (fd < 0)
		die("open");
	for (ssize_t n; (n = read(fd, text + length, sizeof text - length)) > 0;)
		length += n;
	close(fd);
}

static void save(void)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	bool saved = fd >= 0 && write_all(fd, text, length);
	message = saved ? "saved" : errname(errno);
	if (fd >= 0)
		close(fd);
}

static void print(const char *s) { write_all(tty, s, strlen(s)); }

// draw shows the text, and below it a line in reverse with the name and the size.
static void draw(void)
{
	struct winsize size;
	char buf[160];
	if (ioctl(tty, TIOCGWINSZ, &size) != 0)
		die("TIOCGWINSZ");
	print("\x1b[?25l\x1b[H\x1b[J");
	for (size_t i = 0; i < length; i++)
		write_all(tty, text[i] == '\n' ? "\r\n" : &text[i], text[i] == '\n' ? 2 : 1);
	format(buf, sizeof buf, "\x1b" "7\x1b[%d;1H\x1b[7m%s %dx%d %s\x1b[m\x1b" "8\x1b[?25h", size.ws_row, name,
		size.ws_col, size.ws_row, message);
	print(buf);
	message = "";
}

// key carries out a key; false ends the editor.
static bool key(char c)
{
	switch (c) {
	case CTRL_Q:
	case CTRL_R:
		return false;
	case CTRL_S:
		save();
		break;
	case CTRL_L:
		break;
	case CTRL_X:
		abort();
	case BACKSPACE:
		length -= length > 0;
		break;
	default:
		if (length < sizeof text)
			text[length++] = c == '\r' ? '\n' : c;
	}
	return true;
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		complain("usage: editor FILE\n");
		return 2;
	}
	name = argv[1];
	load();
	tty = open("/dev/tty", O_RDWR);
	if (tty < 0)
		die("/dev/tty");
	if (tcgetattr(tty, &original) != 0)
		die("tcgetattr");
	struct termios raw = original;
	raw.c_iflag &= ~(ICRNL | IXON);
	raw.c_lflag &= ~(ECHO | ICANON);
	tcsetattr(tty, TCSANOW, &raw);
	char c;
	do {
		draw();
	} while (read(tty, &c, 1) == 1 && key(c));
	print("\x1b[H\x1b[J");
	if (c != CTRL_R)
		tcsetattr(tty, TCSANOW, &original);
	return 0;
}
