/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The state machines of a port (IEEE 802.1D-2004 17.22 to 17.31). Each function looks whether its
 * machine may leave the state that it is in, and takes that one step. What the standard reaches by
 * UCT is part of the step.
 */
#include "rstp_priv.h"

/* --- 17.23: port receive --- */

static bool
step_receive(struct rstp_port *port)
{
	struct rstp *rstp = port->rstp;

	if (!port->port_enabled) {
		bool discard = port->rcvd_bpdu;

		/* edgeDelayWhile is held: rstp_port_enable() starts it */
		port->rcvd_bpdu = port->rcvd_rstp = port->rcvd_stp = port->rcvd_msg = false;
		return discard;
	}
	if (!port->rcvd_bpdu || port->rcvd_msg)
		return false;
	/* 17.21.22 */
	if (port->msg.type == BPDU_RST)
		port->rcvd_rstp = true;
	else
		port->rcvd_stp = true;
	port->oper_edge = port->rcvd_bpdu = false;
	port->rcvd_msg = true;
	port->edge_delay_while = rstp->now + MIGRATE_TIME;
	return true;
}

/* --- 17.24: port protocol migration --- */

static void
check_rstp(struct rstp_port *port)
{
	port->migration = CHECKING_RSTP;
	port->send_rstp = port->rstp->config.rstp;
	port->mdelay_while = port->rstp->now + MIGRATE_TIME;
}

static bool
step_migrate(struct rstp_port *port)
{
	struct rstp *rstp = port->rstp;

	switch (port->migration) {
	case CHECKING_RSTP:
		/* mdelayWhile is held while there is no link: rstp_port_enable() starts it */
		if (!port->port_enabled || !expired(rstp, port->mdelay_while))
			return false;
		break;
	case SELECTING_STP:
		if (port->port_enabled && !expired(rstp, port->mdelay_while))
			return false;
		break;
	case SENSING:
		if (!port->port_enabled ||
		    (rstp->config.rstp && !port->send_rstp && port->rcvd_rstp)) {
			check_rstp(port);
			return true;
		}
		if (!port->send_rstp || !port->rcvd_stp)
			return false;
		port->migration = SELECTING_STP;
		port->send_rstp = false;
		port->mdelay_while = rstp->now + MIGRATE_TIME;
		return true;
	}
	port->migration = SENSING;
	port->rcvd_rstp = port->rcvd_stp = false;
	return true;
}

/* --- 17.25: bridge detection; its state is operEdge --- */

static bool
step_detect(struct rstp_port *port)
{
	if (port->oper_edge) {
		if (port->port_enabled || port->config.edge)
			return false;
		port->oper_edge = false;
		return true;
	}
	if (port->port_enabled ? !(expired(port->rstp, port->edge_delay_while) &&
				   port->config.auto_edge && port->send_rstp && port->proposing) :
				 !port->config.edge)
		return false;
	port->oper_edge = true;
	return true;
}

/* --- 17.27: port information --- */

static void
want_reselect(struct rstp_port *port)
{
	port->reselect = true;
	port->selected = false;
}

static void
info_disable(struct rstp_port *port)
{
	port->rcvd_msg = false;
	port->proposing = port->proposed = port->agree = port->agreed = false;
	port->rcvd_info_while = port->rstp->now;
	port->info_is = INFO_DISABLED;
	want_reselect(port);
}

static void
info_update(struct rstp_port *port)
{
	port->proposing = port->proposed = false;
	port->agreed = port->agreed && rstp_better_or_same(port, INFO_MINE);
	port->synced = port->synced && port->agreed;
	port->port_priority = port->designated_priority;
	port->port_times = port->designated_times;
	port->updt_info = false;
	port->info_is = INFO_MINE;
	port->new_info = true;
}

