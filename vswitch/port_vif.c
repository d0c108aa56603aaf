/* SPDX-License-Identifier: BSD-3-Clause */
#include "port_vif.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "announce.h"
#include "emulated.h"
#include "error.h"
#include "events.h"
#include "hypervisor.h"
#include "log.h"
#include "netback.h"
#include "port_note.h"
#include "store.h"
#include "switch.h"
#include "switch_priv.h"
#include "vif.h"
#include "vif_link.h"
#include "vif_steer.h"

#define EVENTS_MAX 64  /* event channels looked at in one go */
#define NO_SG_MTU 1500 /* of guests that take packets of one page only */

struct vif_ports;

/* A worker's event channels. */
struct worker_events {
	struct vif_ports *ports;
	struct vif_thread *thread;
};

/* All of netback in this switch: the netback's owner. */
struct vif_ports {
	struct vswitch *sw;
	struct event *event; /* netback has work */
	struct log_limit log_limit;
	bool stopping;
	const struct vif *adding; /* its port is being made; or NULL */
	uint16_t n_threads;
	struct vif_thread *threads[WORKER_MAX];
	struct worker_events events[WORKER_MAX];
};

/* A vif port. */
struct vif_port {
	struct vif *vif; /* a reference; worker: ro */
	struct port *port;
	char bridge[SWITCH_NAME_SIZE]; /* that it was on before a restart and that is missing */
	struct announce *announce;
	const struct switch_bridge *announced; /* where its guest was announced last; or NULL */
	uint16_t announced_vlan;               /* of its untagged frames */
	struct log_limit log_limit;
};

/* There are pending packets in this turn. Note whose they are, should they be lost later. */
static void
vif_port_pending(struct worker *worker, const struct port *port, struct rte_mbuf **pkts, uint16_t n)
{
	worker->pending = true;
	for (uint16_t i = 0; i < n; i++)
		pkts[i]->port = port->id;
}

static uint16_t
vif_port_fill(struct worker *worker, struct rte_mbuf **pkts, uint16_t n, uint64_t *bytes)
{
	uint16_t n_filled = 0;

	vif_pending_fill(worker->hypervisor, pkts, n);
	for (uint16_t i = 0; i < n; i++) {
		if (likely(!(pkts[i]->ol_flags & PORT_PENDING))) {
			pkts[n_filled++] = pkts[i];
			continue;
		}
		/* received, but its data was not there: its port may be gone by now */
		worker->stats[pkts[i]->port].drops[DROP_RX_ERROR]++;
		*bytes -= pkts[i]->pkt_len;
		rte_pktmbuf_free(pkts[i]);
	}
	return n_filled;
}

static void
vif_port_pending_done(struct worker *worker)
{
	vif_pending_done(worker->hypervisor);
}

static uint16_t
vif_port_rx_burst(struct worker *worker, struct port *port, uint16_t i, struct rte_mbuf **pkts,
		  uint16_t n)
{
	const struct vif_port *vif_port = port->priv;
	struct vif_queue *queue = vif_queue(vif_port->vif, i, false);
	struct vif_thread *thread = worker->hypervisor;
	struct vif_lost lost = { 0 };

	if (queue == NULL)
		return 0;
	n = vif_rx_burst(thread, queue, worker->pool, pkts, n, &lost);
	if (unlikely(thread->pending.n_packets != 0))
		vif_port_pending(worker, port, pkts, n);
	if (unlikely(queue->tx.wait_usec != 0))
		worker_queue_sleep(worker, RXQ_COOKIE(port->id, i), queue->tx.wait_usec);
	if (likely((lost.bad_request | lost.bad_frame | lost.copy_failed | lost.no_buffer) == 0))
		return n;
	port_rx_drop(worker, port, DROP_BAD_REQUEST, lost.bad_request);
	port_rx_drop(worker, port, DROP_BAD_FRAME, lost.bad_frame);
	port_rx_drop(worker, port, DROP_RX_ERROR, lost.copy_failed);
	port_rx_drop(worker, port, DROP_NO_BUFFER, lost.no_buffer);
	return n;
}

