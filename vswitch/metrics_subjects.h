/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The subjects of metrics (metrics.h), and their columns: what metrics_subjects.c collects and
 * metrics_families.c names.
 *
 * Thread-safety: constants only.
 */
#ifndef VSWITCH_METRICS_SUBJECTS_H
#define VSWITCH_METRICS_SUBJECTS_H

#include <assert.h>

#include "delay.h"
#include "metrics.h"

enum { INFO_ONE, INFO_COLUMNS }; /* of what is in the labels alone: 1 */

enum process_column { PROCESS_STARTED, PROCESS_COLUMNS };

enum port_column {
	PORT_UP,
	PORT_MTU,
	PORT_RX_PACKETS,
	PORT_RX_BYTES,
	PORT_TX_PACKETS,
	PORT_TX_BYTES,
	PORT_DROPPED,
	PORT_COPIES,
	PORT_MERGED,
	PORT_PUNTED,
	PORT_UNLEARNT,
	PORT_CYCLES,
	PORT_FDB_LEARNT,
	PORT_FDB_STATIC,
	PORT_NAT_SESSIONS,
	PORT_COLUMNS
};

enum drop_column { DROP_PACKETS, DROP_COLUMNS };

enum vif_column {
	VIF_CONNECTED,
	VIF_QUEUES,
	VIF_RX_SLOTS,
	VIF_TX_SLOTS,
	VIF_RX_ERRORS,
	VIF_TX_ERRORS,
	VIF_TX_FULL,
	VIF_COPIES,
	VIF_COPY_CALLS,
	VIF_DIRECT_COPIES,
	VIF_STATIC_COPIES,
	VIF_COPY_FAILURES,
	VIF_NOTIFICATIONS,
	VIF_RING_ERRORS,
	VIF_RX_FILL,
	VIF_TX_FILL,
	VIF_COLUMNS
};

enum bridge_column { BRIDGE_FDB, BRIDGE_FDB_MAX, BRIDGE_PORTS, BRIDGE_COLUMNS };

enum bond_column { BOND_FAILOVERS, BOND_BUCKET_MOVES, BOND_ANNOUNCEMENTS, BOND_COLUMNS };

enum member_column {
	MEMBER_CARRIER,
	MEMBER_USABLE,
	MEMBER_ACTIVE,
	MEMBER_BUCKETS,
	MEMBER_FAILURES,
	MEMBER_COLUMNS
};

enum nat_column {
	NAT_SESSIONS,
	NAT_SESSIONS_LIMIT,
	NAT_CREATED,
	NAT_ERRORS,
	NAT_FRAGMENTS,
	NAT_MISSES,
	NAT_COLUMNS
};
enum nat_packets_column { NAT_PACKETS, NAT_PACKETS_COLUMNS };
enum nat_refused_column { NAT_REFUSED, NAT_REFUSED_COLUMNS };

enum worker_column {
	WORKER_BUSY,
	WORKER_BUSY_CYCLES,
	WORKER_PACKETS,
	WORKER_TURNS,
	WORKER_SLEEPS,
	WORKER_QUEUES,
	WORKER_COLUMNS
};

enum host_column { HOST_TSC, HOST_BUFFERS, HOST_BUFFERS_FREE, HOST_COLUMNS };

enum control_column { CONTROL_CPU, CONTROL_RENDERS, CONTROL_RENDER_TIME, CONTROL_COLUMNS };

enum delay_column { DELAY_FIRST, DELAY_COLUMNS = DELAY_FIRST + DELAY_BUCKETS + 1 };

static_assert(PORT_COLUMNS <= METRICS_COLUMNS_MAX && VIF_COLUMNS <= METRICS_COLUMNS_MAX &&
		      DELAY_COLUMNS <= METRICS_COLUMNS_MAX,
	      "a row is too short");

extern const struct metrics_subject subject_build, subject_process, subject_port_info, subject_port,
	subject_drop, subject_vif, subject_bridge, subject_bond, subject_member, subject_nat,
	subject_nat_packets, subject_nat_refused, subject_worker, subject_host, subject_control,
	subject_timer_delay, subject_request;

#endif /* VSWITCH_METRICS_SUBJECTS_H */
