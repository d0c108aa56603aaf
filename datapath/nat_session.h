/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * NAT sessions: what one looks like, the keys it is found by, and how it follows its packets.
 *
 * A session has two ends of the switch's own side, the *inside* end (a guest's address and port)
 * and the *external* end (what the world sees), and one *remote* end, which is the same seen from
 * both. An end is one 64-bit word with address, port, protocol and which of the two it is, so that
 * a key is two words, and a comparison two compares. ICMP queries have their id as the port of both
 * own ends, and remote port 0; protocols without ports have 0 everywhere.
 *
 * A session is found by its inside key and by its external key. With endpoint-independent mapping
 * one session of a mapping, its *anchor*, is also found by its inside end and external address
 * (there may be several ways out), and is entered as the owner of the external port (nat_port.h);
 * with address-dependent filtering one session per remote address, the *peer anchor*, is also found
 * by external end and remote address. Anchors count those who lean on them; one that ends before
 * the others stays as a shell, marked in the remote word so that no packet finds it.
 *
 * Sessions have numbers, 1 and up; number 0 is a shell that no key matches.
 *
 * Thread-safety: ends, remote, deltas and guest do not change while workers can find a session.
 * Anchor fields belong to the holder of the endpoint's lock (nat_impl.h). The rest says who writes.
 */
#ifndef DATAPATH_NAT_SESSION_H
#define DATAPATH_NAT_SESSION_H

#include "ip.h"
#include "nat.h"

/* Which way a packet goes; also the index of the own end that it has in it. */
enum nat_dir {
	NAT_DIR_OUT, /* from the inside end */
	NAT_DIR_IN,  /* to the external end */
};

/* What a key asks for: bits 56.. of its first word. */
enum nat_key_kind {
	NAT_KEY_INSIDE = NAT_DIR_OUT,
	NAT_KEY_EXTERNAL = NAT_DIR_IN,
	NAT_KEY_MAPPING, /* the anchor of an inside end and, as remote, an external address */
	NAT_KEY_PEER,    /* the peer anchor of an external end and a remote address */
};

#define NAT_KEY_KIND_SHIFT 56
#define NAT_END_MASK (UINT64_MAX >> 8) /* an end without which it is */

struct nat_key {
	uint64_t local;  /* address, port << 32, protocol << 48, enum nat_key_kind << 56 */
	uint64_t remote; /* address, port << 32 */
};

#define NAT_REMOTE_SHELL (UINT64_C(1) << 63) /* in remote: ended */

/* How far a flow has come. */
enum nat_state {
	NAT_SEEN_OUT = 1 << NAT_DIR_OUT, /* packets from inside; for TCP such without SYN */
	NAT_SEEN_IN = 1 << NAT_DIR_IN,
	NAT_SEEN_BOTH = NAT_SEEN_OUT | NAT_SEEN_IN,
	NAT_SYN_OUT = 1 << 2,
	NAT_SYN_IN = 1 << 3,
	NAT_FIN_OUT = 1 << 4,
	NAT_FIN_IN = 1 << 5,
	NAT_FIN_BOTH = NAT_FIN_OUT | NAT_FIN_IN,
	NAT_RST = 1 << 6,
};

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10
#define TCP_EVENTS (TCP_FIN | TCP_SYN | TCP_RST)

enum nat_session_flags {
	NAT_LIVE = 1 << 0,    /* may be ended; set last */
	NAT_HAIRPIN = 1 << 1, /* the remote end is another session's external one */
	NAT_FILTER_SHIFT = 2, /* enum nat_filtering of the mapping */
};