/* A port whose packets are sent. */
struct sender {
	struct worker *worker;
	const struct port *port;
};

static const enum drop_reason loss_reasons[] = {
	[VIF_FULL] = DROP_TX_FULL,
	[VIF_FILTERED] = DROP_MULTICAST,
	[VIF_TOO_BIG] = DROP_MTU_EXCEEDED,
	[VIF_COPY_FAILED] = DROP_TX_ERROR,
};
static_assert(RTE_DIM(loss_reasons) == VIF_LOSSES, "a reason for each");

static void
show_lost(void *arg, struct rte_mbuf *pkt, enum vif_loss why)
{
	const struct sender *sender = arg;

	port_drop_seen(sender->worker, sender->port, pkt, loss_reasons[why]);
}

/* A guest that is not connected has no filter yet. */
static enum drop_reason
vif_port_refuses(const struct port *port, const struct rte_mbuf *pkt)
{
	const struct vif_port *vif_port = port->priv;
	const struct vif_rings *rings = vif_rings(vif_port->vif);
	const enum vif_loss why = rings != NULL ? vif_refusal(rings, pkt) : VIF_DELIVERED;

	return why != VIF_DELIVERED ? loss_reasons[why] : DROP_REASONS;
}

/* The guest's queues are chosen by flow, not by who sends. */
static uint16_t
vif_port_tx_burst(struct worker *worker, struct port *port, uint16_t i, struct rte_mbuf **pkts,
		  uint16_t n)
{
	const struct vif_port *vif_port = port->priv;
	struct vif_rings *rings = vif_rings(vif_port->vif);
	struct sender sender = { .worker = worker, .port = port };
	struct vif_lost lost = { .show = show_lost, .arg = &sender };

	if (rings == NULL)
		return 0;
	n = vif_send(worker->hypervisor, rings, pkts, n, &lost);
	if (likely((lost.too_big | lost.copy_failed | lost.filtered | lost.full) == 0))
		return n;
	port_tx_lost(worker, port, DROP_TX_FULL, lost.full, lost.full_bytes);
	port_tx_lost(worker, port, DROP_MULTICAST, lost.filtered, lost.filtered_bytes);
	port_tx_lost(worker, port, DROP_MTU_EXCEEDED, lost.too_big, lost.too_big_bytes);
	port_tx_lost(worker, port, DROP_TX_ERROR, lost.copy_failed, lost.copy_failed_bytes);
	return n;
}

static bool
vif_port_rx_arm(struct worker *worker, struct port *port, uint16_t i)
{
	const struct vif_port *vif_port = port->priv;
	struct vif_queue *queue = vif_queue(vif_port->vif, i, false);

	return queue != NULL && vif_rx_arm(queue);
}

/* Events have been lost: any guest may have sent something. */
static void
vif_ports_activate(struct worker *worker)
{
	for (uint32_t id = 0; id < PORT_MAX; id++) {
		struct port *port = datapath_port(worker->dp, id);

		if (port == NULL || port->type != &port_type_vif)
			continue;
		/* those of other workers are ignored */
		for (uint16_t queue = 0; queue < port->n_rxq; queue++)
			worker_queue_active(worker, RXQ_COOKIE(id, queue));
	}
}

/* Event channels of this worker have fired. */
static void
vif_port_events(struct worker *worker, void *arg)
{
	const struct worker_events *source = arg;
	struct vif_thread *thread = source->thread;
	uint32_t cookies[EVENTS_MAX];
	int n = thread->hv->ops->events(thread->hvt, cookies, EVENTS_MAX);

	for (int i = 0; i < n; i++)
		worker_queue_active(worker, cookies[i]);
	if (likely(n >= 0))
		return;
	__atomic_store_n(&thread->lost_errno, -n, __ATOMIC_RELAXED);
	__atomic_store_n(&thread->lost_events, thread->lost_events + 1, __ATOMIC_RELAXED);
	vif_ports_activate(worker);
	netback_report(source->ports->sw->netback);
}

