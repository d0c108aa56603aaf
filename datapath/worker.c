/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_pause.h>
#include <rte_rcu_qsbr.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include "bridge.h"
#include "drop_log.h"
#include "egress.h"
#include "mirror.h"
#include "punt.h"
#include "router.h"
#include "trace.h"
#include "worker.h"

#define EVENTS_SIZE 4096       /* learn events of one worker that can wait */
#define PUNTS_SIZE 1024        /* packets of one worker for the control thread */
#define INJECTED_SIZE 1024     /* packets of the control thread that can wait for one worker */
#define EPOLL_BATCH 64         /* fds looked at in one go */
#define COOKIE_WAKE UINT64_MAX /* epoll data: wake_fd */
#define COOKIE_EVENT (UINT64_MAX - 1) /* epoll data: the extra event fd */

#define ARM_AFTER 32       /* empty polls before a queue with events is armed */
#define CLOCK_USEC 50000   /* how often the clock is read */
#define EPOLL_USEC 20      /* how often fds are looked at while there is work */
#define SPIN_USEC 50       /* idle time before the first nap */
#define NAP_USEC_MAX 200   /* longest nap while queues can only be polled */
#define NAP_USEC_LONG 2000 /* the same after LONG_IDLE_USEC without a packet */
#define LONG_IDLE_USEC 1000000
#define SLEEP_USEC_MAX 900000 /* longest sleep with a limit: it has to fit tv_nsec */

/* The turn-by-turn state of worker_run(). */
struct worker_pace {
	uint64_t hz_usec;    /* TSC ticks in a microsecond */
	uint64_t next_epoll; /* TSC */
	uint64_t idle_since; /* TSC; 0: not idle */
	uint32_t nap_usec;
};

static uint32_t
worker_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return ts.tv_sec;
}

