/* SPDX-License-Identifier: BSD-3-Clause */
#include "vif_keys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "store.h"

/* Read a number that must be there. */
static int
key_required(const struct hypervisor *hv, const char *dir, const char *key, uint32_t *ret_value,
	     struct error *err)
{
	int ret = store_read_u32(hv, dir, key, ret_value);

	if (ret == -ENOENT)
		return error_set(err, -ENOENT, "frontend has no %s", key);
	if (ret == -EINVAL)
		return error_set(err, -EINVAL, "frontend's %s is not a number of 32 bits", key);
	if (ret < 0)
		return error_set(err, ret, "cannot read frontend's %s: %s", key, strerror(-ret));
	return 0;
}

/* Read a number that may be absent. */
static int
key_optional(const struct hypervisor *hv, const char *dir, const char *key, uint32_t absent,
	     uint32_t *ret_value, struct error *err)
{
	int ret = key_required(hv, dir, key, ret_value, err);

	if (ret != -ENOENT)
		return ret;
	*ret_value = absent;
	return 0;
}

static int
key_bool(const struct hypervisor *hv, const char *dir, const char *key, bool *ret_value,
	 struct error *err)
{
	uint32_t value;
	int ret = key_optional(hv, dir, key, 0, &value, err);

	if (ret == 0)
		*ret_value = value != 0;
	return ret;
}

/* Split channels if both are there, else the single one: a frontend may ignore the offer. */
static int
queue_channels(const struct hypervisor *hv, const char *dir, struct vif_queue_keys *queue,
	       struct error *err)
{
	int tx, rx, ret;

	tx = key_required(hv, dir, "event-channel-tx", &queue->tx_channel, err);
	if (tx < 0 && tx != -ENOENT)
		return tx;
	rx = key_required(hv, dir, "event-channel-rx", &queue->rx_channel, err);
	if (rx < 0 && rx != -ENOENT)
		return rx;
	queue->split = tx == 0 && rx == 0;
	if (queue->split)
		return 0;
	ret = key_required(hv, dir, "event-channel", &queue->tx_channel, err);
	queue->rx_channel = queue->tx_channel;
	return ret;
}

static int
queue_keys(const struct hypervisor *hv, const char *dir, struct vif_queue_keys *queue,
	   struct error *err)
{
	int ret;

	ret = key_required(hv, dir, "tx-ring-ref", &queue->tx_ref, err);
	if (ret == 0)
		ret = key_required(hv, dir, "rx-ring-ref", &queue->rx_ref, err);
	if (ret == 0)
		ret = queue_channels(hv, dir, queue, err);
	return ret;
}

/* A frontend may do without a control ring; a ring without a channel makes no sense. */
static int
ctrl_keys(const struct hypervisor *hv, const char *dir, struct vif_keys *keys, struct error *err)
{
	int ret = key_required(hv, dir, "ctrl-ring-ref", &keys->ctrl_ref, err);

	if (ret == -ENOENT)
		return 0;
	if (ret == 0)
		ret = key_required(hv, dir, "event-channel-ctrl", &keys->ctrl_channel, err);
	keys->ctrl = ret == 0;
	return ret;
}

static int
feature_keys(const struct hypervisor *hv, const char *dir, struct vif_keys *keys, struct error *err)
{
	bool rx_copy = false, no_csum_ipv4 = false;
	int ret;

	ret = key_bool(hv, dir, "request-rx-copy", &rx_copy, err);
	if (ret == 0 && !rx_copy)
		ret = error_set(
			err, -EOPNOTSUPP,
			"frontend has no request-rx-copy = 1; page flipping is not possible");
	if (ret == 0)
		ret = key_bool(hv, dir, "feature-sg", &keys->sg, err);
	if (ret == 0)
		ret = key_bool(hv, dir, "feature-no-csum-offload", &no_csum_ipv4, err);
	if (ret == 0)
		ret = key_bool(hv, dir, "feature-ipv6-csum-offload", &keys->csum_ipv6, err);
	if (ret == 0)
		ret = key_bool(hv, dir, "feature-gso-tcpv4", &keys->gso_ipv4, err);
	if (ret == 0)
		ret = key_bool(hv, dir, "feature-gso-tcpv6", &keys->gso_ipv6, err);
	keys->csum_ipv4 = !no_csum_ipv4;
	/* a super-packet goes with a blank checksum, and in more than a page */
	keys->gso_ipv4 &= keys->sg && keys->csum_ipv4;
	keys->gso_ipv6 &= keys->sg && keys->csum_ipv6;
	return ret;
}

int
vif_keys_read(const struct hypervisor *hv, const char *frontend, uint16_t max_queues,
	      struct vif_keys *ret_keys, struct error *err)
{
	struct vif_keys keys = { 0 };
	char dir[STORE_PATH_SIZE];
	uint32_t n_queues;
	int ret;

	ret = key_optional(hv, frontend, "multi-queue-num-queues", 1, &n_queues, err);
	if (ret < 0)
		return ret;
	if (n_queues < 1 || n_queues > max_queues)
		return error_set(err, -ERANGE,
				 "frontend's multi-queue-num-queues %u is not 1 to %u", n_queues,
				 max_queues);
	keys.n_queues = (uint16_t)n_queues;

	ret = feature_keys(hv, frontend, &keys, err);
	if (ret == 0)
		ret = ctrl_keys(hv, frontend, &keys, err);
	for (unsigned int i = 0; i < n_queues && ret == 0; i++) {
		/* one queue: at the top, without a directory of its own */
		if (n_queues == 1)
			snprintf(dir, sizeof(dir), "%s", frontend);
		else
			snprintf(dir, sizeof(dir), "%.200s/queue-%u", frontend, i);
		ret = queue_keys(hv, dir, &keys.queues[i], err);
	}
	if (ret == 0)
		*ret_keys = keys;
	return ret;
}
