/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tty: the terminal as a whole screen to draw on, keys as they are pressed, and a promise that the
 * terminal is afterwards as it was before.
 *
 * How: termios, and those control sequences that xterm, the Linux console, screen and tmux, and
 * serial consoles (VT220) have in common; no library for that. The picture is drawn on the
 * alternate screen, line by line over the last one, so it does not flicker. Signals that would end
 * or stop the process, and changes of the window's size, are taken from a signalfd in between, like
 * keys: whatever end is taken, tty_close() is on its way.
 *
 * Thread-safety: none; one thread, and one terminal at a time.
 */
#ifndef CTL_TTY_H
#define CTL_TTY_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

struct error;

/* What tty_wait() returns beside characters. */
enum {
	KEY_NONE = 0, /* time is over, or the terminal has changed: draw again */
	KEY_ESCAPE = 27,
	KEY_UP = 256,
	KEY_DOWN,
	KEY_LEFT,
	KEY_RIGHT,
	KEY_PAGE_UP,
	KEY_PAGE_DOWN,
	KEY_HOME,
	KEY_END,
	KEY_QUIT, /* the terminal is gone, or a signal asks to end */
};

struct tty {
	struct termios before;
	sigset_t mask; /* that was in force before */
	int signal_fd;
	int signal; /* that asked to end, or 0 */
	char keys[64];
	size_t n_keys; /* bytes in it that are not looked at yet */
};

/** tty_is_there() - are stdin and stdout a terminal that can do what it takes? */
bool tty_is_there(void);

/** tty_size() - of the window, or 24 lines of 80 columns if nobody knows */
void tty_size(int *ret_lines, int *ret_columns);

/**
 * tty_open() - take the screen over
 * Return: 0, or -errno with @err filled.
 */
int tty_open(struct tty *tty, struct error *err);

/** tty_close() - give it back */
void tty_close(struct tty *tty);

/**
 * tty_draw() - show a picture
 * @text: lines; what does not fit the screen is cut. Bytes that are not ASCII become '?', but for
 *	"\033[...m".
 * Return: 0 or -errno: the terminal is gone.
 */
int tty_draw(const char *text);

/**
 * tty_wait() - for a key
 * @msec: how long; -1: no limit
 * Return: a character, or one of the above.
 */
int tty_wait(struct tty *tty, int msec);

#endif
