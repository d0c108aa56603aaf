/* SPDX-License-Identifier: BSD-3-Clause */
#include "vif.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "error.h"
#include "netback_priv.h"
#include "store.h"
#include "vif_ctrl.h"
#include "vif_settings.h"

#define ERROR_LEN 150      /* of a message that is kept; longer ones are cut */
#define RETRY_MSEC_MIN 20u /* until what failed is tried again, twice as long each time */
#define RETRY_MSEC_MAX 1000u
#define ANSWER_MSEC 2000u /* that a guest has to let go of a device which is to be removed */
#define REOPEN_MAX 8u     /* times in a row that a guest may connect anew ... */
#define REOPEN_MSEC 1000u /* ... and then once in so long */

struct vif *
vif_create(struct netback *netback, uint16_t domid, uint32_t devid)
{
	const struct hypervisor *hv = netback->config.hv;
	struct vif *vif;
	uint32_t id, state;
	char *path;
	int ret;

	vif = calloc(1, sizeof(*vif));
	if (vif == NULL)
		return NULL;
	vif->netback = netback;
	vif->n_refs = 1;
	vif->rate_changed = true;
	vif->domid = domid;
	vif->devid = devid;
	vif->state = XenbusStateInitialising;
	vif->target = XenbusStateInitialising;
	snprintf(vif->name, sizeof(vif->name), "vif%u.%u", domid, devid);
	snprintf(vif->backend, sizeof(vif->backend), NETBACK_PATH "/%u/%u", domid, devid);
	snprintf(vif->frontend, sizeof(vif->frontend), "/local/domain/%u/device/vif/%u", domid,
		 devid);

	/* the toolstack writes all in one transaction; the paths are checked, never followed */
	path = store_read(hv, vif->backend, "frontend");
	if (path == NULL)
		ret = -errno;
	else
		ret = strcmp(path, vif->frontend) == 0 ? 0 : -EINVAL;
	free(path);
	if (ret == 0)
		ret = store_read_u32(hv, vif->backend, "frontend-id", &id);
	if (ret == 0 && id != domid)
		ret = -EINVAL;
	if (ret == 0)
		ret = store_read_u32(hv, vif->backend, "state", &state);
	if (ret == 0)
		return vif;
	free(vif);
	errno = -ret;
	return NULL;
}

void
vif_get(struct vif *vif)
{
	vif->n_refs++;
}

void
vif_put(struct vif *vif)
{
	if (--vif->n_refs > 0)
		return;
	free(vif->rate);
	free(vif);
}

/*
 * Write the state, and what else goes with it, in one transaction; but nothing if the store has
 * another state than we saw: the toolstack's 5 must not be lost under ours.
 */
static int
vif_write_state(struct vif *vif, enum xenbus_state state, struct store_entry *entries,
		unsigned int n)
{
	char text[4];
	int ret;

	snprintf(text, sizeof(text), "%u", (unsigned int)state % 10);
	entries[n].key = "state";
	entries[n].value = text;
	ret = store_write(vif->netback->config.hv, vif->backend, vif->store_state, entries, n + 1);
	if (ret == 0)
		vif->store_state = state;
	return ret;
}

/* What is offered. What is absent is not, but a backend before us may have left its keys. */
static int
vif_write_init_wait(struct vif *vif)
{
	char max_queues[8];
	struct store_entry entries[] = {
		{ "feature-sg", "1" },
		{ "feature-rx-copy", "1" },
		{ "feature-rx-flip", "0" },
		{ "feature-ipv6-csum-offload", "1" },
		{ "feature-split-event-channels", "1" },
		{ "feature-gso-tcpv4", "1" },
		{ "feature-gso-tcpv6", "1" },
		{ "feature-multicast-control", "1" },
		{ "feature-dynamic-multicast-control", "1" },
		{ "feature-xdp-headroom", "0" },
		{ "feature-ctrl-ring", "1" },
		{ "multi-queue-max-queues", max_queues },
		{ NULL, NULL }, /* for the state */
	};

	snprintf(max_queues, sizeof(max_queues), "%u", netback_max_queues(vif->netback));
	return vif_write_state(vif, XenbusStateInitWait, entries, RTE_DIM(entries) - 1);
}

static void vif_walk(struct vif *vif);