static void
info_receive(struct rstp_port *port)
{
	switch (rstp_rcv_info(port)) {
	case INFO_SUPERIOR_DESIGNATED:
		port->agreed = port->proposing = false;
		rstp_record_proposal(port);
		rstp_set_tc_flags(port);
		port->agree = port->agree && rstp_better_or_same(port, INFO_RECEIVED);
		rstp_record_info(port);
		rstp_updt_rcvd_info_while(port);
		port->info_is = INFO_RECEIVED;
		want_reselect(port);
		break;
	case INFO_REPEATED_DESIGNATED:
		rstp_record_proposal(port);
		rstp_set_tc_flags(port);
		rstp_updt_rcvd_info_while(port);
		break;
	case INFO_INFERIOR_DESIGNATED:
		rstp_record_dispute(port);
		break;
	case INFO_NOT_DESIGNATED:
		rstp_record_agreement(port);
		rstp_set_tc_flags(port);
		break;
	case INFO_OTHER:
		/* a notification is no information, but it is to be heard (17.21.17) */
		if (port->msg.type == BPDU_TCN)
			rstp_set_tc_flags(port);
		break;
	}
	port->rcvd_msg = false;
}

static bool
step_info(struct rstp_port *port)
{
	if (!port->port_enabled) {
		if (port->info_is == INFO_DISABLED)
			return false;
		info_disable(port);
		return true;
	}
	switch (port->info_is) {
	case INFO_DISABLED:
		port->info_is = INFO_AGED;
		want_reselect(port);
		return true;
	case INFO_AGED:
		if (!port->selected || !port->updt_info)
			return false;
		info_update(port);
		return true;
	default:
		break;
	}
	if (port->selected && port->updt_info) {
		info_update(port);
	} else if (port->updt_info) {
		return false;
	} else if (port->rcvd_msg) {
		info_receive(port);
	} else if (port->info_is == INFO_RECEIVED && expired(port->rstp, port->rcvd_info_while)) {
		port->info_is = INFO_AGED;
		want_reselect(port);
	} else {
		return false;
	}
	return true;
}

bool
rstp_step_receive(struct rstp_port *port)
{
	bool stepped = step_receive(port);

	stepped |= step_migrate(port);
	stepped |= step_detect(port);
	stepped |= step_info(port);
	return stepped;
}

/* --- 17.29: port role transitions --- */

static void
set_sync_tree(struct rstp *rstp)
{
	struct rstp_port *port;

	TAILQ_FOREACH(port, &rstp->ports, list)
		port->sync = true;
	rstp_touch_all(rstp);
}

static void
set_reroot_tree(struct rstp *rstp)
{
	struct rstp_port *port;

	TAILQ_FOREACH(port, &rstp->ports, list)
		port->re_root = true;
	rstp_touch_all(rstp);
}

/* 17.20.3, for a root or alternate port */
static bool
all_synced(const struct rstp *rstp)
{
	const struct rstp_port *port;

	TAILQ_FOREACH(port, &rstp->ports, list)
		if (!port->selected || port->updt_info || port->role != port->selected_role ||
		    (!port->synced && port->role != RSTP_ROLE_ROOT))
			return false;
	return true;
}

/* 17.20.10: no other port was root a short while ago */
static bool
re_rooted(const struct rstp_port *root)
{
	const struct rstp_port *port;

	TAILQ_FOREACH(port, &root->rstp->ports, list)
		if (port != root && !expired(root->rstp, port->rr_while))
			return false;
	return true;
}

/* Timers that the old role held start to run; what the new role begins with. */
static void
enter_role(struct rstp_port *port)
{
	uint64_t now = port->rstp->now;

	switch (port->role) {
	case RSTP_ROLE_DISABLED:
		port->fd_while = now + rstp_max_age(port);
		break;
	case RSTP_ROLE_ROOT:
		port->rr_while = now + rstp_fwd_delay(port);
		break;
	case RSTP_ROLE_DESIGNATED:
		break;
	case RSTP_ROLE_BACKUP:
		port->rb_while = now + 2 * rstp_hello_time(port);
		port->fd_while = now + rstp_forward_delay(port);
		break;
	case RSTP_ROLE_ALTERNATE:
		port->fd_while = now + rstp_forward_delay(port);
		break;
	}
	port->role = port->selected_role;
	if (port->role != RSTP_ROLE_ROOT && port->role != RSTP_ROLE_DESIGNATED)
		port->learn = port->forward = false;
}

