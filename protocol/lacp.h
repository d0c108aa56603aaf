/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * LACP: the state machines of IEEE 802.1AX-2014 clause 6.4 for one bond, that is one aggregator and
 * up to LACP_PORTS_MAX ports: receive, periodic transmission, selection, mux (independent control),
 * transmit and churn detection, and the marker responder of 6.5.
 *
 * Inputs are frames, link changes and time; each call runs the machines until nothing changes and
 * then says by lacp_ops what came of it: frames to send, and which ports may collect (take frames)
 * and distribute (send frames). lacp_next() says when lacp_run() is due.
 *
 * Selection: ports whose partners say they belong together (system, key) are a group, and one group
 * is in use. It is chosen by its links, their speed, and the partner's priority, and kept once
 * it works until it has no link left; ports of other groups wait and say so. Ports of different
 * speed have different keys, as with Linux. A group with fewer links than min_links is kept out of
 * synchronisation, so that the partner does not send into it either.
 *
 * Fallback: when partners are silent (receive state DEFAULTED) on every link, lacp_ops.fallback()
 * says so, and takes it back when ports distribute, or a while after a partner is heard.
 *
 * Restart: lacp_port_save() gives what the next process needs to go on with lacp_port_restore()
 * without the partner noticing, as long as the partner has not lost patience.
 *
 * Thread-safety: one thread at a time. Ops are called from within calls and must not call back.
 */
#ifndef PROTOCOL_LACP_H
#define PROTOCOL_LACP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lacp_pdu.h"

#define LACP_PORTS_MAX 8
#define LACP_NEVER UINT64_MAX
#define LACP_PRIORITY_DEFAULT 32768
#define LACP_KEY_MAX 1023 /* of the bond; speed and duplex are added below it */

/* Milliseconds, 6.4.4. */
#define LACP_FAST_PERIODIC 1000
#define LACP_SLOW_PERIODIC 30000
#define LACP_SHORT_TIMEOUT 3000
#define LACP_LONG_TIMEOUT 90000
#define LACP_CHURN_TIME 60000
#define LACP_AGGREGATE_WAIT 2000
#define LACP_TX_BURST 3          /* PDUs per LACP_FAST_PERIODIC */
#define LACP_MARKER_BURST 10     /* answers per second */
#define LACP_FALLBACK_GRACE 5000 /* for a partner that is heard to get ready */

struct lacp_config {
	uint8_t system[6];
	uint16_t system_priority;
	uint16_t key;      /* 1 .. LACP_KEY_MAX */
	bool active;       /* speaks first */
	bool fast;         /* wants a PDU every second, and takes 3 s of silence for an end */
	bool fallback;     /* see above */
	uint8_t min_links; /* 1 .. LACP_PORTS_MAX */
};

enum lacp_rx {
	LACP_RX_PORT_DISABLED,
	LACP_RX_EXPIRED,
	LACP_RX_DEFAULTED,
	LACP_RX_CURRENT,
	LACP_RX_STATES
};

enum lacp_periodic {
	LACP_PERIODIC_NONE,
	LACP_PERIODIC_FAST,
	LACP_PERIODIC_SLOW,
};

enum lacp_mux {
	LACP_MUX_DETACHED,
	LACP_MUX_WAITING,
	LACP_MUX_ATTACHED,
	LACP_MUX_COLLECTING,
	LACP_MUX_DISTRIBUTING,
	LACP_MUX_STATES
};

enum lacp_selected {
	LACP_UNSELECTED,
	LACP_STANDBY, /* too few links */
	LACP_SELECTED,
};

enum lacp_churn {
	LACP_CHURN_MONITOR,
	LACP_CHURN_NONE,
	LACP_CHURN_FOUND, /* not in sync for LACP_CHURN_TIME */
	LACP_CHURN_STATES
};

/* Names as the standard has them, in lower case. */
extern const char *const lacp_rx_names[LACP_RX_STATES];
extern const char *const lacp_mux_names[LACP_MUX_STATES];
extern const char *const lacp_churn_names[LACP_CHURN_STATES];

/* Why a port does not take part. */
enum lacp_reason {
	LACP_REASON_NONE, /* it does */
	LACP_REASON_LINK, /* no link */
	LACP_REASON_SILENT,
	LACP_REASON_LOOP,      /* its partner is this very bond */
	LACP_REASON_DUPLEX,    /* half duplex */
	LACP_REASON_GROUP,     /* its partner or its speed differs from the other ports' */
	LACP_REASON_MIN_LINKS, /* too few links */
	LACP_REASON_WAITING,   /* about to be aggregated */
	LACP_REASON_PARTNER,   /* the partner has not agreed yet */
	LACP_REASONS
};

/* In words for an operator. */
extern const char *const lacp_reason_texts[LACP_REASONS];

struct lacp_counters {
	uint64_t rx_pdus;
	uint64_t tx_pdus;
	uint64_t rx_bad; /* Slow Protocols frames that are neither */
	uint64_t rx_markers;
	uint64_t tx_marker_answers;
	uint64_t expiries; /* the partner fell silent */
	uint64_t actor_churns;
	uint64_t partner_churns;
};

/* At most @limit of something in a second. */
struct lacp_limit {
	uint64_t from;
	uint8_t n;
};

