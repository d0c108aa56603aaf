/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rates: how much a guest may send, as the operator writes it and as xenstore has it.
 *
 * Text is what xl.cfg has (xl-network-configuration(5), "rate"): a number, G, M, K or nothing for
 * powers of 1000, b or B for bits or bytes, "/s"; then perhaps "@" and the interval at which credit
 * is given: a number with s, ms or us; a bare number is seconds. "100Mb/s", "20MB/s@20ms".
 *
 * In xenstore it is "BYTES,USEC": bytes in each interval, and its length (backend key "rate").
 *
 * Thread-safety: pure functions, any thread.
 */
#ifndef COMMON_RATE_H
#define COMMON_RATE_H

#include <stddef.h>
#include <stdint.h>

#define RATE_TEXT_SIZE 48
#define RATE_USEC_DEFAULT 50000 /* as libxl has it */

struct rate {
	uint64_t bytes; /* per interval; 0: unlimited */
	uint32_t usec;  /* the interval */
};

/**
 * rate_parse() - read an operator's text.
 * Return: 0, -EINVAL, or -ERANGE: less than a byte per interval, or too much to count.
 */
int rate_parse(const char *text, struct rate *ret_rate);

/**
 * rate_format() - an operator's text for a rate; "none" if it is unlimited.
 * Return: @ret_text.
 */
const char *rate_format(const struct rate *rate, char ret_text[RATE_TEXT_SIZE]);

/**
 * rate_read() - read xenstore's text.
 * Return: 0, or -EINVAL: not digits, a comma, digits, or one of them is 0 or too large.
 */
int rate_read(const char *text, struct rate *ret_rate);

/** rate_write() - xenstore's text. Return: @ret_text. */
const char *rate_write(const struct rate *rate, char ret_text[RATE_TEXT_SIZE]);

#endif
