/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a frame is, in a line: addresses, tags, flow.
 *
 * Thread-safety: pure functions.
 */
#ifndef VSWITCH_FRAME_TEXT_H
#define VSWITCH_FRAME_TEXT_H

#include <stddef.h>
#include <stdint.h>

#define FRAME_TEXT_SIZE 256
#define FRAME_END_SIZE 56 /* of an address and a port */

/**
 * frame_text() - "tcp 10.0.0.2:5 -> 192.0.2.1:80, 00:16:3e:00:00:01 > 00:16:3e:00:00:02, tag 10"
 * @frame, @len: its start.
 * Return: @ret_text.
 */
char *frame_text(const uint8_t *frame, size_t len, char ret_text[FRAME_TEXT_SIZE]);

/** frame_end_text() - "10.0.0.2:5", "[2001:db8::1]:5"; port 0: none. Return: @ret_text. */
char *frame_end_text(uint8_t family, const void *ip, uint16_t port, char ret_text[FRAME_END_SIZE]);

#endif /* VSWITCH_FRAME_TEXT_H */
