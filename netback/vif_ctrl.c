/* SPDX-License-Identifier: BSD-3-Clause */
#include "vif_ctrl.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "error.h"
#include "netback_priv.h"
#include "netif_ring.h"
#include "vif_grants.h"
#include "vif_hash.h"

#define CTRL_RING_SLOTS 128 /* (4096 - 64) / 16, down to a power of two */
#define CTRL_RING_MASK (CTRL_RING_SLOTS - 1)
#define CREDIT_MAX 64     /* a request costs 1 or more, and so does an event */
#define CREDIT_MSEC 20    /* in which it comes back */
#define LIST_PER_CREDIT 2 /* pages to map or to unmap: some system calls each */
#define GREF_FIRST 8      /* references below are of the hypervisor's making (vif_tx.c) */
#define LIST_MAX (HYPERVISOR_PAGE_SIZE / sizeof(struct xen_netif_gref))

static_assert(__CONST_RING_SIZE(xen_netif_ctrl, 4096) == CTRL_RING_SLOTS, "control ring size");

struct vif_ctrl {
	struct vif *vif;
	struct vif_rings *rings;
	struct xen_netif_ctrl_sring *ring;
	uint32_t index; /* all requests before it are answered */
	uint32_t port;
	bool bound;

	uint64_t due_at; /* ms; goes on then; 0: waits for an event */
	uint64_t n_requests;

	struct vif_hash_config hash;
	/* a DEL_GREF_MAPPING under way, or none */
	bool deleting;
	struct xen_netif_ctrl_request removal;
	uint32_t n_deleted;
	struct xen_netif_gref list[LIST_MAX]; /* of pages; private */
};

/* Copy a list out of a page of the guest, or back. Return: 0 or -errno. */
static int
ctrl_copy(struct vif_ctrl *ctrl, uint32_t ref, void *local, uint32_t size, bool to_guest)
{
	struct netback *netback = ctrl->vif->netback;
	struct grant_copy piece = {
		.local = local,
		.ref = ref,
		.domid = ctrl->rings->domid,
		.len = (uint16_t)size,
		.to_guest = to_guest,
	};
	int ret;

	if (size == 0)
		return 0;
	if (ref < GREF_FIRST || size > HYPERVISOR_PAGE_SIZE)
		return -EINVAL;
	ret = netback->config.hv->ops->copy(netback->control, &piece, 1);
	if (ret == 0 && piece.status != 0)
		ret = -EFAULT;
	return ret;
}

static void
hash_retire(struct vif_ctrl *ctrl, struct vif_hash *hash)
{
	const struct netback_config *config = &ctrl->vif->netback->config;

	if (hash != NULL)
		config->owner->retire(config->owner_arg, &hash->retired, free, hash);
}

/* Let workers use a configuration; the guest's own is replaced by it if that works. */
static uint32_t
hash_set(struct vif_ctrl *ctrl, const struct vif_hash_config *config)
{
	bool is_used =
		config->algorithm != XEN_NETIF_CTRL_HASH_ALGORITHM_NONE && config->types != 0;
	struct vif_hash *hash = NULL;
	struct vif_hash *old = ctrl->rings->hash;

	if (is_used) {
		hash = vif_hash_create(config);
		if (hash == NULL)
			return XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;
	}
	__atomic_store_n(&ctrl->rings->hash, hash, __ATOMIC_RELEASE);
	hash_retire(ctrl, old);
	ctrl->hash = *config;
	return XEN_NETIF_CTRL_STATUS_SUCCESS;
}

static uint32_t
get_hash_flags(struct vif_ctrl *ctrl, const uint32_t data[3], uint32_t *ret_data)
{
	if (ctrl->hash.algorithm == XEN_NETIF_CTRL_HASH_ALGORITHM_NONE)
		return XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED;
	*ret_data = VIF_HASH_TYPES;
	return XEN_NETIF_CTRL_STATUS_SUCCESS;
}