/* After the grace period: no worker sees the rings. */
static void
vif_rings_retired(void *obj)
{
	struct vif *vif = obj;

	vif_totals_add(&vif->totals, vif->retired);
	vif_rings_free(vif->retired);
	vif->retired = NULL;
	if (vif->in_retired)
		LIST_REMOVE(vif, retired_list);
	vif->in_retired = false;
	if (vif->netback != NULL)
		vif_walk(vif);
	vif_put(vif);
}

/* Take the rings away from the workers; they are closed after a grace period. */
static void
vif_disconnect(struct vif *vif)
{
	struct netback *netback = vif->netback;

	if (vif->rings == NULL)
		return;
	vif_ctrl_close(vif->ctrl);
	vif->ctrl = NULL;
	/* no new ones are opened before these are gone, so there is room for them */
	vif->retired = vif->rings;
	__atomic_store_n(&vif->rings, NULL, __ATOMIC_RELEASE);
	LIST_INSERT_HEAD(&netback->retired, vif, retired_list);
	vif->in_retired = true;
	vif_get(vif);
	netback->config.owner->vif_disconnected(netback->config.owner_arg, vif);
	netback->config.owner->retire(netback->config.owner_arg, &vif->retired_item,
				      vif_rings_retired, vif);
}

void
vif_leave(struct vif *vif)
{
	vif_disconnect(vif);
	vif->netback = NULL;
}

void
vif_abandon(struct vif *vif)
{
	struct vif_rings *rings = vif->rings;

	vif_ctrl_close(vif->ctrl);
	vif->ctrl = NULL;
	if (vif->retired != NULL)
		vif_rings_close(vif->retired);
	if (vif->in_retired)
		LIST_REMOVE(vif, retired_list);
	vif->in_retired = false;
	if (rings != NULL) {
		struct netback *netback = vif->netback;

		__atomic_store_n(&vif->rings, NULL, __ATOMIC_RELEASE);
		netback->config.owner->vif_disconnected(netback->config.owner_arg, vif);
		vif_rings_free(rings);
	}
	vif->netback = NULL;
}

/* Do not try again what has failed before a while has passed. @message: why; NULL: no news. */
static void
vif_put_off(struct vif *vif, const char *message)
{
	if (message != NULL && strncmp(vif->error, message, ERROR_LEN) != 0) {
		snprintf(vif->error, sizeof(vif->error), "%.*s", ERROR_LEN, message);
		netback_log(vif->netback, vif, "%s; trying again", vif->error);
	}
	vif->retry_msec = RTE_MIN(RTE_MAX(vif->retry_msec * 2, RETRY_MSEC_MIN), RETRY_MSEC_MAX);
	netback_retry_later(vif, vif->retry_msec);
}

/* It worked: what was complained of is over. */
static void
vif_succeeded(struct vif *vif)
{
	vif->retry_msec = 0;
	vif->reopen_held = false;
	vif->error[0] = '\0';
}

void
vif_clear_error(const struct hypervisor *hv, uint16_t domid, uint32_t devid)
{
	char path[STORE_PATH_SIZE];
	char **names;

	snprintf(path, sizeof(path), VIF_ERROR_PATH "/%u/%u", domid, devid);
	hv->ops->rm(hv->ctx, 0, path);
	*strrchr(path, '/') = '\0';
	names = hv->ops->directory(hv->ctx, 0, path);
	if (names != NULL && *names == NULL)
		hv->ops->rm(hv->ctx, 0, path);
	free(names);
}

/* Is it what the frontend says that is wrong? What else fails is not its fault and may pass. */
static bool
error_is_content(int ret)
{
	return ret == -ENOENT || ret == -EINVAL || ret == -ERANGE || ret == -EOPNOTSUPP;
}

/* What makes no sense counts as 0. Return: 0, or -errno: the store's fault. */
static int
vif_read_multicast(struct vif *vif, struct vif_mcast *mcast)
{
	uint32_t wanted = 0;
	int ret = store_read_u32(vif->netback->config.hv, vif->frontend,
				 "request-multicast-control", &wanted);

	if (ret < 0 && ret != -ENOENT && ret != -EINVAL)
		return ret;
	vif_mcast_set(mcast, wanted != 0);
	return 0;
}

static int
vif_multicast_changed(struct vif *vif)
{
	int ret = vif->rings != NULL ? vif_read_multicast(vif, &vif->rings->mcast) : 0;

	vif->mcast_changed = ret < 0;
	return ret;
}

