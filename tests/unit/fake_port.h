/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The port type `test`: a queue of mbufs in, a queue of mbufs out, for unit tests of the datapath.
 *
 * Thread-safety: one thread.
 */
#ifndef TESTS_FAKE_PORT_H
#define TESTS_FAKE_PORT_H

#include <rte_mbuf.h>

#include "bridge.h"
#include "datapath.h"
#include "rcu.h"
#include "vlan.h"
#include "worker.h"

#define FAKE_PORT_QUEUE 4096

struct fake_port {
	struct port port;
	struct rte_mbuf *in[FAKE_PORT_QUEUE];
	uint32_t in_head, in_tail;
	struct rte_mbuf *out[FAKE_PORT_QUEUE];
	uint32_t n_out;
	uint32_t room; /* packets that tx_burst still takes; UINT32_MAX: all */
};

/* A datapath with one worker, run by worker_turn() in the test's own thread. */
struct fake_switch {
	struct rte_mempool *pool;
	struct datapath *dp;
	struct worker *worker;
	struct rcu *rcu;
	struct bridge *bridge;
};

/* fake_eal_start() - EAL without hugepages or privileges; once per program. */
void fake_eal_start(void);

/* fake_eal_start_memory() - the same with so many MiB. */
void fake_eal_start_memory(const char *mib);

int fake_switch_setup(struct fake_switch *sw);
void fake_switch_teardown(struct fake_switch *sw);

/* fake_vlan() - the settings of all access ports of a VLAN; vid 0: none. */
const struct vlan_settings *fake_vlan(uint16_t vid);

/* fake_port_add() - a port up and on the bridge; vid as for fake_vlan(). */
struct fake_port *fake_port_add(struct fake_switch *sw, uint16_t id, uint16_t vid);
void fake_port_del(struct fake_switch *sw, struct fake_port *fake);

/* fake_frame() - an mbuf with a frame; vid 0: untagged; len: without FCS. */
struct rte_mbuf *fake_frame(struct fake_switch *sw, const char *dst, const char *src, uint16_t vid,
			    uint32_t len);

/* fake_send() - give a packet to the port's rx queue. */
void fake_send(struct fake_switch *sw, struct fake_port *fake, struct rte_mbuf *pkt);

/* fake_run() - turns until nothing comes any more, and what workers reported is learnt. */
void fake_run(struct fake_switch *sw);

/* fake_take() - the oldest packet that came out, or NULL; the caller frees it. */
struct rte_mbuf *fake_take(struct fake_port *fake);

/* fake_drops() - a drop counter of a port. */
uint64_t fake_drops(struct fake_switch *sw, struct fake_port *fake, enum drop_reason reason);

/* fake_assert_balance() - received + copies == sent + dropped + merged, over all ports. */
void fake_assert_balance(struct fake_switch *sw);

#endif /* TESTS_FAKE_PORT_H */
