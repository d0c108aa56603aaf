/* SPDX-License-Identifier: BSD-3-Clause */
#include "lan.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LABEL_MAX 63
#define LONGEST_TO_CHOOSE 30 /* bits of a prefix */

bool
lan_domain_is_valid(const char *text)
{
	size_t label = 0;

	if (strlen(text) >= LAN_DOMAIN_SIZE)
		return false;
	for (;; text++) {
		const unsigned char c = (unsigned char)*text;

		if (c == '.' || c == '\0') {
			if (label == 0 || label > LABEL_MAX || text[-1] == '-')
				return false;
			if (c == '\0')
				return true;
			label = 0;
		} else if (isascii(c) && (isalnum(c) || (c == '-' && label > 0))) {
			label++;
		} else {
			return false;
		}
	}
}

int
lan_range_parse(const char *text, struct lan_range *ret_range)
{
	const char *dash = strchr(text, '-');
	char low[IP_ADDR_TEXT_SIZE];
	struct in_addr first, last;

	if (dash == NULL || (size_t)(dash - text) >= sizeof(low))
		return -EINVAL;
	snprintf(low, sizeof(low), "%.*s", (int)(dash - text), text);
	if (inet_pton(AF_INET, low, &first) != 1 || inet_pton(AF_INET, dash + 1, &last) != 1 ||
	    ntohl(first.s_addr) == 0 || ntohl(first.s_addr) > ntohl(last.s_addr))
		return -EINVAL;
	*ret_range = (struct lan_range){ ntohl(first.s_addr), ntohl(last.s_addr) };
	return 0;
}

struct lan_range
lan_range_of(const struct ip_prefix *prefix)
{
	const uint8_t *b = prefix->addr.bytes;
	uint32_t net = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
	uint32_t hosts;

	if (prefix->addr.family != AF_INET || prefix->len > LONGEST_TO_CHOOSE || prefix->len == 0)
		return (struct lan_range){ 0 };
	hosts = UINT32_MAX >> prefix->len;
	net &= ~hosts;
	return (struct lan_range){ net + 1, net + hosts - 1 };
}