/*
 * Read the frontend's keys and open its rings. @reattach: a backend before us may have opened them,
 * even if it has not come to saying so.
 */
static int
vif_open(struct vif *vif, bool reattach, struct error *err)
{
	struct netback *netback = vif->netback;
	const struct netback_config *config = &netback->config;
	struct vif_rings_config rings_config = {
		.hv = config->hv,
		.domid = vif->domid,
		.keys = &vif->keys,
		.rate = vif->rate,
		.broken_fd = netback->broken_fd,
		.reattach = reattach,
	};
	struct vif_rings *rings;
	int ret;

	/* what it was offered by the backend before us is not ours to take back */
	ret = vif_keys_read(config->hv, vif->frontend,
			    reattach ? NETBACK_QUEUES_MAX : netback_max_queues(netback), &vif->keys,
			    err);
	if (ret < 0)
		return ret;
	for (uint16_t i = 0; i < vif->keys.n_queues; i++) {
		uint16_t worker = config->owner->queue_worker(config->owner_arg, vif, i);

		rings_config.threads[i] = config->threads[worker];
		rings_config.cookies[i] = config->owner->queue_cookie(config->owner_arg, vif, i);
	}
	rings = vif_rings_open(&rings_config, err);
	if (rings == NULL)
		return err->code;
	ret = vif_read_multicast(vif, &rings->mcast);
	if (ret < 0) {
		error_set(err, EAGAIN, "cannot read frontend's request-multicast-control: %s",
			  strerror(-ret));
		goto err_free;
	}
	if (vif->keys.ctrl) {
		vif->ctrl = vif_ctrl_open(vif, rings, reattach, err);
		if (vif->ctrl == NULL)
			goto err_free;
	}
	__atomic_store_n(&vif->rings, rings, __ATOMIC_RELEASE);
	return 0;

err_free:
	vif_rings_free(rings);
	return err->code;
}

/*
 * Connect. What the guest has wrong is fatal; what else fails is put off, above all when the guest
 * is connected already: one that sees state 5 gives its device up for good.
 */
static int
vif_connect(struct vif *vif, bool reattach)
{
	struct netback *netback = vif->netback;
	struct error err = { 0 };
	int ret;

	ret = vif_open(vif, reattach, &err);
	if (ret < 0 && error_is_content(ret))
		vif_fatal(vif, err.msg);
	else if (ret < 0)
		vif_put_off(vif, err.msg);
	if (ret < 0)
		return ret;
	vif->taken_over = false;
	vif_succeeded(vif);
	vif_clear_error(netback->config.hv, vif->domid, vif->devid);
	netback->config.owner->vif_connected(netback->config.owner_arg, vif);
	if (reattach)
		vif_rings_kick(vif->rings);
	netback_log(netback, vif, "%s, %u queue%s%s", reattach ? "attached again" : "connected",
		    vif->keys.n_queues, vif->keys.n_queues == 1 ? "" : "s",
		    vif->keys.queues[0].split ? ", split event channels" : "");
	return 0;
}

/* The next state on the legal way to the target (xenbus.c of Linux' netback). */
static enum xenbus_state
state_next(enum xenbus_state state, enum xenbus_state target)
{
	switch (state) {
	case XenbusStateInitialising:
		return target == XenbusStateClosed || target == XenbusStateClosing ?
			       target :
			       XenbusStateInitWait;
	case XenbusStateInitWait:
		return target == XenbusStateConnected ? XenbusStateConnected : XenbusStateClosing;
	case XenbusStateConnected:
		return XenbusStateClosing;
	case XenbusStateClosing:
		return XenbusStateClosed;
	default:
		return target == XenbusStateClosing ? XenbusStateClosing : XenbusStateInitWait;
	}
}

/* One step of the walk. Return: 0, or -errno: the walk is over. */
static int
vif_step(struct vif *vif, enum xenbus_state next)
{
	struct store_entry entry[1];
	char text[80];
	int ret = 0;

	if (next == XenbusStateInitWait) {
		ret = vif_write_init_wait(vif);
	} else {
		/* connected before, but the state could not be written */
		if (next == XenbusStateConnected && vif->rings == NULL) {
			ret = vif_connect(vif, vif->taken_over);
			if (ret < 0)
				return ret;
		}
		ret = vif_write_state(vif, next, entry, 0);
	}
	if (ret == 0) {
		vif->state = next;
		if (vif->retry_msec != 0 || vif->reopen_held)
			vif_succeeded(vif);
	} else if (ret == -ESTALE) {
		netback_changed(vif->netback, vif);
	} else if (ret != -ENOENT) {
		snprintf(text, sizeof(text), "cannot write state \"%s\" to the store: %s",
			 vif_state_name(next), strerror(-ret));
		vif_put_off(vif, text);
	}
	return ret;
}

