/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an operator says of a network of guests: domain names, ranges of IPv4 addresses.
 *
 * Thread-safety: pure functions, any thread.
 */
#ifndef COMMON_LAN_H
#define COMMON_LAN_H

#include <stdbool.h>
#include <stdint.h>

#include "prefix.h"

#define LAN_DOMAIN_SIZE 128 /* bytes, with the NUL */

/* First and last IPv4 address, host order. */
struct lan_range {
	uint32_t low;
	uint32_t high;
};

/** lan_domain_is_valid() - "guests.example.org": labels of letters, digits, hyphens. */
bool lan_domain_is_valid(const char *text);

/**
 * lan_range_parse() - read "10.0.0.100-10.0.0.199"
 * @ret_range: untouched on failure
 *
 * Return: 0 or -EINVAL. Context: any thread.
 */
int lan_range_parse(const char *text, struct lan_range *ret_range);

/** lan_range_of() - the stations' addresses of an IPv4 prefix; low 0: it has none to choose. */
struct lan_range lan_range_of(const struct ip_prefix *prefix);

#endif
