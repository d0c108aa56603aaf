/* SPDX-License-Identifier: BSD-3-Clause */
/* What there is to show of a vif. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "netback_priv.h"
#include "store.h"
#include "vif_ctrl.h"

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

void
vif_info(const struct vif *vif, struct vif_info *ret_info)
{
	struct vif_totals totals = vif->totals;
	char *hotplug = NULL;

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
	if (vif->netback != NULL) {
		ret_info->max_queues = netback_max_queues(vif->netback);
		hotplug = store_read(vif->netback->config.hv, vif->backend, "hotplug-status");
	}
	snprintf(ret_info->hotplug, sizeof(ret_info->hotplug), "%s",
		 hotplug != NULL ? hotplug : "");
	free(hotplug);
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
