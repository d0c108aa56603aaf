/* SPDX-License-Identifier: BSD-3-Clause */
/* Queues that are not to be polled for a while. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <rte_cycles.h>
#include <rte_rcu_qsbr.h>

#include "fake_port.h"
#include "sleepers.h"

#define USEC 1000000 /* that a queue sleeps in tests that set the time themselves */
#define WAIT_SEC 20

struct fixture {
	struct fake_switch sw;
	struct fake_port *fake;
	uint32_t polls; /* worker: rw, test: ro */
	uint64_t usec;  /* that the queue wants to sleep after each poll; 0: it does not */
};

static struct fixture *fixture;

static uint16_t
lazy_rx(struct worker *worker, struct port *port, uint16_t queue, struct rte_mbuf **pkts,
	uint16_t n)
{
	__atomic_add_fetch(&fixture->polls, 1, __ATOMIC_RELEASE);
	if (fixture->usec != 0)
		worker_queue_sleep(worker, RXQ_COOKIE(port->id, queue), fixture->usec);
	pkts[0] = fake_frame(&fixture->sw, "ff:ff:ff:ff:ff:ff", "02:00:00:00:00:01", 0, 60);
	return 1;
}

static const struct port_type lazy_type = {
	.name = "lazy",
	.wait = PORT_WAIT_NONE,
	.rx_burst = lazy_rx,
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	*state = fixture = f;
	fake_switch_setup(&f->sw);
	f->fake = fake_port_add(&f->sw, 1, 0);
	f->fake->port.type = &lazy_type;
	f->usec = USEC;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	fake_assert_balance(&f->sw);
	fake_switch_teardown(&f->sw);
	free(f);
	return 0;
}

static void
test_order(void **state)
{
	struct sleepers *sleepers = calloc(1, sizeof(*sleepers));
	struct sleeper sleeper = { 0 };
	uint64_t last = 0, seed = 1;
	uint32_t n = 0;

	sleepers_init(sleepers);
	assert_false(sleepers_take(sleepers, UINT64_MAX, &sleeper));
	for (uint32_t i = 0; i < 5000; i++) {
		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
		sleeper.until = 1 + (seed >> 33) % 1000;
		sleeper.cookie = i;
		assert_int_equal(sleepers_add(sleepers, &sleeper), 0);
	}
	assert_false(sleepers_take(sleepers, sleepers->next - 1, &sleeper));
	/* half of them, one sleeps again, then all others */
	for (uint64_t tsc = 500; sleepers_take(sleepers, tsc, &sleeper); n++) {
		assert_in_range(sleeper.until, last, tsc);
		last = sleeper.until;
	}
	assert_true(n > 2000 && n < 3000);
	sleeper.until = 1;
	sleepers_add(sleepers, &sleeper);
	assert_int_equal(sleepers->next, 1);
	for (last = 0; sleepers_take(sleepers, UINT64_MAX, &sleeper); n++) {
		assert_true(sleeper.until >= last);
		last = sleeper.until;
	}
	assert_int_equal(n, 5001);
	assert_int_equal(sleepers->next, UINT64_MAX);
	free(sleepers);
}

static void
test_full(void **state)
{
	struct sleepers *sleepers = calloc(1, sizeof(*sleepers));
	struct sleeper sleeper = { .until = 5 };

	sleepers_init(sleepers);
	for (uint32_t i = 0; i < SLEEPERS_MAX; i++)
		assert_int_equal(sleepers_add(sleepers, &sleeper), 0);
	assert_int_equal(sleepers_add(sleepers, &sleeper), -ENOSPC);
	free(sleepers);
}

static void
turns(struct fixture *f, int n)
{
	while (n-- > 0)
		worker_turn(f->sw.worker);
}

/* It is polled once, its packet goes on, and then it is not polled until its time has come. */
static void
test_sleep(void **state)
{
	struct fixture *f = *state;
	struct worker *worker = f->sw.worker;
	uint64_t next;

	turns(f, 10);
	assert_int_equal(f->polls, 1);
	assert_int_equal(worker->n_active, 0);
	assert_int_equal(fake_drops(&f->sw, f->fake, DROP_NO_DESTINATION), 1);
	next = worker->sleepers.next;
	worker_queues_wake(worker, next - 1);
	turns(f, 10);
	assert_int_equal(f->polls, 1);
	worker_queues_wake(worker, next);
	assert_int_equal(worker->n_active, 1);
	turns(f, 10);
	assert_int_equal(f->polls, 2);
	f->usec = 0;
	worker_queues_wake(worker, UINT64_MAX);
	turns(f, 10);
	assert_int_equal(f->polls, 12);
}

/* Woken by somebody else it may sleep again, for longer or shorter; each sleep ends once. */
static void
test_woken_early(void **state)
{
	struct fixture *f = *state;
	struct worker *worker = f->sw.worker;
	uint64_t first;

	turns(f, 1);
	first = worker->sleepers.next;
	for (int i = 0; i < 100; i++) {
		worker_activate(worker, RXQ_COOKIE(1, 0));
		turns(f, 2);
	}
	assert_int_equal(f->polls, 101);
	assert_int_equal(worker->sleepers.n, 1);
	assert_int_equal(worker->sleepers.next, first);
	f->usec = 1;
	worker_activate(worker, RXQ_COOKIE(1, 0));
	turns(f, 2);
	assert_true(worker->sleepers.next < first);
	f->usec = 0;
	worker_queues_wake(worker, first - 1);
	assert_int_equal(worker->n_active, 1);
	f->usec = 2 * USEC;
	turns(f, 1);
	/* the time that it was to wake up at first means nothing any more */
	worker_queues_wake(worker, first);
	assert_int_equal(worker->n_active, 0);
}

/* The port of a sleeper is gone, and another has its id. */
static void
test_port_gone(void **state)
{
	struct fixture *f = *state;
	struct worker *worker = f->sw.worker;

	turns(f, 1);
	fake_port_del(&f->sw, f->fake);
	worker_queues_wake(worker, UINT64_MAX);
	assert_int_equal(worker->n_active, 0);
	f->fake = fake_port_add(&f->sw, 1, 0);
	f->fake->port.type = &lazy_type;
	turns(f, 1);
	fake_port_del(&f->sw, f->fake);
	f->fake = fake_port_add(&f->sw, 1, 0);
	f->fake->port.generation++;
	worker_queues_wake(worker, UINT64_MAX);
	assert_int_equal(worker->sleepers.n, 0);
	assert_int_equal(f->fake->port.rxq[0].wake, 0);
}

static void *
run(void *arg)
{
	worker_run(arg);
	return NULL;
}

/* A worker's thread wakes them by itself, from its own sleep, and does not spin meanwhile. */
static void
test_thread(void **state)
{
	struct fixture *f = *state;
	struct worker *worker = f->sw.worker;
	pthread_t thread;

	rte_rcu_qsbr_thread_offline(f->sw.dp->qsbr, 0);
	f->usec = 500;
	assert_int_equal(pthread_create(&thread, NULL, run, worker), 0);
	for (int i = 0; i < WAIT_SEC * 1000 && __atomic_load_n(&f->polls, __ATOMIC_ACQUIRE) < 20;
	     i++)
		usleep(1000);
	worker_stop(worker);
	pthread_join(thread, NULL);
	rte_rcu_qsbr_thread_online(f->sw.dp->qsbr, 0);
	assert_true(f->polls >= 20);
	assert_true(worker->sleeps > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order), cmocka_unit_test(test_full), TEST(test_sleep),
		TEST(test_woken_early),       TEST(test_port_gone),        TEST(test_thread),
	};

	fake_eal_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
