/* SPDX-License-Identifier: BSD-3-Clause */
/* What there is to show of a vif. */
#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "netback_priv.h"
#include "store.h"
#include "vif_ctrl.h"

#define NAMES_MSEC 100 /* in this time no more names are read than */
#define NAMES_MAX 64
#define GUEST_MSEC 10000 /* how old a guest's name gets at least */

static const char *const state_names[] = {
	[XenbusStateUnknown] = "absent",
	[XenbusStateInitialising] = "initialising",
	[XenbusStateInitWait] = "init-wait",
	[XenbusStateInitialised] = "initialised",
	[XenbusStateConnected] = "connected",
	[XenbusStateClosing] = "closing",
	[XenbusStateClosed] = "closed",
	[XenbusStateReconfiguring] = "reconfiguring",
	[XenbusStateReconfigured] = "reconfigured",
};

const char *
vif_state_name(enum xenbus_state state)
{
	return (unsigned int)state < RTE_DIM(state_names) ? state_names[state] : "invalid";
}

static void
stats_add(struct vif_ring_stats *sum, const struct vif_ring_stats *stats)
{
	const uint64_t *from = (const uint64_t *)stats;
	uint64_t *to = (uint64_t *)sum;

	static_assert(sizeof(*stats) % sizeof(uint64_t) == 0, "counters only");
	for (size_t i = 0; i < sizeof(*stats) / sizeof(*from); i++)
		to[i] += __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}

void
vif_totals_add(struct vif_totals *sum, const struct vif_rings *rings)
{
	for (uint16_t i = 0; i < rings->n_queues; i++) {
		stats_add(&sum->tx, &rings->queues[i].tx.stats);
		stats_add(&sum->rx, &rings->queues[i].rx.stats);
	}
}

/* The connection that there is. */
static void
info_connection(const struct vif *vif, struct vif_info *info)
{
	const struct vif_mcast *mcast = &vif->rings->mcast;

	info->n_queues = vif->rings->n_queues;
	info->split_channels = vif->keys.queues[0].split;
	info->sg = vif->keys.sg;
	info->csum_ipv4 = vif->keys.csum_ipv4;
	info->csum_ipv6 = vif->keys.csum_ipv6;
	info->gso_ipv4 = vif->keys.gso_ipv4;
	info->gso_ipv6 = vif->keys.gso_ipv6;
	info->mcast_filter = vif_mcast_filters(mcast);
	info->mcast_unknown = mcast->wanted && mcast->unknown;
	info->n_mcast = __atomic_load_n(&mcast->n, __ATOMIC_RELAXED);
	info->n_static_grants = vif_rings_grants(vif->rings);
	if (vif->ctrl != NULL)
		vif_ctrl_info(vif->ctrl, info);
}

/* Not of all guests at once: the store takes its time, and who asks has others to serve. */
static bool
name_may_be_read(struct netback *netback, uint64_t now)
{
	if (now - netback->names_since >= NAMES_MSEC) {
		netback->names_since = now;
		netback->n_names = 0;
	}
	return netback->n_names++ < NAMES_MAX;
}

/* The guest's name may change, and one that migrates here has a preliminary one. */
static void
guest_name(struct vif *vif)
{
	/* names read at one time are not read again at one time */
	const uint64_t keep = GUEST_MSEC + vif->domid % 50 * 1000;
	uint64_t now;
	char dir[32], *name;

	if (vif->netback == NULL)
		return;
	now = netback_now(vif->netback);
	if ((vif->guest_at != 0 && now - vif->guest_at < keep) ||
	    !name_may_be_read(vif->netback, now))
		return;
	vif->guest_at = now;
	snprintf(dir, sizeof(dir), "/local/domain/%u", vif->domid);
	name = store_read(vif->netback->config.hv, dir, "name");
	snprintf(vif->guest, sizeof(vif->guest), "%s", name != NULL ? name : "");
	free(name);
	for (char *c = vif->guest; *c != '\0'; c++)
		if (!isprint((unsigned char)*c))
			*c = '?';
}