struct nat_session {
	uint64_t end[2]; /* inside, external; as in struct nat_key, by enum nat_dir */
	uint64_t remote;
	uint32_t seen; /* seconds; worker: rw, control: ro */
	uint8_t state; /* enum nat_state; worker: rw, control: ro */
	uint8_t flags; /* enum nat_session_flags; worker: rw (atomic) */
	uint16_t guest;
	uint16_t delta_ip; /* from inside to external: of the addresses */
	uint16_t delta_l4; /* of what the transport checksum covers */
	uint32_t created;  /* seconds; next in a list, once it has ended */
	uint32_t map;      /* anchor of the mapping; 0: no mapping */
	uint32_t map_refs; /* anchor: sessions of the mapping */
	uint32_t peer;     /* peer anchor; 0: no such filtering */
	uint32_t peer_refs;
	uint16_t generation; /* differs between sessions that use one number in turn */
	uint16_t ext;        /* slot of the external address (nat_port.h), if map != 0 */
} __rte_aligned(64);
static_assert(sizeof(struct nat_session) == 64, "one cache line");

/** nat_end_word() - one word for address, port (both in network order) and protocol. */
static inline uint64_t
nat_end_word(enum nat_key_kind kind, uint8_t proto, uint32_t ip, uint16_t port)
{
	return (uint64_t)kind << NAT_KEY_KIND_SHIFT | (uint64_t)proto << 48 | (uint64_t)port << 32 |
	       ip;
}

/** nat_as() - the same end, asked for in another way. */
static inline uint64_t
nat_as(enum nat_key_kind kind, uint64_t end)
{
	return (end & NAT_END_MASK) | (uint64_t)kind << NAT_KEY_KIND_SHIFT;
}

static inline uint32_t
nat_end_ip(uint64_t end)
{
	return (uint32_t)end;
}

static inline uint16_t
nat_end_port(uint64_t end)
{
	return (uint16_t)(end >> 32);
}

static inline uint8_t
nat_end_proto(uint64_t end)
{
	return (uint8_t)(end >> 48);
}

/** nat_mapping_key() - the key of an inside end's mapping to an external address. */
static inline struct nat_key
nat_mapping_key(uint64_t inside, uint32_t ext_ip)
{
	return (struct nat_key){ nat_as(NAT_KEY_MAPPING, inside), ext_ip };
}

/** nat_meta_key() - the key of a packet that goes @dir. */
static inline struct nat_key
nat_meta_key(const struct ip_meta *meta, enum nat_dir dir)
{
	const bool out = dir == NAT_DIR_OUT;
	const uint16_t remote_port = out ? meta->dport : meta->sport;

	return (struct nat_key){
		.local = nat_end_word((enum nat_key_kind)dir, meta->proto,
				      out ? meta->src : meta->dst, out ? meta->sport : meta->dport),
		.remote = (out ? meta->dst : meta->src) |
			  (uint64_t)(meta->kind == IP_L4_ICMP ? 0 : remote_port) << 32,
	};
}

/** nat_session_is() - is it the one that an inside or external key asks for? */
static inline bool
nat_session_is(const struct nat_session *session, const struct nat_key *key)
{
	return session->end[(key->local >> NAT_KEY_KIND_SHIFT) & 1] == key->local &&
	       session->remote == key->remote;
}

/** nat_track_new() - nat_track() where there is something to note. */
void nat_track_new(struct nat_session *session, uint8_t tcp_flags, enum nat_dir dir, uint32_t now);

/** nat_track() - a packet of the session has come by. Worker. */
static inline void
nat_track(struct nat_session *session, uint8_t tcp_flags, enum nat_dir dir, uint32_t now)
{
	/* as they are when a packet changes nothing: seen in this second, this way, no reset */
	const uint64_t mask = UINT32_MAX | (uint64_t)(1u << dir | NAT_RST) << 32;
	const uint64_t quiet = now | (uint64_t)(1u << dir) << 32;
	uint64_t word;

	static_assert(RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN &&
			      offsetof(struct nat_session, seen) % 8 == 0 &&
			      offsetof(struct nat_session, state) ==
				      offsetof(struct nat_session, seen) + 4,
		      "both are read as one word");
	memcpy(&word, (const uint8_t *)session + offsetof(struct nat_session, seen), sizeof(word));
	if (unlikely((word & mask) != quiet || (tcp_flags & TCP_EVENTS) != 0))
		nat_track_new(session, tcp_flags, dir, now);
}

#endif /* DATAPATH_NAT_SESSION_H */