/*
 * A closed device is to be opened anew: may its guest have that now? A driver that is loaded again,
 * or a guest that boots, connects a few times within seconds. But each time has the rings mapped,
 * the switch announce the guest, and lines written to the log.
 */
static bool
vif_may_reopen(struct vif *vif)
{
	uint64_t now = netback_now(vif->netback);
	uint64_t ahead = RTE_MAX(vif->reopen_at, now) - now;

	if (ahead == 0)
		vif->reopen_told = false;
	if (ahead <= REOPEN_MSEC * (REOPEN_MAX - 1)) {
		vif->reopen_at = now + ahead + REOPEN_MSEC;
		return true;
	}
	snprintf(vif->error, sizeof(vif->error),
		 "the guest connects too often: has to wait up to %u ms each time", REOPEN_MSEC);
	if (!vif->reopen_told)
		netback_log(vif->netback, vif, "%s", vif->error);
	vif->reopen_told = vif->reopen_held = true;
	netback_retry_later(vif, (uint32_t)(ahead - REOPEN_MSEC * (REOPEN_MAX - 1)));
	return false;
}

/* Go on towards the target, as far as possible now. */
static void
vif_walk(struct vif *vif)
{
	while (vif->state != vif->target && vif->retired == NULL) {
		enum xenbus_state next = state_next(vif->state, vif->target);

		if (vif->rings != NULL && next != XenbusStateConnected) {
			vif_disconnect(vif);
			continue;
		}
		if (vif->state == XenbusStateClosed && next == XenbusStateInitWait &&
		    !vif_may_reopen(vif))
			return;
		if (vif_step(vif, next) < 0)
			return;
	}
}

void
vif_fatal(struct vif *vif, const char *message)
{
	const struct hypervisor *hv = vif->netback->config.hv;
	char path[STORE_PATH_SIZE], text[192];

	snprintf(vif->error, sizeof(vif->error), "%.*s", ERROR_LEN, message);
	netback_log(vif->netback, vif, "disabled: %s", message);
	snprintf(path, sizeof(path), VIF_ERROR_PATH "/%u/%u/error", vif->domid, vif->devid);
	snprintf(text, sizeof(text), "%d %.*s", -EPROTO, ERROR_LEN, message);
	hv->ops->write(hv->ctx, 0, path, text);
	vif->broken = true;
	vif->target = XenbusStateClosing;
	vif->retry_msec = 0;
	/* a guest that connects again and again gets to do so once a second */
	netback_retry_later(vif, RETRY_MSEC_MAX);
	vif_walk(vif);
}

/*
 * The toolstack wants the device gone: the frontend answers to state 5, unless nobody is there to
 * do so. The toolstack writes that 5 itself, as a rule.
 */
static enum xenbus_state
target_closing(const struct vif *vif)
{
	if (vif->unanswered)
		return XenbusStateClosed;
	switch (vif->frontend_state) {
	case XenbusStateInitWait:
	case XenbusStateInitialised:
	case XenbusStateConnected:
	case XenbusStateReconfiguring:
		return vif->store_state == XenbusStateClosing ||
				       vif->store_state == XenbusStateClosed ?
			       vif->state :
			       XenbusStateClosing;
	case XenbusStateClosing:
		return XenbusStateClosing;
	default:
		return XenbusStateClosed;
	}
}

/*
 * A guest that is paused, or has crashed and is kept, says nothing to state 5. libxl would wait for
 * 10 s and then have us close without it, which a guest that is only slow takes just as well. That
 * wait is not worth having; but whoever lives gets the time to let go first.
 */
static void
vif_await_answer(struct vif *vif, uint32_t online)
{
	if (online != 0)
		vif->unanswered = false;
	if (online != 0 || vif->target == XenbusStateClosed) {
		vif->answer_by = 0;
	} else if (vif->answer_by == 0) {
		vif->answer_by = netback_now(vif->netback) + ANSWER_MSEC;
		netback_timer(vif->netback, vif->answer_by);
	}
}

