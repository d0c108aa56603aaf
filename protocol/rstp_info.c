/* SPDX-License-Identifier: BSD-3-Clause */
/* What received messages mean, and which roles follow (IEEE 802.1D-2004 17.21). */
#include "rstp_priv.h"

static bool
times_same(const struct bpdu_times *a, const struct bpdu_times *b)
{
	return a->message_age == b->message_age && a->max_age == b->max_age &&
	       a->hello == b->hello && a->forward_delay == b->forward_delay;
}

bool
rstp_better_or_same(const struct rstp_port *port, enum info_is new_info_is)
{
	const struct bpdu_vector *news =
		new_info_is == INFO_RECEIVED ? &port->msg.vector : &port->designated_priority;

	return port->info_is == new_info_is && bpdu_vector_compare(news, &port->port_priority) <= 0;
}

/*
 * 17.21.8. A message from the very bridge and port whose information is in effect supersedes it
 * (17.6), better or not. That port may be this one, when the LAN sends back what it is sent: then
 * the port becomes a backup of itself, and stays one as long as that goes on.
 */
enum received_info
rstp_rcv_info(const struct rstp_port *port)
{
	const struct bpdu *msg = &port->msg;
	int compared;

	if (msg->type == BPDU_TCN)
		return INFO_OTHER;
	compared = bpdu_vector_compare(&msg->vector, &port->port_priority);
	if (msg->role == BPDU_ROLE_DESIGNATED) {
		bool same_sender = msg->vector.bridge == port->port_priority.bridge &&
				   msg->vector.port == port->port_priority.port;

		if (compared == 0 && port->info_is == INFO_RECEIVED &&
		    times_same(&msg->times, &port->port_times))
			return INFO_REPEATED_DESIGNATED;
		return compared <= 0 || same_sender ? INFO_SUPERIOR_DESIGNATED :
						      INFO_INFERIOR_DESIGNATED;
	}
	return compared >= 0 ? INFO_NOT_DESIGNATED : INFO_OTHER;
}

void
rstp_record_agreement(struct rstp_port *port)
{
	if (port->rstp->config.rstp && port->config.p2p &&
	    (port->msg.flags & BPDU_FLAG_AGREEMENT)) {
		port->agreed = true;
		port->proposing = false;
	} else {
		port->agreed = false;
	}
}

/* As 802.1Q 13.29.19 has it: he forwards though he should not, so he does not hear us. */
void
rstp_record_dispute(struct rstp_port *port)
{
	if (!(port->msg.flags & BPDU_FLAG_LEARNING))
		return;
	port->disputed = true;
	port->agreed = false;
	port->n_disputes++;
}

void
rstp_record_proposal(struct rstp_port *port)
{
	if (port->msg.role == BPDU_ROLE_DESIGNATED && (port->msg.flags & BPDU_FLAG_PROPOSAL))
		port->proposed = true;
}

void
rstp_record_info(struct rstp_port *port)
{
	port->port_priority = port->msg.vector;
	port->port_times = port->msg.times;
}

void
rstp_updt_rcvd_info_while(struct rstp_port *port)
{
	const struct bpdu_times *times = &port->port_times;

	port->rcvd_info_while = port->rstp->now;
	if (times->message_age + BPDU_SECOND <= times->max_age)
		port->rcvd_info_while += 3 * TIME_MSEC(times->hello);
}

void
rstp_set_tc_flags(struct rstp_port *port)
{
	if (port->msg.type == BPDU_TCN) {
		port->rcvd_tcn = true;
		return;
	}
	if (port->msg.flags & BPDU_FLAG_TC)
		port->rcvd_tc = true;
	if (port->msg.flags & BPDU_FLAG_TC_ACK)
		port->rcvd_tc_ack = true;
}

/* 17.21.25 a) to c): the best root, and by which port */
static void
select_root(struct rstp *rstp)
{
	struct bpdu_vector best = { .root = rstp->bridge_id, .bridge = rstp->bridge_id };
	struct rstp_port *port, *best_port = NULL;

	TAILQ_FOREACH(port, &rstp->ports, list) {
		struct bpdu_vector path = port->port_priority;
		int compared;

		if (port->info_is != INFO_RECEIVED || path.bridge == rstp->bridge_id ||
		    port->config.restricted)
			continue;
		path.cost = path.cost > UINT32_MAX - port->config.cost ?
				    UINT32_MAX :
				    path.cost + port->config.cost;
		compared = bpdu_vector_compare(&path, &best);
		/* the last component of the vector is the own port */
		if (compared < 0 || (compared == 0 && best_port != NULL &&
				     rstp_port_id(port) < rstp_port_id(best_port))) {
			best = path;
			best_port = port;
		}
	}
	rstp->root_priority = best;
	rstp->root_port = best_port;
	rstp->root_times = rstp->bridge_times;
	if (best_port != NULL) {
		uint32_t age = best_port->port_times.message_age + BPDU_SECOND;

		rstp->root_times = best_port->port_times;
		/* rounded to the nearest second */
		age = (age + BPDU_SECOND / 2) / BPDU_SECOND * BPDU_SECOND;
		rstp->root_times.message_age = age > UINT16_MAX ? UINT16_MAX : age;
	}
}

/* 17.21.25 d) and e) */
static void
set_designated(struct rstp_port *port)
{
	const struct rstp *rstp = port->rstp;

	port->designated_priority = (struct bpdu_vector){
		.root = rstp->root_priority.root,
		.cost = rstp->root_priority.cost,
		.bridge = rstp->bridge_id,
		.port = rstp_port_id(port),
	};
	port->designated_times = rstp->root_times;
	port->designated_times.hello = rstp->bridge_times.hello;
}

/* 17.21.25 f) to l) */
static void
select_role(struct rstp_port *port)
{
	const struct rstp *rstp = port->rstp;

	port->updt_info = false;
	switch (port->info_is) {
	case INFO_DISABLED:
		port->selected_role = RSTP_ROLE_DISABLED;
		return;
	case INFO_AGED:
		port->updt_info = true;
		port->selected_role = RSTP_ROLE_DESIGNATED;
		return;
	case INFO_MINE:
		port->selected_role = RSTP_ROLE_DESIGNATED;
		port->updt_info = bpdu_vector_compare(&port->port_priority,
						      &port->designated_priority) != 0 ||
				  !times_same(&port->port_times, &port->designated_times);
		return;
	case INFO_RECEIVED:
		break;
	}
	if (rstp->root_port == port) {
		port->selected_role = RSTP_ROLE_ROOT;
	} else if (bpdu_vector_compare(&port->designated_priority, &port->port_priority) < 0) {
		port->selected_role = RSTP_ROLE_DESIGNATED;
		port->updt_info = true;
	} else if (port->port_priority.bridge == rstp->bridge_id) {
		port->selected_role = RSTP_ROLE_BACKUP;
	} else {
		port->selected_role = RSTP_ROLE_ALTERNATE;
	}
}

bool
rstp_role_selection(struct rstp *rstp)
{
	struct rstp_port *port;
	bool wanted = false;

	TAILQ_FOREACH(port, &rstp->ports, list)
		wanted |= port->reselect;
	if (!wanted)
		return false;
	select_root(rstp);
	TAILQ_FOREACH(port, &rstp->ports, list) {
		port->reselect = false;
		set_designated(port);
		select_role(port);
		port->selected = true;
		rstp_touch(port);
	}
	return true;
}
