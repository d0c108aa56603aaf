/* SPDX-License-Identifier: BSD-3-Clause */
#include "vif_settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "netback_priv.h"
#include "store.h"

int
vif_read_mac(struct vif *vif, struct error *err)
{
	char *text = store_read(vif->netback->config.hv, vif->backend, "mac");
	int ret = 0;

	if (text == NULL && errno != ENOENT && errno != EINVAL)
		ret = error_set(err, EAGAIN, "cannot read the backend's mac: %s", strerror(errno));
	else if (text == NULL || mac_parse(text, vif->mac) < 0)
		ret = error_set(err, EINVAL, "backend's mac \"%.40s\" is not an Ethernet address",
				text != NULL ? text : "");
	free(text);
	return ret;
}

/* Unlike what was there before: a new bucket, and workers see it from now on. */
static int
vif_set_rate(struct vif *vif, const struct rate *rate)
{
	const struct netback_config *config = &vif->netback->config;
	struct vif_rate *old = vif->rate, *new = NULL;

	if (rate->bytes != 0) {
		new = vif_rate_create(rate);
		if (new == NULL)
			return -ENOMEM;
	}
	vif->rate = new;
	if (vif->rings != NULL)
		__atomic_store_n(&vif->rings->rate, new, __ATOMIC_RELEASE);
	if (old != NULL)
		config->owner->retire(config->owner_arg, &old->retired, free, old);
	/* queues that wait for credit of the old bucket */
	if (vif->rings != NULL)
		config->owner->vif_rate_changed(config->owner_arg, vif);
	return 0;
}

int
vif_read_rate(struct vif *vif)
{
	struct rate rate = { 0 }, old = { 0 };
	char *text;
	int ret = 0;

	if (!vif->rate_changed)
		return 0;
	text = store_read(vif->netback->config.hv, vif->backend, "rate");
	if (text == NULL && errno != ENOENT && errno != EINVAL)
		return -errno;
	if ((text != NULL && rate_read(text, &rate) < 0) || (text == NULL && errno == EINVAL))
		netback_log(vif->netback, vif,
			    "the backend's rate \"%.40s\" makes no sense: unlimited",
			    text != NULL ? text : "");
	free(text);
	if (vif->rate != NULL)
		old = vif->rate->rate;
	/* written again: no reason for a new bucket */
	if (old.bytes != rate.bytes || old.usec != rate.usec)
		ret = vif_set_rate(vif, &rate);
	vif->rate_changed = ret < 0;
	return ret;
}

int
vif_note_write(struct vif *vif, const char *key, const char *value)
{
	char path[64];
	struct store_entry entry = { .key = path, .value = value };

	if (vif->netback == NULL)
		return -ENOENT;
	snprintf(path, sizeof(path), "vswitch/%.40s", key);
	return store_write(vif->netback->config.hv, vif->backend, STORE_STATE_ANY, &entry, 1);
}

char *
vif_note_read(const struct vif *vif, const char *key)
{
	char path[64];

	if (vif->netback == NULL)
		return NULL;
	snprintf(path, sizeof(path), "vswitch/%.40s", key);
	return store_read(vif->netback->config.hv, vif->backend, path);
}

int
vif_rate_write(struct vif *vif, const struct rate *rate)
{
	char text[RATE_TEXT_SIZE];
	struct store_entry entry = {
		.key = "rate",
		.value = rate->bytes != 0 ? rate_write(rate, text) : NULL,
	};
	int ret;

	if (vif->netback == NULL)
		return -ENOENT;
	ret = store_write(vif->netback->config.hv, vif->backend, STORE_STATE_ANY, &entry, 1);
	if (ret < 0)
		return ret;
	vif->rate_changed = true;
	return vif_read_rate(vif);
}

uint32_t
vif_mtu(const struct vif *vif)
{
	uint32_t mtu;

	if (vif->netback == NULL ||
	    store_read_u32(vif->netback->config.hv, vif->backend, "mtu", &mtu) < 0)
		return 0;
	return mtu;
}
