/* SPDX-License-Identifier: BSD-3-Clause */
#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
mark_if_cut(char *msg, size_t size, int len)
{
	if (len >= 0 && (size_t)len >= size)
		memcpy(msg + size - 4, "...", 4);
}

int
error_set(struct error *err, int code, const char *fmt, ...)
{
	char msg[sizeof(err->msg)];
	va_list ap;
	int len;

	code = -abs(code);
	if (err == NULL)
		return code;

	va_start(ap, fmt);
	len = vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	mark_if_cut(msg, sizeof(msg), len);

	err->code = code;
	memcpy(err->msg, msg, sizeof(msg));
	return code;
}

int
error_prefix(struct error *err, const char *fmt, ...)
{
	char msg[sizeof(err->msg)];
	va_list ap;
	int len, rest;

	if (err == NULL)
		return -EINVAL;

	va_start(ap, fmt);
	len = vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	if (len >= 0 && (size_t)len < sizeof(msg)) {
		rest = snprintf(msg + len, sizeof(msg) - len, "%s", err->msg);
		len += rest;
	}
	mark_if_cut(msg, sizeof(msg), len);
	memcpy(err->msg, msg, sizeof(msg));
	return err->code;
}
