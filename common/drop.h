/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Drop reasons: every packet that does not leave the switch is counted under exactly one of these,
 * per worker and port, so that an operator can always be told why a packet is missing.
 *
 * Balance, at any moment no burst is under way, summed over all ports:
 *	rx_packets + copies == tx_packets + sum of drops + merged + punted
 * where copies are the packets that flooding (one in, k out: k - 1 copies) and segmentation
 * (one in, n out: n - 1 copies) add, those for mirrors (one each, on the port that it leaves by:
 * mirror.h), and those that the switch itself sends in the name of a station (worker_inject(),
 * worker_send(): none in, one copy); merged are those that merging (gro.h; n in, one out: n - 1
 * merged) takes away, and punted those that the control thread has taken (punt.h).
 *
 * Thread-safety: constants and pure functions.
 */
#ifndef COMMON_DROP_H
#define COMMON_DROP_H

enum drop_reason {
	/* counted on the port that the packet came in by */
	DROP_NO_BRIDGE,      /* the port is on no bridge */
	DROP_BAD_FRAME,      /* shorter than a header, or headers that contradict its length */
	DROP_BAD_SOURCE,     /* source MAC is multicast or zero */
	DROP_RESERVED_MAC,   /* 01:80:c2:00:00:0x, IEEE 802.1Q table 8-1: never forwarded */
	DROP_VLAN_MISMATCH,  /* the port's VLAN settings refuse the frame's tag */
	DROP_ISOLATED,       /* both ports are isolated from each other */
	DROP_SAME_PORT,      /* destination is behind the port that it came from */
	DROP_NO_DESTINATION, /* flooded, and no other port wants it */
	DROP_RX_ERROR,       /* the port could not take the whole packet (truncated, lost) */
	DROP_BAD_REQUEST,    /* a guest's ring request that breaks the protocol */
	DROP_BOND_INACTIVE,  /* came by a member of a bond that does not receive it: lag.h */
	DROP_BOND_ECHO,      /* sent by this switch, and came back by another member of the bond */
	DROP_PUNT,           /* for the control thread, which got too many from this port */
	DROP_NOT_ROUTED,     /* not IP to the router, or addresses that no router forwards */
	DROP_SPOOFED,        /* source address is none of the guest's */
	DROP_NO_ROUTE,       /* no route to the destination, or one that says no */
	DROP_NEIGHBOUR,      /* a station that does not answer, or too many of them at once */
	DROP_TTL,            /* TTL or hop limit is used up */
	DROP_BAD_CHECKSUM,   /* IPv4 header checksum is wrong (RFC 1812 5.2.2) */
	DROP_NAT_SESSIONS,   /* the guest has as many NAT sessions as it may have */
	DROP_NAT_RATE,       /* the guest makes new NAT sessions faster than it may */
	DROP_NAT_FULL,       /* the table of NAT sessions is full */
	DROP_NAT_PORTS,      /* no external port is left for this destination */
	DROP_NAT_NO_SESSION, /* to an external address, and neither session nor rule matches */
	DROP_NAT_FRAGMENT,   /* a fragment whose first one has not been seen */
	DROP_NAT_BAD,        /* transport or quoted header cut short: cannot be translated */
	/* counted on the port that the packet was to leave by; no_buffer, port_down and blocked on
	 * either */
	DROP_MTU_EXCEEDED, /* larger than the port's MTU */
	DROP_PORT_DOWN,    /* no link, guest not connected, or the operator's carrier off */
	DROP_BLOCKED,      /* the port is blocked, or not forwarding yet: enum port_state */
	DROP_TX_FULL,      /* the port's transmit queue (a guest's receive ring) was full */
	DROP_NO_BUFFER,    /* the buffer pool is empty */
	DROP_OFFLOAD,      /* checksum or segmentation could not be completed for this port */
	DROP_MULTICAST,    /* multicast that the guest has not asked for (its own filter) */
	DROP_TX_ERROR,     /* the port took it and could not deliver it (a guest's bad buffer) */

	DROP_REASONS /* number of reasons */
};

/**
 * drop_reason_names - what an operator reads, by reason; lower case with '_'.
 */
extern const char *const drop_reason_names[DROP_REASONS];

/** drop_reason_find() - by its name. Return: it, or DROP_REASONS. @name: may be NULL. */
enum drop_reason drop_reason_find(const char *name);

/**
 * struct drop_text - what to make of it. PORT stands for the port that counts it, VID for the VLAN;
 * BRIDGE, OTHER (port) and RULE are the reader's to know.
 * @what: has happened: a sentence.
 * @cause: what it usually comes from: a sentence.
 * @show: the command that shows more, without "vsctl".
 * @mend: what to do: a sentence, its commands in quotes: 'vsctl port set PORT mtu 9000'.
 */
struct drop_text {
	const char *what;
	const char *cause;
	const char *show;
	const char *mend;
};

extern const struct drop_text drop_texts[DROP_REASONS];

#define DROP_TEXT_SIZE 512

/**
 * drop_text_fill() - a text with the names in it.
 * @port: for PORT; NULL: leave it.
 * @vid: for VID; 0: leave it.
 * Return: @ret_text.
 */
const char *drop_text_fill(const char *text, const char *port, unsigned int vid,
			   char ret_text[DROP_TEXT_SIZE]);

#endif /* COMMON_DROP_H */
