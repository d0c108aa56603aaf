/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A capture as lines: by tcpdump, or tshark, whichever there is; or, without either, by ourselves.
 *
 * How: the program reads the blocks from a pipe and writes lines to another one. In the line that
 * begins with a packet's time, the port and the way it went are put in, which the programs do not
 * tell; behind it, of one that was dropped, the reason. It is in a process group of its own, so
 * that Ctrl-C ends the capture and not the program: it still has packets to print.
 *
 * Thread-safety: none needed.
 */
#ifndef CTL_CAPTURE_TEXT_H
#define CTL_CAPTURE_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct capture_text;
struct error;

/**
 * capture_text_open() - begin
 * @options: what tcpdump is to be told besides, NULL at the end
 * @width: columns, after which lines go on below; 0: they do not
 *
 * Return: it, or NULL with @err filled.
 */
struct capture_text *capture_text_open(const char *const *options, int width, struct error *err);

/** capture_text_put() - print a block, sooner or later. Return: 0 or -errno. */
int capture_text_put(struct capture_text *text, const void *block, size_t len, struct error *err);

/** capture_text_fds() - what to wait for. @ret_fds: 2 struct pollfd. */
struct pollfd;
void capture_text_fds(const struct capture_text *text, struct pollfd *ret_fds);

/** capture_text_is_full() - so much waits to be printed that no more should be put */
int capture_text_is_full(const struct capture_text *text);

/**
 * capture_text_run() - print what can be printed now
 * @fds: as poll() has left those of capture_text_fds()
 * Return: 0; -EPIPE: nobody reads; -ETIMEDOUT: interrupted, and nobody reads; or another -errno.
 */
int capture_text_run(struct capture_text *text, const struct pollfd *fds, struct error *err);

/**
 * capture_text_close() - print the rest, if nothing has failed. NULL is legal
 * @ret_packets: how many have been printed; NULL: nobody asks
 * Return: as above.
 */
int capture_text_close(struct capture_text *text, uint64_t *ret_packets, struct error *err);

#endif
