/* SPDX-License-Identifier: BSD-3-Clause */
#include "rate.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define USEC_PER_SEC 1000000
#define SPEED_MAX 1e18 /* bytes per second, as it is shown: more makes no difference */

/* Digits, and what follows them. Return: 0, -EINVAL: none, or -ERANGE. */
static int
take_number(const char **text, uint64_t *ret_number)
{
	const char *c = *text;
	uint64_t number = 0;

	for (; *c >= '0' && *c <= '9'; c++) {
		if (number > (UINT64_MAX - 9) / 10)
			return -ERANGE;
		number = number * 10 + (uint64_t)(*c - '0');
	}
	if (c == *text)
		return -EINVAL;
	*text = c;
	*ret_number = number;
	return 0;
}

/* "20MB/s" in bytes per second. */
static int
take_speed(const char **text, uint64_t *ret_bytes)
{
	static const struct {
		char letter;
		uint64_t factor;
	} multipliers[] = { { 'K', 1000 }, { 'M', 1000000 }, { 'G', 1000000000 } };
	uint64_t number;
	size_t i;
	int ret;

	ret = take_number(text, &number);
	for (i = 0; i < 3 && ret == 0; i++) {
		if (**text != multipliers[i].letter)
			continue;
		ret = __builtin_mul_overflow(number, multipliers[i].factor, &number) ? -ERANGE : 0;
		(*text)++;
		break;
	}
	if (ret < 0)
		return ret;
	if (**text != 'b' && **text != 'B')
		return -EINVAL;
	*ret_bytes = **text == 'b' ? number / 8 : number;
	(*text)++;
	if (strncmp(*text, "/s", 2) != 0)
		return -EINVAL;
	*text += 2;
	return 0;
}

/* "20ms" in microseconds. */
static int
take_interval(const char **text, uint64_t *ret_usec)
{
	uint64_t factor = USEC_PER_SEC;
	int ret = take_number(text, ret_usec);

	if (ret < 0)
		return ret;
	if (**text == 'm' || **text == 'u') {
		factor = **text == 'm' ? 1000 : 1;
		(*text)++;
	}
	if (**text == 's')
		(*text)++;
	return __builtin_mul_overflow(*ret_usec, factor, ret_usec) ? -ERANGE : 0;
}

int
rate_parse(const char *text, struct rate *ret_rate)
{
	uint64_t bytes, usec = RATE_USEC_DEFAULT;
	int ret = take_speed(&text, &bytes);

	if (ret == 0 && *text == '@') {
		text++;
		ret = take_interval(&text, &usec);
	}
	if (ret < 0)
		return ret;
	if (*text != '\0')
		return -EINVAL;
	if (usec == 0 || usec > UINT32_MAX || __builtin_mul_overflow(bytes, usec, &bytes) ||
	    bytes < USEC_PER_SEC)
		return -ERANGE;
	*ret_rate = (struct rate){ .bytes = bytes / USEC_PER_SEC, .usec = (uint32_t)usec };
	return 0;
}

/* The largest unit in which a number is whole. */
static const char *
format_scaled(uint64_t number, const char *unit, char *text, size_t size)
{
	static const char letters[][2] = { "", "K", "M", "G" };
	unsigned int i;

	for (i = 0; i < 3 && number % 1000 == 0; i++)
		number /= 1000;
	snprintf(text, size, "%" PRIu64 "%s%s", number, letters[i], unit);
	return text;
}

const char *
rate_format(const struct rate *rate, char ret_text[RATE_TEXT_SIZE])
{
	/* what was a whole number of bits may have lost a fraction to the interval */
	const double exact = (double)rate->bytes * USEC_PER_SEC / (rate->usec > 0 ? rate->usec : 1);
	const double speed = exact < SPEED_MAX ? exact : SPEED_MAX;
	const uint64_t bits = (uint64_t)(speed * 8 + 0.5), bytes = (uint64_t)(speed + 0.5);
	size_t len;

	if (rate->bytes == 0) {
		snprintf(ret_text, RATE_TEXT_SIZE, "none");
		return ret_text;
	}
	if (bits % 1000 == 0)
		format_scaled(bits, "b/s", ret_text, RATE_TEXT_SIZE);
	else
		format_scaled(bytes, "B/s", ret_text, RATE_TEXT_SIZE);
	len = strlen(ret_text);
	if (rate->usec == RATE_USEC_DEFAULT)
		return ret_text;
	if (rate->usec % USEC_PER_SEC == 0)
		snprintf(ret_text + len, RATE_TEXT_SIZE - len, "@%us", rate->usec / USEC_PER_SEC);
	else if (rate->usec % 1000 == 0)
		snprintf(ret_text + len, RATE_TEXT_SIZE - len, "@%ums", rate->usec / 1000);
	else
		snprintf(ret_text + len, RATE_TEXT_SIZE - len, "@%uus", rate->usec);
	return ret_text;
}

int
rate_read(const char *text, struct rate *ret_rate)
{
	uint64_t bytes, usec;

	if (take_number(&text, &bytes) < 0 || *text++ != ',' || take_number(&text, &usec) < 0 ||
	    *text != '\0' || bytes == 0 || usec == 0 || usec > UINT32_MAX)
		return -EINVAL;
	*ret_rate = (struct rate){ .bytes = bytes, .usec = (uint32_t)usec };
	return 0;
}

const char *
rate_write(const struct rate *rate, char ret_text[RATE_TEXT_SIZE])
{
	snprintf(ret_text, RATE_TEXT_SIZE, "%" PRIu64 ",%u", rate->bytes, rate->usec);
	return ret_text;
}