static int
worker_epoll_add(struct worker *worker, int fd, uint64_t data)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = data };

	return epoll_ctl(worker->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

struct worker *
worker_create(struct datapath *dp, uint16_t id, struct rte_mempool *pool)
{
	struct worker *worker;
	char name[RTE_RING_NAMESIZE];

	/* megabytes, of which only the ports in use are ever touched: a mapping of its own */
	worker = mmap(NULL, sizeof(*worker), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		      -1, 0);
	if (worker == MAP_FAILED)
		return NULL;
	worker->drop_log = mmap(NULL, sizeof(*worker->drop_log), PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (worker->drop_log == MAP_FAILED) {
		munmap(worker, sizeof(*worker));
		return NULL;
	}
	worker->dp = dp;
	worker->id = id;
	worker->pool = pool;
	worker->now = worker_clock();
	worker->charged = rte_rdtsc();
	sleepers_init(&worker->sleepers);
	worker->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	worker->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (worker->epoll_fd < 0 || worker->wake_fd < 0)
		goto err;
	if (worker_epoll_add(worker, worker->wake_fd, COOKIE_WAKE) < 0)
		goto err;
	snprintf(name, sizeof(name), "events%u", id);
	worker->events = rte_ring_create_elem(name, sizeof(struct learn_event), EVENTS_SIZE,
					      SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	snprintf(name, sizeof(name), "injected%u", id);
	worker->injected = rte_ring_create_elem(name, sizeof(struct worker_inject), INJECTED_SIZE,
						SOCKET_ID_ANY, RING_F_SC_DEQ);
	snprintf(name, sizeof(name), "punts%u", id);
	worker->punts = rte_ring_create_elem(name, sizeof(struct punt), PUNTS_SIZE, SOCKET_ID_ANY,
					     RING_F_SP_ENQ | RING_F_SC_DEQ);
	if (worker->events == NULL || worker->injected == NULL || worker->punts == NULL) {
		errno = ENOMEM;
		goto err;
	}
	if (rte_rcu_qsbr_thread_register(dp->qsbr, id) != 0) {
		errno = EINVAL;
		goto err;
	}
	dp->workers[id] = worker;
	if (dp->n_workers <= id)
		dp->n_workers = id + 1;
	return worker;

err:
	worker_destroy(worker);
	return NULL;
}

/* Free what the control thread and the worker have for each other. */
static void
worker_discard_packets(struct worker *worker)
{
	struct worker_inject entry;
	struct punt punted;

	while (worker->punts != NULL && punts_take(worker, &punted, 1) == 1)
		rte_pktmbuf_free(punted.pkt);
	while (worker->injected != NULL &&
	       rte_ring_sc_dequeue_elem(worker->injected, &entry, sizeof(entry)) == 0)
		rte_pktmbuf_free(entry.pkt);
}

void
worker_destroy(struct worker *worker)
{
	if (worker == NULL)
		return;
	worker_discard_packets(worker);
	rte_pktmbuf_free_bulk(worker->spares, worker->n_spares);
	if (worker->dp->workers[worker->id] == worker) {
		rte_rcu_qsbr_thread_unregister(worker->dp->qsbr, worker->id);
		worker->dp->workers[worker->id] = NULL;
	}
	rte_ring_free(worker->events);
	rte_ring_free(worker->injected);
	rte_ring_free(worker->punts);
	if (worker->wake_fd >= 0)
		close(worker->wake_fd);
	if (worker->epoll_fd >= 0)
		close(worker->epoll_fd);
	if (worker->drop_log != NULL)
		munmap(worker->drop_log, sizeof(*worker->drop_log));
	munmap(worker, sizeof(*worker));
}

void
worker_wake(struct worker *worker)
{
	eventfd_write(worker->wake_fd, 1);
}

void
worker_stop(struct worker *worker)
{
	__atomic_store_n(&worker->stop, true, __ATOMIC_RELEASE);
	worker_wake(worker);
}

/* Have the worker look, if it is between two turns or asleep. */
static void
worker_call(struct worker *worker, enum worker_call call)
{
	__atomic_fetch_or(&worker->calls, call, __ATOMIC_RELEASE);
	worker_wake(worker);
}

void
worker_activate(struct worker *worker, rxq_cookie cookie)
{
	struct port *port = datapath_port(worker->dp, RXQ_COOKIE_PORT(cookie));

	if (port == NULL)
		return;
	__atomic_store_n(&port->rxq[RXQ_COOKIE_QUEUE(cookie)].kick, true, __ATOMIC_RELAXED);
	worker_call(worker, WORKER_CALL_RESCAN);
}

static int
worker_inject_entry(struct worker *worker, struct worker_inject *entry)
{
	if (rte_ring_mp_enqueue_elem(worker->injected, entry, sizeof(*entry)) != 0)
		return -ENOBUFS;
	worker_call(worker, WORKER_CALL_INJECT);
	return 0;
}

int
worker_inject(struct worker *worker, const struct port *port, struct rte_mbuf *pkt)
{
	struct worker_inject entry = {
		.pkt = pkt,
		.port = port->id,
		.generation = port->generation,
		.how = INJECT_FORWARD,
	};

	return worker_inject_entry(worker, &entry);
}

int
worker_send(struct worker *worker, const struct port *port, struct rte_mbuf *pkt)
{
	struct worker_inject entry = {
		.pkt = pkt,
		.port = port->id,
		.generation = port->generation,
		.how = INJECT_SEND,
	};

	return worker_inject_entry(worker, &entry);
}

int
worker_pass(struct worker *worker, const struct port *in, const struct port *out,
	    struct rte_mbuf *pkt)
{
	struct worker_inject entry = {
		.pkt = pkt,
		.port = in->id,
		.generation = in->generation,
		.to = out != NULL ? out->id : 0,
		.to_generation = out != NULL ? out->generation : 0,
		.how = out != NULL ? INJECT_TO : INJECT_FLOOD,
	};

	return worker_inject_entry(worker, &entry);
}

int
worker_send_vlan(struct worker *worker, const struct port *port, struct rte_mbuf *pkt, uint16_t vid,
		 bool all)
{
	struct worker_inject entry = {
		.pkt = pkt,
		.port = port->id,
		.generation = port->generation,
		.to = vid,
		.how = all ? INJECT_VLAN : INJECT_TAGGED,
	};

	return worker_inject_entry(worker, &entry);
}

int
worker_route(struct worker *worker, const struct port *port, struct rte_mbuf *pkt)
{
	struct worker_inject entry = {
		.pkt = pkt,
		.port = port->id,
		.generation = port->generation,
		.how = INJECT_ROUTE,
	};

	return worker_inject_entry(worker, &entry);
}

int
worker_drop(struct worker *worker, const struct port *port, struct rte_mbuf *pkt,
	    enum drop_reason reason)
{
	struct worker_inject entry = {
		.pkt = pkt,
		.port = port->id,
		.generation = port->generation,
		.to = (uint16_t)reason,
		.how = INJECT_DROP,
	};

	/* there is always room for what is to be sent */
	if (rte_ring_count(worker->injected) > INJECTED_SIZE / 2)
		return -ENOBUFS;
	return worker_inject_entry(worker, &entry);
}

int
worker_watch(struct worker *worker, int fd, rxq_cookie cookie)
{
	return worker_epoll_add(worker, fd, cookie);
}

void
worker_unwatch(struct worker *worker, int fd)
{
	epoll_ctl(worker->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

int
worker_event_source(struct worker *worker, int fd, worker_event_fn fn, void *arg)
{
	worker->event_fn = fn;
	worker->event_arg = arg;
	return worker_epoll_add(worker, fd, COOKIE_EVENT);
}

void
worker_queue_active(struct worker *worker, rxq_cookie cookie)
{
	struct port *port = datapath_port(worker->dp, RXQ_COOKIE_PORT(cookie));
	uint32_t queue = RXQ_COOKIE_QUEUE(cookie);

	if (port == NULL || queue >= port->n_rxq || port->rxq[queue].worker != worker->id)
		return;
	port->rxq[queue].idle = 0;
	if (port->rxq[queue].active)
		return;
	port->rxq[queue].active = true;
	worker->active[worker->n_active++] = (struct worker_active){
		.cookie = cookie,
		.generation = port->generation,
	};
}

void
worker_queue_sleep(struct worker *worker, rxq_cookie cookie, uint64_t usec)
{
	struct port *port = datapath_port(worker->dp, RXQ_COOKIE_PORT(cookie));
	struct sleeper sleeper = { .cookie = cookie };
	uint64_t *wake;

	if (port == NULL)
		return;
	wake = &port->rxq[RXQ_COOKIE_QUEUE(cookie)].wake;
	sleeper.generation = port->generation;
	sleeper.until = rte_rdtsc() + usec * (rte_get_tsc_hz() / 1000000);
	/* if somebody else has woken it before its time, that time is still to come */
	if (*wake == 0 || *wake > sleeper.until) {
		if (sleepers_add(&worker->sleepers, &sleeper) < 0)
			return;
		*wake = sleeper.until;
	}
	worker->slept = true;
}

void
worker_queues_wake(struct worker *worker, uint64_t tsc)
{
	struct sleeper sleeper;

	while (sleepers_take(&worker->sleepers, tsc, &sleeper)) {
		struct port *port = datapath_port(worker->dp, RXQ_COOKIE_PORT(sleeper.cookie));
		struct port_rxq *rxq;

		if (port == NULL || port->generation != sleeper.generation)
			continue;
		rxq = &port->rxq[RXQ_COOKIE_QUEUE(sleeper.cookie)];
		if (rxq->wake != sleeper.until)
			continue; /* it was to wake up earlier, and did */
		rxq->wake = 0;
		worker_queue_active(worker, sleeper.cookie);
	}
}

/* Look for queues that the control thread wants polled. */
static void
worker_rescan(struct worker *worker)
{
	for (uint32_t id = 0; id < PORT_MAX; id++) {
		struct port *port = datapath_port(worker->dp, id);

		if (port == NULL)
			continue;
		for (uint16_t queue = 0; queue < port->n_rxq; queue++) {
			if (port->rxq[queue].worker != worker->id ||
			    !__atomic_load_n(&port->rxq[queue].kick, __ATOMIC_RELAXED))
				continue;
			__atomic_store_n(&port->rxq[queue].kick, false, __ATOMIC_RELAXED);
			worker_queue_active(worker, RXQ_COOKIE(id, queue));
		}
	}
}

/* Fill up a budget in which nothing is left. */
static __rte_noinline void
budget_fill(struct budget *budget, uint64_t tsc, uint64_t per_msec, uint64_t burst)
{
	const uint64_t hz_msec = rte_get_tsc_hz() / 1000, msec = tsc / hz_msec;

	budget->left = RTE_MIN((msec - budget->msec) * per_msec, burst);
	budget->msec = msec;
	budget->until = (msec + 1) * hz_msec;
}

bool
budget_take(const struct worker *worker, struct budget *budget, uint64_t per_msec, uint64_t burst)
{
	/* who floods the switch is refused here, millions of times a second: no clock, no division
	 */
	if (budget->left == 0) {
		const uint64_t tsc = worker->tsc != 0 ? worker->tsc : rte_rdtsc();

		if (likely(tsc < budget->until))
			return false;
		budget_fill(budget, tsc, per_msec, burst);
	}
	if (budget->left == 0)
		return false;
	budget->left--;
	return true;
}

void
worker_forward(struct worker *worker, struct port *port, struct rte_mbuf **pkts, uint16_t n)
{
	struct bridge *bridge = __atomic_load_n(&port->bridge, __ATOMIC_ACQUIRE);
	bool closed = __atomic_load_n(&port->carrier_off, __ATOMIC_RELAXED);
	const struct rif *rif;

	if (likely(bridge != NULL && !closed)) {
		bridge_burst(worker, bridge, port, pkts, n);
		return;
	}
	rif = __atomic_load_n(&port->rif, __ATOMIC_ACQUIRE);
	if (likely(rif != NULL && !closed)) {
		router_burst(worker, rif, port, pkts, n);
		return;
	}
	for (uint16_t i = 0; i < n; i++)
		port_drop(worker, port, pkts[i], closed ? DROP_PORT_DOWN : DROP_NO_BRIDGE);
}

void
worker_enter(struct worker *worker, struct port *port, struct rte_mbuf **pkts, uint16_t n)
{
	const struct port_demux *demux = __atomic_load_n(&port->demux, __ATOMIC_ACQUIRE);
	const struct capture_set *captures = capture_set_of(worker->dp);
	const struct mirror_set *mirrors = mirror_set_of(worker->dp);

	if (unlikely(worker->trace != NULL))
		trace_add(worker, TRACE_IN, port, pkts[0], pkts[0]->pkt_len, 0, 0, 0);
	if (unlikely(captures != NULL) && capture_wants(captures, CAPTURE_RX, port)) {
		n = capture_burst(worker, captures, CAPTURE_RX, port, pkts, n);
		if (unlikely(n == 0))
			return;
	}
	if (unlikely(mirrors != NULL) && mirror_wants(mirrors, MIRROR_IN, port)) {
		n = mirror_in(worker, mirrors, port, pkts, n);
		if (unlikely(n == 0))
			return;
	}
	if (unlikely(demux != NULL))
		demux->burst(worker, port, demux, pkts, n);
	else
		worker_forward(worker, port, pkts, n);
}

static void
worker_ingress(struct worker *worker, struct port *port, struct rte_mbuf **pkts, uint16_t n)
{
	const struct trace_set *traced = trace_set_of(worker->dp);
	struct port_stats *stats = worker_stats(worker, port);
	uint64_t bytes = 0;

	for (uint16_t i = 0; i < n; i++)
		bytes += pkts[i]->pkt_len;
	stats->rx_packets += n;
	stats->rx_bytes += bytes;
	worker->wire |= port->wire;
	if (unlikely(traced != NULL))
		trace_enter(worker, traced, port, pkts, n);
	else
		worker_enter(worker, port, pkts, n);
}

/* Forward a packet that the control thread has looked at. */
static void
worker_take_passed(struct worker *worker, struct port *in, const struct worker_inject *entry)
{
	struct bridge *bridge = __atomic_load_n(&in->bridge, __ATOMIC_ACQUIRE);
	struct port *out = NULL;

	if (entry->how == INJECT_TO) {
		out = datapath_port(worker->dp, entry->to);
		if (out == NULL || out->generation != entry->to_generation) {
			port_drop(worker, in, entry->pkt, DROP_NO_DESTINATION);
			return;
		}
	}
	if (bridge == NULL)
		port_drop(worker, in, entry->pkt, DROP_NO_BRIDGE);
	else
		bridge_pass(worker, bridge, in, out, entry->pkt);
}

/* Send a frame of the switch's own by all ports of a bridge. */
static void
worker_take_vlan(struct worker *worker, const struct port *port, const struct worker_inject *entry)
{
	const struct bridge *bridge = __atomic_load_n(&port->bridge, __ATOMIC_ACQUIRE);

	if (bridge == NULL)
		rte_pktmbuf_free(entry->pkt);
	else
		bridge_send(worker, bridge, entry->pkt, entry->to);
}

static void
worker_take_routed(struct worker *worker, struct port *port, struct rte_mbuf *pkt)
{
	const struct rif *rif = __atomic_load_n(&port->rif, __ATOMIC_ACQUIRE);

	if (rif != NULL)
		router_burst(worker, rif, port, &pkt, 1);
	else
		port_drop(worker, port, pkt, DROP_NOT_ROUTED);
}

static void
worker_take_entry(struct worker *worker, struct port *port, struct worker_inject *entry)
{
	/* these count one for each port that they leave by */
	if (entry->how == INJECT_VLAN) {
		worker_take_vlan(worker, port, entry);
		return;
	}
	worker_stats(worker, port)->copies++;
	switch (entry->how) {
	case INJECT_FORWARD:
		if (port->passed != NULL)
			port_passed_in(worker, port, 1, entry->pkt->pkt_len);
		worker_forward(worker, port, &entry->pkt, 1);
		break;
	case INJECT_FLOOD:
	case INJECT_TO:
		worker_take_passed(worker, port, entry);
		break;
	case INJECT_ROUTE:
		worker_take_routed(worker, port, entry->pkt);
		break;
	case INJECT_DROP:
		port_drop(worker, port, entry->pkt, (enum drop_reason)entry->to);
		break;
	case INJECT_TAGGED:
		egress_slow(worker, port, port, entry->pkt, entry->to);
		break;
	default:
		if (port->up)
			egress_queue(worker, port, entry->pkt);
		else
			port_drop(worker, port, entry->pkt, DROP_PORT_DOWN);
	}
}

/* Forward what the control thread has to say in the name of stations, and send what it says. */
static void
worker_take_injected(struct worker *worker)
{
	struct worker_inject entry;

	while (rte_ring_sc_dequeue_elem(worker->injected, &entry, sizeof(entry)) == 0) {
		struct port *port = datapath_port(worker->dp, entry.port);

		if (port == NULL || port->generation != entry.generation)
			rte_pktmbuf_free(entry.pkt);
		else
			worker_take_entry(worker, port, &entry);
	}
}

/* Do what the control thread wants, before the queues' turn. */
static __rte_noinline void
worker_answer(struct worker *worker)
{
	uint32_t calls = __atomic_exchange_n(&worker->calls, 0, __ATOMIC_ACQ_REL);

	if (calls & WORKER_CALL_RESCAN)
		worker_rescan(worker);
	if (calls & WORKER_CALL_INJECT)
		worker_take_injected(worker);
}

/* May an empty queue leave the list of those to poll? */
static bool
worker_rest(struct worker *worker, struct port *port, uint16_t queue)
{
	struct port_rxq *rxq = &port->rxq[queue];

	switch (port->type->wait) {
	case PORT_WAIT_FD:
		return true;
	case PORT_WAIT_EVENT:
		if (++rxq->idle < ARM_AFTER)
			return false;
		rxq->idle = 0;
		return !port->type->rx_arm(worker, port, queue);
	case PORT_WAIT_NONE:
		break;
	}
	return false;
}

/* A burst of @port's is done: what it has cost is one reading of the clock. */
static void
worker_charge(struct worker *worker, const struct port *port)
{
	const uint64_t tsc = rte_rdtsc();

	worker_stats(worker, port)->cycles += tsc - worker->charged;
	worker->charged = tsc;
}

unsigned int
worker_turn(struct worker *worker)
{
	struct rte_mbuf *pkts[PORT_BURST_MAX];
	unsigned int received = 0;
	uint32_t i = 0;

	if (unlikely(__atomic_load_n(&worker->calls, __ATOMIC_ACQUIRE) != 0))
		worker_answer(worker);
	while (i < worker->n_active) {
		const struct worker_active *active = &worker->active[i];
		struct port *port = datapath_port(worker->dp, RXQ_COOKIE_PORT(active->cookie));
		uint16_t queue = RXQ_COOKIE_QUEUE(active->cookie);
		uint16_t n;

		if (unlikely(port == NULL || port->generation != active->generation)) {
			worker->active[i] = worker->active[--worker->n_active];
			continue;
		}
		n = port->type->rx_burst(worker, port, queue, pkts, PORT_BURST_MAX);
		if (n > 0) {
			if (port->rxq[queue].idle != 0)
				port->rxq[queue].idle = 0;
			worker_ingress(worker, port, pkts, n);
			/* a full burst goes on while it is in the cache; small ones are gathered */
			if (n == PORT_BURST_MAX)
				egress_flush(worker);
			worker_charge(worker, port);
			received += n;
		} else if (!worker->slept && worker_rest(worker, port, queue)) {
			worker->slept = true;
		}
		if (unlikely(worker->slept)) {
			worker->slept = false;
			port->rxq[queue].active = false;
			worker->active[i] = worker->active[--worker->n_active];
			continue;
		}
		i++;
	}
	egress_flush(worker);
	if (unlikely(worker->told)) {
		worker->told = false;
		if (__atomic_exchange_n(&worker->dp->event_wanted, 0, __ATOMIC_ACQ_REL))
			eventfd_write(worker->dp->event_fd, 1);
	}
	rte_rcu_qsbr_quiescent(worker->dp->qsbr, worker->id);
	return received;
}

static void
worker_handle_events(struct worker *worker, const struct epoll_event *events, int n)
{
	eventfd_t ignored;

	for (int i = 0; i < n; i++) {
		if (events[i].data.u64 == COOKIE_WAKE)
			eventfd_read(worker->wake_fd, &ignored);
		else if (events[i].data.u64 == COOKIE_EVENT)
			worker->event_fn(worker, worker->event_arg);
		else
			worker_queue_active(worker, events[i].data.u64);
	}
}

/* Look at the fds without sleeping, every now and then. */
static void
worker_look(struct worker *worker, struct worker_pace *pace, uint64_t tsc)
{
	struct epoll_event events[EPOLL_BATCH];

	if (tsc < pace->next_epoll)
		return;
	worker_handle_events(worker, events, epoll_wait(worker->epoll_fd, events, EPOLL_BATCH, 0));
	worker->charged = rte_rdtsc(); /* no port's doing */
	pace->next_epoll = tsc + EPOLL_USEC * pace->hz_usec;
}

/*
 * Sleep until an fd is readable, or @usec at most (0: no limit). Offline, so that the control
 * thread need not wait for a sleeper; what the fds name is looked up after coming back.
 */
static void
worker_sleep(struct worker *worker, uint32_t usec)
{
	struct timespec timeout = { .tv_nsec = usec * 1000L };
	struct epoll_event events[EPOLL_BATCH];
	int n;

	worker->sleeps++;
	rte_rcu_qsbr_thread_offline(worker->dp->qsbr, worker->id);
	n = epoll_pwait2(worker->epoll_fd, events, EPOLL_BATCH, usec == 0 ? NULL : &timeout, NULL);
	rte_rcu_qsbr_thread_online(worker->dp->qsbr, worker->id);
	worker->now = worker_clock();
	worker_handle_events(worker, events, n);
}

/* How long until the first of the queues that sleep is to be polled: 1 .. @usec (0: no limit). */
static uint32_t
worker_sleep_limit(const struct worker *worker, const struct worker_pace *pace, uint64_t tsc,
		   uint32_t usec)
{
	uint64_t next = worker->sleepers.next, left;

	if (likely(next == UINT64_MAX))
		return usec;
	left = next > tsc ? (next - tsc) / pace->hz_usec + 1 : 1;
	left = RTE_MIN(left, (uint64_t)SLEEP_USEC_MAX);
	return usec == 0 ? left : RTE_MIN(left, usec);
}

/* Nothing came in this turn: sleep, nap, or spin a little longer. */
static void
worker_idle(struct worker *worker, struct worker_pace *pace, uint64_t tsc)
{
	if (worker->n_active == 0) {
		if (__atomic_load_n(&worker->calls, __ATOMIC_ACQUIRE) == 0)
			worker_sleep(worker, worker_sleep_limit(worker, pace, tsc, 0));
		return;
	}
	if (pace->idle_since == 0) {
		pace->idle_since = tsc;
		pace->nap_usec = 1;
	}
	if (tsc - pace->idle_since < SPIN_USEC * pace->hz_usec) {
		worker_look(worker, pace, tsc);
		rte_pause();
		return;
	}
	/* queues that count their empty polls leave the list first; the rest can only be polled */
	if (tsc - pace->idle_since < LONG_IDLE_USEC * pace->hz_usec)
		pace->nap_usec = RTE_MIN(pace->nap_usec * 2, (uint32_t)NAP_USEC_MAX);
	else
		pace->nap_usec = NAP_USEC_LONG;
	worker_sleep(worker, worker_sleep_limit(worker, pace, tsc, pace->nap_usec));
}

int
worker_run(void *arg)
{
	struct worker *worker = arg;
	struct worker_pace pace = { .hz_usec = rte_get_tsc_hz() / 1000000 };
	uint64_t next_clock = 0, start = rte_rdtsc();

	/* naps are shorter than the 50 us that the kernel may add */
	prctl(PR_SET_TIMERSLACK, 1);
	rte_rcu_qsbr_thread_online(worker->dp->qsbr, worker->id);
	while (!__atomic_load_n(&worker->stop, __ATOMIC_ACQUIRE)) {
		unsigned int received = worker_turn(worker);
		uint64_t tsc = rte_rdtsc();

		if (unlikely(tsc >= worker->sleepers.next))
			worker_queues_wake(worker, tsc);
		if (unlikely(tsc >= next_clock)) {
			worker->now = worker_clock();
			next_clock = tsc + CLOCK_USEC * pace.hz_usec;
		}
		if (received > 0) {
			worker->busy_turns++;
			worker->busy_cycles += tsc - start;
			worker->busy_packets += received;
			start = worker->charged = tsc;
			pace.idle_since = 0;
			worker_look(worker, &pace, tsc);
		} else {
			worker_idle(worker, &pace, tsc);
			start = worker->charged = rte_rdtsc();
		}
		worker->tsc = start;
	}
	/* the control thread's last words */
	worker_answer(worker);
	egress_flush(worker);
	rte_rcu_qsbr_thread_offline(worker->dp->qsbr, worker->id);
	return 0;
}
