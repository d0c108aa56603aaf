/* SPDX-License-Identifier: BSD-3-Clause */
#include "nat_text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD_SIZE 48 /* longer than any word that is right */

static bool
addr_parse(const char *text, struct in_addr *ret_addr)
{
	struct ip_addr addr;

	if (ip_addr_parse(text, &addr) < 0 || addr.family != AF_INET || !ip_addr_is_station(&addr))
		return false;
	memcpy(ret_addr, addr.bytes, sizeof(*ret_addr));
	return true;
}

/* Up to a separator or the end. Return: what is behind it, or NULL; an empty word is too long. */
static const char *
word_next(const char *text, const char *separators, char word[WORD_SIZE])
{
	size_t len = strcspn(text, separators);

	snprintf(word, WORD_SIZE, "%.*s", (int)(len < WORD_SIZE ? len : WORD_SIZE - 1), text);
	return text[len] != '\0' ? text + len + 1 : NULL;
}

/* "192.0.2.1" or "192.0.2.1-192.0.2.9", in host order. */
static bool
range_parse(const char *text, uint32_t *ret_first, uint32_t *ret_last)
{
	char word[WORD_SIZE];
	const char *rest = word_next(text, "-", word);
	struct in_addr first, last;

	if (!addr_parse(word, &first))
		return false;
	last = first;
	if (rest != NULL && !addr_parse(rest, &last))
		return false;
	*ret_first = ntohl(first.s_addr);
	*ret_last = ntohl(last.s_addr);
	return *ret_first <= *ret_last;
}

static int
addr_compare(const void *a, const void *b)
{
	uint32_t one = ((const struct in_addr *)a)->s_addr, two;

	two = ((const struct in_addr *)b)->s_addr;
	return one < two ? -1 : one > two;
}

static bool
has_twins(const struct in_addr *addrs, unsigned int n)
{
	struct in_addr sorted[NAT_POOL_MAX];

	memcpy(sorted, addrs, n * sizeof(sorted[0]));
	qsort(sorted, n, sizeof(sorted[0]), addr_compare);
	for (unsigned int i = 1; i < n; i++)
		if (sorted[i].s_addr == sorted[i - 1].s_addr)
			return true;
	return false;
}

int
nat_pool_parse(const char *text, struct in_addr ret_addrs[NAT_POOL_MAX])
{
	struct in_addr addrs[NAT_POOL_MAX];
	unsigned int n = 0;

	while (text != NULL) {
		char word[WORD_SIZE];
		uint32_t first, last;

		text = word_next(text, ",", word);
		if (!range_parse(word, &first, &last))
			return -EINVAL;
		if (last - first >= NAT_POOL_MAX - n)
			return -E2BIG;
		for (uint32_t ip = first; ip <= last; ip++)
			addrs[n++].s_addr = htonl(ip);
	}
	if (has_twins(addrs, n))
		return -EINVAL;
	if (ret_addrs != NULL)
		memcpy(ret_addrs, addrs, n * sizeof(addrs[0]));
	return (int)n;
}

/* 1 .. 65535; 0: it is none. */
static uint16_t
port_parse(const char *text)
{
	unsigned long port;
	size_t len = strlen(text);

	if (len < 1 || len > 5 || text[strspn(text, "0123456789")] != '\0' || *text == '0')
		return 0;
	port = strtoul(text, NULL, 10);
	return port <= UINT16_MAX ? (uint16_t)port : 0;
}

int
nat_ports_parse(const char *text, uint16_t *ret_low, uint16_t *ret_high)
{
	char word[WORD_SIZE];
	const char *rest = word_next(text, "-", word);
	const uint16_t low = port_parse(word), high = rest != NULL ? port_parse(rest) : low;

	if (low == 0 || high < low)
		return -EINVAL;
	*ret_low = low;
	*ret_high = high;
	return 0;
}

int
nat_nets_parse(const char *text, struct ip_prefix *ret_nets, unsigned int max)
{
	unsigned int n = 0;

	while (text != NULL) {
		struct ip_prefix prefix, net;
		char word[WORD_SIZE];

		text = word_next(text, ",", word);
		if (ip_prefix_parse(word, &prefix) < 0 || prefix.addr.family != AF_INET)
			return -EINVAL;
		net = ip_prefix_net(&prefix);
		if (!ip_prefix_equal(&net, &prefix))
			return -EINVAL;
		if (n == max)
			return -E2BIG;
		if (ret_nets != NULL)
			ret_nets[n] = net;
		n++;
	}
	return (int)n;
}

/* --- forwardings --- */

static const struct {
	const char *word;
	uint8_t proto;
	bool has_ports;
} protos[] = {
	{ "tcp", IPPROTO_TCP, true },
	{ "udp", IPPROTO_UDP, true },
	{ "icmp", IPPROTO_ICMP, false },
	{ "any", 0, false },
};
#define N_PROTOS (sizeof(protos) / sizeof(protos[0]))

static bool
is_arrow(const char *word)
{
	return strcmp(word, "->") == 0 || strcmp(word, "to") == 0;
}

/* "8080-8090", "192.0.2.1:8080", "192.0.2.1". Return: what is wrong, or NULL. */
static const char *
external_parse(const char *text, bool has_ports, struct nat_dnat_text *dnat)
{
	char word[WORD_SIZE];
	const char *ports = word_next(text, ":", word);

	if (ports == NULL && strchr(text, '.') == NULL)
		ports = text;
	else if (!addr_parse(word, &dnat->ext))
		return "the external address is not an IPv4 address";
	if (ports == NULL)
		return NULL;
	if (!has_ports)
		return "icmp and any have no ports";
	if (nat_ports_parse(ports, &dnat->ext_low, &dnat->ext_high) < 0)
		return "the external port is not a number from 1 to 65535, or two with a hyphen, "
		       "the lower one first";
	return NULL;
}