/* A port that blocks: the neighbour may know at once that nothing of the kind comes from here. */
static bool
step_blocking(struct rstp_port *port)
{
	struct rstp *rstp = port->rstp;
	bool synced;

	if (port->learning || port->forwarding)
		return false;
	if (port->sync || port->re_root || !port->synced || !expired(rstp, port->rr_while)) {
		port->synced = true;
		port->sync = port->re_root = false;
		port->rr_while = rstp->now;
		return true;
	}
	if (port->role == RSTP_ROLE_DISABLED)
		return false;
	synced = all_synced(rstp);
	if (port->proposed && !port->agree && !synced) {
		port->proposed = false;
		set_sync_tree(rstp);
		return true;
	}
	if ((synced && !port->agree) || (port->proposed && port->agree)) {
		port->proposed = false;
		port->agree = true;
		port->new_info = true;
		return true;
	}
	return false;
}

static bool
step_root(struct rstp_port *port)
{
	struct rstp *rstp = port->rstp;
	bool synced = all_synced(rstp);

	if (port->proposed && !port->agree && !synced) {
		port->proposed = false;
		set_sync_tree(rstp);
		return true;
	}
	if ((synced && !port->agree) || (port->proposed && port->agree)) {
		port->proposed = port->sync = false;
		port->agree = true;
		port->new_info = true;
		return true;
	}
	if (!port->forward && !port->re_root) {
		set_reroot_tree(rstp);
		return true;
	}
	if (port->re_root && port->forward) {
		port->re_root = false;
		return true;
	}
	if (port->forward ||
	    !(expired(rstp, port->fd_while) ||
	      (re_rooted(port) && expired(rstp, port->rb_while) && rstp->config.rstp)))
		return false;
	if (!port->learn) {
		port->learn = true;
		port->fd_while = rstp->now + rstp_forward_delay(port);
	} else {
		port->forward = true;
		port->fd_while = rstp->now;
	}
	return true;
}

/* May a designated port begin to learn, or to forward? */
static bool
designated_may_go(const struct rstp_port *port)
{
	const struct rstp *rstp = port->rstp;

	return (expired(rstp, port->fd_while) || port->agreed || port->oper_edge) &&
	       (expired(rstp, port->rr_while) || !port->re_root) && !port->sync;
}

static bool
step_designated(struct rstp_port *port)
{
	struct rstp *rstp = port->rstp;

	if (!port->forward && !port->agreed && !port->proposing && !port->oper_edge) {
		port->proposing = true;
		/* edgeDelay, 17.20.4 */
		port->edge_delay_while =
			rstp->now + (port->config.p2p ? MIGRATE_TIME : rstp_max_age(port));
		port->new_info = true;
	} else if ((!port->learning && !port->forwarding && !port->synced) ||
		   (port->agreed && !port->synced) || (port->oper_edge && !port->synced) ||
		   (port->sync && port->synced)) {
		port->rr_while = rstp->now;
		port->synced = true;
		port->sync = false;
	} else if (expired(rstp, port->rr_while) && port->re_root) {
		port->re_root = false;
	} else if (((port->sync && !port->synced) ||
		    (port->re_root && !expired(rstp, port->rr_while)) || port->disputed) &&
		   !port->oper_edge && (port->learn || port->forward)) {
		port->learn = port->forward = port->disputed = false;
		port->fd_while = rstp->now + rstp_forward_delay(port);
	} else if (designated_may_go(port) && !port->learn) {
		port->learn = true;
		port->fd_while = rstp->now + rstp_forward_delay(port);
	} else if (designated_may_go(port) && !port->forward) {
		port->forward = true;
		port->fd_while = rstp->now;
		port->agreed = port->send_rstp;
	} else {
		return false;
	}
	return true;
}

static bool
step_role(struct rstp_port *port)
{
	if (!port->selected || port->updt_info)
		return false;
	if (port->role != port->selected_role) {
		enter_role(port);
		return true;
	}
	switch (port->role) {
	case RSTP_ROLE_ROOT:
		return step_root(port);
	case RSTP_ROLE_DESIGNATED:
		return step_designated(port);
	default:
		return step_blocking(port);
	}
}

/* --- 17.30: port state transition --- */