static uint32_t
set_hash_flags(struct vif_ctrl *ctrl, const uint32_t data[3], uint32_t *ret_data)
{
	struct vif_hash_config config = ctrl->hash;

	if (config.algorithm == XEN_NETIF_CTRL_HASH_ALGORITHM_NONE ||
	    (data[0] & ~(uint32_t)VIF_HASH_TYPES))
		return XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;
	config.types = data[0];
	return hash_set(ctrl, &config);
}

static uint32_t
set_hash_key(struct vif_ctrl *ctrl, const uint32_t data[3], uint32_t *ret_data)
{
	struct vif_hash_config config = ctrl->hash;

	if (data[1] > sizeof(config.key))
		return XEN_NETIF_CTRL_STATUS_BUFFER_OVERFLOW;
	memset(config.key, 0, sizeof(config.key));
	if (ctrl_copy(ctrl, data[0], config.key, data[1], false) < 0)
		return XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;
	return hash_set(ctrl, &config);
}

static uint32_t
get_hash_mapping_size(struct vif_ctrl *ctrl, const uint32_t data[3], uint32_t *ret_data)
{
	*ret_data = VIF_HASH_MAPPING_MAX;
	return XEN_NETIF_CTRL_STATUS_SUCCESS;
}

static uint32_t
set_hash_mapping_size(struct vif_ctrl *ctrl, const uint32_t data[3], uint32_t *ret_data)
{
	struct vif_hash_config config = ctrl->hash;

	if (data[0] > VIF_HASH_MAPPING_MAX)
		return XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;
	config.mapping_size = data[0];
	memset(config.mapping, 0, sizeof(config.mapping));
	return hash_set(ctrl, &config);
}

/* Into private memory first, then checked, then used (XSA-270). */
static uint32_t
set_hash_mapping(struct vif_ctrl *ctrl, const uint32_t data[3], uint32_t *ret_data)
{
	struct vif_hash_config config = ctrl->hash;
	uint32_t n = data[1], offset = data[2];

	if (n > VIF_HASH_MAPPING_MAX)
		return XEN_NETIF_CTRL_STATUS_BUFFER_OVERFLOW;
	if (offset > config.mapping_size || n > config.mapping_size - offset ||
	    ctrl_copy(ctrl, data[0], &config.mapping[offset], n * sizeof(config.mapping[0]),
		      false) < 0)
		return XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;
	for (uint32_t i = offset; i < offset + n; i++)
		if (config.mapping[i] >= ctrl->rings->n_queues)
			return XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;
	return hash_set(ctrl, &config);
}

static uint32_t
set_hash_algorithm(struct vif_ctrl *ctrl, const uint32_t data[3], uint32_t *ret_data)
{
	struct vif_hash_config config = ctrl->hash;

	if (data[0] != XEN_NETIF_CTRL_HASH_ALGORITHM_NONE &&
	    data[0] != XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ)
		return XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;
	config.algorithm = data[0];
	return hash_set(ctrl, &config);
}

static uint32_t
get_gref_mapping_size(struct vif_ctrl *ctrl, const uint32_t data[3], uint32_t *ret_data)
{
	if (data[0] >= ctrl->rings->n_queues)
		return XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;
	*ret_data = vif_grants_room(ctrl->rings->queues[data[0]].grants, ctrl->rings->n_queues,
				    ctrl->vif->netback->n_grants);
	return XEN_NETIF_CTRL_STATUS_SUCCESS;
}

/* A list of pages, and the queue that it is for. */
static struct vif_queue *
gref_list(struct vif_ctrl *ctrl, const uint32_t data[3])
{
	uint32_t n = data[2];

	if (data[0] >= ctrl->rings->n_queues || n > LIST_MAX)
		return NULL;
	ctrl->vif->ctrl_credit -= n / LIST_PER_CREDIT;
	if (ctrl_copy(ctrl, data[1], ctrl->list, n * (uint32_t)sizeof(ctrl->list[0]), false) < 0)
		return NULL;
	return &ctrl->rings->queues[data[0]];
}

