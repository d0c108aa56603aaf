/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Errors that an operator reads.
 *
 * A function that can fail for a reason worth telling takes a last `struct error *` and, on
 * failure, leaves there a sentence that names the object, the key and what would be right. It
 * returns the negative errno, so that callers need not look into the struct.
 *
 * Thread-safety: none needed; a struct error belongs to the call that fills it.
 */
#ifndef COMMON_ERROR_H
#define COMMON_ERROR_H

struct error {
	int code;      /* negative errno; 0 = no error */
	char msg[400]; /* one line, no newline, no full stop */
};

/**
 * error_set() - record what went wrong
 * @err: where to; NULL is legal and records nothing
 * @code: errno value, of either sign
 * @fmt: printf format of the message
 *
 * A message that does not fit ends in "...". The arguments may point into @err's own message.
 *
 * Return: -|code|, for `return error_set(...)`. Context: any thread.
 */
int error_set(struct error *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * error_prefix() - put more context in front of a message that is already there
 * @err: error that was set; NULL is legal
 * @fmt: printf format of what goes in front, including its separator
 *
 * Return: err->code, or -EINVAL if @err is NULL. Context: any thread.
 */
int error_prefix(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
