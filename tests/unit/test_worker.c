/* SPDX-License-Identifier: BSD-3-Clause */
/* A worker in a thread of its own: sleeping, waking, and ports that come and go under it. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <rte_rcu_qsbr.h>

#include "fake_port.h"

#define WAIT_SEC 20

/* A port that signals its packets by an fd; packets are only counted. */
struct fd_port {
	struct port port;
	int fd;
	uint32_t waiting;   /* test: adds, worker: takes */
	uint32_t forwarded; /* worker: rw, test: ro */
	bool closed;
	struct rcu_item retired;
};

struct fixture {
	struct fake_switch sw;
	pthread_t thread;
};

static uint16_t
fd_rx(struct worker *worker, struct port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct fd_port *fd_port = port->priv;
	eventfd_t count;
	uint16_t i = 0;

	assert_false(fd_port->closed);
	while (i < n && __atomic_load_n(&fd_port->waiting, __ATOMIC_ACQUIRE) > 0) {
		__atomic_sub_fetch(&fd_port->waiting, 1, __ATOMIC_ACQ_REL);
		pkts[i++] = fake_frame(&((struct fixture *)worker->hypervisor)->sw,
				       "ff:ff:ff:ff:ff:ff", "02:00:00:00:00:01", 0, 64);
	}
	if (i > 0)
		return i;
	eventfd_read(fd_port->fd, &count);
	/* came between the look and the read, which has taken its signal */
	if (__atomic_load_n(&fd_port->waiting, __ATOMIC_ACQUIRE) > 0)
		eventfd_write(fd_port->fd, 1);
	return 0;
}

static uint16_t
fd_tx(struct worker *worker, struct port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct fd_port *fd_port = port->priv;

	assert_false(fd_port->closed);
	for (uint16_t i = 0; i < n; i++)
		rte_pktmbuf_free(pkts[i]);
	__atomic_add_fetch(&fd_port->forwarded, n, __ATOMIC_RELEASE);
	return n;
}

static int
fd_fd(struct port *port, uint16_t queue)
{
	return ((struct fd_port *)port->priv)->fd;
}

static const struct port_type fd_type = {
	.name = "fd",
	.wait = PORT_WAIT_FD,
	.rx_burst = fd_rx,
	.tx_burst = fd_tx,
	.rx_fd = fd_fd,
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	*state = f;
	fake_switch_setup(&f->sw);
	rte_rcu_qsbr_thread_offline(f->sw.dp->qsbr, 0);
	f->sw.worker->hypervisor = f;
	return pthread_create(&f->thread, NULL, (void *(*)(void *))(void (*)(void))worker_run,
			      f->sw.worker);
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	worker_stop(f->sw.worker);
	pthread_join(f->thread, NULL);
	fake_assert_balance(&f->sw);
	fake_switch_teardown(&f->sw);
	free(f);
	return 0;
}

static struct fd_port *
fd_port_add(struct fixture *f, uint16_t id)
{
	struct fd_port *p = aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_ALIGN(sizeof(*p), 64));

	memset(p, 0, sizeof(*p));
	p->fd = eventfd(0, EFD_NONBLOCK);
	p->port = (struct port){
		.type = &fd_type,
		.priv = p,
		.id = id,
		.generation = 1,
		.vlan = &vlan_default,
		.n_rxq = 1,
		.n_txq = 1,
		.up = true,
		.open = true,
		.bridge = f->sw.bridge,
	};
	port_mtu_set(&p->port, PORT_MTU_DEFAULT);
	bridge_flood_add(f->sw.bridge, f->sw.rcu, id);
	__atomic_store_n(&f->sw.dp->ports[id], &p->port, __ATOMIC_RELEASE);
	assert_int_equal(worker_watch(f->sw.worker, p->fd, RXQ_COOKIE(id, 0)), 0);
	return p;
}

static void
fd_port_close(void *arg)
{
	struct fd_port *p = arg;

	p->closed = true;
	close(p->fd);
	free(p);
}

static void
fd_port_del(struct fixture *f, struct fd_port *p)
{
	bridge_flood_remove(f->sw.bridge, f->sw.rcu, p->port.id);
	worker_unwatch(f->sw.worker, p->fd);
	__atomic_store_n(&f->sw.dp->ports[p->port.id], NULL, __ATOMIC_RELEASE);
	rcu_retire(f->sw.rcu, &p->retired, fd_port_close, p);
}

static void
fd_port_send(struct fd_port *p, uint32_t n)
{
	__atomic_add_fetch(&p->waiting, n, __ATOMIC_RELEASE);
	eventfd_write(p->fd, 1);
}

#define wait_until(condition)                          \
	do {                                           \
		time_t end = time(NULL) + WAIT_SEC;    \
		while (!(condition)) {                 \
			assert_true(time(NULL) < end); \
			sched_yield();                 \
		}                                      \
	} while (0)

