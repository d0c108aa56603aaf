/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Filters of captures: libpcap's language, compiled for Ethernet.
 *
 * Thread-safety: none needed.
 */
#ifndef CTL_CAPTURE_FILTER_H
#define CTL_CAPTURE_FILTER_H

#include <jansson.h>

struct error;

/**
 * capture_filter_compile() - the program of a filter
 * @text: as it was typed
 * @ret_program: [[CODE, JT, JF, K], ...], a new reference
 *
 * Return: 0 or -EINVAL, with what libpcap says.
 */
int capture_filter_compile(const char *text, json_t **ret_program, struct error *err);

#endif
