/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ARP monitor: a member is of use as long as one of the targets answers by it.
 *
 * Each member asks in its own name: an ARP probe (RFC 5227 2.1.1: sender address 0.0.0.0) from the
 * member's MAC, which hosts answer to that MAC alone; so the bond needs no address, and the switch
 * brings the answer back by the member that has asked. Answers are punted by workers (PUNT_ARP).
 * After MISSES_MAX intervals without an answer the member is given up.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include <rte_arp.h>
#include <rte_ether.h>

#include "bond_priv.h"
#include "slow.h"

#define MISSES_MAX 3
#define FRAME_LEN_MAX (RTE_ETHER_HDR_LEN + RTE_VLAN_HLEN + sizeof(struct rte_arp_hdr))

struct bond_arp {
	struct bond *bond;
	struct event *timer;
};

static uint32_t
put_probe(uint8_t *frame, const uint8_t mac[6], uint16_t vid, struct in_addr target)
{
	struct rte_arp_hdr arp = {
		.arp_hardware = htons(RTE_ARP_HRD_ETHER),
		.arp_protocol = htons(RTE_ETHER_TYPE_IPV4),
		.arp_hlen = 6,
		.arp_plen = 4,
		.arp_opcode = htons(RTE_ARP_OP_REQUEST),
		.arp_data.arp_tip = target.s_addr,
	};
	const uint16_t tag[] = { htons(RTE_ETHER_TYPE_VLAN), htons(vid) };
	const uint16_t type = htons(RTE_ETHER_TYPE_ARP);
	uint8_t *p = frame;

	memcpy(&arp.arp_data.arp_sha, mac, 6);
	p = (uint8_t *)memset(p, 0xff, 6) + 6;
	p = (uint8_t *)memcpy(p, mac, 6) + 6;
	if (vid != 0)
		p = (uint8_t *)memcpy(p, tag, sizeof(tag)) + sizeof(tag);
	p = (uint8_t *)memcpy(p, &type, sizeof(type)) + sizeof(type);
	p = (uint8_t *)memcpy(p, &arp, sizeof(arp)) + sizeof(arp);
	return p - frame;
}

static void
probe(const struct bond_member *member)
{
	const struct bond_config *config = &member->bond->config;
	uint8_t frame[FRAME_LEN_MAX];

	for (uint8_t i = 0; i < config->n_arp_targets; i++) {
		uint32_t len = put_probe(frame, member->port->dp->mac, config->arp_vid,
					 config->arp_targets[i]);

		slow_send(member->bond->sw, member->port, frame, len);
	}
}

static void
judge(struct bond_member *member)
{
	const uint64_t patience = (uint64_t)MISSES_MAX * member->bond->config.arp_interval;
	char reason[64];

	if (!member->arp_answers || bond_msec() - member->arp_seen <= patience)
		return;
	member->arp_answers = false;
	snprintf(reason, sizeof(reason), "%s gets no answer from arp-targets",
		 member->port->config.name);
	bond_member_judge(member, reason);
}

static void
arp_timer(evutil_socket_t fd, short what, void *arg)
{
	const struct bond_arp *arp = arg;

	(void)fd;
	(void)what;
	for (uint8_t slot = 0; slot < LAG_MEMBERS_MAX; slot++) {
		struct bond_member *member = arp->bond->members[slot];

		if (member == NULL || !member->linked)
			continue;
		judge(member);
		probe(member);
	}
}

static bool
is_target(const struct bond_config *config, uint32_t address)
{
	for (uint8_t i = 0; i < config->n_arp_targets; i++)
		if (config->arp_targets[i].s_addr == address)
			return true;
	return false;
}

void
bond_receive_arp(struct switch_port *port, const uint8_t *frame, uint32_t len)
{
	struct bond_member *member = port->member;
	uint32_t at = RTE_ETHER_HDR_LEN;
	struct rte_arp_hdr arp;
	char reason[64];

	if (member == NULL || member->bond->arp == NULL || len < at)
		return;
	if (frame[12] == RTE_ETHER_TYPE_VLAN >> 8 && frame[13] == (RTE_ETHER_TYPE_VLAN & 0xff))
		at += RTE_VLAN_HLEN;
	if (len < at + sizeof(arp))
		return;
	memcpy(&arp, frame + at, sizeof(arp));
	if (arp.arp_opcode != htons(RTE_ARP_OP_REPLY) ||
	    !is_target(&member->bond->config, arp.arp_data.arp_sip))
		return;
	member->arp_seen = bond_msec();
	if (member->arp_answers)
		return;
	member->arp_answers = true;
	snprintf(reason, sizeof(reason), "%s gets answers from arp-targets", port->config.name);
	bond_member_judge(member, reason);
}

void
bond_arp_link(struct bond_member *member)
{
	member->arp_answers = false;
	if (member->bond->arp != NULL && member->linked)
		probe(member);
}

int
bond_arp_start(struct bond *bond)
{
	const uint32_t msec = bond->config.arp_interval;
	const struct timeval interval = { .tv_sec = msec / 1000, .tv_usec = msec % 1000 * 1000 };

	if (bond->config.n_arp_targets == 0) {
		bond_arp_stop(bond);
		return 0;
	}
	if (bond->arp == NULL) {
		bond->arp = calloc(1, sizeof(*bond->arp));
		if (bond->arp == NULL)
			return -ENOMEM;
		bond->arp->bond = bond;
		bond->arp->timer = event_new(bond->sw->base, -1, EV_PERSIST, arp_timer, bond->arp);
		/* members that work are given the time to prove it */
		for (uint8_t slot = 0; slot < LAG_MEMBERS_MAX; slot++) {
			if (bond->members[slot] == NULL)
				continue;
			bond->members[slot]->arp_answers = bond->members[slot]->usable;
			bond->members[slot]->arp_seen = bond_msec();
		}
	}
	if (bond->arp->timer == NULL || event_add(bond->arp->timer, &interval) < 0) {
		bond_arp_stop(bond);
		return -ENOMEM;
	}
	return 0;
}

void
bond_arp_stop(struct bond *bond)
{
	if (bond->arp == NULL)
		return;
	if (bond->arp->timer != NULL)
		event_free(bond->arp->timer);
	free(bond->arp);
	bond->arp = NULL;
}