/* One port; read it, but change it by the calls below only. Times are absolute milliseconds. */
struct lacp_port {
	bool used;
	bool enabled; /* link up */
	bool full_duplex;
	bool reported_collecting, reported_distributing;
	bool ntt; /* need to transmit */
	uint8_t mac[6];
	uint32_t speed; /* Mbit/s; 0: unknown */
	struct lacp_info actor, partner;
	enum lacp_rx rx;
	enum lacp_periodic periodic;
	enum lacp_mux mux;
	enum lacp_selected selected;
	enum lacp_churn actor_churn, partner_churn;
	enum lacp_reason reason;
	uint64_t current_while, periodic_timer, wait_while; /* LACP_NEVER: not running */
	uint64_t actor_churn_timer, partner_churn_timer;
	uint64_t tx_times[LACP_TX_BURST]; /* the last, oldest at tx_next */
	uint8_t tx_next;
	struct lacp_limit marker_limit;
	uint64_t last_rx, last_tx; /* of LACPDUs; 0: never */
	struct lacp_counters counters;
	bool restoring; /* saved waits for the link */
	struct lacp_saved {
		struct lacp_info actor, partner;
		uint64_t last_tx, last_rx;
		uint8_t mux; /* enum lacp_mux */
	} saved;
};

/**
 * struct lacp_ops - what comes of it.
 * @send: put @frame (LACP_FRAME_LEN bytes) on a port's wire.
 * @change: a port may now collect, and distribute, or no longer. Distributing is said only while
 *	min_links ports do. Not called for ports that are deleted.
 * @fallback: the bond may use one of its links without a partner's consent, or no longer.
 */
struct lacp_ops {
	void (*send)(void *ctx, unsigned int port, const uint8_t *frame);
	void (*change)(void *ctx, unsigned int port, bool collecting, bool distributing);
	void (*fallback)(void *ctx, bool on);
};

struct lacp {
	const struct lacp_ops *ops;
	void *ctx;
	struct lacp_config config;
	bool held;             /* lacp_hold() */
	bool fallback;         /* as last said */
	uint64_t fallback_end; /* LACP_NEVER: no partner is heard */
	int lead;              /* port that stands for the group in use; -1: none */
	struct lacp_port ports[LACP_PORTS_MAX];
};

/**
 * lacp_init() - no ports yet.
 */
void lacp_init(struct lacp *lacp, const struct lacp_config *config, const struct lacp_ops *ops,
	       void *ctx);

/**
 * lacp_configure() - change settings. Another system, priority or key starts all ports anew.
 * @now: of this and all other calls: milliseconds of one clock that never goes back, > 0.
 */
void lacp_configure(struct lacp *lacp, const struct lacp_config *config, uint64_t now);

/**
 * lacp_port_add() - another port, without link.
 * @port: index of an unused one, 0 .. LACP_PORTS_MAX - 1.
 * @number: 1 .. 65535, unique in the system: what the partner knows the port by.
 * @mac: address that its frames come from.
 */
void lacp_port_add(struct lacp *lacp, unsigned int port, uint16_t number, uint16_t priority,
		   const uint8_t mac[6], uint64_t now);

/**
 * lacp_port_del() - a port goes. The partner is told, so that it sends nothing more.
 */
void lacp_port_del(struct lacp *lacp, unsigned int port, uint64_t now);

/** lacp_port_mac() - the address that its frames come from has changed. */
void lacp_port_mac(struct lacp *lacp, unsigned int port, const uint8_t mac[6]);

/** lacp_port_priority() - change it; the partner is told. */
void lacp_port_priority(struct lacp *lacp, unsigned int port, uint16_t priority, uint64_t now);

/**
 * lacp_port_link() - a port's link changed.
 * @speed: Mbit/s; 0: unknown.
 */
void lacp_port_link(struct lacp *lacp, unsigned int port, bool up, uint32_t speed, bool full_duplex,
		    uint64_t now);

/**
 * lacp_receive() - a Slow Protocols frame came in by a port. Ports that are unused or have no link
 * ignore it.
 */
void lacp_receive(struct lacp *lacp, unsigned int port, const uint8_t *frame, size_t len,
		  uint64_t now);

/**
 * lacp_run() - do what is due. Only here partners are given up for their silence: a caller that may
 * be late calls lacp_receive() for what has come meanwhile first.
 */
void lacp_run(struct lacp *lacp, uint64_t now);

/**
 * lacp_hold() - take inputs, but decide and send nothing until released: for a start, when ports
 * are added and restored one after the other, and the first ones alone may be fewer than min_links.
 */
void lacp_hold(struct lacp *lacp, bool on, uint64_t now);

/**
 * lacp_repeat() - say once more how things are, on all ports that are in an aggregation: nothing
 * will be said for a while.
 */
void lacp_repeat(struct lacp *lacp, uint64_t now);

/** lacp_next() - when lacp_run() is due; LACP_NEVER: only after another call. */
uint64_t lacp_next(const struct lacp *lacp);

/**
 * lacp_port_save() - what the next process needs.
 * Return: false if there is nothing worth it: the port is in no aggregation.
 */
bool lacp_port_save(const struct lacp *lacp, unsigned int port, struct lacp_saved *ret_saved);

/**
 * lacp_port_restore() - go on from there when the link comes up, if everything is as it was and
 * the partner still waits. After lacp_port_add(); any content is safe.
 */
void lacp_port_restore(struct lacp *lacp, unsigned int port, const struct lacp_saved *saved,
		       uint64_t now);

#endif /* PROTOCOL_LACP_H */
