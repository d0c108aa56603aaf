/* SPDX-License-Identifier: BSD-3-Clause */
#include "flow_text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 11 /* PROTO SRC -> DST, and three pairs; one more would be too many */

const char *const flow_proto_names[FLOW_PROTOS] = {
	[FLOW_TCP] = "tcp", [FLOW_UDP] = "udp", [FLOW_ICMP] = "icmp",
	[FLOW_IP] = "ip",   [FLOW_ARP] = "arp",
};

static int
fault_set(char fault[FLOW_FAULT_SIZE], const char *what, const char *word)
{
	snprintf(fault, FLOW_FAULT_SIZE, "%s%s%.40s%s", what, *word != '\0' ? ": '" : "", word,
		 *word != '\0' ? "'" : "");
	return -EINVAL;
}

static int
proto_find(const char *word, size_t len)
{
	for (int i = 0; i < FLOW_PROTOS; i++)
		if (strlen(flow_proto_names[i]) == len &&
		    strncmp(flow_proto_names[i], word, len) == 0)
			return i;
	return -1;
}

bool
flow_text_is(const char *text)
{
	text += strspn(text, " ");
	return proto_find(text, strcspn(text, " ")) >= 0;
}

/* Return: 1 .. max, or 0: it is no such number. */
static uint32_t
number_read(const char *text, uint32_t max)
{
	uint32_t number = 0;

	if (*text == '\0' || strlen(text) > 5 || strspn(text, "0123456789") != strlen(text))
		return 0;
	number = (uint32_t)strtoul(text, NULL, 10);
	return number <= max ? number : 0;
}

/* "ADDR", "ADDR4:PORT", "[ADDR6]" or "[ADDR6]:PORT". */
static int
end_read(const char *word, struct ip_addr *addr, uint16_t *port, char fault[FLOW_FAULT_SIZE])
{
	char text[IP_ADDR_TEXT_SIZE + 2];
	const char *rest = strchr(word, ':');
	size_t len;

	if (*word == '[') {
		word++;
		rest = strchr(word, ']');
		if (rest == NULL)
			return fault_set(fault, "a ] is missing", word);
		len = (size_t)(rest - word);
		rest++;
	} else {
		if (rest == NULL || strchr(rest + 1, ':') != NULL) /* more than one: IPv6 */
			rest = word + strlen(word);
		len = (size_t)(rest - word);
	}
	if (len >= sizeof(text))
		return fault_set(fault, "this is no address", word);
	memcpy(text, word, len);
	text[len] = '\0';
	if (ip_addr_parse(text, addr) < 0)
		return fault_set(fault, "this is no address", text);
	if (*rest == '\0')
		return 0;
	*port = *rest == ':' ? (uint16_t)number_read(rest + 1, UINT16_MAX) : 0;
	return *port != 0 ? 0 : fault_set(fault, "this is no port (1 to 65535)", rest);
}

static int
option_read(const char *name, const char *value, struct flow *flow, char fault[FLOW_FAULT_SIZE])
{
	uint8_t *mac = strcmp(name, "from") == 0 ? flow->from :
		       strcmp(name, "to") == 0   ? flow->to :
						   NULL;

	if (strcmp(name, "vlan") == 0) {
		flow->vid = value != NULL ? (uint16_t)number_read(value, 4094) : 0;
		return flow->vid != 0 ? 0 : fault_set(fault, "vlan needs a number, 1 to 4094", "");
	}
	if (mac == NULL)
		return fault_set(fault, "only vlan N, from MAC and to MAC may follow, not", name);
	if (value == NULL || mac_parse(value, mac) < 0)
		return fault_set(fault, "from and to need a MAC", value != NULL ? value : "");
	return 0;
}

static int
flow_check(const struct flow *flow, char fault[FLOW_FAULT_SIZE])
{
	if (flow->src.family != flow->dst.family)
		return fault_set(fault, "one address is IPv4 and one IPv6", "");
	if (flow->proto == FLOW_ARP && flow->src.family != AF_INET)
		return fault_set(fault, "arp is for IPv4", "");
	if (flow->proto != FLOW_TCP && flow->proto != FLOW_UDP &&
	    (flow->sport != 0 || flow->dport != 0))
		return fault_set(fault, "only tcp and udp have ports", "");
	if (mac_is_group(flow->from))
		return fault_set(fault, "the MAC behind from is a group's", "");
	return 0;
}

int
flow_text_parse(const char *text, struct flow *ret_flow, char ret_fault[FLOW_FAULT_SIZE])
{
	char copy[FLOW_TEXT_MAX], *words[WORDS_MAX], *save;
	struct flow flow = { 0 };
	unsigned int n = 0;
	int proto, ret = 0;

	if (strlen(text) >= sizeof(copy))
		return fault_set(ret_fault, "this is too long", "");
	strcpy(copy, text);
	for (char *word = strtok_r(copy, " ", &save); word != NULL && n < WORDS_MAX;
	     word = strtok_r(NULL, " ", &save))
		words[n++] = word;
	proto = n > 0 ? proto_find(words[0], strlen(words[0])) : -1;
	if (proto < 0)
		return fault_set(ret_fault, "tcp, udp, icmp, ip or arp must come first",
				 n > 0 ? words[0] : "");
	if (n >= 2 && strcmp(words[n - 1], "-") == 0)
		return fault_set(ret_fault,
				 "the shell has taken -> away: say \"to\", or quote the flow", "");
	if (n < 4 || (strcmp(words[2], "->") != 0 && strcmp(words[2], "to") != 0))
		return fault_set(ret_fault, "say SRC[:PORT] -> DST[:PORT]", "");
	flow.proto = (enum flow_proto)proto;
	ret = end_read(words[1], &flow.src, &flow.sport, ret_fault);
	if (ret == 0)
		ret = end_read(words[3], &flow.dst, &flow.dport, ret_fault);
	for (unsigned int i = 4; i < n && ret == 0; i += 2)
		ret = option_read(words[i], i + 1 < n ? words[i + 1] : NULL, &flow, ret_fault);
	if (ret == 0)
		ret = flow_check(&flow, ret_fault);
	if (ret == 0)
		*ret_flow = flow;
	return ret;
}
