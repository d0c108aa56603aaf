/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * LACP systems wired to each other, and a clock that only moves when it is told.
 *
 * Thread-safety: one thread.
 */
#ifndef TESTS_LACP_BED_H
#define TESTS_LACP_BED_H

#include "lacp.h"

#define BED_SYSTEMS 3

/* What one port has seen of its operations. */
struct bed_port {
	bool collecting, distributing;
	unsigned int n_changes;
	unsigned int n_sent;
	uint64_t sent_at[LACP_TX_BURST]; /* by n_sent */
	int peer_system, peer_port;      /* -1: no cable */
	bool deaf;                       /* the cable loses what is sent to it */
	uint8_t last[LACP_FRAME_LEN];    /* sent */
};

struct bed_system {
	struct lacp lacp;
	struct lacp_config config;
	struct bed_port ports[LACP_PORTS_MAX];
	bool fallback;
	bool stopped; /* its process is dead */
	struct bed *bed;
};

struct bed_frame {
	int system, port;
	uint8_t bytes[LACP_FRAME_LEN];
};

#define BED_FRAMES 1024

struct bed {
	uint64_t now;
	struct bed_system systems[BED_SYSTEMS];
	struct bed_frame frames[BED_FRAMES]; /* on the way */
	unsigned int n_frames;
	unsigned int n_steps; /* without time passing */
};

/* bed_create() - systems without ports: active, fast, key 1 + number. */
void bed_create(struct bed *bed);

/* bed_config() - as the bed's systems are made. */
struct lacp_config bed_config(int system);

/* bed_wire() - put a cable between two ports, which are made if need be; links come up. */
void bed_wire(struct bed *bed, int system_a, int port_a, int system_b, int port_b);

/* bed_link() - one end's link. */
void bed_link(struct bed *bed, int system, int port, bool up);

/* bed_cable() - links of both ends down; or up again. */
void bed_cable(struct bed *bed, int system, int port, bool up);

/* bed_run() - let @msec pass. */
void bed_run(struct bed *bed, uint64_t msec);

/* bed_deliver() - deliver what is on the way, without time passing. */
void bed_deliver(struct bed *bed);

/* bed_until() - let time pass until a port distributes (or no longer does). Returns ms; fails after
 * @limit. */
uint64_t bed_until(struct bed *bed, int system, int port, bool distributing, uint64_t limit);

/* bed_distributing() - how many ports of a system do. */
unsigned int bed_distributing(const struct bed *bed, int system);

/* bed_restart() - stop a system, and start another process of it after @gap ms. */
void bed_restart(struct bed *bed, int system, uint64_t gap);

#endif /* TESTS_LACP_BED_H */