/* The MTU that the vif is to have: the operator's, or the toolstack's. */
static uint32_t
vif_port_mtu(const struct vif *vif, const struct port_config *config)
{
	uint32_t mtu = config->mtu != 0 ? config->mtu : vif_mtu(vif);

	return mtu < PORT_MTU_MIN || mtu > PORT_MTU_MAX ? PORT_MTU_DEFAULT : mtu;
}

static int
vif_port_open(struct port *port, const struct port_config *config, struct error *err)
{
	struct netback *netback = config->sw->netback;
	struct vif_port *vif_port;
	struct vif *vif;

	if (netback == NULL)
		return error_set(err, EOPNOTSUPP,
				 "port %s: vifs need Xen, and vswitchd runs with "
				 "--no-xen",
				 config->name);
	vif = netback_find(netback, config->name);
	if (vif == NULL || vif->owner_data != NULL)
		return error_set(err, ENOENT,
				 "port %s: no guest has such a vif; the toolstack (xl) "
				 "makes it",
				 config->name);
	/* netback knows of no port that it has not asked for, and would never take it away */
	if (((struct vif_ports *)netback_owner_arg(netback))->adding != vif)
		return error_set(err, EAGAIN, "port %s: its vif is not ready yet", config->name);
	vif_port = calloc(1, sizeof(*vif_port));
	if (vif_port != NULL)
		vif_port->announce = announce_create(config->sw, port);
	if (vif_port == NULL || vif_port->announce == NULL) {
		free(vif_port);
		return error_set(err, ENOMEM, "port %s: no memory for it", config->name);
	}
	vif_get(vif);
	vif->owner_data = vif_port;
	vif_port->vif = vif;
	vif_port->port = port;
	port->priv = vif_port;
	/* not netback_max_queues(): a guest may have been offered more before a restart */
	port->n_rxq = port->n_txq = NETBACK_QUEUES_MAX;
	switch_port_caps(config->sw, port, 0);
	port_state_set(port, false, PORT_FORWARDING);
	port_mtu_set(port, vif_port_mtu(vif, config));
	return 0;
}

static void
vif_port_close(struct port *port)
{
	struct vif_port *vif_port = port->priv;

	vif_port->vif->owner_data = NULL;
	vif_put(vif_port->vif);
	announce_destroy(vif_port->announce);
	free(vif_port);
	port->priv = NULL;
}

static void
vif_port_told(const struct vif *vif, const char *what, int ret)
{
	if (ret < 0 && ret != -ENOENT)
		log_line(LOG_WARNING, "%s: cannot tell its guest the %s in xenstore: %s", vif->name,
			 what, strerror(-ret));
}

static void
vif_port_set_carrier(struct port *port, bool on)
{
	const struct vif_port *vif_port = port->priv;

	vif_port_told(vif_port->vif, "carrier", vif_link_carrier(vif_port->vif, on));
	port_note(vif_port->vif, "carrier", on ? NULL : "off");
}

const struct port_type port_type_vif = {
	.name = "vif",
	.wait = PORT_WAIT_EVENT,
	.takes_pending = true,
	.open = vif_port_open,
	.close = vif_port_close,
	.set_carrier = vif_port_set_carrier,
	.rx_burst = vif_port_rx_burst,
	.tx_burst = vif_port_tx_burst,
	.refuses = vif_port_refuses,
	.rx_arm = vif_port_rx_arm,
};

/* What a vif's port is to be by its notes. Return: as port_note_read(). */
static char *
vif_port_config(struct vswitch *sw, const struct vif *vif, struct port_config *config)
{
	*config = (struct port_config){ .kind = PORT_KIND_VIF, .n_queues = 1, .sw = sw };
	memcpy(config->name, vif->name, sizeof(vif->name));
	return port_note_read(vif, config);
}

/*
 * Have a vif's new port be routed, as it was before a restart. Its addresses may be another's by
 * now, and then it waits for a script or the operator.
 */