/* Where to go, by what the frontend says. */
static enum xenbus_state
target_open(struct vif *vif, uint32_t online)
{
	switch (vif->frontend_state) {
	case XenbusStateInitialising:
		if (vif->state == XenbusStateClosed && online != 1)
			return XenbusStateClosed;
		return XenbusStateInitWait;
	case XenbusStateConnected:
		if (vif->broken)
			return vif->target;
		return vif->hotplug_done ? XenbusStateConnected : XenbusStateInitWait;
	case XenbusStateClosing:
		return XenbusStateClosing;
	case XenbusStateClosed:
		return XenbusStateClosed;
	default:
		return vif->target;
	}
}

/*
 * Has the hotplug script said "connected"? Once is enough: nobody runs it again for a reconnect.
 * Return: 0, or -errno of the store.
 */
static int
vif_read_hotplug(struct vif *vif)
{
	const struct hypervisor *hv = vif->netback->config.hv;
	char *status, *script;
	int error;

	if (vif->hotplug_done)
		return 0;
	status = store_read(hv, vif->backend, "hotplug-status");
	error = status == NULL ? errno : 0;
	vif->hotplug_done = status != NULL && strcmp(status, "connected") == 0;
	free(status);
	if (error != ENOENT)
		return error == EINVAL ? 0 : -error;
	/* a toolstack without scripts does not make us wait for one */
	script = store_read(hv, vif->backend, "script");
	error = script == NULL ? errno : 0;
	vif->hotplug_done = error == ENOENT;
	free(script);
	return error == ENOENT || error == EINVAL ? 0 : -error;
}

/* A frontend that reconfigures itself (only XDP headroom, not offered) wants to see an 8. */
static void
vif_reconfigured(struct vif *vif)
{
	struct store_entry entry[1];

	if (vif->frontend_state == XenbusStateReconfiguring && vif->rings != NULL &&
	    vif->store_state == XenbusStateConnected)
		vif_write_state(vif, XenbusStateReconfigured, entry, 0);
}

/* Return: 0, or -errno: the store's fault, nothing is known. */
static int
vif_read_frontend(struct vif *vif)
{
	uint32_t state;
	int ret = store_read_u32(vif->netback->config.hv, vif->frontend, "state", &state);

	if (ret < 0 && ret != -ENOENT && ret != -EINVAL)
		return ret;
	vif->frontend_absent = ret == -ENOENT || (ret == 0 && state == 0) || vif->domain_dead;
	if (vif->frontend_absent)
		vif->frontend_state = XenbusStateUnknown;
	else if (ret < 0 || state > XenbusStateReconfigured)
		vif->frontend_state = (enum xenbus_state) - 1;
	else
		vif->frontend_state = (enum xenbus_state)state;
	return 0;
}

/* Does the toolstack want the device? A node that is absent or makes no sense says no. */
static int
vif_read_online(struct vif *vif, uint32_t *ret_online)
{
	int ret = store_read_u32(vif->netback->config.hv, vif->backend, "online", ret_online);

	if (ret == -ENOENT || ret == -EINVAL) {
		*ret_online = 0;
		ret = 0;
	}
	return ret;
}

static bool
state_is_connected(uint32_t state)
{
	return state == XenbusStateConnected || state == XenbusStateReconfigured;
}

/* First look: take up the device in the state in which the store has it. */
static void
vif_adopt(struct vif *vif)
{
	vif->adopted = true;
	vif->taken_over = vif->store_state != XenbusStateInitialising;
	switch (vif->store_state) {
	case XenbusStateConnected:
	case XenbusStateReconfigured:
		/* a backend before us has connected it, with the script's consent */
		vif->state = vif->target = XenbusStateConnected;
		vif->hotplug_done = true;
		break;
	case XenbusStateClosing:
	case XenbusStateClosed:
		vif->state = vif->target = (enum xenbus_state)vif->store_state;
		/* a frontend that is still up has not seen that yet */
		vif->broken = vif->store_state == XenbusStateClosing &&
			      vif->frontend_state == XenbusStateConnected;
		break;
	default:
		/* written anew in any case: the backend before us may have offered other things */
		vif->state = XenbusStateInitialising;
		vif->target = XenbusStateInitWait;
		break;
	}
}

