/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RSTP: the rapid spanning tree protocol of one bridge, IEEE 802.1D-2004 clause 17 (with what
 * 802.1Q-2018 clause 13 has mended: disputes, restricted roles), and STP where a neighbour or the
 * operator wants it.
 *
 * How: struct rstp is a bridge, struct rstp_port each of its ports. Inputs are functions: a frame
 * was received, a port's link changed, time has passed. Each runs the state machines until nothing
 * changes any more, and tells what is to be done by the functions of struct rstp_ops. Time is what
 * the caller says, in milliseconds; timers are points in time, and rstp_next() says when the next
 * one is due. Ports whose machines nothing has touched cost nothing.
 *
 * Names follow the standard: portEnabled is port_enabled, fdWhile is fd_while.
 *
 * Thread-safety: none; one thread at a time for a bridge. The functions of struct rstp_ops must not
 * call back into the same bridge.
 */
#ifndef PROTOCOL_RSTP_H
#define PROTOCOL_RSTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpdu.h"

struct rstp;
struct rstp_port;

#define RSTP_PORT_NUMBER_MAX 4095 /* 12 bits of the port identifier */
#define RSTP_NEVER UINT64_MAX

enum rstp_state { RSTP_DISCARDING, RSTP_LEARNING, RSTP_FORWARDING };

enum rstp_role {
	RSTP_ROLE_DISABLED,
	RSTP_ROLE_ROOT,
	RSTP_ROLE_DESIGNATED,
	RSTP_ROLE_ALTERNATE,
	RSTP_ROLE_BACKUP,
};

/**
 * struct rstp_ops - what a bridge wants done. @ctx is the bridge's, @user the port's.
 * @state: what the port may do from now on.
 * @flush: forget the addresses learnt behind the port (RSTP).
 * @age: for @seconds from now on, forget addresses after as long a silence (STP).
 * @send: send a frame by the port; @len bytes without padding.
 */
struct rstp_ops {
	void (*state)(void *ctx, void *user, enum rstp_state state);
	void (*flush)(void *ctx, void *user);
	void (*age)(void *ctx, unsigned int seconds);
	void (*send)(void *ctx, void *user, const uint8_t *frame, size_t len);
};

/**
 * struct rstp_config - settings of a bridge; times in seconds.
 * @rstp: RSTP, where the neighbours speak it; else STP.
 * @priority: 0 .. 61440 in steps of 4096.
 * @mac: the bridge's address, which no other bridge has.
 * @hello: 1 .. 10. @max_age: 6 .. 40. @forward_delay: 4 .. 30.
 * 2 * (@forward_delay - 1) >= @max_age >= 2 * (@hello + 1) (17.14).
 */
struct rstp_config {
	bool rstp;
	uint16_t priority;
	uint8_t mac[6];
	uint8_t hello;
	uint8_t max_age;
	uint8_t forward_delay;
};

/**
 * struct rstp_port_config - settings of a port.
 * @cost: path cost, 1 .. 200000000.
 * @priority: 0 .. 240 in steps of 16.
 * @edge: a station is behind it (AdminEdge): it forwards at once.
 * @auto_edge: so does one from which no BPDU comes for 3 s.
 * @p2p: one other bridge at most is behind it.
 * @restricted: it never leads to the root, and changes behind it are not told to others: for ports
 *	whose other side is not trusted (restrictedRole and restrictedTcn of 802.1Q 13.25).
 * @mac: source address of its frames.
 */
struct rstp_port_config {
	uint32_t cost;
	uint8_t priority;
	bool edge;
	bool auto_edge;
	bool p2p;
	bool restricted;
	uint8_t mac[6];
};

/* What an operator asks of a bridge. Times in units of 1/256 s (struct bpdu_times), or ms. */
struct rstp_status {
	uint64_t id;
	uint64_t root;
	uint32_t root_cost;
	const struct rstp_port *root_port; /* NULL: it is the root itself */
	struct bpdu_times times;           /* in effect: the root's */
	struct bpdu_times own_times;
	bool topology_change; /* some port still tells of one */
	uint64_t n_changes;
	uint64_t last_change; /* when, as the caller's time; only if n_changes > 0 */
};