static void
owner_vif_route(struct vswitch *sw, const struct guest_config *guest, struct port_config *config)
{
	struct error err;

	if (guest->mode == PORT_MODE_BRIDGE)
		return;
	config->guest = *guest;
	if (switch_port_add(sw, NULL, config, &err) == 0)
		return;
	log_line(LOG_WARNING, "%s: is not routed as it was before: %s", config->name, err.msg);
	config->guest = (struct guest_config){ 0 };
}

/* Make the vif's port, on the bridge that it was on before a restart, if there is one. */
static int
owner_vif_added(void *arg, struct vif *vif, struct error *err)
{
	struct vif_ports *ports = arg;
	struct vswitch *sw = ports->sw;
	struct port_config config;
	struct guest_config guest;
	struct vif_port *vif_port;
	const char *bridge;
	char *noted;
	int ret;

	noted = vif_port_config(sw, vif, &config);
	bridge = noted != NULL && switch_bridge_find(sw, noted) != NULL ? noted : NULL;
	guest = config.guest;
	config.guest = (struct guest_config){ 0 };
	ports->adding = vif;
	ret = switch_port_add(sw, bridge, &config, err);
	ports->adding = NULL;
	if (ret == 0)
		owner_vif_route(sw, &guest, &config);
	if (ret == 0) {
		vif_port = vif->owner_data;
		if (noted != NULL && bridge == NULL)
			snprintf(vif_port->bridge, sizeof(vif_port->bridge), "%s", noted);
		switch_port_status(sw, vif_port->port, false, "guest is not connected");
		log_line(LOG_INFO, "%s: new vif%s%s", vif->name,
			 bridge != NULL ? " on bridge " : "", bridge != NULL ? bridge : "");
		if (bridge != NULL || config.guest.mode != PORT_MODE_BRIDGE)
			emulated_restore(sw, vif, bridge, &config);
	}
	free(noted);
	return ret;
}

static void
owner_vif_removed(void *arg, struct vif *vif)
{
	struct vif_ports *ports = arg;

	log_line(LOG_INFO, "%s: removed", vif->name);
	emulated_end(ports->sw, vif);
	switch_remove_vif(ports->sw, vif->name);
}

/* The guest can be reached from now on, or in another place than before: let the others know. */
static void
vif_port_announce(struct vswitch *sw, struct vif_port *vif_port)
{
	const struct switch_port *port = switch_port_of(sw, vif_port->port);
	const struct switch_bridge *bridge = port->dp->up ? port->bridge : NULL;
	char *ip;

	if (bridge == vif_port->announced && port->dp->vlan->untagged == vif_port->announced_vlan)
		return;
	vif_port->announced = bridge;
	vif_port->announced_vlan = port->dp->vlan->untagged;
	announce_stop(vif_port->announce);
	/* a trunk whose guest has no VLAN of its own to be announced in */
	if (bridge == NULL || !bridge->config.announce || vif_port->announced_vlan == VLAN_NONE)
		return;
	ip = vif_link_addresses(vif_port->vif);
	announce_start(vif_port->announce, vif_port->vif->mac, ip);
	free(ip);
}

/* Set the MTU by what the guest takes at present. */
static void
vif_port_judge(struct vswitch *sw, struct vif_port *vif_port)
{
	const struct vif *vif = vif_port->vif;
	struct port *port = vif_port->port;
	uint32_t mtu = vif_port_mtu(vif, &switch_port_of(sw, port)->config);
	char reason[100] = "";

	if (vif->rings == NULL) {
		port_mtu_set(port, mtu);
		switch_port_status(sw, port, false, "guest is not connected");
		return;
	}
	port_mtu_set(port, vif->keys.sg ? mtu : RTE_MIN(mtu, NO_SG_MTU));
	if (vif_port->bridge[0] != '\0')
		snprintf(reason, sizeof(reason), "its bridge %s does not exist", vif_port->bridge);
	else if (port->mtu != mtu)
		snprintf(reason, sizeof(reason), "mtu %u is set, but the guest takes %u at most",
			 mtu, port->mtu);
	switch_port_status(sw, port, true, reason);
}

