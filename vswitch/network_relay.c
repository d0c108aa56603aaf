/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets between guests and dnsmasq: DHCP by a relay agent, DNS by the server's address. */
#include <errno.h>
#include <string.h>
#include <netinet/in.h>

#include <rte_byteorder.h>

#include "dhcp.h"
#include "fdb.h"
#include "network_priv.h"
#include "offload.h"
#include "port_vif.h"
#include "punt.h"
#include "routing_priv.h"
#include "udp.h"
#include "wire.h"

/* @port: the sender's. */
static void
refuse(struct networks *networks, const struct switch_port *port, enum network_refusal why)
{
	networks->refusals[why]++;
	if (why == NETWORK_NO_LINK)
		return; /* other people's business */
	log_limited(&networks->log_limit, LOG_INFO, "network: port %s: a packet was refused: %s",
		    port->config.name, network_refusal_names[why]);
}

/* --- who has sent it --- */

/* The port of the station that has sent a frame; of a bridge's, NULL: it is not known yet. */
static struct switch_port *
sender_port(const struct switch_rif *rif, const uint8_t *frame)
{
	const struct switch_port *gateway = rif->port;
	const struct fdb_entry *entry;
	const struct fdb_table *table;
	uint64_t mac = 0, key;

	if (!rif->is_gateway)
		return rif->port;
	if (gateway->bridge == NULL)
		return NULL;
	memcpy(&mac, frame + 6, 6);
	key = fdb_key(mac, gateway->config.vlan.vid);
	table = gateway->bridge->dp->table;
	entry = fdb_lookup(table, key, fdb_hash(table, key));
	return entry != NULL && !(entry->dest & FDB_DEST_GROUP) ?
		       rif->routing->sw->owners[entry->dest & FDB_DEST_PORT] :
		       NULL;
}

/* May a port have one more packet passed on? */
static bool
budget_take_one(struct networks *networks, const struct switch_port *port,
		enum network_service service)
{
	static const struct {
		uint32_t per_sec, burst;
	} limits[NETWORK_SERVICES] = {
		[NETWORK_DHCP] = { NETWORK_DHCP_PER_SEC, NETWORK_DHCP_BURST },
		[NETWORK_DNS] = { NETWORK_DNS_PER_SEC, NETWORK_DNS_BURST },
	};
	struct network_budget *budget = &networks->ports[port->dp->id].budgets[service];
	const uint64_t now = routing_now();
	const uint64_t more = (now - budget->msec) * limits[service].per_sec / 1000;

	if (more > 0) {
		budget->left =
			(uint32_t)RTE_MIN(budget->left + more, (uint64_t)limits[service].burst);
		budget->msec = now;
	}
	if (budget->left == 0)
		return false;
	budget->left--;
	return true;
}

/* --- DHCP --- */

/* May the guest be called this? Not what another is called, or what machines look for unasked. */
static bool
name_is_free(struct networks *networks, const struct dhcp_message *request)
{
	static const char *const reserved[] = { "localhost", "wpad", "isatap" };
	const struct lease *leases = NULL;
	unsigned int n;

	for (size_t i = 0; i < RTE_DIM(reserved); i++)
		if (strcmp(request->name, reserved[i]) == 0)
			return false;
	n = network_leases(networks->sw, &leases);
	for (unsigned int i = 0; i < n; i++)
		if (strcasecmp(leases[i].name, request->name) == 0 &&
		    memcmp(leases[i].mac, request->mac, 6) != 0)
			return false;
	return true;
}

/* The guest of a fixed link that is no vif is who speaks there. Return: whether it may be this. */
static bool
learn_mac(struct networks *networks, const struct switch_rif *rif, const uint8_t mac[6])
{
	const struct port *port = rif->port->dp;
	const uint64_t now = routing_now();
	uint8_t known[6];

	if (network_guest_mac(networks, rif, known) && memcmp(known, mac, 6) == 0)
		return true;
	if (networks->ports[port->id].generation == port->generation &&
	    networks->ports[port->id].learnt != 0 &&
	    now - networks->ports[port->id].learnt < NETWORK_MAC_MSEC)
		return false;
	memcpy(networks->ports[port->id].mac, mac, 6);
	networks->ports[port->id].generation = port->generation;
	networks->ports[port->id].learnt = now;
	network_sync(networks);
	return true;
}

