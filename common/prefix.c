/* SPDX-License-Identifier: BSD-3-Clause */
#include "prefix.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

struct ip_addr
ip_addr_make(uint8_t family, const void *bytes)
{
	struct ip_addr addr = { .family = family };

	memcpy(addr.bytes, bytes, ip_addr_bits(family) / 8);
	return addr;
}

int
ip_addr_parse(const char *text, struct ip_addr *ret_addr)
{
	struct ip_addr addr = { .family = AF_INET };

	if (inet_pton(AF_INET, text, addr.bytes) != 1) {
		addr.family = AF_INET6;
		if (inet_pton(AF_INET6, text, addr.bytes) != 1)
			return -EINVAL;
	}
	*ret_addr = addr;
	return 0;
}

char *
ip_addr_format(const struct ip_addr *addr, char ret_text[IP_ADDR_TEXT_SIZE])
{
	if (inet_ntop(addr->family, addr->bytes, ret_text, IP_ADDR_TEXT_SIZE) == NULL)
		ret_text[0] = '\0';
	return ret_text;
}

bool
ip_addr_equal(const struct ip_addr *a, const struct ip_addr *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* "24" and nothing else. */
static int
parse_len(const char *text, unsigned int max)
{
	unsigned int len = 0, digits = 0;

	for (; *text >= '0' && *text <= '9' && digits < 4; text++, digits++)
		len = len * 10 + (*text - '0');
	return *text != '\0' || digits == 0 || len > max ||
			       (digits > 1 && text[-(int)digits] == '0') ?
		       -EINVAL :
		       (int)len;
}

int
ip_prefix_parse(const char *text, struct ip_prefix *ret_prefix)
{
	const char *slash = strchr(text, '/');
	char word[IP_ADDR_TEXT_SIZE];
	struct ip_prefix prefix;
	int len;

	if (strcmp(text, "default") == 0) {
		*ret_prefix = (struct ip_prefix){ .addr.family = AF_INET };
		return 0;
	}
	len = snprintf(word, sizeof(word), "%.*s",
		       slash != NULL ? (int)(slash - text) : (int)strlen(text), text);
	if ((size_t)len >= sizeof(word) || ip_addr_parse(word, &prefix.addr) < 0)
		return -EINVAL;
	len = ip_addr_bits(prefix.addr.family);
	if (slash != NULL)
		len = parse_len(slash + 1, len);
	if (len < 0)
		return -EINVAL;
	prefix.len = (uint8_t)len;
	*ret_prefix = prefix;
	return 0;
}

char *
ip_prefix_format(const struct ip_prefix *prefix, char ret_text[IP_PREFIX_TEXT_SIZE])
{
	char addr[IP_ADDR_TEXT_SIZE];

	snprintf(ret_text, IP_PREFIX_TEXT_SIZE, "%s/%u", ip_addr_format(&prefix->addr, addr),
		 prefix->len);
	return ret_text;
}

struct ip_prefix
ip_prefix_net(const struct ip_prefix *prefix)
{
	struct ip_prefix net = *prefix;
	unsigned int whole = net.len / 8;

	if (whole >= sizeof(net.addr.bytes))
		return net;
	net.addr.bytes[whole] &= 0xff00 >> net.len % 8;
	memset(net.addr.bytes + whole + 1, 0, sizeof(net.addr.bytes) - whole - 1);
	return net;
}

struct ip_prefix
ip_prefix_host(const struct ip_addr *addr)
{
	return (struct ip_prefix){ .addr = *addr, .len = ip_addr_bits(addr->family) };
}

/*
 * An IPv4 network of more than two addresses has one that is nobody's (RFC 1812 4.2.3.1). The one
 * with nothing set behind the prefix is as any other, as Linux has it now.
 */
bool
ip_prefix_broadcast(const struct ip_prefix *prefix, struct ip_prefix *ret_prefix)
{
	const struct ip_prefix net = ip_prefix_net(prefix);
	uint32_t mask;

	if (prefix->addr.family != AF_INET || prefix->len > 30)
		return false;
	*ret_prefix = ip_prefix_host(&net.addr);
	mask = prefix->len == 0 ? UINT32_MAX : UINT32_MAX >> prefix->len;
	for (unsigned int i = 0; i < 4; i++)
		ret_prefix->addr.bytes[i] |= mask >> (24 - 8 * i);
	return true;
}

bool
ip_prefix_has(const struct ip_prefix *prefix, const struct ip_addr *addr)
{
	const struct ip_prefix other = { .addr = *addr, .len = prefix->len };
	const struct ip_prefix a = ip_prefix_net(prefix), b = ip_prefix_net(&other);

	return ip_addr_equal(&a.addr, &b.addr);
}

bool
ip_prefix_equal(const struct ip_prefix *a, const struct ip_prefix *b)
{
	return a->len == b->len && ip_addr_equal(&a->addr, &b->addr);
}

bool
ip_addr_is_station(const struct ip_addr *addr)
{
	static const uint8_t zero[15];

	if (addr->family == AF_INET)
		return addr->bytes[0] != 0 && addr->bytes[0] != 127 && addr->bytes[0] < 224;
	return addr->bytes[0] != 0xff &&
	       (memcmp(addr->bytes, zero, sizeof(zero)) != 0 || addr->bytes[15] > 1);
}

bool
ip_addr_is_link_local(const struct ip_addr *addr)
{
	return addr->family == AF_INET6 && addr->bytes[0] == 0xfe &&
	       (addr->bytes[1] & 0xc0) == 0x80;
}

int
ip_addrs_parse(const char *text, struct ip_addr *ret_addrs, unsigned int max)
{
	unsigned int n = 0;

	for (;;) {
		size_t len = strcspn(text, ",");
		char word[IP_ADDR_TEXT_SIZE];
		struct ip_addr addr;

		if (len >= sizeof(word))
			return -EINVAL;
		memcpy(word, text, len);
		word[len] = '\0';
		if (ip_addr_parse(word, &addr) < 0)
			return -EINVAL;
		if (n == max)
			return -E2BIG;
		if (ret_addrs != NULL)
			ret_addrs[n] = addr;
		n++;
		if (text[len] == '\0')
			return (int)n;
		text += len + 1;
	}
}

#define PREFIXES_MAX 64

int
ip_prefixes_parse(const char *text, struct ip_prefix *ret_prefixes, unsigned int max)
{
	struct ip_prefix prefixes[PREFIXES_MAX];
	unsigned int n = 0;

	for (;;) {
		size_t len = strcspn(text, ",");
		char word[IP_PREFIX_TEXT_SIZE];

		if (n == max || n == PREFIXES_MAX)
			return -E2BIG;
		if (len >= sizeof(word))
			return -EINVAL;
		memcpy(word, text, len);
		word[len] = '\0';
		if (ip_prefix_parse(word, &prefixes[n]) < 0)
			return -EINVAL;
		for (unsigned int i = 0; i < n; i++)
			if (ip_prefix_equal(&prefixes[i], &prefixes[n]))
				return -EINVAL;
		n++;
		if (text[len] == '\0')
			break;
		text += len + 1;
	}
	if (ret_prefixes != NULL)
		memcpy(ret_prefixes, prefixes, n * sizeof(prefixes[0]));
	return (int)n;
}