static bool
step_state(struct rstp_port *port)
{
	const struct rstp *rstp = port->rstp;
	enum rstp_state state;

	if (!port->learn && (port->learning || port->forwarding)) {
		port->learning = port->forwarding = false;
		state = RSTP_DISCARDING;
	} else if (port->learn && !port->learning) {
		port->learning = true;
		state = RSTP_LEARNING;
	} else if (port->learning && port->forward && !port->forwarding) {
		port->forwarding = true;
		port->n_forwarding++;
		state = RSTP_FORWARDING;
	} else {
		return false;
	}
	rstp->ops->state(rstp->ctx, port->user, state);
	return true;
}

/* --- 17.31: topology change --- */

/* 17.21.7 */
static void
new_tc_while(struct rstp_port *port)
{
	struct rstp *rstp = port->rstp;

	if (!expired(rstp, port->tc_while))
		return;
	if (port->send_rstp) {
		port->tc_while = rstp->now + rstp_hello_time(port) + SECOND;
		port->new_info = true;
	} else {
		port->tc_while = rstp->now + TIME_MSEC(rstp->root_times.max_age) +
				 TIME_MSEC(rstp->root_times.forward_delay);
	}
}

/* 17.21.18, with restrictedTcn */
static void
set_tc_prop_tree(struct rstp_port *from)
{
	struct rstp_port *port;

	if (from->config.restricted)
		return;
	TAILQ_FOREACH(port, &from->rstp->ports, list) {
		if (port == from)
			continue;
		port->tc_prop = true;
		rstp_touch(port);
	}
	from->rstp->n_changes++;
	from->rstp->last_change = from->rstp->now;
}

/* fdbFlush, 17.19.7 */
static void
fdb_flush(struct rstp_port *port)
{
	const struct rstp *rstp = port->rstp;

	if (rstp->config.rstp)
		rstp->ops->flush(rstp->ctx, port->user);
	else
		rstp->ops->age(rstp->ctx, port->designated_times.forward_delay / BPDU_SECOND);
}

static bool
step_topology_learning(struct rstp_port *port)
{
	bool active = port->role == RSTP_ROLE_ROOT || port->role == RSTP_ROLE_DESIGNATED;

	if (active && port->forward && !port->oper_edge) {
		port->topology = TOPOLOGY_ACTIVE;
		new_tc_while(port);
		set_tc_prop_tree(port);
		port->new_info = true;
	} else if (port->rcvd_tc || port->rcvd_tcn || port->rcvd_tc_ack || port->tc_prop) {
		port->rcvd_tc = port->rcvd_tcn = port->rcvd_tc_ack = port->tc_prop = false;
	} else if (!active && !port->learn && !port->learning) {
		port->topology = TOPOLOGY_INACTIVE;
		port->tc_while = port->rstp->now;
		port->tc_ack = false;
		fdb_flush(port);
	} else {
		return false;
	}
	return true;
}

static bool
step_topology_active(struct rstp_port *port)
{
	if ((port->role != RSTP_ROLE_ROOT && port->role != RSTP_ROLE_DESIGNATED) ||
	    port->oper_edge) {
		port->topology = TOPOLOGY_LEARNING;
	} else if (port->rcvd_tcn || port->rcvd_tc) {
		if (port->rcvd_tcn)
			new_tc_while(port);
		port->rcvd_tcn = port->rcvd_tc = false;
		if (port->role == RSTP_ROLE_DESIGNATED)
			port->tc_ack = true;
		set_tc_prop_tree(port);
	} else if (port->tc_prop) {
		new_tc_while(port);
		port->tc_prop = false;
		fdb_flush(port);
	} else if (port->rcvd_tc_ack) {
		port->tc_while = port->rstp->now;
		port->rcvd_tc_ack = false;
	} else {
		return false;
	}
	return true;
}

static bool
step_topology(struct rstp_port *port)
{
	switch (port->topology) {
	case TOPOLOGY_INACTIVE:
		if (!port->learn)
			return false;
		port->topology = TOPOLOGY_LEARNING;
		port->rcvd_tc = port->rcvd_tcn = port->rcvd_tc_ack = port->tc_prop = false;
		return true;
	case TOPOLOGY_LEARNING:
		return step_topology_learning(port);
	case TOPOLOGY_ACTIVE:
		return step_topology_active(port);
	}
	return false;
}

/* --- 17.26: port transmit --- */