static void
test_wakes_and_sleeps(void **state)
{
	struct fixture *f = *state;
	struct fd_port *a = fd_port_add(f, 1), *b = fd_port_add(f, 2);
	uint64_t sleeps;

	for (uint32_t round = 1; round <= 50; round++) {
		sleeps = __atomic_load_n(&f->sw.worker->sleeps, __ATOMIC_RELAXED);
		fd_port_send(a, 10);
		wait_until(__atomic_load_n(&b->forwarded, __ATOMIC_ACQUIRE) == 10 * round);
		wait_until(__atomic_load_n(&f->sw.worker->sleeps, __ATOMIC_RELAXED) > sleeps);
	}
	fd_port_del(f, a);
	fd_port_del(f, b);
	/* a worker that sleeps holds nothing back */
	wait_until(!rcu_poll(f->sw.rcu));
}

static void
test_churn(void **state)
{
	struct fixture *f = *state;
	struct fd_port *a = fd_port_add(f, 1), *b = fd_port_add(f, 2);

	for (uint32_t round = 1; round <= 2000; round++) {
		struct fd_port *c = fd_port_add(f, 3 + round % 50);

		fd_port_send(c, 1);
		fd_port_send(a, 1);
		fd_port_del(f, c);
		rcu_poll(f->sw.rcu);
		/* the id must not be used again before the port is closed */
		if (round % 50 == 49)
			wait_until(!rcu_poll(f->sw.rcu));
	}
	wait_until(__atomic_load_n(&b->forwarded, __ATOMIC_ACQUIRE) >= 2000);
	wait_until(!rcu_poll(f->sw.rcu));
	fd_port_del(f, a);
	fd_port_del(f, b);
	wait_until(!rcu_poll(f->sw.rcu));
}

/* A worker's time in turns that had packets is charged to the ports that they came in by. */
static void
test_charges(void **state)
{
	struct fixture *f = *state;
	struct fd_port *a = fd_port_add(f, 1), *b = fd_port_add(f, 2);
	const struct worker *worker = f->sw.worker;
	uint64_t cycles, busy;

	for (uint32_t round = 1; round <= 50; round++) {
		fd_port_send(a, 10);
		wait_until(__atomic_load_n(&b->forwarded, __ATOMIC_ACQUIRE) == 10 * round);
	}
	/* the last turn is over when the worker sleeps */
	wait_until(__atomic_load_n(&worker->busy_packets, __ATOMIC_ACQUIRE) == 500);
	cycles = __atomic_load_n(&worker->stats[1].cycles, __ATOMIC_RELAXED);
	busy = __atomic_load_n(&worker->busy_cycles, __ATOMIC_RELAXED);
	assert_in_range(cycles, 1, busy);
	assert_int_equal(__atomic_load_n(&worker->stats[2].cycles, __ATOMIC_RELAXED), 0);
	fd_port_del(f, a);
	fd_port_del(f, b);
	wait_until(!rcu_poll(f->sw.rcu));
}

/* What the control thread injects wakes a sleeper, and leaves by the other ports. */
static void
test_inject(void **state)
{
	struct fixture *f = *state;
	struct fd_port *a = fd_port_add(f, 1), *b = fd_port_add(f, 2);
	struct port gone = { .id = 1, .generation = 7 };
	uint64_t sleeps;

	for (uint32_t round = 1; round <= 50; round++) {
		struct rte_mbuf *pkts[2];

		for (unsigned int i = 0; i < RTE_DIM(pkts); i++)
			pkts[i] =
				fake_frame(&f->sw, "ff:ff:ff:ff:ff:ff", "02:00:00:00:00:01", 0, 60);
		sleeps = __atomic_load_n(&f->sw.worker->sleeps, __ATOMIC_RELAXED);
		assert_int_equal(worker_inject(f->sw.worker, &gone, pkts[0]), 0);
		assert_int_equal(worker_inject(f->sw.worker, &a->port, pkts[1]), 0);
		wait_until(__atomic_load_n(&b->forwarded, __ATOMIC_ACQUIRE) == round);
		wait_until(__atomic_load_n(&f->sw.worker->sleeps, __ATOMIC_RELAXED) > sleeps);
	}
	assert_int_equal(a->forwarded, 0);
	assert_int_equal(f->sw.worker->stats[1].rx_packets, 0);
	assert_int_equal(f->sw.worker->stats[1].copies, 50);
	fd_port_del(f, a);
	fd_port_del(f, b);
	wait_until(!rcu_poll(f->sw.rcu));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_wakes_and_sleeps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_churn, setup, teardown),
		cmocka_unit_test_setup_teardown(test_inject, setup, teardown),
		cmocka_unit_test_setup_teardown(test_charges, setup, teardown),
	};

	fake_eal_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