/* Does the hardware address belong to who has sent the message? */
static bool
mac_is_right(const struct switch_port *port, const uint8_t mac[6])
{
	uint8_t own[6];

	return port->config.kind != PORT_KIND_VIF ||
	       (port_vif_mac(port, own) && memcmp(own, mac, 6) == 0);
}

static void
receive_dhcp(struct networks *networks, struct switch_rif *rif, const struct slow_frame *frame)
{
	struct switch_port *port = sender_port(rif, frame->bytes);
	struct dhcp_message request;
	struct network_link link;
	uint8_t packet[DHCP_PACKET_MAX];
	struct dhcp_circuit circuit = {
		.port = rif->port->dp->id,
		.generation = rif->port->dp->generation,
	};
	uint32_t len;
	int ret;

	if (port == NULL || !budget_take_one(networks, port, NETWORK_DHCP)) {
		refuse(networks, port != NULL ? port : rif->port, NETWORK_TOO_MANY);
		return;
	}
	if (!network_link(networks->sw, rif, &link)) {
		refuse(networks, port, NETWORK_NO_LINK);
		return;
	}
	ret = dhcp_read_request(frame->bytes, frame->len, frame->pkt->ol_flags & OFFLOAD_BLANK_MASK,
				&request);
	if (ret < 0 || !mac_is_right(port, request.mac)) {
		refuse(networks, port,
		       ret == 0 || ret == -EPERM ? NETWORK_SPOOFED : NETWORK_MALFORMED);
		return;
	}
	if (link.fixed && rif->port->config.kind != PORT_KIND_VIF &&
	    !learn_mac(networks, rif, request.mac)) {
		refuse(networks, port, NETWORK_TOO_MANY);
		return;
	}
	if (request.name[0] != '\0' && !name_is_free(networks, &request))
		request.name[0] = '\0';
	memcpy(circuit.link, link.address, 4);
	memcpy(circuit.router, link.router, 4);
	len = dhcp_write_request(&request, &circuit, request.name, networks->link.relay,
				 networks->link.server, packet);
	if (len == 0)
		refuse(networks, port, NETWORK_MALFORMED);
	else
		server_link_send(&networks->link, packet, len);
}

/* Is an address one that guests of the link may have? */
static bool
address_fits(const struct network_link *link, const uint8_t address[4])
{
	static const uint8_t none[4];
	const struct ip_addr addr = ip_addr_make(AF_INET, address);

	if (memcmp(address, none, 4) == 0)
		return true;
	return link->fixed ? memcmp(address, link->address, 4) == 0 :
			     ip_prefix_has(&link->network->prefix, &addr);
}

/* Return: whether it could be a reply to anybody. */
static bool
send_reply(struct networks *networks, const struct dhcp_message *reply)
{
	struct switch_rif *rif = rif_of(networks->sw->routing, reply->circuit.port);
	uint8_t frame[DHCP_FRAME_MAX];
	struct network_link link;
	uint32_t len;

	if (rif == NULL || rif->port->dp->generation != reply->circuit.generation ||
	    !network_link(networks->sw, rif, &link) ||
	    memcmp(link.router, reply->circuit.router, 4) != 0 ||
	    !address_fits(&link, reply->yiaddr) || !address_fits(&link, reply->ciaddr))
		return false;
	len = dhcp_write_reply(reply, rif->mac, link.router, frame);
	if (len > 0)
		rif_send_bytes(rif, frame, len);
	return len > 0;
}

/* --- DNS --- */