static const enum bpdu_role role_codes[] = {
	[RSTP_ROLE_DISABLED] = BPDU_ROLE_UNKNOWN,      [RSTP_ROLE_ROOT] = BPDU_ROLE_ROOT,
	[RSTP_ROLE_DESIGNATED] = BPDU_ROLE_DESIGNATED, [RSTP_ROLE_ALTERNATE] = BPDU_ROLE_ALTERNATE,
	[RSTP_ROLE_BACKUP] = BPDU_ROLE_ALTERNATE,
};

/* 17.21.19 to 17.21.21 */
static void
transmit(struct rstp_port *port, enum bpdu_type type)
{
	struct rstp *rstp = port->rstp;
	struct bpdu bpdu = {
		.type = type,
		.role = role_codes[port->role],
		.vector = port->designated_priority,
		.times = port->designated_times,
	};
	uint8_t frame[BPDU_FRAME_MAX];

	if (!expired(rstp, port->tc_while))
		bpdu.flags |= BPDU_FLAG_TC;
	if (type == BPDU_CONFIG && port->tc_ack)
		bpdu.flags |= BPDU_FLAG_TC_ACK;
	if (type == BPDU_RST)
		bpdu.flags |= (port->proposing ? BPDU_FLAG_PROPOSAL : 0) |
			      (port->agree ? BPDU_FLAG_AGREEMENT : 0) |
			      (port->learning ? BPDU_FLAG_LEARNING : 0) |
			      (port->forwarding ? BPDU_FLAG_FORWARDING : 0);
	if (type != BPDU_TCN)
		port->tc_ack = false;
	port->new_info = false;
	if (port->tx_count++ == 0)
		port->tx_count_when = rstp->now + SECOND;
	port->tx[type]++;
	rstp->ops->send(rstp->ctx, port->user, frame, bpdu_build(&bpdu, port->config.mac, frame));
	port->hello_when = rstp->now + rstp_hello_time(port);
}

bool
rstp_step_transmit(struct rstp_port *port)
{
	struct rstp *rstp = port->rstp;

	for (; port->tx_count > 0 && expired(rstp, port->tx_count_when); port->tx_count--)
		port->tx_count_when += SECOND;
	if (!port->port_enabled || !port->selected || port->updt_info)
		return false;
	if (expired(rstp, port->hello_when)) {
		if (port->role == RSTP_ROLE_DESIGNATED ||
		    (port->role == RSTP_ROLE_ROOT && !expired(rstp, port->tc_while)))
			port->new_info = true;
		port->hello_when = rstp->now + rstp_hello_time(port);
		return true;
	}
	if (!port->new_info || port->tx_count >= TX_HOLD_COUNT)
		return false;
	if (port->send_rstp)
		transmit(port, BPDU_RST);
	else if (port->role == RSTP_ROLE_ROOT)
		transmit(port, BPDU_TCN);
	else if (port->role == RSTP_ROLE_DESIGNATED)
		transmit(port, BPDU_CONFIG);
	else
		return false;
	return true;
}

bool
rstp_step_role(struct rstp_port *port)
{
	bool stepped = step_role(port);

	stepped |= step_state(port);
	stepped |= step_topology(port);
	return stepped;
}

void
rstp_port_begin(struct rstp_port *port)
{
	uint64_t now = port->rstp->now;

	port->rcvd_bpdu = port->rcvd_msg = port->rcvd_rstp = port->rcvd_stp = false;
	port->edge_delay_while = now + MIGRATE_TIME;
	check_rstp(port);
	port->oper_edge = port->config.edge;
	port->new_info = false;
	port->tx_count = 0;
	port->hello_when = now;
	info_disable(port);
	port->updt_info = false;
	port->disputed = false;
	port->role = port->selected_role = RSTP_ROLE_DISABLED;
	port->learn = port->forward = false;
	port->synced = false;
	port->sync = port->re_root = true;
	port->rr_while = port->fd_while = port->rb_while = now;
	port->topology = TOPOLOGY_INACTIVE;
	port->tc_while = now;
	port->tc_ack = port->tc_prop = false;
	port->rcvd_tc = port->rcvd_tcn = port->rcvd_tc_ack = false;
	rstp_touch(port);
}
