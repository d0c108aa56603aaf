/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Interrupt: Ctrl-C, SIGTERM and SIGHUP of a command that has something left to do then.
 *
 * How: the first one is caught and asked for; the second one ends the process as if none were
 * caught. Who sleeps holds them back between asking and ppoll(), so that none is slept over.
 *
 * Thread-safety: none needed.
 */
#ifndef CTL_INTERRUPT_H
#define CTL_INTERRUPT_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

/** interrupt_catch() - from now on; and what cannot be written is an error, no signal */
void interrupt_catch(void);

/**
 * interrupt_hold() - hold signals back
 * @ret_before: for ppoll(), which lets them in, and for interrupt_release()
 *
 * Return: has there been one?
 */
bool interrupt_hold(sigset_t *ret_before);

/** interrupt_release() - @before: as interrupt_hold() has left it */
void interrupt_release(const sigset_t *before);

/**
 * interrupt_write() - write all of it; once interrupted, only while somebody reads
 * @fd: blocks, or does not
 * @ret_written: bytes that were
 *
 * Return: 0; -ETIMEDOUT: interrupted, and nobody has read for a second; or another -errno.
 */
int interrupt_write(int fd, const void *bytes, size_t len, size_t *ret_written);

#endif