static uint32_t
add_gref_mapping(struct vif_ctrl *ctrl, const uint32_t data[3], uint32_t *ret_data)
{
	struct netback *netback = ctrl->vif->netback;
	struct vif_queue *queue = gref_list(ctrl, data);

	if (queue == NULL)
		return XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;
	if (queue->grants == NULL) {
		struct vif_grants *grants =
			vif_grants_create(netback->config.hv, ctrl->rings->domid,
					  ctrl->rings->n_queues, &netback->n_grants);

		if (grants == NULL)
			return XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;
		__atomic_store_n(&queue->grants, grants, __ATOMIC_RELEASE);
	}
	if (vif_grants_add(queue->grants, ctrl->list, data[2]) < 0)
		return XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;
	return XEN_NETIF_CTRL_STATUS_SUCCESS;
}

static void ctrl_respond(struct vif_ctrl *ctrl, const struct xen_netif_ctrl_request *request,
			 uint32_t status, uint32_t data);

/* No worker uses the pages any more: the guest gets them back, and its answer. */
static void
delete_done(void *obj)
{
	struct vif *vif = obj;
	struct vif_ctrl *ctrl = vif->ctrl;

	/* the connection may have ended meanwhile, which unmaps everything */
	if (ctrl != NULL && ctrl->deleting) {
		const uint32_t *data = ctrl->removal.data;
		uint32_t status = XEN_NETIF_CTRL_STATUS_SUCCESS;

		ctrl->deleting = false;
		vif_grants_unmap(ctrl->rings->queues[data[0]].grants);
		if (ctrl_copy(ctrl, data[1], ctrl->list, data[2] * (uint32_t)sizeof(ctrl->list[0]),
			      true) < 0)
			status = XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;
		ctrl_respond(ctrl, &ctrl->removal, status, ctrl->n_deleted);
		vif_ctrl_serve(ctrl);
	}
	vif_put(vif);
}

/* Answered later, by delete_done(), if there is anything to take away. */
static uint32_t
del_gref_mapping(struct vif_ctrl *ctrl, const uint32_t data[3], uint32_t *ret_data)
{
	const struct netback_config *config = &ctrl->vif->netback->config;
	struct vif_queue *queue = gref_list(ctrl, data);

	if (queue == NULL)
		return XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;
	ctrl->n_deleted = vif_grants_remove(queue->grants, ctrl->list, data[2]);
	if (ctrl->n_deleted > 0) {
		ctrl->deleting = true;
		vif_get(ctrl->vif);
		config->owner->retire(config->owner_arg, &ctrl->vif->delete_item, delete_done,
				      ctrl->vif);
		return XEN_NETIF_CTRL_STATUS_SUCCESS;
	}
	if (ctrl_copy(ctrl, data[1], ctrl->list, data[2] * (uint32_t)sizeof(ctrl->list[0]), true) <
	    0)
		return XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;
	return XEN_NETIF_CTRL_STATUS_SUCCESS;
}

/* By type of request. Return: XEN_NETIF_CTRL_STATUS_*. */
static uint32_t (*const handlers[])(struct vif_ctrl *ctrl, const uint32_t data[3],
				    uint32_t *ret_data) = {
	[XEN_NETIF_CTRL_TYPE_GET_HASH_FLAGS] = get_hash_flags,
	[XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS] = set_hash_flags,
	[XEN_NETIF_CTRL_TYPE_SET_HASH_KEY] = set_hash_key,
	[XEN_NETIF_CTRL_TYPE_GET_HASH_MAPPING_SIZE] = get_hash_mapping_size,
	[XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE] = set_hash_mapping_size,
	[XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING] = set_hash_mapping,
	[XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM] = set_hash_algorithm,
	[XEN_NETIF_CTRL_TYPE_GET_GREF_MAPPING_SIZE] = get_gref_mapping_size,
	[XEN_NETIF_CTRL_TYPE_ADD_GREF_MAPPING] = add_gref_mapping,
	[XEN_NETIF_CTRL_TYPE_DEL_GREF_MAPPING] = del_gref_mapping,
};

