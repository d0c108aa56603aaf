/* SPDX-License-Identifier: BSD-3-Clause */
#include "vif_link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netback_priv.h"
#include "store.h"

/* @absent: the value that the key stands for when it is not there, or NULL. */
static int
link_write(const struct vif *vif, const char *dir, const char *key, const char *value,
	   const char *absent)
{
	const struct hypervisor *hv = vif->netback->config.hv;
	struct store_entry entry = { .key = key, .value = value };
	char *old = store_read(hv, dir, key);
	const char *now = old != NULL ? old : absent;
	bool same = now != NULL && strcmp(now, value) == 0;

	free(old);
	return same ? 0 : store_write(hv, dir, STORE_STATE_ANY, &entry, 1);
}

int
vif_link_carrier(struct vif *vif, bool on)
{
	int ret;

	if (vif->netback == NULL)
		return -ENOENT;
	ret = link_write(vif, vif->backend, "carrier", on ? "1" : "0", "1");
	if (ret == 0)
		ret = link_write(vif, vif->frontend, "disconnect", on ? "0" : "1", "0");
	/* the frontend's directory is the guest's, and only domain 0 may write to anybody's */
	return ret == -EACCES ? 0 : ret;
}

int
vif_link_mtu(struct vif *vif, uint32_t mtu)
{
	char text[12];

	if (vif->netback == NULL)
		return -ENOENT;
	snprintf(text, sizeof(text), "%u", mtu);
	return link_write(vif, vif->frontend, "mtu", text, NULL);
}

char *
vif_link_addresses(const struct vif *vif)
{
	return vif->netback != NULL ? store_read(vif->netback->config.hv, vif->backend, "ip") :
				      NULL;
}