/* What an operator asks of a port. */
struct rstp_port_status {
	uint16_t id; /* priority and number */
	enum rstp_role role;
	enum rstp_state state;
	struct rstp_port_config config;
	struct bpdu_vector vector; /* of the designated bridge and port on this LAN */
	struct bpdu_times times;
	bool enabled;
	bool edge; /* operEdge */
	bool sends_rstp;
	bool proposing;
	bool agreed; /* the neighbour has agreed that this port may forward */
	bool topology_change;
	uint64_t info_left, forward_left, hello_left, change_left; /* ms until timers run out */
	uint64_t rx[BPDU_RST + 1];                                 /* by enum bpdu_type */
	uint64_t tx[BPDU_RST + 1];
	uint64_t rx_bad;       /* to the group address, but no BPDU, or not to be heeded */
	uint64_t n_forwarding; /* times that it began to forward */
	uint64_t n_disputes;   /* a worse neighbour that already forwards */
};

/**
 * rstp_create() - a bridge without ports
 * @ops: its functions, constant
 * @ctx: for them
 * @config: its settings, valid
 *
 * Return: the bridge, or NULL: no memory.
 */
struct rstp *rstp_create(const struct rstp_ops *ops, void *ctx, const struct rstp_config *config);

/**
 * rstp_destroy() - free a bridge and its ports
 * @rstp: or NULL
 *
 * Says nothing more: what becomes of the ports is the caller's.
 */
void rstp_destroy(struct rstp *rstp);

/**
 * rstp_set() - change settings of a bridge
 * @now: ms
 */
void rstp_set(struct rstp *rstp, const struct rstp_config *config, uint64_t now);

/**
 * rstp_port_add() - a port without link; its state is discarding (told by ops->state)
 * @number: 1 .. RSTP_PORT_NUMBER_MAX, not in use
 * @user: for the functions of struct rstp_ops
 *
 * Return: the port, or NULL: no memory.
 */
struct rstp_port *rstp_port_add(struct rstp *rstp, uint16_t number,
				const struct rstp_port_config *config, void *user, uint64_t now);

/** rstp_port_remove() - the port is gone; nothing is said of it any more. NULL is legal. */
void rstp_port_remove(struct rstp_port *port, uint64_t now);

/** rstp_port_set() - change settings of a port */
void rstp_port_set(struct rstp_port *port, const struct rstp_port_config *config, uint64_t now);

/** rstp_port_enable() - the port's link is there (true) or not (false) */
void rstp_port_enable(struct rstp_port *port, bool enabled, uint64_t now);

/**
 * rstp_port_receive() - a frame to the bridge group address has come in
 * @frame, @len: hostile; see bpdu_parse()
 */
void rstp_port_receive(struct rstp_port *port, const uint8_t *frame, size_t len, uint64_t now);

/** rstp_tick() - time has passed: do what is due. Too early or too often is legal. */
void rstp_tick(struct rstp *rstp, uint64_t now);

/**
 * rstp_next() - when to call rstp_tick() again
 *
 * Return: ms, or RSTP_NEVER. Good until the next call of another function.
 */
uint64_t rstp_next(const struct rstp *rstp);

/** rstp_status() - what there is to know of a bridge */
void rstp_status(const struct rstp *rstp, uint64_t now, struct rstp_status *ret_status);

/** rstp_port_status() - what there is to know of a port */
void rstp_port_status(const struct rstp_port *port, uint64_t now,
		      struct rstp_port_status *ret_status);

/** rstp_port_user() - what rstp_port_add() was given */
void *rstp_port_user(const struct rstp_port *port);

/** rstp_port_number() - what rstp_port_add() was given */
uint16_t rstp_port_number(const struct rstp_port *port);

#endif