/* One entry, read once. */
static void
ring_copy_ctrl(const struct xen_netif_ctrl_sring *ring, uint32_t index,
	       struct xen_netif_ctrl_request *ret_request)
{
	const volatile uint32_t *from =
		(const volatile uint32_t *)&ring->ring[index & CTRL_RING_MASK];
	uint32_t entry[4] = { from[0], from[1], from[2], from[3] };

	static_assert(sizeof(*ret_request) == sizeof(entry), "control ring entry size");
	memcpy(ret_request, entry, sizeof(entry));
}

static void
ctrl_notify(struct vif_ctrl *ctrl)
{
	struct netback *netback = ctrl->vif->netback;

	netback->config.hv->ops->notify(netback->control, ctrl->port);
}

static void
ctrl_respond(struct vif_ctrl *ctrl, const struct xen_netif_ctrl_request *request, uint32_t status,
	     uint32_t data)
{
	struct xen_netif_ctrl_sring *ring = ctrl->ring;

	ring->ring[ctrl->index & CTRL_RING_MASK].rsp = (struct xen_netif_ctrl_response){
		.id = request->id,
		.type = request->type,
		.status = status,
		.data = data,
	};
	ctrl->n_requests++;
	ctrl->index++;
	if (ring_publish(&ring->rsp_prod, &ring->rsp_event, ctrl->index - 1, ctrl->index))
		ctrl_notify(ctrl);
}

static void
ctrl_request(struct vif_ctrl *ctrl)
{
	struct xen_netif_ctrl_request request;
	uint32_t status = XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED, data = 0;

	ring_copy_ctrl(ctrl->ring, ctrl->index, &request);
	if (request.type < RTE_DIM(handlers) && handlers[request.type] != NULL)
		status = handlers[request.type](ctrl, request.data, &data);
	if (ctrl->deleting)
		ctrl->removal = request;
	else
		ctrl_respond(ctrl, &request, status, data);
}

/* Credit comes back evenly. It is the vif's: a new connection brings none. */
static void
credit_refill(struct vif *vif, uint64_t now)
{
	uint64_t msec = now - vif->ctrl_credit_at;

	if (msec == 0)
		return;
	vif->ctrl_credit_at = now;
	vif->ctrl_credit += (int64_t)(RTE_MIN(msec, 1000000u) * CREDIT_MAX / CREDIT_MSEC);
	vif->ctrl_credit = RTE_MIN(vif->ctrl_credit, CREDIT_MAX);
}

/* Masked until the guest's debt is paid. */
static void
ctrl_wait(struct vif_ctrl *ctrl, uint64_t now)
{
	uint64_t debt = (uint64_t)-ctrl->vif->ctrl_credit;
	uint64_t msec = debt * CREDIT_MSEC / CREDIT_MAX + CREDIT_MSEC;

	ctrl->due_at = now + msec;
	netback_timer(ctrl->vif->netback, ctrl->due_at);
}

void
vif_ctrl_serve(struct vif_ctrl *ctrl)
{
	struct vif *vif = ctrl->vif;
	const struct hypervisor_ops *ops = vif->netback->config.hv->ops;
	struct xen_netif_ctrl_sring *ring = ctrl->ring;
	uint64_t now = netback_now(vif->netback);

	ctrl->due_at = 0;
	credit_refill(vif, now);
	/* delete_done() goes on */
	for (vif->ctrl_credit--; !ctrl->deleting; vif->ctrl_credit--) {
		uint32_t n_waiting = ring_load(&ring->req_prod) - ctrl->index;

		if (vif->ctrl_credit < 0) {
			ctrl_wait(ctrl, now);
			return;
		}
		if (n_waiting > CTRL_RING_SLOTS) {
			vif->ring_errors++;
			vif_fatal(vif, "more requests than the control ring has slots");
			return;
		}
		if (n_waiting > 0) {
			ctrl_request(ctrl);
		} else if (!ring_arm(&ring->req_event, &ring->req_prod, ctrl->index)) {
			ops->unmask(vif->netback->control, ctrl->port);
			return;
		}
	}
}