/* Say how the port is, and what that means for others. */
static void
vif_port_status(struct vswitch *sw, struct vif_port *vif_port)
{
	vif_port_judge(sw, vif_port);
	vif_port_announce(sw, vif_port);
}

/* Have all of the vif's queues polled. */
static void
vif_port_poll(const struct vif_ports *ports, const struct vif *vif)
{
	const struct vif_port *vif_port = vif->owner_data;
	struct port *port;

	if (vif_port == NULL)
		return;
	port = vif_port->port;
	for (uint16_t i = 0; i < vif->keys.n_queues; i++)
		worker_activate(ports->sw->dp->workers[port->rxq[i].worker],
				RXQ_COOKIE(port->id, i));
}

static void
owner_vif_connected(void *arg, struct vif *vif)
{
	struct vif_ports *ports = arg;
	struct vif_port *vif_port = vif->owner_data;
	struct port *port = vif_port->port;
	uint32_t caps = 0;

	caps |= vif->keys.csum_ipv4 ? PORT_CAP_CSUM_IPV4 : 0;
	caps |= vif->keys.csum_ipv6 ? PORT_CAP_CSUM_IPV6 : 0;
	caps |= vif->keys.gso_ipv4 ? PORT_CAP_TSO_IPV4 : 0;
	caps |= vif->keys.gso_ipv6 ? PORT_CAP_TSO_IPV6 : 0;
	switch_port_caps(ports->sw, port, caps);
	events_emit(ports->sw->events, EVENT_CONNECT, vif->name,
		    json_pack("{s:i}", "queues", (int)vif->keys.n_queues),
		    "its guest has connected, with %u queue%s", vif->keys.n_queues,
		    vif->keys.n_queues == 1 ? "" : "s");
	vif_port_status(ports->sw, vif_port);
	/* no event comes for what the guest has sent before it was heard */
	vif_port_poll(ports, vif);
}

static void
owner_vif_rate_changed(void *arg, struct vif *vif)
{
	/* those that wait for credit, above all; the others find nothing */
	vif_port_poll(arg, vif);
}

static void
owner_vif_disconnected(void *arg, struct vif *vif)
{
	struct vif_ports *ports = arg;
	struct vif_port *vif_port = vif->owner_data;

	if (vif_port == NULL || ports->stopping)
		return;
	events_emit(ports->sw->events, EVENT_DISCONNECT, vif->name, NULL, "its guest has left");
	vif_port_status(ports->sw, vif_port);
}

static uint16_t
owner_queue_worker(void *arg, struct vif *vif, uint16_t queue)
{
	const struct vif_port *vif_port = vif->owner_data;

	return vif_port->port->rxq[queue].worker;
}

static uint32_t
owner_queue_cookie(void *arg, struct vif *vif, uint16_t queue)
{
	const struct vif_port *vif_port = vif->owner_data;

	return RXQ_COOKIE(vif_port->port->id, queue);
}

static void
owner_message(void *arg, const struct vif *vif, const char *text)
{
	struct vif_ports *ports = arg;
	struct vif_port *vif_port = vif != NULL ? vif->owner_data : NULL;

	/* a limit each: one guest's lines are not to push out those about others */
	log_limited(vif_port != NULL ? &vif_port->log_limit : &ports->log_limit, LOG_NOTICE,
		    "%s: %s", vif != NULL ? vif->name : "xen", text);
}

static void
owner_retire(void *arg, struct rcu_item *item, void (*fn)(void *obj), void *obj)
{
	struct vif_ports *ports = arg;

	rcu_retire(ports->sw->rcu, item, fn, obj);
}

static const struct netback_owner vif_ports_owner = {
	.vif_added = owner_vif_added,
	.vif_removed = owner_vif_removed,
	.vif_connected = owner_vif_connected,
	.vif_disconnected = owner_vif_disconnected,
	.vif_rate_changed = owner_vif_rate_changed,
	.queue_worker = owner_queue_worker,
	.queue_cookie = owner_queue_cookie,
	.message = owner_message,
	.retire = owner_retire,
};

