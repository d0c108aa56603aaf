/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * NAT: IPv4 network address and port translation with sessions (RFC 4787, 5382, 5508, 7857).
 *
 * A *session* is one flow between an inside endpoint (a guest's address and port) and a remote one,
 * known outside by an external endpoint. Source and destination NAT make the same kind of session;
 * they differ in who began it. A session that exists translates its packets whatever interface they
 * go by; only to begin one are the rules asked, and then the direction matters.
 *
 * How the router uses it, a burst at a time, with one ip_meta per packet:
 *
 *	ip_parse() each
 *	nat_classify()    before the FIB: finds sessions, begins those of DNAT and of hairpins.
 *	                  Sets nat, session and route_dst, the destination to route by.
 *	                  Writes to no packet.
 *	FIB, TTL, MTU     by route_dst. ICMP errors that the router makes here quote the packet as
 *	                  its sender knows it: nothing has been rewritten yet.
 *	                  Sets IP_SNAT and `out` where the packet leaves by a NAT outside interface.
 *	nat_translate()   begins the sessions of SNAT, rewrites addresses, ports, ids and checksums.
 *
 * Each step leaves alone what has a drop reason already, and gives one to what it refuses. A packet
 * with IP_NAT_MISS was sent to an external address and nobody wants it: it is the router's own if
 * the address is (nat_translate() lets it pass), and DROP_NAT_NO_SESSION for the router to count if
 * it is not.
 * Packets given to nat_translate() must be writable (refcnt 1) as far as the headers reach. A blank
 * checksum stays blank, a UDP checksum of 0 stays 0, a wrong checksum stays wrong. Quoted packets
 * in ICMP errors are translated with their checksums.
 *
 * Mapping: *endpoint-independent* (RFC 4787 REQ-1): all sessions of one inside endpoint have one
 * external endpoint, which is nobody else's, so an external address carries 64512 endpoints of a
 * protocol; or *address-and-port-dependent*: an external port is reused for other remote endpoints,
 * so one address carries millions of sessions. Filtering: who may begin a session to a mapping from
 * outside (needs endpoint-independent mapping, except for the strictest, where nobody may).
 * The external port is the guest's own one if that is in range and free; else one of the same
 * parity for UDP (REQ-4), at random. Port ranges (0..1023) are not kept. A guest's external address
 * is always the same one of a pool (REQ-2, "paired"). Hairpinning presents the external source
 * (REQ-9). TCP sessions may be picked up in the middle (as Linux' nf_conntrack_tcp_loose), so that
 * flows survive a restart where ports are kept.
 *
 * Memory: hardly any is touched until sessions are made. A session costs 64 bytes, and up to 52 of
 * index and free list (nat_memory()); an external address of endpoint-independent mappings 0.8 MB.
 *
 * Thread-safety: nat_classify() and nat_translate() are for workers, each with its own number, one
 * burst between two quiescent states. All else is for the control thread. Workers find sessions
 * without locks and begin them under short spinlocks (of a hash bucket, of an inside endpoint);
 * only the control thread ends sessions. A number in ip_meta.session is good until the next
 * quiescent state.
 */
#ifndef DATAPATH_NAT_H
#define DATAPATH_NAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ip.h"

struct nat;
struct rcu;
struct rte_rcu_qsbr;

#define NAT_SESSIONS_MIN 1024u
#define NAT_SESSIONS_MAX 16777216u
#define NAT_SESSIONS_DEFAULT 1048576u
#define NAT_PORT_LOW 1024 /* default range of external ports */
#define NAT_PORT_HIGH 65535

/* Who the sessions of inside endpoints count for: port id + 1 of the guest's vif, say. */
#define NAT_GUEST_NONE 0u /* nobody: no caps */
#define NAT_GUESTS 4097u  /* guests are 1 .. NAT_GUESTS - 1 */
#define NAT_GUEST_ANY UINT16_MAX
#define NAT_OUT_ANY UINT16_MAX

enum nat_side {
	NAT_OUTSIDE, /* destinations may be external addresses; also for whatever is not inside */
	NAT_INSIDE,  /* sources are inside endpoints */
};

enum nat_mapping {
	NAT_MAP_ENDPOINT_INDEPENDENT,
	NAT_MAP_ADDRESS_PORT_DEPENDENT,
};

enum nat_filtering {
	NAT_FILTER_ADDRESS_PORT, /* only remote endpoints with a session */
	NAT_FILTER_ADDRESS,      /* all endpoints of remote addresses with a session */
	NAT_FILTER_NONE,         /* endpoint-independent: everybody */
};

/* Seconds without a packet after which a session ends. All are at least 1. */
struct nat_timeouts {
	uint32_t tcp_established; /* RFC 5382 REQ-5: 2 h 4 min */
	uint32_t tcp_transitory;  /* handshake, closing, after a reset: 4 min */
	uint32_t udp;             /* RFC 4787 REQ-5: 5 min */
	uint32_t udp_new;         /* packets of one direction only: 2 min */
	uint32_t icmp;            /* RFC 5508 REQ-2: 60 s */
	uint32_t other;           /* other protocols: 5 min */
};
#define NAT_TIMEOUTS_DEFAULT                                                                \
	{                                                                                   \
		.tcp_established = 7440, .tcp_transitory = 240, .udp = 300, .udp_new = 120, \
		.icmp = 60, .other = 300                                                    \
	}

struct nat_config {
	uint32_t max_sessions;     /* NAT_SESSIONS_MIN .. NAT_SESSIONS_MAX */
	uint16_t n_workers;        /* worker numbers are 0 .. n_workers - 1 */
	bool huge;                 /* tables on reserved hugepages, if there are enough */
	struct rcu *rcu;           /* retires rules */
	struct rte_rcu_qsbr *qsbr; /* of the workers: ended sessions wait for it */
};

/* Source NAT: packets that begin a flow from inside, and leave by an outside interface (IP_SNAT).
 * Of all rules that match, those of one guest come first, then the longest prefix, then the order.
 */
struct nat_snat {
	uint32_t inside;     /* prefix of sources, network order */
	uint8_t inside_len;  /* 0 .. 32 */
	uint16_t guest;      /* only of this guest; NAT_GUEST_ANY: of all */
	uint16_t out;        /* only by this interface (ip_meta.out); NAT_OUT_ANY: by all */
	const uint32_t *ext; /* external addresses, network order */
	uint16_t n_ext;      /* 0: what it matches is left alone; .. NAT_EXT_MAX */
	uint16_t port_low;   /* host order, 1 .. port_high */
	uint16_t port_high;
	enum nat_mapping mapping;
	enum nat_filtering filtering;
};

/* Destination NAT: packets that begin a flow to an external endpoint, from wherever. */
struct nat_dnat {
	uint8_t proto;    /* 0: all that no other rule of the address matches, ports kept (1:1) */
	uint32_t ext;     /* network order */
	uint16_t ext_low; /* host order; both 0 for protocols without ports */
	uint16_t ext_high;
	uint32_t inside;     /* network order */
	uint16_t inside_low; /* host order: port of ext_low; the others follow */
	uint16_t guest;      /* whose sessions they are; NAT_GUEST_NONE: nobody's */
};

#define NAT_EXT_MAX 1024 /* external addresses */

/* Counters of one worker, or of all. worker: rw, control: ro (relaxed; never reset). */
struct nat_stats {
	uint64_t out;       /* packets translated from inside */
	uint64_t in;        /* and to inside */
	uint64_t hairpin;   /* and both */
	uint64_t errors;    /* ICMP errors translated (also counted above) */
	uint64_t fragments; /* later fragments translated (also counted above) */
	uint64_t created;   /* sessions */
	uint64_t misses;    /* packets to an external address with neither session nor rule */
	uint64_t refused_sessions; /* new sessions refused, by reason */
	uint64_t refused_rate;
	uint64_t refused_full;
	uint64_t refused_ports;
};

/**
 * nat_create() - a NAT without rules.
 * Return: it, or NULL with errno set (EINVAL, ENOMEM). Control.
 */
struct nat *nat_create(const struct nat_config *config);

/** nat_destroy() - free it; no worker may use it any more. NULL is legal. Control. */
void nat_destroy(struct nat *nat);

/**
 * nat_classify() - find or begin the sessions of a burst. Worker.
 * @worker: number of the calling worker. Of packets that are not really there, WORKER_DRY: then no
 *	session begins, or hears of them; ip_meta.session says what would be.
 * @now: seconds, the clock of nat_age().
 * @side: of the interface that the burst came in by.
 * @guest: of that interface.
 * @metas, @n: 1 .. PORT_BURST_MAX, from ip_parse(). IPv6 is left alone.
 */
void nat_classify(struct nat *nat, uint16_t worker, uint32_t now, enum nat_side side,
		  uint16_t guest, struct ip_meta *metas, uint16_t n);

/**
 * nat_translate() - begin sessions of source NAT, and rewrite. Worker, same burst, same arguments.
 * @metas, @n: all or some of the metas of nat_classify(), in any number of calls.
 */
void nat_translate(struct nat *nat, uint16_t worker, uint32_t now, enum nat_side side,
		   uint16_t guest, struct ip_meta *metas, uint16_t n);

/**
 * nat_rules_set() - replace all rules. Sessions that exist go on; see nat_end().
 * @ret_bad: index of the rule at fault, SNAT rules first, then DNAT.
 * Return: 0; -EINVAL (out of range), -EEXIST (a DNAT rule overlaps another), -ENOSPC (too many
 * external addresses), -ENOMEM; then nothing has changed. Control.
 */
int nat_rules_set(struct nat *nat, const struct nat_snat *snats, uint32_t n_snats,
		  const struct nat_dnat *dnats, uint32_t n_dnats, uint32_t *ret_bad);

/** nat_is_external() - does a rule use this address (network order)? Control or worker. */
bool nat_is_external(const struct nat *nat, uint32_t ip);

/** nat_timeouts_set() - change timeouts, for sessions that exist too. Control. */
void nat_timeouts_set(struct nat *nat, const struct nat_timeouts *timeouts);

/**
 * nat_guest_set() - a guest's caps. Control.
 * @guest: 1 .. NAT_GUESTS - 1.
 * @max_sessions: 0: no cap but the table's.
 * @per_second: new sessions; 0: no cap. A tenth of a second's worth may come at once.
 */
void nat_guest_set(struct nat *nat, uint16_t guest, uint32_t max_sessions, uint32_t per_second);

struct nat_guest_info {
	uint32_t sessions; /* now */
	uint32_t max_sessions;
	uint32_t per_second;
	uint64_t refused_sessions; /* packets that would have begun one too many */
	uint64_t refused_rate;
};

/** nat_guest_info() - a guest's use of the table. Control. */
void nat_guest_info(const struct nat *nat, uint16_t guest, struct nat_guest_info *ret_info);

/**
 * nat_age() - end sessions that have been silent for too long, and give back what no worker looks
 * at any more. Control.
 *
 * To be called ten times a second or so, while nat_count() is not 0. A call looks at
 * NAT_AGE_SCAN sessions or at a fiftieth of them, whichever is more, and ends up to NAT_AGE_END:
 * at most some milliseconds.
 * Return: true if it stopped at NAT_AGE_END: call again soon.
 */
bool nat_age(struct nat *nat, uint32_t now);
#define NAT_AGE_SCAN 4096u
#define NAT_AGE_END 8192u

/** nat_count() - session slots in use, those not given back yet included. Control. */
uint32_t nat_count(const struct nat *nat);

/* Which sessions. All zero: all of them. */
struct nat_filter {
	uint8_t proto;      /* 0: any */
	uint8_t inside_len; /* prefix lengths; 0: any */
	uint8_t remote_len;
	uint16_t guest;  /* NAT_GUEST_NONE: any */
	uint32_t inside; /* network order */
	uint32_t remote; /* network order */
	uint32_t ext;    /* network order; 0: any */
	uint16_t port;   /* network order, inside, external or remote; 0: any */
	bool orphans;    /* only those whose external address no rule has (any more) */
};

struct nat_session_info {
	uint8_t proto;
	const char *state; /* for people: "new", "established", "closing" ... */
	uint16_t guest;
	uint32_t inside, ext, remote;                /* network order */
	uint16_t inside_port, ext_port, remote_port; /* network order; ICMP: ids */
	uint32_t idle;                               /* seconds */
	uint32_t age;
	uint32_t expires; /* seconds until nat_age() ends it */
};

/**
 * nat_session_next() - walk through the sessions. Control.
 * @cursor: in: 0 at first; out: where to go on.
 * @now: as for nat_age().
 * Return: 1 (@ret_info is filled), 0 (the end), -EAGAIN: looked at many that do not match; call
 * again, if there is nothing better to do. A walk during which sessions begin may or may not show
 * them.
 */
int nat_session_next(const struct nat *nat, uint32_t *cursor, const struct nat_filter *filter,
		     uint32_t now, struct nat_session_info *ret_info);

/**
 * nat_end() - end the sessions that a filter matches. Control.
 *
 * After nat_rules_set() a worker may begin sessions by the old rules until its next quiescent
 * state: to end all of an address that is gone, call this (or call it again) after a grace period.
 * @cursor: in: 0 at first; out: where to go on.
 * @ret_ended: incremented for each.
 * Return: 0 (done), or -EAGAIN: some milliseconds are over; call again.
 */
int nat_end(struct nat *nat, uint32_t *cursor, const struct nat_filter *filter,
	    uint32_t *ret_ended);

/** nat_stats_get() - the sum of all workers' counters. Control. */
void nat_stats_get(const struct nat *nat, struct nat_stats *ret_stats);

/** nat_memory() - bytes that the tables take up when full, per session and in all. Control. */
void nat_memory(const struct nat *nat, double *ret_per_session, size_t *ret_total);

#endif /* DATAPATH_NAT_H */
