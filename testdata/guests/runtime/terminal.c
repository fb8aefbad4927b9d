// Terminals. WASIX has one, whatever the descriptor.
#include "runtime.h"

int tcgetattr(int fd, struct termios *tio)
{
	struct wasix_tty tty;
	if (!isatty(fd))
		return -1;
	wasi_errno err = wasix_tty_get(&tty);
	*tio = (struct termios){
		.c_iflag = ICRNL | IXON,
		.c_lflag = (tty.echo ? ECHO : 0) | (tty.line_buffered ? ICANON : 0),
	};
	return check(err, 0);
}

int tcsetattr(int fd, int when, const struct termios *tio)
{
	struct wasix_tty tty;
	(void)when;
	if (!isatty(fd))
		return -1;
	wasi_errno err = wasix_tty_get(&tty);
	tty.echo = (tio->c_lflag & ECHO) != 0;
	tty.line_buffered = (tio->c_lflag & ICANON) != 0;
	return check(err ? err : wasix_tty_set(&tty), 0);
}

int ioctl(int fd, int request, struct winsize *size)
{
	struct wasix_tty tty;
	if (!isatty(fd))
		return -1;
	wasi_errno err = wasix_tty_get(&tty);
	if (err || request == TIOCGWINSZ) {
		*size = (struct winsize){tty.rows, tty.cols, tty.width, tty.height};
		return check(err, 0);
	}
	tty.rows = size->ws_row;
	tty.cols = size->ws_col;
	tty.width = size->ws_xpixel;
	tty.height = size->ws_ypixel;
	return check(wasix_tty_set(&tty), 0);
}
