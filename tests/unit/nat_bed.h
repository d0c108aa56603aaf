/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A NAT without a router, and packets for it, built and checked byte by byte with nothing of the
 * code under test.
 *
 * Addresses and ports are in host order here: 10.0.0.1 is IP(10, 0, 0, 1).
 *
 * Thread-safety: one thread per struct packet; the bed as struct nat.
 */
#ifndef TESTS_NAT_BED_H
#define TESTS_NAT_BED_H

#include <stdbool.h>
#include <stdint.h>

#include "nat.h"

#define IP(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (d))

#define GUEST_A IP(10, 0, 0, 1)
#define GUEST_B IP(10, 0, 0, 2)
#define EXT IP(192, 0, 2, 1)
#define REMOTE IP(198, 51, 100, 7)

#define PACKET_MAX 512
#define PACKET_L3 14

struct packet {
	struct rte_mbuf mbuf;
	struct ip_meta meta;
	uint32_t len; /* bytes of the frame */
	uint8_t bytes[PACKET_MAX];
};

struct nat_bed {
	struct nat *nat;
	struct rcu *rcu;
	struct rte_rcu_qsbr *qsbr;
	uint32_t now;
	uint16_t guest;
};

/* nat_bed_setup() - with @sessions; EAL must run. */
void nat_bed_setup(struct nat_bed *bed, uint32_t sessions, uint16_t workers);
void nat_bed_teardown(struct nat_bed *bed);

/* nat_bed_snat() - the one rule: 10.0.0.0/8 by EXT; @low, @high: ports, 0: default. */
void nat_bed_snat(struct nat_bed *bed, enum nat_mapping mapping, enum nat_filtering filtering,
		  uint16_t low, uint16_t high);

/* packet_l4() - TCP or UDP with 20 bytes of payload, checksums right. */
void packet_l4(struct packet *pkt, uint8_t proto, uint32_t src, uint16_t sport, uint32_t dst,
	       uint16_t dport, uint8_t tcp_flags);

/* packet_echo() - ICMP echo request, or reply. */
void packet_echo(struct packet *pkt, uint32_t src, uint32_t dst, uint16_t id, bool reply);

/* packet_error() - ICMP error of @type from @src about @quoted, @quote bytes of which are quoted.
 */
void packet_error(struct packet *pkt, uint8_t type, uint32_t src, const struct packet *quoted,
		  uint32_t quote);

/* packet_fragment() - fragment of a UDP datagram: the first, with ports, or a later one. */
void packet_fragment(struct packet *pkt, uint32_t src, uint16_t sport, uint32_t dst, uint16_t dport,
		     uint16_t id, bool first);

/* packet_seal() - make all checksums right after a change, or blank. */
void packet_seal(struct packet *pkt);
void packet_blank(struct packet *pkt);

/* packet_ok() - are the checksums right (or, of a blank packet, the pseudo header's sum)? Fragments
 * have no transport checksum that could be checked. */
bool packet_ok(const struct packet *pkt);

/* Fields, in host order. */
uint32_t packet_src(const struct packet *pkt);
uint32_t packet_dst(const struct packet *pkt);
uint16_t packet_sport(const struct packet *pkt); /* ICMP: id */
uint16_t packet_dport(const struct packet *pkt);

/* nat_bed_parse(), _classify(), _translate() - the steps; nat_bed_run() - all of them: IP_SNAT is
 * set for what comes from inside and is not for an inside address. Return: the drop reason, or
 * IP_KEEP. */
void nat_bed_parse(struct packet *pkt);
uint8_t nat_bed_run(struct nat_bed *bed, struct packet *pkt, enum nat_side side);

#endif /* TESTS_NAT_BED_H */
