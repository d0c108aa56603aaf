/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fuzz target: any packets through NAT.
 *
 * The input: packets one after the other, each two bytes of choices and length, then the IP packet.
 * A choice may have the header checksums made right first, so that what is behind them is reached.
 * The packets are heap blocks of their exact size. A packet whose checksums were right has right
 * ones afterwards, blank ones included; one that is refused or is not NAT's is not changed.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_rcu_qsbr.h>

#include "nat.h"
#include "rcu.h"

#define PACKETS_MAX 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum choice {
	CHOICE_OUTSIDE = 1 << 0,
	CHOICE_SEAL = 1 << 1,    /* make the header checksum right */
	CHOICE_SEAL4 = 1 << 2,   /* and the transport checksum */
	CHOICE_BLANK = 1 << 3,   /* or blank */
	CHOICE_LATER = 1 << 4,   /* time passes */
	CHOICE_ADDRESS = 1 << 5, /* make addresses such that NAT looks at them */
};

static struct nat *nat;
static struct rcu *rcu;
static uint32_t now = 1000;

static void
must(bool truth, const char *what)
{
	if (truth)
		return;
	fprintf(stderr, "fuzz_nat: %s\n", what);
	abort();
}

static void
set_rules(void)
{
	static const uint32_t ext = RTE_BE32(0xc0000201);
	static const struct nat_snat snats[] = {
		{ .inside = RTE_BE32(0x0a000000),
		  .inside_len = 31,
		  .guest = NAT_GUEST_ANY,
		  .out = NAT_OUT_ANY,
		  .ext = &ext,
		  .n_ext = 1,
		  .port_low = 1,
		  .port_high = 65535,
		  .filtering = NAT_FILTER_ADDRESS },
		{ .inside = RTE_BE32(0x0a000000),
		  .inside_len = 8,
		  .guest = NAT_GUEST_ANY,
		  .out = NAT_OUT_ANY,
		  .ext = &ext,
		  .n_ext = 1,
		  .port_low = 1024,
		  .port_high = 65535,
		  .mapping = NAT_MAP_ADDRESS_PORT_DEPENDENT },
	};
	static const struct nat_dnat dnats[] = {
		{ IPPROTO_TCP, RTE_BE32(0xc0000201), 8080, 8090, RTE_BE32(0x0a000002), 80, 1 },
		{ IPPROTO_ICMP, RTE_BE32(0xc0000201), 0, 0, RTE_BE32(0x0a000003), 0, 1 },
	};
	uint32_t bad;

	must(nat_rules_set(nat, snats, RTE_DIM(snats), dnats, RTE_DIM(dnats), &bad) == 0, "rules");
}

static void
start(void)
{
	static char args[][24] = {
		"fuzz",           "--no-huge", "--no-shconf",       "--no-pci",
		"--no-telemetry", "-m64",      "--log-level=error", "--iova-mode=va"
	};
	static char *argv[RTE_DIM(args) + 1];
	struct nat_config config = { .max_sessions = NAT_SESSIONS_MIN, .n_workers = 1 };

	for (size_t i = 0; i < RTE_DIM(args); i++)
		argv[i] = args[i];
	must(rte_eal_init(RTE_DIM(args), argv) >= 0, "no EAL");
	config.qsbr = aligned_alloc(64, rte_rcu_qsbr_get_memsize(1));
	rte_rcu_qsbr_init(config.qsbr, 1);
	config.rcu = rcu = rcu_create(config.qsbr);
	nat = nat_create(&config);
	must(nat != NULL, "no NAT");
	set_rules();
}

