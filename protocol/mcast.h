/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages about IP multicast: IGMP versions 1 to 3 (RFC 1112, 2236, 3376), MLD versions 1 and 2
 * (RFC 2710, 3810), and what tells where routers are (RFC 4286, PIM's hello, DVMRP's probe).
 *
 * A frame is parsed into one struct that is the same for both families and all versions; the groups
 * that a report names are read one by one. Queries are built.
 *
 * Thread-safety: pure functions, any thread.
 */
#ifndef PROTOCOL_MCAST_H
#define PROTOCOL_MCAST_H

#include <stdbool.h>
#include <stdint.h>

#define MCAST_MAC_LEN 6
#define MCAST_QUERY_FRAME_MAX 90 /* bytes of mcast_build_query() */

enum mcast_family { MCAST_IPV4, MCAST_IPV6, MCAST_FAMILIES };

/* An address of either family: an IPv4 address is in the first four bytes, the others are zero. */
struct mcast_addr {
	uint8_t bytes[16];
};

enum mcast_kind {
	MCAST_QUERY,
	MCAST_REPORT, /* joins, leaves */
	MCAST_ROUTER, /* a router is where it comes from */
	MCAST_OTHER,  /* of these protocols, and of no interest */
};

/**
 * struct mcast_message - a message.
 * @version: of the protocol: IGMP 1 .. 3, MLD 1 .. 2.
 * @source: IP address of the sender; may be zero.
 * @source_mac: its MAC.
 * @group: of a query: the group; zero: all.
 * @response: of a query: milliseconds in which hosts answer.
 * @suppress: of a query: the S flag: leave timers alone.
 * @robustness, @interval: of a query: what the querier's variables are, in seconds; 0: not said.
 * @records, @records_len, @n_records: of a report: for mcast_next().
 */
struct mcast_message {
	enum mcast_family family;
	enum mcast_kind kind;
	uint8_t version;
	struct mcast_addr source;
	uint8_t source_mac[MCAST_MAC_LEN];
	struct mcast_addr group;
	uint32_t response;
	bool suppress;
	uint8_t robustness;
	uint32_t interval;
	const uint8_t *records;
	uint32_t records_len;
	uint32_t n_records;
};

/* What a host says of a group. */
enum mcast_change {
	MCAST_JOIN,  /* it wants it, from some sources at least */
	MCAST_LEAVE, /* it does not want it any more */
	MCAST_BLOCK, /* it does not want it from some sources: perhaps from none */
	MCAST_NONE,  /* nothing that matters where sources are not told apart */
};

struct mcast_record {
	enum mcast_change change;
	struct mcast_addr group; /* always a multicast address */
};

/* What mcast_build_query() says; times in milliseconds, as far as the message can. */
struct mcast_query {
	enum mcast_family family;
	struct mcast_addr source;
	uint8_t source_mac[MCAST_MAC_LEN];
	struct mcast_addr group; /* zero: a general query */
	uint32_t response;
	uint32_t interval;
	uint8_t robustness; /* 1 .. 7 */
};

/**
 * mcast_parse() - read a frame.
 * @frame: Ethernet header, at most two VLAN tags, IP; hostile.
 * @len: bytes.
 * @ret_msg: points into @frame.
 *
 * Return: 0, -ENOMSG (nothing of these protocols), -EBADMSG (malformed, or a wrong checksum).
 */
int mcast_parse(const uint8_t *frame, uint32_t len, struct mcast_message *ret_msg);

/**
 * mcast_next() - the next group that a report names.
 * @msg: of mcast_parse(); consumed.
 * @ret_record: the group and what is said of it.
 *
 * Return: true, or false at the end, or where the rest makes no sense.
 */
bool mcast_next(struct mcast_message *msg, struct mcast_record *ret_record);

/**
 * mcast_build_query() - make a query of the newest version, which hosts of all versions understand.
 * @ret_frame: MCAST_QUERY_FRAME_MAX bytes; untagged, without FCS and padding.
 * Return: bytes.
 */
uint32_t mcast_build_query(const struct mcast_query *query, uint8_t *ret_frame);

/** mcast_mac() - the MAC that packets to a group go to (RFC 1112 6.4, RFC 2464 7). */
void mcast_mac(enum mcast_family family, const struct mcast_addr *group,
	       uint8_t ret_mac[MCAST_MAC_LEN]);

/**
 * mcast_is_local() - is it a group of the link, which is flooded always and never registered?
 * 224.0.0.x (RFC 4541 2.1.2) and IPv6 scopes up to 2.
 */
bool mcast_is_local(enum mcast_family family, const struct mcast_addr *group);

/** mcast_addr_is_zero() - is it all zero? */
bool mcast_addr_is_zero(const struct mcast_addr *addr);

#endif /* PROTOCOL_MCAST_H */
