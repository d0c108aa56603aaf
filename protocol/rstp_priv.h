/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of RSTP share with each other alone: the variables of IEEE 802.1D-2004 17.17 to
 * 17.19, and the procedures of 17.21 that the state machines call.
 *
 * Timers are points in time (ms); one is "0" when that time has come. Where the standard keeps a
 * timer at its start value as long as the port has a role (17.29: fdWhile of an alternate port,
 * rrWhile of a root port, ...), it is set when the port leaves that role instead.
 *
 * Thread-safety: as rstp.h.
 */
#ifndef PROTOCOL_RSTP_PRIV_H
#define PROTOCOL_RSTP_PRIV_H

#include <sys/queue.h>

#include "rstp.h"

#define MIGRATE_TIME 3000 /* ms; 17.13.9 */
#define TX_HOLD_COUNT 6   /* 17.13.12 */
#define SECOND 1000       /* ms */

/* ms of a time in a BPDU */
#define TIME_MSEC(time) ((uint64_t)(time)*SECOND / BPDU_SECOND)

enum info_is { INFO_DISABLED, INFO_AGED, INFO_MINE, INFO_RECEIVED };

enum received_info {
	INFO_SUPERIOR_DESIGNATED,
	INFO_REPEATED_DESIGNATED,
	INFO_INFERIOR_DESIGNATED,
	INFO_NOT_DESIGNATED,
	INFO_OTHER,
};

/* 17.24: port protocol migration */
enum migration { CHECKING_RSTP, SELECTING_STP, SENSING };

/* 17.31: topology change */
enum topology { TOPOLOGY_INACTIVE, TOPOLOGY_LEARNING, TOPOLOGY_ACTIVE };

struct rstp_port {
	TAILQ_ENTRY(rstp_port) list;
	struct rstp *rstp;
	void *user;
	uint16_t number;
	struct rstp_port_config config;
	bool dirty; /* its machines are to be run */

	/* 17.19 */
	bool port_enabled;
	bool oper_edge;
	bool send_rstp;
	bool rcvd_bpdu, rcvd_msg, rcvd_rstp, rcvd_stp;
	bool rcvd_tc, rcvd_tcn, rcvd_tc_ack;
	bool tc_prop, tc_ack;
	bool agree, agreed, proposed, proposing, disputed;
	bool sync, synced, re_root;
	bool learn, learning, forward, forwarding;
	bool reselect, selected, updt_info, new_info;
	enum info_is info_is;
	enum rstp_role role, selected_role;
	struct bpdu_vector port_priority, designated_priority;
	struct bpdu_times port_times, designated_times;
	struct bpdu msg; /* of rcvd_bpdu: msgPriority, msgTimes, msgFlags */

	enum migration migration;
	enum topology topology;

	/* 17.17 */
	uint64_t edge_delay_while, fd_while, hello_when, mdelay_while, rb_while, rcvd_info_while;
	uint64_t rr_while, tc_while;
	uint64_t tx_count_when; /* tx_count falls by one */
	unsigned int tx_count;

	uint64_t rx[BPDU_RST + 1], tx[BPDU_RST + 1], rx_bad;
	uint64_t n_forwarding, n_disputes;
};

TAILQ_HEAD(rstp_port_list, rstp_port);

struct rstp {
	const struct rstp_ops *ops;
	void *ctx;
	struct rstp_config config;
	struct rstp_port_list ports;
	uint64_t now; /* ms, as the caller last said */

	/* 17.18 */
	uint64_t bridge_id;
	struct bpdu_times bridge_times;
	struct bpdu_vector root_priority;
	struct bpdu_times root_times;
	struct rstp_port *root_port;

	uint64_t n_changes, last_change;
};

static inline bool
expired(const struct rstp *rstp, uint64_t timer)
{
	return timer <= rstp->now;
}

/* 9.2.7: priority in the upper four bits */
static inline uint16_t
rstp_port_id(const struct rstp_port *port)
{
	return port->config.priority << 8 | port->number;
}

/* rstp_touch() - the port's machines are to be run. */
static inline void
rstp_touch(struct rstp_port *port)
{
	port->dirty = true;
}

/* rstp_touch_all() - those of all ports. */
void rstp_touch_all(struct rstp *rstp);

/* rstp_run() - run the machines until nothing changes. */
void rstp_run(struct rstp *rstp);

/* --- rstp_info.c: procedures of 17.21, which touch the ports that they change --- */

/* 17.21.1: is what is in effect as good as, or worse than, what is now known? */
bool rstp_better_or_same(const struct rstp_port *port, enum info_is new_info_is);
enum received_info rstp_rcv_info(const struct rstp_port *port);
void rstp_record_agreement(struct rstp_port *port);
void rstp_record_dispute(struct rstp_port *port);
void rstp_record_proposal(struct rstp_port *port);
void rstp_record_info(struct rstp_port *port); /* recordPriority() and recordTimes() */
void rstp_updt_rcvd_info_while(struct rstp_port *port);
void rstp_set_tc_flags(struct rstp_port *port);

/* 17.28: roles of all ports, if any is to be selected anew. Return: were they? */
bool rstp_role_selection(struct rstp *rstp);

/* --- rstp_machines.c: one step of all machines of a port. Return: did any take one? --- */

bool rstp_step_receive(struct rstp_port *port);  /* 17.23 to 17.25, 17.27: before the roles */
bool rstp_step_role(struct rstp_port *port);     /* 17.29 to 17.31: after them */
bool rstp_step_transmit(struct rstp_port *port); /* 17.26: when all else is settled */

/* rstp_port_begin() - all machines at BEGIN */
void rstp_port_begin(struct rstp_port *port);

/* The parameters of 17.20, in ms. */
static inline uint64_t
rstp_fwd_delay(const struct rstp_port *port)
{
	return TIME_MSEC(port->designated_times.forward_delay);
}

static inline uint64_t
rstp_max_age(const struct rstp_port *port)
{
	return TIME_MSEC(port->designated_times.max_age);
}

static inline uint64_t
rstp_hello_time(const struct rstp_port *port)
{
	return TIME_MSEC(port->designated_times.hello);
}

static inline uint64_t
rstp_forward_delay(const struct rstp_port *port)
{
	return port->send_rstp ? rstp_hello_time(port) : rstp_fwd_delay(port);
}

#endif