/* @slots of a ring in percent. The guest may have written anything. */
static unsigned int
ring_percent(uint32_t slots)
{
	return RTE_MIN(slots, (uint32_t)NETIF_RING_SLOTS) * 100 / NETIF_RING_SLOTS;
}

/* Workers move both indices meanwhile. */
static void
queue_load(const struct vif_queue *queue, struct vif_load *load)
{
	const uint32_t taken = __atomic_load_n(&queue->tx.index, __ATOMIC_RELAXED);
	const uint32_t used = __atomic_load_n(&queue->rx.index, __ATOMIC_RELAXED);
	const int32_t waiting = (int32_t)(ring_load(&queue->tx.ring->req_prod) - taken);
	const int32_t posted = (int32_t)(ring_load(&queue->rx.ring->req_prod) - used);

	load->from = RTE_MAX(load->from, ring_percent(RTE_MAX(waiting, 0)));
	load->towards = RTE_MAX(load->towards, 100 - ring_percent(RTE_MAX(posted, 0)));
}

void
vif_load(struct vif *vif, struct vif_load *ret_load)
{
	guest_name(vif);
	*ret_load = (struct vif_load){ .domid = vif->domid, .guest = vif->guest };
	if (vif->rings == NULL)
		return;
	ret_load->n_queues = vif->rings->n_queues;
	for (uint16_t i = 0; i < vif->rings->n_queues; i++)
		queue_load(&vif->rings->queues[i], ret_load);
}

void
vif_info_kept(const struct vif *vif, struct vif_info *ret_info)
{
	struct vif_totals totals = vif->totals;

	*ret_info = (struct vif_info){
		.domid = vif->domid,
		.devid = vif->devid,
		.state = vif_state_name(vif->state),
		.frontend = vif_state_name(vif->frontend_state),
	};
	memcpy(ret_info->name, vif->name, sizeof(ret_info->name));
	memcpy(ret_info->mac, vif->mac, sizeof(ret_info->mac));
	memcpy(ret_info->error, vif->error, sizeof(ret_info->error));
	ret_info->copy_errno = vif->copy_errno;
	if (vif->rate != NULL)
		ret_info->rate = vif->rate->rate;
	if (vif->netback != NULL)
		ret_info->max_queues = netback_max_queues(vif->netback);
	if (vif->rings != NULL) {
		info_connection(vif, ret_info);
		vif_totals_add(&totals, vif->rings);
	}
	ret_info->tx_requests = totals.tx.slots;
	ret_info->tx_packets = totals.tx.packets;
	ret_info->tx_errors = totals.tx.errors;
	ret_info->rx_requests = totals.rx.slots;
	ret_info->rx_packets = totals.rx.packets;
	ret_info->rx_errors = totals.rx.errors;
	ret_info->rx_full = totals.rx.full;
	ret_info->copies = totals.tx.copies + totals.rx.copies;
	ret_info->copy_calls = totals.tx.copy_calls + totals.rx.copy_calls;
	ret_info->copy_failures = totals.tx.copy_failures + totals.rx.copy_failures;
	ret_info->direct_copies = totals.rx.direct_copies;
	ret_info->static_copies = totals.tx.static_copies + totals.rx.static_copies;
	ret_info->notifies = totals.tx.notifies + totals.rx.notifies;
	ret_info->ring_errors = vif->ring_errors;
	if (ret_info->error[0] == '\0' && ret_info->copy_failures > 0)
		snprintf(ret_info->error, sizeof(ret_info->error),
			 "grant copies have failed %" PRIu64 " times, last: %s",
			 ret_info->copy_failures, strerror(ret_info->copy_errno));
}

void
vif_info(const struct vif *vif, struct vif_info *ret_info)
{
	char *hotplug;

	vif_info_kept(vif, ret_info);
	if (vif->netback == NULL)
		return;
	hotplug = store_read(vif->netback->config.hv, vif->backend, "hotplug-status");
	if (hotplug != NULL)
		snprintf(ret_info->hotplug, sizeof(ret_info->hotplug), "%s", hotplug);
	free(hotplug);
}