/* "10.0.0.2:80", "10.0.0.2". */
static const char *
inside_parse(const char *text, bool has_ports, struct nat_dnat_text *dnat)
{
	char word[WORD_SIZE];
	const char *port = word_next(text, ":", word);

	if (!addr_parse(word, &dnat->inside))
		return "the inside address is not an IPv4 address";
	if (port == NULL)
		return NULL;
	if (!has_ports)
		return "icmp and any have no ports";
	dnat->inside_low = port_parse(port);
	return dnat->inside_low == 0 ? "the inside port is not a number from 1 to 65535" : NULL;
}

/* What is not given, and what must fit. */
static const char *
ports_complete(struct nat_dnat_text *dnat)
{
	if (dnat->ext_low == 0) {
		if (dnat->ext.s_addr == INADDR_ANY)
			return "the external port is missing";
		if (dnat->inside_low != 0)
			return "one inside port cannot stand for all external ones";
		dnat->ext_low = 1;
		dnat->ext_high = UINT16_MAX;
	}
	if (dnat->inside_low == 0)
		dnat->inside_low = dnat->ext_low;
	if (dnat->inside_low + (dnat->ext_high - dnat->ext_low) > UINT16_MAX)
		return "the inside ports would go beyond 65535";
	return NULL;
}

/* Split at blanks. Return: how many words, or -E2BIG. */
static int
split(const char *text, char words[NAT_DNAT_WORDS_MAX][WORD_SIZE])
{
	int n = 0;

	for (text += strspn(text, " \t"); *text != '\0'; text += strspn(text, " \t")) {
		size_t len = strcspn(text, " \t");

		if (n == NAT_DNAT_WORDS_MAX)
			return -E2BIG;
		word_next(text, " \t", words[n++]);
		text += len;
	}
	return n;
}

static const char *
dnat_read(char words[NAT_DNAT_WORDS_MAX][WORD_SIZE], int n, struct nat_dnat_text *dnat)
{
	const char *fault = NULL;
	size_t i = 0;

	while (i < N_PROTOS && (n < 1 || strcmp(words[0], protos[i].word) != 0))
		i++;
	if (i == N_PROTOS)
		return "it begins with tcp, udp, icmp or any";
	dnat->proto = protos[i].proto;
	if (n < 3 || !is_arrow(words[n - 2]))
		return "where to? it ends with -> ADDR[:PORT]";
	if (n == 4)
		fault = external_parse(words[1], protos[i].has_ports, dnat);
	if (fault == NULL)
		fault = inside_parse(words[n - 1], protos[i].has_ports, dnat);
	return fault == NULL && protos[i].has_ports ? ports_complete(dnat) : fault;
}

int
nat_dnat_parse(const char *text, struct nat_dnat_text *ret_dnat, const char **ret_fault)
{
	char words[NAT_DNAT_WORDS_MAX][WORD_SIZE];
	struct nat_dnat_text dnat = { 0 };
	const char *fault = "there are too many words";
	int n = split(text, words);

	if (n >= 0)
		fault = dnat_read(words, n, &dnat);
	if (fault != NULL) {
		*ret_fault = fault;
		return -EINVAL;
	}
	*ret_dnat = dnat;
	return 0;
}

char *
nat_dnat_format(const struct nat_dnat_text *dnat, char ret_text[NAT_DNAT_TEXT_SIZE])
{
	const bool all = dnat->ext_low == 1 && dnat->ext_high == UINT16_MAX &&
			 dnat->ext.s_addr != INADDR_ANY && dnat->inside_low == 1;
	char addr[INET_ADDRSTRLEN];
	size_t i = 0, len;

	while (i + 1 < N_PROTOS && protos[i].proto != dnat->proto)
		i++;
	len = snprintf(ret_text, NAT_DNAT_TEXT_SIZE, "%s", protos[i].word);
	if (dnat->ext.s_addr != INADDR_ANY)
		len += snprintf(ret_text + len, NAT_DNAT_TEXT_SIZE - len, " %s",
				inet_ntop(AF_INET, &dnat->ext, addr, sizeof(addr)));
	if (dnat->ext_low != 0 && !all)
		len += snprintf(ret_text + len, NAT_DNAT_TEXT_SIZE - len, "%c%u",
				dnat->ext.s_addr != INADDR_ANY ? ':' : ' ', dnat->ext_low);
	if (dnat->ext_high != dnat->ext_low && !all)
		len += snprintf(ret_text + len, NAT_DNAT_TEXT_SIZE - len, "-%u", dnat->ext_high);
	len += snprintf(ret_text + len, NAT_DNAT_TEXT_SIZE - len, " -> %s",
			inet_ntop(AF_INET, &dnat->inside, addr, sizeof(addr)));
	if (dnat->inside_low != 0 && !all)
		snprintf(ret_text + len, NAT_DNAT_TEXT_SIZE - len, ":%u", dnat->inside_low);
	return ret_text;
}

int
nat_dnat_words(char *const *words, int n)
{
	for (int i = 0; i < n && i < NAT_DNAT_WORDS_MAX; i++) {
		if (i == 0 && strpbrk(words[i], " \t") != NULL)
			return 1;
		/* "-> 10.0.0.2" unquoted: the shell has made a file of that name */
		if (strcmp(words[i], "-") == 0)
			return -EINVAL;
		if (is_arrow(words[i]))
			return i + 1 < n ? i + 2 : i + 1;
	}
	return n < NAT_DNAT_WORDS_MAX ? n : NAT_DNAT_WORDS_MAX;
}
