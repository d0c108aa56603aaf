/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Datapath: what all workers share - the table of ports, the RCU state - and nothing else.
 *
 * Thread-safety: the control thread is the only writer. It publishes a port by one release store
 * into ports[] and takes it away the same way; what it took away it frees after a grace period
 * (rcu.h). Workers read ports[] by datapath_port().
 */
#ifndef DATAPATH_DATAPATH_H
#define DATAPATH_DATAPATH_H

#include <stdint.h>

#include "port.h"

struct capture_set;
struct mirror_set;
struct trace_set;
struct rte_rcu_qsbr;
struct worker;

#define WORKER_MAX 64
#define WORKER_DRY WORKER_MAX /* id of the control thread's own (trace.h): on no list */

struct datapath {
	struct port *ports[PORT_MAX];       /* control: rw (release), worker: ro (acquire) */
	uint16_t n_workers;                 /* constant once workers run */
	struct worker *workers[WORKER_MAX]; /* constant once workers run */
	struct rte_rcu_qsbr *qsbr;          /* workers are its readers, by worker id */
	/* control: rw (release), worker: ro, by capture_set_of(); NULL: nobody captures */
	const struct capture_set *captures;
	const struct mirror_set *mirrors; /* the same, by mirror_set_of(); NULL: there are none */
	const struct trace_set *traced;   /* the same, by trace_set_of(); NULL: nothing */
	int event_fd;                     /* eventfd: learn events wait; worker -> control */
	uint32_t event_wanted; /* control sleeps: the first event kicks event_fd (atomic) */
};

/**
 * datapath_port() - a port by id. Worker (valid until it reports quiescence) or control.
 * @id: 0 .. PORT_MAX - 1.
 * Return: the port, or NULL.
 */
static inline struct port *
datapath_port(const struct datapath *dp, uint32_t id)
{
	return id < PORT_MAX ? __atomic_load_n(&dp->ports[id], __ATOMIC_ACQUIRE) : NULL;
}

/**
 * datapath_create() - an empty datapath for up to WORKER_MAX workers. Control thread.
 * Return: the datapath, or NULL with errno set.
 */
struct datapath *datapath_create(void);

/** datapath_destroy() - free it; workers and ports must be gone. NULL is legal. Control thread. */
void datapath_destroy(struct datapath *dp);

#endif /* DATAPATH_DATAPATH_H */
