/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What checks of health.h share with each other alone.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_HEALTH_PRIV_H
#define VSWITCH_HEALTH_PRIV_H

#include "health.h"
#include "switch_priv.h"

#define HEALTH_TEXT_SIZE 32

/* What was counted up to a moment. */
struct health_reading {
	uint64_t usec;
	uint64_t tsc;
	uint64_t busy[WORKER_MAX]; /* cycles */
	uint32_t n;                /* ports */
	struct {
		uint16_t place; /* in @stats, + 1; 0: there was none of this id */
		uint16_t generation;
	} ports[PORT_MAX];
	struct port_stats stats[];
};

/* All checks, once. */
struct health_round {
	struct vswitch *sw;
	const struct health_check *check; /* the one that runs */
	const struct health_reading *before, *now;
	char span[HEALTH_TEXT_SIZE]; /* between the two: "in the last 2 s" */
	enum health_severity worst;  /* of the check */
	json_t *findings;
};

/**
 * health_found() - tell of a fault.
 * @object: whom it is about: a port, a bridge, ...
 * @text: a sentence, to be read behind the object's name, without a full stop; taken over.
 * @remedy: a command, or what to do; taken over.
 */
void health_found(struct health_round *round, enum health_severity severity, const char *object,
		  json_t *text, json_t *remedy);

/** health_stats() - what a port has counted. @ret_recent: of that, since the reading before. */
void health_stats(const struct health_round *round, const struct switch_port *port,
		  struct port_stats *ret_sum, struct port_stats *ret_recent);

/**
 * health_drops() - tell of packets that were dropped for a reason, if there are any: with
 * @severity if there are recent ones, else as a note; of what is a note itself only the former.
 * @why: "larger than its MTU". @remedy: %s in it is the port.
 */
void health_drops(struct health_round *round, const struct switch_port *port,
		  enum drop_reason reason, enum health_severity severity, const char *why,
		  const char *remedy);

/** health_drop_rows() - health_drops() of all reasons that are the running check's. */
void health_drop_rows(struct health_round *round);

/** health_is_nic() - is it an interface of the host's that has a cable? */
bool health_is_nic(const struct switch_port *port);

/* --- checks --- */

/* health_bridge.c */
void health_mtu(struct health_round *round);
void health_vlan(struct health_round *round);
void health_loop(struct health_round *round);

/* health_mac.c */
void health_duplicate_mac(struct health_round *round);
void health_flapping(struct health_round *round);

/* health_port.c */
void health_carrier(struct health_round *round);
void health_guest(struct health_round *round);
void health_port(struct health_round *round);
void health_bond(struct health_round *round);
void health_ring(struct health_round *round);

/* health_host.c */
void health_xen_netback(struct health_round *round);
void health_hugepages(struct health_round *round);
void health_worker(struct health_round *round);
void health_control(struct health_round *round);
void health_buffers(struct health_round *round);
void health_duplicate_ip(struct health_round *round);
void health_route(struct health_round *round);
void health_table(struct health_round *round);
void health_config(struct health_round *round);

/* What they look at there, for tests: @sys stands for /sys. */
void health_xen_netback_at(struct health_round *round, const char *sys);
void health_hugepages_at(struct health_round *round, const char *sys, bool has_hugepages);

#endif /* VSWITCH_HEALTH_PRIV_H */