void
vif_ctrl_serve_due(struct vif_ctrl *ctrl, uint64_t now)
{
	if (ctrl->due_at == 0)
		return;
	if (ctrl->due_at <= now)
		vif_ctrl_serve(ctrl);
	else
		netback_timer(ctrl->vif->netback, ctrl->due_at);
}

/*
 * What waits may have been answered before, unseen by the guest: only id and type are sure.
 * @end: the guest's index, as checked.
 */
static void
ctrl_refuse(struct vif_ctrl *ctrl, uint32_t end)
{
	struct xen_netif_ctrl_request request;

	while (ctrl->index != end) {
		ring_copy_ctrl(ctrl->ring, ctrl->index, &request);
		ctrl_respond(ctrl, &request, XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER, 0);
	}
	ctrl_notify(ctrl);
}

/* @ret_end: the guest's index. */
static int
ctrl_map(struct vif_ctrl *ctrl, uint32_t *ret_end, struct error *err)
{
	const struct vif *vif = ctrl->vif;
	const struct hypervisor *hv = vif->netback->config.hv;

	ctrl->ring = hv->ops->map(hv->ctx, vif->domid, vif->keys.ctrl_ref, true);
	if (ctrl->ring == NULL)
		return error_set(err, errno, "cannot map ctrl-ring-ref %u: %s", vif->keys.ctrl_ref,
				 strerror(errno));
	ctrl->index = ring_load(&ctrl->ring->rsp_prod);
	*ret_end = ring_load(&ctrl->ring->req_prod);
	if (*ret_end - ctrl->index > CTRL_RING_SLOTS)
		return error_set(err, EINVAL, "indices of the control ring make no sense");
	return 0;
}

static int
ctrl_bind(struct vif_ctrl *ctrl, bool reattach, struct error *err)
{
	const struct vif *vif = ctrl->vif;
	int ret;

	ret = vif->netback->config.hv->ops->bind(vif->netback->control, vif->domid,
						 vif->keys.ctrl_channel, netback_ctrl_cookie(vif));
	if (ret < 0)
		return error_set(err, reattach ? EAGAIN : ret,
				 "cannot bind event channel %u of the control ring: %s",
				 vif->keys.ctrl_channel, strerror(-ret));
	ctrl->port = (uint32_t)ret;
	ctrl->bound = true;
	return 0;
}

struct vif_ctrl *
vif_ctrl_open(struct vif *vif, struct vif_rings *rings, bool reattach, struct error *err)
{
	struct vif_ctrl *ctrl = calloc(1, sizeof(*ctrl));
	uint32_t end = 0;

	if (ctrl == NULL) {
		error_set(err, ENOMEM, "no memory for the control ring");
		return NULL;
	}
	ctrl->vif = vif;
	ctrl->rings = rings;
	if (ctrl_map(ctrl, &end, err) < 0 || ctrl_bind(ctrl, reattach, err) < 0) {
		vif_ctrl_close(ctrl);
		return NULL;
	}
	if (reattach)
		ctrl_refuse(ctrl, end);
	return ctrl;
}

void
vif_ctrl_close(struct vif_ctrl *ctrl)
{
	const struct hypervisor *hv;

	if (ctrl == NULL)
		return;
	hv = ctrl->vif->netback->config.hv;
	if (ctrl->bound)
		hv->ops->unbind(ctrl->vif->netback->control, ctrl->port);
	if (ctrl->ring != NULL)
		hv->ops->unmap(hv->ctx, ctrl->ring);
	free(ctrl);
}

void
vif_ctrl_info(const struct vif_ctrl *ctrl, struct vif_info *info)
{
	info->ctrl_ring = true;
	info->ctrl_requests = ctrl->n_requests;
	if (ctrl->hash.algorithm != XEN_NETIF_CTRL_HASH_ALGORITHM_NONE)
		info->hash_types = ctrl->hash.types;
	info->hash_mapping_size = ctrl->hash.mapping_size;
}