static void
vif_ports_event(evutil_socket_t fd, short what, void *arg)
{
	struct vif_ports *ports = arg;

	netback_process(ports->sw->netback);
}

/* Give each worker its context and its event channels. */
static int
vif_ports_threads(struct vif_ports *ports, const struct hypervisor *hv, struct error *err)
{
	struct datapath *dp = ports->sw->dp;

	for (uint16_t w = 0; w < dp->n_workers; w++) {
		struct vif_thread *thread = vif_thread_create(hv);
		int ret;

		if (thread == NULL)
			return error_set(err, errno,
					 "xen: cannot open event channels or grants for "
					 "worker %u: %s",
					 w, strerror(errno));
		ports->threads[w] = thread;
		ports->events[w] = (struct worker_events){ .ports = ports, .thread = thread };
		ports->n_threads = (uint16_t)(w + 1);
		dp->workers[w]->hypervisor = thread;
		dp->workers[w]->fill = vif_port_fill;
		dp->workers[w]->pending_done = vif_port_pending_done;
		if (vif_pending_register() == 0)
			thread->direct_min = VIF_DIRECT_MIN;
		ret = worker_event_source(dp->workers[w], hv->ops->events_fd(thread->hvt),
					  vif_port_events, &ports->events[w]);
		if (ret < 0)
			return error_set(err, ret,
					 "xen: worker %u cannot wait for event channels: "
					 "%s",
					 w, strerror(-ret));
	}
	return 0;
}

static void
vif_ports_free(struct vif_ports *ports)
{
	if (ports->event != NULL)
		event_free(ports->event);
	netback_destroy(ports->sw->netback);
	ports->sw->netback = NULL;
	for (uint16_t w = 0; w < ports->n_threads; w++) {
		ports->sw->dp->workers[w]->hypervisor = NULL;
		vif_thread_destroy(ports->threads[w]);
	}
	free(ports);
}

int
port_vif_init(struct vswitch *sw, const struct hypervisor *hv, struct error *err)
{
	struct vif_ports *ports = calloc(1, sizeof(*ports));
	struct netback_config config = { 0 };
	int ret;

	if (ports == NULL)
		return error_set(err, ENOMEM, "xen: no memory");
	ports->sw = sw;
	ret = vif_ports_threads(ports, hv, err);
	if (ret < 0)
		goto err_free;
	config.hv = hv;
	config.threads = ports->threads;
	config.n_threads = ports->n_threads;
	config.owner = &vif_ports_owner;
	config.owner_arg = ports;
	sw->netback = netback_create(&config, err);
	if (sw->netback == NULL) {
		ret = -EIO;
		goto err_free;
	}
	ports->event = event_new(sw->base, netback_fd(sw->netback), EV_READ | EV_PERSIST,
				 vif_ports_event, ports);
	if (ports->event == NULL || event_add(ports->event, NULL) < 0) {
		ret = error_set(err, ENOMEM, "xen: no memory");
		goto err_free;
	}
	return 0;

err_free:
	vif_ports_free(ports);
	return ret;
}

void
port_vif_fini(struct vswitch *sw)
{
	struct vif_ports *ports;

	if (sw->netback == NULL)
		return;
	ports = netback_owner_arg(sw->netback);
	ports->stopping = true;
	vif_ports_free(ports);
}

static struct vif *
vif_of(struct vswitch *sw, const struct switch_port *port)
{
	const struct vif_port *vif_port = port->dp->priv;

	if (port->config.kind != PORT_KIND_VIF || sw->netback == NULL || vif_port == NULL)
		return NULL;
	return vif_port->vif;
}

bool
port_vif_mac(const struct switch_port *port, uint8_t ret_mac[6])
{
	const struct vif *vif = vif_of(port->sw, port);

	if (vif != NULL)
		memcpy(ret_mac, vif->mac, sizeof(vif->mac));
	return vif != NULL;
}