/* Is it a question to the address that guests of the link ask? */
static bool
is_question(const struct switch_rif *rif, const struct network_link *link,
	    const struct udp_packet *packet)
{
	const struct ip_addr src = ip_addr_make(AF_INET, packet->src);

	/* the answer must find its way back to who has asked */
	return memcmp(packet->dst, link->router, 4) == 0 && ip_addr_is_station(&src) &&
	       !addr_is_own(rif->routing, &src) && rif_on_link(rif->routing, &src) == rif;
}

static void
receive_dns(struct networks *networks, struct switch_rif *rif, const struct slow_frame *frame,
	    const struct network_link *link, struct udp_packet *packet)
{
	const struct switch_port *port = sender_port(rif, frame->bytes);
	uint8_t ip[SLOW_FRAME_MAX];

	if (port == NULL || !budget_take_one(networks, port, NETWORK_DNS)) {
		refuse(networks, port != NULL ? port : rif->port, NETWORK_TOO_MANY);
		return;
	}
	if (!is_question(rif, link, packet)) {
		refuse(networks, port, NETWORK_SPOOFED);
		return;
	}
	memcpy(ip, frame->bytes + WIRE_ETHER_LEN, packet->ip_len);
	udp_readdress(ip, packet, NULL, networks->link.server);
	server_link_send(&networks->link, ip, packet->ip_len);
}

/* What comes from the server's port goes to the guest as if the router had said it. */
static bool
send_answer(struct networks *networks, uint8_t *ip, struct udp_packet *packet)
{
	const struct ip_addr to = ip_addr_make(AF_INET, packet->dst);
	struct routing *routing = networks->sw->routing;
	const struct switch_rif *rif = rif_on_link(routing, &to);
	struct network_link link;
	struct rte_mbuf *pkt;
	char *data;

	if (packet->sport != UDP_PORT_DNS || memcmp(packet->src, networks->link.server, 4) != 0 ||
	    rif == NULL || !network_link(networks->sw, rif, &link))
		return false;
	udp_readdress(ip, packet, link.router, NULL);
	pkt = rte_pktmbuf_alloc(networks->sw->pool);
	data = pkt != NULL ? rte_pktmbuf_append(pkt, (uint16_t)(WIRE_ETHER_LEN + packet->ip_len)) :
			     NULL;
	if (data == NULL) {
		rte_pktmbuf_free(pkt);
		return true;
	}
	memset(data, 0, 12);
	wire_put16((uint8_t *)data + 12, WIRE_TYPE_IPV4);
	memcpy(data + WIRE_ETHER_LEN, ip, packet->ip_len);
	routing_output(routing, NULL, pkt);
	return true;
}

/* --- either --- */

bool
networks_receive(struct switch_rif *rif, const struct slow_frame *frame)
{
	struct networks *networks = rif->routing->sw->networks;
	const uint8_t *bytes = frame->bytes;
	struct udp_packet packet;
	struct network_link link;

	if (networks == NULL || networks->dnsmasq == NULL || frame->len <= WIRE_ETHER_LEN ||
	    wire_get16(bytes + 12) != WIRE_TYPE_IPV4 ||
	    udp_read(bytes + WIRE_ETHER_LEN, frame->len - WIRE_ETHER_LEN,
		     frame->pkt->ol_flags & OFFLOAD_BLANK_MASK, &packet) < 0)
		return false;
	if (packet.proto == IPPROTO_UDP && packet.dport == DHCP_SERVER_PORT) {
		receive_dhcp(networks, rif, frame);
		return true;
	}
	if (packet.dport != UDP_PORT_DNS || !network_link(networks->sw, rif, &link))
		return false;
	receive_dns(networks, rif, frame, &link, &packet);
	return true;
}

void
network_from_server(void *arg, uint8_t *ip, uint32_t len)
{
	struct networks *networks = arg;
	struct dhcp_message reply;
	struct udp_packet packet;
	bool done = false;

	if (dhcp_read_reply(ip, len, networks->link.relay, networks->link.server, &reply) == 0)
		done = send_reply(networks, &reply);
	else if (udp_read(ip, len, false, &packet) == 0)
		done = send_answer(networks, ip, &packet);
	networks->refusals[NETWORK_REPLY] += !done;
}
