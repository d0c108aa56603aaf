/* SPDX-License-Identifier: BSD-3-Clause */
#include "fake_ctrl.h"

#include <stdio.h>
#include <string.h>

static void
write_number(struct fake_frontend *frontend, const char *key, uint32_t value)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", value);
	fake_frontend_write(frontend, key, text);
}

void
fake_ctrl_create(struct fake_frontend *frontend)
{
	struct fake_ctrl *ctrl = &frontend->ctrl;
	uint16_t domid = frontend->config.domid;

	memset(ctrl, 0, sizeof(*ctrl));
	ctrl->ring = fake_grant(frontend->fake, domid, &ctrl->ref);
	ctrl->ring->req_event = ctrl->ring->rsp_event = 1;
	ctrl->port = fake_channel_alloc(frontend->fake, domid);
	ctrl->page = fake_grant(frontend->fake, domid, &ctrl->page_ref);
	write_number(frontend, "ctrl-ring-ref", ctrl->ref);
	write_number(frontend, "event-channel-ctrl", ctrl->port);
}

void
fake_ctrl_free(struct fake_frontend *frontend)
{
	struct fake_ctrl *ctrl = &frontend->ctrl;
	uint16_t domid = frontend->config.domid;

	if (ctrl->ring == NULL)
		return;
	fake_ungrant(frontend->fake, domid, ctrl->ref);
	fake_ungrant(frontend->fake, domid, ctrl->page_ref);
	fake_channel_free(frontend->fake, domid, ctrl->port);
	fake_frontend_write(frontend, "ctrl-ring-ref", NULL);
	fake_frontend_write(frontend, "event-channel-ctrl", NULL);
	memset(ctrl, 0, sizeof(*ctrl));
}

uint16_t
fake_ctrl_put(struct fake_frontend *frontend, uint16_t type, uint32_t a, uint32_t b, uint32_t c)
{
	struct fake_ctrl *ctrl = &frontend->ctrl;
	uint16_t id = (uint16_t)(ctrl->prod * 3);

	ctrl->ring->ring[ctrl->prod % FAKE_CTRL_SLOTS].req = (struct xen_netif_ctrl_request){
		.id = id,
		.type = type,
		.data = { a, b, c },
	};
	ctrl->types[ctrl->prod % FAKE_CTRL_SLOTS] = type;
	if (type == XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM)
		ctrl->hash_asked |= a != 0;
	ctrl->prod++;
	return id;
}

void
fake_ctrl_push(struct fake_frontend *frontend)
{
	struct fake_ctrl *ctrl = &frontend->ctrl;
	uint32_t old = ctrl->ring->req_prod;

	if (ring_publish(&ctrl->ring->req_prod, &ctrl->ring->req_event, old, ctrl->prod))
		fake_channel_notify(frontend->fake, frontend->config.domid, ctrl->port);
}

bool
fake_ctrl_take(struct fake_frontend *frontend, struct xen_netif_ctrl_response *ret_response)
{
	struct fake_ctrl *ctrl = &frontend->ctrl;
	uint32_t prod = ring_load(&ctrl->ring->rsp_prod), slot = ctrl->cons % FAKE_CTRL_SLOTS;

	if (prod - ctrl->cons > ctrl->prod - ctrl->cons)
		frontend->broken = "more control responses than requests";
	if (prod == ctrl->cons)
		return false;
	*ret_response = ctrl->ring->ring[slot].rsp;
	if (ret_response->id != (uint16_t)(ctrl->cons * 3) ||
	    ret_response->type != ctrl->types[slot])
		frontend->broken = "control response to no request";
	ctrl->cons++;
	ctrl->ring->rsp_event = ctrl->cons + 1;
	return true;
}

uint32_t
fake_ctrl_list(struct fake_frontend *frontend, uint16_t i)
{
	struct xen_netif_gref *list = frontend->ctrl.page;
	struct fake_queue *queue = &frontend->queues[i];
	uint16_t domid = frontend->config.domid;

	memset(list, 0, HYPERVISOR_PAGE_SIZE);
	for (uint32_t slot = 0; slot < NETIF_RING_SLOTS; slot++) {
		if (queue->tx_pages[slot] == NULL)
			queue->tx_pages[slot] =
				fake_grant(frontend->fake, domid, &queue->tx_grefs[slot]);
		if (queue->rx_pages[slot] == NULL)
			queue->rx_pages[slot] =
				fake_grant(frontend->fake, domid, &queue->rx_grefs[slot]);
		list[slot].ref = queue->tx_grefs[slot];
		list[NETIF_RING_SLOTS + slot].ref = queue->rx_grefs[slot];
	}
	return 2 * NETIF_RING_SLOTS;
}