static uint32_t
sum_of(const uint8_t *at, uint32_t len, uint32_t sum)
{
	for (uint32_t i = 0; i < len; i++)
		sum += i % 2 != 0 ? at[i] : at[i] << 8;
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static void
put(uint8_t *at, uint32_t value)
{
	at[0] = value >> 8;
	at[1] = value;
}

/* Where the transport checksum is, or NULL: none that covers the packet. */
static uint8_t *
field_of(uint8_t *ip, uint32_t len)
{
	const uint32_t header = (ip[0] & 15) * 4u, at = ip[9] == IPPROTO_TCP  ? 16 :
							ip[9] == IPPROTO_UDP  ? 6 :
							ip[9] == IPPROTO_ICMP ? 2 :
										0;
	const uint32_t total = ip[2] << 8 | ip[3];

	if (at == 0 || total > len || header < 20 || header + at + 2 > total ||
	    ((ip[6] << 8 | ip[7]) & 0x3fff) != 0)
		return NULL;
	return ip + header + at;
}

static uint32_t
pseudo_of(const uint8_t *ip)
{
	const uint32_t header = (ip[0] & 15) * 4u;

	return ip[9] == IPPROTO_ICMP ?
		       0 :
		       sum_of(ip + 12, 8, ip[9] + (uint32_t)(ip[2] << 8 | ip[3]) - header);
}

static uint32_t
transport_sum(const uint8_t *ip)
{
	const uint32_t header = (ip[0] & 15) * 4u;

	return sum_of(ip + header, (uint32_t)(ip[2] << 8 | ip[3]) - header, pseudo_of(ip));
}

/* The checksums, header's and transport's. */
static bool
is_right(uint8_t *ip, uint32_t len, bool blank)
{
	const uint8_t *field;

	if (len < 20 || (ip[0] & 15) < 5 || (ip[0] & 15) * 4u > len ||
	    sum_of(ip, (ip[0] & 15) * 4u, 0) != 0xffff)
		return false;
	field = field_of(ip, len);
	if (field == NULL)
		return true;
	if (blank)
		return (uint32_t)(field[0] << 8 | field[1]) == pseudo_of(ip);
	return (ip[9] == IPPROTO_UDP && field[0] == 0 && field[1] == 0) ||
	       transport_sum(ip) == 0xffff;
}

static void
seal(uint8_t *ip, uint32_t len, uint8_t choice)
{
	const uint32_t header = (ip[0] & 15) * 4u;
	uint8_t *field;

	if (choice & CHOICE_ADDRESS) {
		uint8_t *inside = ip + (choice & CHOICE_OUTSIDE ? 16 : 12);

		memcpy(inside, choice & CHOICE_OUTSIDE ? "\xc0\x00\x02" : "\x0a\x00\x00", 3);
		inside[3] = choice & CHOICE_OUTSIDE ? 1 : inside[3] & 3;
	}
	if (!(choice & CHOICE_SEAL) || header < 20 || header > len)
		return;
	put(ip + 10, 0);
	put(ip + 10, ~sum_of(ip, header, 0));
	field = field_of(ip, len);
	if (field == NULL)
		return;
	if (choice & CHOICE_SEAL4) {
		put(field, 0);
		put(field, ~transport_sum(ip));
	}
	if ((choice & CHOICE_BLANK) && ip[9] != IPPROTO_ICMP)
		put(field, pseudo_of(ip));
}

static void
one(const uint8_t *data, uint32_t len, uint8_t choice)
{
	const enum nat_side side = choice & CHOICE_OUTSIDE ? NAT_OUTSIDE : NAT_INSIDE;
	uint8_t *ip = malloc(len > 0 ? len : 1), *before = malloc(len > 0 ? len : 1);
	struct rte_mbuf pkt = { .buf_addr = ip, .buf_len = len, .data_len = len, .pkt_len = len };
	struct ip_meta meta;
	bool blank = false, right;

	memcpy(ip, data, len);
	if (len >= 20)
		seal(ip, len, choice);
	if (len >= 20 && (choice & CHOICE_BLANK) && ip[9] != IPPROTO_ICMP &&
	    (choice & CHOICE_SEAL) && field_of(ip, len) != NULL) {
		blank = true;
		pkt.ol_flags =
			RTE_MBUF_F_TX_IPV4 |
			(ip[9] == IPPROTO_TCP ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM);
	}
	right = is_right(ip, len, blank);
	memcpy(before, ip, len);
	ip_parse(&meta, &pkt, 0);
	nat_classify(nat, 0, now, side, 1, &meta, 1);
	must(memcmp(before, ip, len) == 0, "classify changed a packet");
	meta.flags |= side == NAT_INSIDE ? IP_SNAT : 0;
	nat_translate(nat, 0, now, side, 1, &meta, 1);
	if (meta.drop != IP_KEEP || meta.nat == IP_NAT_NONE || meta.nat == IP_NAT_MISS)
		must(memcmp(before, ip, len) == 0, "changed, but not translated");
	else
		must(!right || is_right(ip, len, blank), "checksums were right, and are not");
	free(before);
	free(ip);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct nat_filter all = { 0 };
	uint32_t cursor = 0, ended = 0;

	if (nat == NULL)
		start();
	for (int i = 0; i < PACKETS_MAX && size >= 2; i++) {
		uint8_t choice = data[0];
		uint32_t len = RTE_MIN(data[1], size - 2);

		one(data + 2, len, choice);
		data += 2 + len;
		size -= 2 + len;
		if (choice & CHOICE_LATER)
			nat_age(nat, now += 100);
	}
	/* each input begins with nothing */
	while (nat_end(nat, &cursor, &all, &ended) == -EAGAIN)
		continue;
	nat_age(nat, now);
	must(nat_count(nat) == 0, "slots are lost");
	now += 100; /* fragments are forgotten */
	return 0;
}
