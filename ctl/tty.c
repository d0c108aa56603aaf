/* SPDX-License-Identifier: BSD-3-Clause */
#include "tty.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "error.h"

/* Alternate screen, no cursor; and back. */
#define ENTER "\033[?1049h\033[?25l"
#define LEAVE "\033[?25h\033[?1049l"

bool
tty_is_there(void)
{
	const char *kind = getenv("TERM");

	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && kind != NULL && *kind != '\0' &&
	       strcmp(kind, "dumb") != 0;
}

void
tty_size(int *ret_lines, int *ret_columns)
{
	struct winsize size = { 0 };

	/* a serial console says 0 */
	ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	*ret_lines = size.ws_row > 0 ? size.ws_row : 24;
	*ret_columns = size.ws_col > 0 ? size.ws_col : 80;
}

static int
write_all(const char *text, size_t size)
{
	while (size > 0) {
		const ssize_t n = write(STDOUT_FILENO, text, size);

		if (n < 0 && errno == EAGAIN) {
			struct pollfd out = { .fd = STDOUT_FILENO, .events = POLLOUT };

			poll(&out, 1, -1);
		} else if (n < 0 && errno != EINTR) {
			return -errno;
		} else if (n > 0) {
			text += n;
			size -= n;
		}
	}
	return 0;
}

/* Keys come one by one and unseen; ^C and ^Z are still signals. */
static int
take_over(struct tty *tty)
{
	struct termios mode = tty->before;

	mode.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	mode.c_cc[VMIN] = 1;
	mode.c_cc[VTIME] = 0;
	if (tcsetattr(STDIN_FILENO, TCSADRAIN, &mode) < 0)
		return -errno;
	return write_all(ENTER, strlen(ENTER));
}

static void
give_back(struct tty *tty)
{
	write_all(LEAVE, strlen(LEAVE));
	tcsetattr(STDIN_FILENO, TCSADRAIN, &tty->before);
}

int
tty_open(struct tty *tty, struct error *err)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH };
	sigset_t mask;
	int ret;

	*tty = (struct tty){ .signal_fd = -1 };
	if (tcgetattr(STDIN_FILENO, &tty->before) < 0)
		return error_set(err, errno, "terminal: %s", strerror(errno));
	sigemptyset(&mask);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaddset(&mask, signals[i]);
	sigprocmask(SIG_BLOCK, &mask, &tty->mask);
	tty->signal_fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	if (tty->signal_fd < 0) {
		ret = -errno;
		goto err_mask;
	}
	ret = take_over(tty);
	if (ret == 0)
		return 0;
	give_back(tty);
	close(tty->signal_fd);
err_mask:
	sigprocmask(SIG_SETMASK, &tty->mask, NULL);
	return error_set(err, ret, "terminal: %s", strerror(-ret));
}

void
tty_close(struct tty *tty)
{
	give_back(tty);
	close(tty->signal_fd);
	sigprocmask(SIG_SETMASK, &tty->mask, NULL);
}

/* Bytes of a sequence that changes how the text looks; 0: it is none. */
static size_t
style_len(const char *text)
{
	size_t len;

	if (text[0] != '\033' || text[1] != '[')
		return 0;
	len = 2 + strspn(text + 2, "0123456789;");
	return text[len] == 'm' ? len + 1 : 0;
}

/* One line, as much of it as fits. Return: where the next one begins. */
static const char *
draw_line(const char *text, int columns, FILE *out)
{
	for (int column = 0; *text != '\0' && *text != '\n'; text++) {
		const size_t len = style_len(text);

		if (len > 0) {
			fwrite(text, 1, len, out);
			text += len - 1;
		} else if (column++ < columns) {
			fputc(*text >= ' ' && *text <= '~' ? *text : '?', out);
		}
	}
	return *text == '\n' ? text + 1 : text;
}

int
tty_draw(const char *text)
{
	int lines, columns, line, ret = -ENOMEM;
	char *picture = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&picture, &size);

	if (out == NULL)
		return ret;
	tty_size(&lines, &columns);
	for (line = 1; line <= lines && *text != '\0'; line++) {
		/* blank first: behind the last column the cursor is still on it */
		fprintf(out, "\033[%d;1H\033[0m\033[K", line);
		text = draw_line(text, columns, out);
	}
	fputs("\033[0m", out);
	if (line <= lines)
		fprintf(out, "\033[%d;1H\033[J", line);
	if (fclose(out) == 0)
		ret = write_all(picture, size);
	free(picture);
	return ret;
}

/* --- keys --- */

/* Take a key off those that were read. */
static int
next_key(struct tty *tty)
{
	static const struct {
		const char *text; /* after escape */
		int key;
	} sequences[] = {
		{ "[A", KEY_UP },         { "OA", KEY_UP },    { "[B", KEY_DOWN },
		{ "OB", KEY_DOWN },       { "[C", KEY_RIGHT }, { "OC", KEY_RIGHT },
		{ "[D", KEY_LEFT },       { "OD", KEY_LEFT },  { "[5~", KEY_PAGE_UP },
		{ "[6~", KEY_PAGE_DOWN }, { "[H", KEY_HOME },  { "OH", KEY_HOME },
		{ "[1~", KEY_HOME },      { "[F", KEY_END },   { "OF", KEY_END },
		{ "[4~", KEY_END },
	};
	size_t taken = 1;
	int key = (unsigned char)tty->keys[0];

	if (key == KEY_ESCAPE && tty->n_keys > 2 && (tty->keys[1] == '[' || tty->keys[1] == 'O')) {
		/* a sequence that is not known is nothing; it ends with a letter or ~ */
		const char *rest = tty->keys + 1;
		const size_t left = tty->n_keys - 1;

		key = KEY_NONE;
		while (taken < left && strchr("[O0123456789;", rest[taken - 1]) != NULL)
			taken++;
		for (size_t i = 0; i < sizeof(sequences) / sizeof(sequences[0]); i++)
			if (strlen(sequences[i].text) == taken &&
			    memcmp(sequences[i].text, rest, taken) == 0)
				key = sequences[i].key;
		taken++;
	}
	tty->n_keys -= taken;
	memmove(tty->keys, tty->keys + taken, tty->n_keys);
	return key;
}

/* ^Z: the shell gets its screen back until it goes on. */
static void
suspend(struct tty *tty)
{
	give_back(tty);
	raise(SIGSTOP);
	tcgetattr(STDIN_FILENO, &tty->before);
	take_over(tty);
}

static int
take_signal(struct tty *tty)
{
	struct signalfd_siginfo info;
	bool stop = false;

	while (read(tty->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGTSTP)
			stop = true;
		else if (info.ssi_signo != SIGWINCH)
			tty->signal = info.ssi_signo;
	}
	if (tty->signal != 0)
		return KEY_QUIT;
	if (stop)
		suspend(tty);
	return KEY_NONE;
}

int
tty_wait(struct tty *tty, int msec)
{
	struct pollfd fds[] = {
		{ .fd = tty->signal_fd, .events = POLLIN },
		{ .fd = STDIN_FILENO, .events = POLLIN },
	};
	ssize_t n;

	if (tty->n_keys > 0)
		return next_key(tty);
	if (poll(fds, 2, msec) <= 0)
		return KEY_NONE;
	if (fds[0].revents != 0)
		return take_signal(tty);
	n = read(STDIN_FILENO, tty->keys, sizeof(tty->keys));
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return KEY_NONE;
	if (n <= 0)
		return KEY_QUIT;
	tty->n_keys = n;
	return next_key(tty);
}