/* Ask the owner to make what the device needs. */
static void
vif_accept(struct vif *vif)
{
	const struct netback_config *config = &vif->netback->config;
	struct error err = { 0 };
	int ret;

	if (vif->accepted || vif->refused || vif->retry_at != 0)
		return;
	ret = vif_read_mac(vif, &err);
	if (ret == 0)
		ret = config->owner->vif_added(config->owner_arg, vif, &err);
	vif->accepted = ret == 0;
	if (ret == 0) {
		vif_succeeded(vif);
	} else if (ret == -EAGAIN) {
		vif_put_off(vif, NULL);
	} else if (state_is_connected(vif->store_state)) {
		/* the guest lives, and need not know as long as there is hope */
		vif_put_off(vif, err.msg);
	} else {
		vif->refused = true;
		vif_fatal(vif, err.msg);
	}
}

/* The guest is connected, by the backend before us: take its rings over. */
static void
vif_reattach(struct vif *vif)
{
	if (vif->state == XenbusStateConnected && vif->target == XenbusStateConnected &&
	    vif->rings == NULL && vif->retired == NULL && vif->accepted && !vif->broken &&
	    vif->retry_at == 0 && state_is_connected(vif->store_state) &&
	    (vif->frontend_state == XenbusStateConnected ||
	     vif->frontend_state == XenbusStateReconfiguring))
		vif_connect(vif, true);
}

/* What leads to a connection waits: for the owner, and while something is put off. */
static void
vif_hold(struct vif *vif)
{
	if ((vif->accepted && vif->retry_at == 0) || vif->target == vif->state ||
	    (vif->target != XenbusStateInitWait && vif->target != XenbusStateConnected))
		return;
	vif->target =
		vif->state == XenbusStateClosing && vif->accepted ? XenbusStateClosed : vif->state;
}

/* Decide where to go. Return: false if the frontend talks nonsense, which is dealt with. */
static bool
vif_choose(struct vif *vif, uint32_t online)
{
	bool closing = online == 0 ||
		       (vif->store_state == XenbusStateClosing &&
			vif->state != XenbusStateClosing && vif->state != XenbusStateClosed);

	if (vif->frontend_absent || vif->frontend_state == XenbusStateInitialising ||
	    vif->frontend_state == XenbusStateClosing || vif->frontend_state == XenbusStateClosed)
		vif->broken = vif->taken_over = false;
	if (vif->frontend_absent) {
		vif->target = XenbusStateClosed;
	} else if (closing) {
		vif->target = target_closing(vif);
	} else if (vif->frontend_state == XenbusStateInitWait ||
		   (unsigned int)vif->frontend_state >= XenbusStateReconfigured) {
		/* no more often than others that are disabled get to connect again */
		if (!vif->broken && vif->retry_at == 0)
			vif_fatal(vif, "frontend's state makes no sense");
		return false;
	} else {
		vif->target = target_open(vif, online);
	}
	vif_await_answer(vif, online);
	return true;
}

void
vif_update(struct vif *vif)
{
	uint32_t state, online;
	int ret;

	ret = store_read_u32(vif->netback->config.hv, vif->backend, "state", &state);
	if (ret == -ENOENT || (ret == 0 && state == XenbusStateInitialising && vif->adopted &&
			       vif->state != XenbusStateInitialising)) {
		/* removed, or removed and made again before we looked */
		netback_forget(vif);
		return;
	}
	if (ret == -EINVAL)
		return;
	if (ret == 0)
		ret = netback_watch(vif);
	if (ret == 0 && vif->mcast_changed)
		ret = vif_multicast_changed(vif);
	if (ret == 0)
		ret = vif_read_frontend(vif);
	if (ret == 0)
		ret = vif_read_online(vif, &online);
	if (ret == 0)
		ret = vif_read_rate(vif);
	if (ret < 0) {
		vif_put_off(vif, NULL);
		return;
	}
	vif->store_state = state;
	if (!vif->adopted)
		vif_adopt(vif);
	vif_accept(vif);
	if (vif->accepted && vif_read_hotplug(vif) < 0) {
		vif_put_off(vif, NULL);
		return;
	}
	if (!vif_choose(vif, online))
		return;
	vif_hold(vif);
	vif_reattach(vif);
	vif_reconfigured(vif);
	vif_walk(vif);
}
