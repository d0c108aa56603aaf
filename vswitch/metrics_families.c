/* SPDX-License-Identifier: BSD-3-Clause */
/* The metrics by name. */
#include <stddef.h>

#include <rte_common.h>

#include "metrics_subjects.h"

#define COUNTER(name, subject, column, unit, help)                           \
	{                                                                    \
		name, METRIC_COUNTER, &subject_##subject, column, unit, help \
	}
#define GAUGE(name, subject, column, unit, help)                           \
	{                                                                  \
		name, METRIC_GAUGE, &subject_##subject, column, unit, help \
	}
#define INFO(name, subject, help)                                           \
	{                                                                   \
		name, METRIC_INFO, &subject_##subject, INFO_ONE, NULL, help \
	}
#define HISTOGRAM(name, subject, help)                                                   \
	{                                                                                \
		name, METRIC_HISTOGRAM, &subject_##subject, DELAY_FIRST, "seconds", help \
	}

/* Those of one subject stand together. */
const struct metric_family metric_families[] = {
	INFO("vswitch_build", build, "Versions of vswitchd and of DPDK."),
	GAUGE("vswitch_start_time_seconds", process, PROCESS_STARTED, "seconds",
	      "When vswitchd has started, in seconds since 1970."),

	INFO("vswitch_port", port_info, "What a port is, and whose: to be joined by port."),
	GAUGE("vswitch_port_up", port, PORT_UP, NULL, "1: link and peer are there."),
	GAUGE("vswitch_port_mtu_bytes", port, PORT_MTU, "bytes",
	      "Largest packet without its Ethernet header."),
	COUNTER("vswitch_port_receive_packets", port, PORT_RX_PACKETS, NULL,
		"Packets that came in by the port; of a bond, VLAN or gateway those that its "
		"members or the port below count as well."),
	COUNTER("vswitch_port_receive_bytes", port, PORT_RX_BYTES, "bytes",
		"Bytes of these, frames without FCS."),
	COUNTER("vswitch_port_transmit_packets", port, PORT_TX_PACKETS, NULL,
		"Packets that left by the port."),
	COUNTER("vswitch_port_transmit_bytes", port, PORT_TX_BYTES, "bytes",
		"Bytes of these, frames without FCS."),
	COUNTER("vswitch_port_dropped_packets", port, PORT_DROPPED, NULL,
		"Packets dropped on the port for all reasons together."),
	COUNTER("vswitch_port_copied_packets", port, PORT_COPIES, NULL,
		"Packets that the switch added by flooding, by segmentation, or of its own."),
	COUNTER("vswitch_port_merged_packets", port, PORT_MERGED, NULL,
		"Packets that became part of another one on their way out (GRO)."),
	COUNTER("vswitch_port_punted_packets", port, PORT_PUNTED, NULL,
		"Packets that the control thread has taken."),
	COUNTER("vswitch_port_unlearnt_addresses", port, PORT_UNLEARNT, NULL,
		"Times that a source address could not be learnt: a limit, or too many at once."),
	COUNTER("vswitch_port_cycles", port, PORT_CYCLES, NULL,
		"TSC cycles that packets received by the port have cost."),
	GAUGE("vswitch_port_fdb_learnt", port, PORT_FDB_LEARNT, NULL,
	      "Learnt addresses behind the port."),
	GAUGE("vswitch_port_fdb_static", port, PORT_FDB_STATIC, NULL,
	      "Static addresses behind the port."),
	GAUGE("vswitch_port_nat_sessions", port, PORT_NAT_SESSIONS, NULL,
	      "NAT sessions of what is behind the port."),
	COUNTER("vswitch_port_drops", drop, DROP_PACKETS, NULL,
		"Packets dropped on the port, by reason; reasons that there were."),

	GAUGE("vswitch_vif_connected", vif, VIF_CONNECTED, NULL, "1: the guest is connected."),
	GAUGE("vswitch_vif_queues", vif, VIF_QUEUES, NULL, "Queues that the guest has connected."),
	COUNTER("vswitch_vif_receive_slots", vif, VIF_RX_SLOTS, NULL,
		"Slots of the ring taken from the guest."),
	COUNTER("vswitch_vif_transmit_slots", vif, VIF_TX_SLOTS, NULL,
		"Slots of the ring given to the guest."),
	COUNTER("vswitch_vif_receive_errors", vif, VIF_RX_ERRORS, NULL,
		"Packets of the guest that were answered with an error."),
	COUNTER("vswitch_vif_transmit_errors", vif, VIF_TX_ERRORS, NULL,
		"Packets that could not be copied to the guest, or were too big for it."),
	COUNTER("vswitch_vif_transmit_ring_full", vif, VIF_TX_FULL, NULL,
		"Bursts to the guest that found too few buffers of it."),
	COUNTER("vswitch_vif_copies", vif, VIF_COPIES, NULL, "Pieces of grant copies."),
	COUNTER("vswitch_vif_copy_calls", vif, VIF_COPY_CALLS, NULL,
		"Hypercalls that these took: batches of copies."),
	COUNTER("vswitch_vif_direct_copies", vif, VIF_DIRECT_COPIES, NULL,
		"Pieces copied from another guest's pages to this guest's."),
	COUNTER("vswitch_vif_static_copies", vif, VIF_STATIC_COPIES, NULL,
		"Pieces in pages that stay mapped, which need no grant copy."),
	COUNTER("vswitch_vif_copy_failures", vif, VIF_COPY_FAILURES, NULL,
		"Batches of copies that failed as a whole."),
	COUNTER("vswitch_vif_notifications", vif, VIF_NOTIFICATIONS, NULL,
		"Events sent to the guest."),
	COUNTER("vswitch_vif_ring_errors", vif, VIF_RING_ERRORS, NULL,
		"Times that a broken ring had the interface disabled."),
	GAUGE("vswitch_vif_receive_ring_used_ratio", vif, VIF_RX_FILL, "ratio",
	      "Part of the fullest queue's ring that is packets of the guest, waiting."),
	GAUGE("vswitch_vif_transmit_ring_used_ratio", vif, VIF_TX_FILL, "ratio",
	      "Part of the fullest queue's ring that is without a buffer for the guest."),

	GAUGE("vswitch_bridge_fdb_entries", bridge, BRIDGE_FDB, NULL,
	      "Addresses that the bridge knows."),
	GAUGE("vswitch_bridge_fdb_limit", bridge, BRIDGE_FDB_MAX, NULL,
	      "Most addresses that the bridge learns."),
	GAUGE("vswitch_bridge_ports", bridge, BRIDGE_PORTS, NULL, "Ports on the bridge."),

	COUNTER("vswitch_bond_failovers", bond, BOND_FAILOVERS, NULL,
		"Times that traffic has moved since a member failed."),
	COUNTER("vswitch_bond_bucket_moves", bond, BOND_BUCKET_MOVES, NULL,
		"Buckets moved to another member for less load (balance-slb)."),
	COUNTER("vswitch_bond_announcements", bond, BOND_ANNOUNCEMENTS, NULL,
		"Frames that told the network where stations are."),
	GAUGE("vswitch_bond_member_carrier", member, MEMBER_CARRIER, NULL,
	      "1: the member has a link."),
	GAUGE("vswitch_bond_member_usable", member, MEMBER_USABLE, NULL,
	      "1: the link is up after its delays, and ARP targets answer."),
	GAUGE("vswitch_bond_member_active", member, MEMBER_ACTIVE, NULL,
	      "1: the member carries packets now."),
	GAUGE("vswitch_bond_member_buckets", member, MEMBER_BUCKETS, NULL,
	      "Parts of the bond's traffic that the member carries, of 256."),
	COUNTER("vswitch_bond_member_failures", member, MEMBER_FAILURES, NULL,
		"Times that the member has stopped being usable."),

	GAUGE("vswitch_nat_sessions", nat, NAT_SESSIONS, NULL,
	      "NAT sessions that there are; absent without a rule."),
	GAUGE("vswitch_nat_sessions_limit", nat, NAT_SESSIONS_LIMIT, NULL,
	      "NAT sessions that there may be."),
	COUNTER("vswitch_nat_sessions_begun", nat, NAT_CREATED, NULL,
		"NAT sessions that were begun."),
	COUNTER("vswitch_nat_icmp_errors", nat, NAT_ERRORS, NULL,
		"ICMP errors that were translated."),
	COUNTER("vswitch_nat_fragments", nat, NAT_FRAGMENTS, NULL,
		"Fragments behind the first that were translated."),
	COUNTER("vswitch_nat_misses", nat, NAT_MISSES, NULL,
		"Packets to an external address with neither session nor rule."),
	COUNTER("vswitch_nat_packets", nat_packets, NAT_PACKETS, NULL,
		"Packets that were translated, by direction."),
	COUNTER("vswitch_nat_sessions_refused", nat_refused, NAT_REFUSED, NULL,
		"NAT sessions that could not be begun, by reason."),

	COUNTER("vswitch_worker_busy_seconds", worker, WORKER_BUSY, "seconds",
		"Time in turns that received packets; its rate is the busy share."),
	COUNTER("vswitch_worker_busy_cycles", worker, WORKER_BUSY_CYCLES, NULL,
		"The same in TSC cycles."),
	COUNTER("vswitch_worker_packets", worker, WORKER_PACKETS, NULL,
		"Packets that were received in these turns."),
	COUNTER("vswitch_worker_busy_turns", worker, WORKER_TURNS, NULL,
		"Turns that received packets."),
	COUNTER("vswitch_worker_sleeps", worker, WORKER_SLEEPS, NULL,
		"Times that the worker had nothing to do and slept."),
	GAUGE("vswitch_worker_active_queues", worker, WORKER_QUEUES, NULL,
	      "Receive queues that the worker polls now."),
	GAUGE("vswitch_tsc_frequency_hertz", host, HOST_TSC, "hertz", "TSC cycles in a second."),
	GAUGE("vswitch_packet_buffers", host, HOST_BUFFERS, NULL, "Packet buffers that there are."),
	GAUGE("vswitch_packet_buffers_free", host, HOST_BUFFERS_FREE, NULL,
	      "Packet buffers that nobody uses; workers keep some of them."),

	HISTOGRAM("vswitch_control_delay_seconds", timer_delay,
		  "How late the control thread came to a timer, once a second; timers are exact to "
		  "a millisecond."),
	HISTOGRAM("vswitch_control_request_seconds", request,
		  "How long a request of a client, as vsctl, has held the control thread."),
	COUNTER("vswitch_control_cpu_seconds", control, CONTROL_CPU, "seconds",
		"CPU time of the control thread."),
	COUNTER("vswitch_metrics_renders", control, CONTROL_RENDERS, NULL,
		"Times that metrics were collected."),
	COUNTER("vswitch_metrics_render_seconds", control, CONTROL_RENDER_TIME, "seconds",
		"Time of the control thread that this took."),
};
const size_t n_metric_families = RTE_DIM(metric_families);