unsigned int
port_vif_addresses(const struct switch_port *port, const uint8_t mac[6],
		   const struct announce_address **ret_addresses)
{
	const struct vif_port *vif_port = port->dp->priv;

	if (vif_of(port->sw, port) == NULL)
		return 0;
	return announce_known(vif_port->announce, mac, ret_addresses);
}

void
port_vif_attached(struct vswitch *sw, const struct switch_port *port)
{
	struct vif *vif = vif_of(sw, port);

	if (vif == NULL || (port->bridge == NULL && !guest_is(port)))
		return;
	((struct vif_port *)port->dp->priv)->bridge[0] = '\0';
	/* its own again counts as well; what the toolstack has told stays if we say nothing */
	if (port->config.mtu != 0 || port_note_has(vif, "mtu"))
		vif_port_told(vif, "mtu", vif_link_mtu(vif, vif_port_mtu(vif, &port->config)));
	port_note_write(vif, &port->config, port->bridge != NULL ? port->bridge->name : NULL);
	vif_port_status(sw, port->dp->priv);
}

void
port_vif_detached(struct vswitch *sw, const struct switch_port *port)
{
	struct vif *vif = vif_of(sw, port);

	if (vif == NULL)
		return;
	((struct vif_port *)port->dp->priv)->bridge[0] = '\0';
	vif_port_announce(sw, port->dp->priv);
	port_note_forget(vif);
}

int
port_vif_set_rate(const struct switch_port *port, const struct rate *rate, struct error *err)
{
	struct vif *vif = vif_of(port->sw, port);
	int ret;

	if (vif == NULL)
		return error_set(err, EINVAL,
				 "port %s: rate is for guests' vifs only, and this port is none",
				 port->config.name);
	ret = vif_rate_write(vif, rate);
	if (ret < 0)
		return error_set(err, ret, "port %s: cannot write its rate to xenstore: %s",
				 port->config.name, strerror(-ret));
	return 0;
}

bool
port_vif_rate(const struct switch_port *port, struct rate *ret_rate)
{
	const struct vif *vif = vif_of(port->sw, port);

	if (vif == NULL)
		return false;
	*ret_rate = vif->rate != NULL ? vif->rate->rate : (struct rate){ 0 };
	return true;
}

bool
port_vif_load(const struct switch_port *port, struct vif_load *ret_load)
{
	struct vif *vif = vif_of(port->sw, port);

	if (vif != NULL)
		vif_load(vif, ret_load);
	return vif != NULL;
}

bool
port_vif_kept(const struct switch_port *port, struct vif_info *ret_info)
{
	const struct vif *vif = vif_of(port->sw, port);

	if (vif != NULL)
		vif_info_kept(vif, ret_info);
	return vif != NULL;
}

void
port_vif_bridge_added(struct vswitch *sw, const char *bridge)
{
	struct vif *vif;

	if (sw->netback == NULL)
		return;
	for (vif = netback_next(sw->netback, NULL); vif != NULL;
	     vif = netback_next(sw->netback, vif)) {
		struct vif_port *vif_port = vif->owner_data;
		struct port_config config;
		struct error err;

		if (vif_port == NULL || strcmp(vif_port->bridge, bridge) != 0)
			continue;
		free(vif_port_config(sw, vif, &config));
		if (switch_port_add(sw, bridge, &config, &err) < 0)
			log_line(LOG_WARNING, "%s: cannot go back to its bridge: %s", vif->name,
				 err.msg);
		else
			emulated_restore(sw, vif, bridge, &config);
	}
}

bool
port_vif_info(const struct vswitch *sw, const void **cursor, struct vif_info *ret_info)
{
	const struct vif *vif = *cursor;

	if (sw->netback == NULL)
		return false;
	vif = netback_next(sw->netback, vif);
	if (vif == NULL)
		return false;
	vif_info(vif, ret_info);
	*cursor = vif;
	return true;
}
