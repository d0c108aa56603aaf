/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Flow text: a packet as an operator says it, "tcp 10.0.0.2:5 -> 192.0.2.1:80".
 *
 *	tcp|udp|icmp|ip|arp SRC[:PORT] -> DST[:PORT] [vlan N] [from MAC] [to MAC]
 *
 * Ports belong to tcp and udp; behind an IPv6 address they need brackets: [2001:db8::1]:80. Both
 * addresses are of one family; arp is for IPv4. "to" is the same as "->" in its place.
 *
 * Thread-safety: pure functions.
 */
#ifndef COMMON_FLOW_TEXT_H
#define COMMON_FLOW_TEXT_H

#include "addr.h"
#include "prefix.h"

#define FLOW_TEXT_MAX 256
#define FLOW_FAULT_SIZE 96
#define EXPLAIN_FRAME_MAX 16384 /* bytes of a frame that is explained */

enum flow_proto { FLOW_TCP, FLOW_UDP, FLOW_ICMP, FLOW_IP, FLOW_ARP, FLOW_PROTOS };
extern const char *const flow_proto_names[FLOW_PROTOS];

/* An end's port, or 0: it is not given. A MAC that is all zero is not given. */
struct flow {
	enum flow_proto proto;
	struct ip_addr src, dst;
	uint16_t sport, dport;
	uint16_t vid; /* 1 .. 4094; 0: no tag */
	uint8_t from[MAC_LEN], to[MAC_LEN];
};

/** flow_text_is() - does a text begin as one? */
bool flow_text_is(const char *text);

/**
 * flow_text_parse() - read one.
 * @ret_fault: what is wrong with it, for a message.
 * Return: 0 or -EINVAL.
 */
int flow_text_parse(const char *text, struct flow *ret_flow, char ret_fault[FLOW_FAULT_SIZE]);

#endif /* COMMON_FLOW_TEXT_H */
