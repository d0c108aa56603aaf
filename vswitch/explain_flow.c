/* SPDX-License-Identifier: BSD-3-Clause */
#include "explain_flow.h"

#include <errno.h>
#include <string.h>

#include <rte_arp.h>
#include <rte_ether.h>
#include <rte_icmp.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "announce.h"
#include "bond.h"
#include "error.h"
#include "flow_text.h"
#include "neighbour.h"
#include "port_gateway.h"
#include "port_vif.h"
#include "routing.h"
#include "switch.h"

#define SPORT_DEFAULT 49152 /* the first one that clients take (RFC 6335) */
#define DPORT_TCP 80
#define DPORT_UDP 53
#define HOPS 64
#define PROTO_TEST 253 /* RFC 3692 */
#define ICMP6_ECHO 128
#define FDB_ROWS 64
#define FRAME_MIN 60

/* Where a flow comes in, and who is to be found there. */
struct place {
	struct vswitch *sw;
	struct switch_port *port; /* of a bond's member: the bond's */
	struct switch_rif *rif;   /* the router's on this link; NULL: none */
	uint16_t vid;             /* VLAN on the bridge */
	json_t *assumed;
};

static void
assume(const struct place *place, const char *what, const uint8_t mac[MAC_LEN], const char *why)
{
	char text[MAC_TEXT_SIZE];

	json_array_append_new(place->assumed,
			      json_sprintf("%s %s: %s", what, mac_format(mac, text), why));
}

static struct place
place_of(struct vswitch *sw, struct switch_port *port, const struct flow *flow, json_t *assumed)
{
	struct place place = { .sw = sw, .port = port, .assumed = assumed };
	struct switch_port *gateway = port;
	uint16_t untagged;

	if (port->member != NULL)
		place.port = gateway = port->member->bond->port;
	untagged = vlan_of(place.port->dp)->untagged;
	place.vid = flow->vid != 0 ? flow->vid : untagged == VLAN_NONE ? 0 : untagged;
	if (place.port->bridge != NULL)
		gateway = port_gateway_of(sw, place.port->bridge->name, place.vid, false, NULL);
	if (sw->routing != NULL && gateway != NULL)
		place.rif = rif_find(sw->routing, gateway);
	return place;
}

/* What the router's neighbours say. */
static bool
mac_of_neighbour(const struct place *place, const struct ip_addr *addr, uint8_t mac[MAC_LEN])
{
	const struct neighbour *neighbour =
		place->rif != NULL ? neighbour_find(place->sw->routing, place->rif, addr) : NULL;

	if (neighbour == NULL || !neighbour_is_known(neighbour))
		return false;
	memcpy(mac, neighbour->mac, MAC_LEN);
	return true;
}

/* The station that was learnt first of those behind the port. */
static bool
mac_of_fdb(const struct place *place, uint8_t mac[MAC_LEN])
{
	struct switch_fdb_row rows[FDB_ROWS];
	uint32_t cursor = 0;
	int n;

	do {
		n = switch_fdb_read(place->sw, place->port->bridge->name, &cursor, rows, FDB_ROWS,
				    NULL);
		for (int i = 0; i < n; i++)
			if (rows[i].vid == place->vid &&
			    strcmp(rows[i].port, place->port->config.name) == 0) {
				memcpy(mac, rows[i].mac.addr_bytes, MAC_LEN);
				return true;
			}
	} while (n >= 0 && cursor != 0);
	return false;
}

/* A guest on the same bridge, by what the toolstack has told of it. */
static bool
mac_of_guest(const struct place *place, const struct ip_addr *addr, uint8_t mac[MAC_LEN])
{
	const struct announce_address *addresses;
	const struct switch_port *port;

	LIST_FOREACH(port, &place->sw->ports, list) {
		unsigned int n;

		if (port->bridge != place->port->bridge || !port_vif_mac(port, mac))
			continue;
		n = port_vif_addresses(port, mac, &addresses);
		for (unsigned int i = 0; i < n; i++)
			if (addresses[i].family == addr->family &&
			    memcmp(addresses[i].bytes, addr->bytes,
				   ip_addr_bits(addr->family) / 8) == 0)
				return true;
	}
	return false;
}

static void
source_mac(const struct place *place, const struct flow *flow, uint8_t mac[MAC_LEN])
{
	static const uint8_t made_up[MAC_LEN] = { 2, 0, 0, 0, 0, 1 };
	static const uint8_t none[MAC_LEN];
	const char *why;

	memcpy(mac, flow->from, MAC_LEN);
	if (memcmp(mac, none, MAC_LEN) != 0)
		return;
	if (port_vif_mac(place->port, mac)) {
		why = "the guest's";
	} else if (mac_of_neighbour(place, &flow->src, mac)) {
		why = "the source's, as the router knows it";
	} else if (place->port->bridge != NULL && mac_of_fdb(place, mac)) {
		why = "a station that is known behind the port";
	} else {
		memcpy(mac, made_up, MAC_LEN);
		why = "made up, as no station is known behind the port";
	}
	assume(place, "from", mac, why);
}

/* RFC 1112 6.4, RFC 2464 7. Return: is it a group, or everybody? */
static bool
mac_of_group(const struct ip_addr *addr, uint8_t mac[MAC_LEN])
{
	const uint8_t *ip = addr->bytes;

	if (addr->family == AF_INET6) {
		mac[0] = mac[1] = 0x33;
		memcpy(mac + 2, ip + 12, 4);
		return ip[0] == 0xff;
	}
	if (memcmp(ip, "\xff\xff\xff\xff", 4) == 0) {
		memset(mac, 0xff, MAC_LEN);
		return true;
	}
	memcpy(mac, "\x01\x00\x5e", 3);
	mac[3] = ip[1] & 0x7f;
	memcpy(mac + 4, ip + 2, 2);
	return ip[0] >> 4 == 14;
}

/* Is an address on the link itself, so that the router is not asked for the way? */
static bool
is_on_link(const struct place *place, const struct ip_addr *addr)
{
	struct route_info route;

	return route_match(place->sw->routing, addr, &route) && route.kind == NEXT_HOP_CONNECTED &&
	       route.ports[0] != NULL && strcmp(route.ports[0], place->rif->port->config.name) == 0;
}

static int
destination_mac(const struct place *place, const struct flow *flow, uint8_t mac[MAC_LEN],
		struct error *err)
{
	static const uint8_t none[MAC_LEN];
	char text[IP_ADDR_TEXT_SIZE];
	const char *why;

	memcpy(mac, flow->to, MAC_LEN);
	if (memcmp(mac, none, MAC_LEN) != 0)
		return 0;
	if (flow->proto == FLOW_ARP) {
		memset(mac, 0xff, MAC_LEN);
		why = "everybody, as it is a question";
	} else if (mac_of_group(&flow->dst, mac)) {
		why = "the group's";
	} else if (place->rif != NULL && place->port->bridge == NULL) {
		memcpy(mac, place->rif->mac, MAC_LEN);
		why = "the router's, as the port is routed";
	} else if (place->rif != NULL && addr_is_own(place->sw->routing, &flow->dst)) {
		memcpy(mac, place->rif->mac, MAC_LEN);
		why = "the router's, which has the address";
	} else if (mac_of_neighbour(place, &flow->dst, mac)) {
		why = "the destination's, as the router knows it";
	} else if (place->port->bridge != NULL && mac_of_guest(place, &flow->dst, mac)) {
		why = "of the guest that has the address";
	} else if (place->rif != NULL && !is_on_link(place, &flow->dst)) {
		memcpy(mac, place->rif->mac, MAC_LEN);
		why = "the router's on this network";
	} else {
		return error_set(err, EINVAL,
				 "explain: who has %s is not known here; add \"to MAC\": of the "
				 "destination, or of the router that the sender asks",
				 ip_addr_format(&flow->dst, text));
	}
	assume(place, "to", mac, why);
	return 0;
}

static uint16_t
port_or(const struct place *place, const char *what, uint16_t port, uint16_t assumed)
{
	if (port != 0)
		return port;
	json_array_append_new(place->assumed, json_sprintf("%s port %u", what, assumed));
	return assumed;
}

/* What is behind the IP header. Return: bytes. */
static uint16_t
l4_fill(const struct place *place, const struct flow *flow, uint8_t *l4)
{
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)l4;
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)l4;
	struct rte_icmp_hdr *icmp = (struct rte_icmp_hdr *)l4;
	uint16_t sport, dport;

	if (flow->proto == FLOW_ICMP) {
		icmp->icmp_type =
			flow->src.family == AF_INET ? RTE_IP_ICMP_ECHO_REQUEST : ICMP6_ECHO;
		icmp->icmp_ident = rte_cpu_to_be_16(1);
		icmp->icmp_seq_nb = rte_cpu_to_be_16(1);
		return sizeof(*icmp);
	}
	if (flow->proto == FLOW_IP)
		return 8;
	sport = rte_cpu_to_be_16(port_or(place, "source", flow->sport, SPORT_DEFAULT));
	dport = rte_cpu_to_be_16(port_or(place, "destination", flow->dport,
					 flow->proto == FLOW_TCP ? DPORT_TCP : DPORT_UDP));
	if (flow->proto == FLOW_UDP) {
		udp->src_port = sport;
		udp->dst_port = dport;
		udp->dgram_len = rte_cpu_to_be_16(sizeof(*udp));
		return sizeof(*udp);
	}
	tcp->src_port = sport;
	tcp->dst_port = dport;
	tcp->data_off = sizeof(*tcp) / 4 << 4;
	tcp->tcp_flags = RTE_TCP_SYN_FLAG;
	tcp->rx_win = rte_cpu_to_be_16(UINT16_MAX);
	return sizeof(*tcp);
}

/* By enum flow_proto: where the checksum is in what is behind the IP header; 0: there is none. */
static const uint8_t l4_checksum[FLOW_PROTOS] = {
	[FLOW_TCP] = 16, [FLOW_UDP] = 6, [FLOW_ICMP] = 2
};

static uint32_t
ipv4_fill(const struct place *place, const struct flow *flow, uint8_t *at)
{
	static const uint8_t protos[FLOW_PROTOS] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP,
						     PROTO_TEST };
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)at;
	uint8_t *l4 = at + sizeof(*ip);
	const uint16_t len = l4_fill(place, flow, l4);
	uint16_t sum;

	ip->version_ihl = RTE_IPV4_VHL_DEF;
	ip->total_length = rte_cpu_to_be_16(sizeof(*ip) + len);
	ip->fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG);
	ip->time_to_live = HOPS;
	ip->next_proto_id = protos[flow->proto];
	memcpy(&ip->src_addr, flow->src.bytes, 4);
	memcpy(&ip->dst_addr, flow->dst.bytes, 4);
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	if (l4_checksum[flow->proto] != 0) {
		sum = flow->proto == FLOW_ICMP ? (uint16_t)~rte_raw_cksum(l4, len) :
						 rte_ipv4_udptcp_cksum(ip, l4);
		memcpy(l4 + l4_checksum[flow->proto], &sum, sizeof(sum));
	}
	return sizeof(*ip) + len;
}

static uint32_t
ipv6_fill(const struct place *place, const struct flow *flow, uint8_t *at)
{
	static const uint8_t protos[FLOW_PROTOS] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMPV6,
						     PROTO_TEST };
	struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)at;
	uint8_t *l4 = at + sizeof(*ip);
	const uint16_t len = l4_fill(place, flow, l4);
	uint16_t sum;

	ip->vtc_flow = rte_cpu_to_be_32(6u << 28);
	ip->payload_len = rte_cpu_to_be_16(len);
	ip->proto = protos[flow->proto];
	ip->hop_limits = HOPS;
	memcpy(ip->src_addr, flow->src.bytes, 16);
	memcpy(ip->dst_addr, flow->dst.bytes, 16);
	if (l4_checksum[flow->proto] != 0) {
		sum = rte_ipv6_udptcp_cksum(ip, l4);
		memcpy(l4 + l4_checksum[flow->proto], &sum, sizeof(sum));
	}
	return sizeof(*ip) + len;
}

static uint32_t
arp_fill(const struct flow *flow, const uint8_t mac[MAC_LEN], uint8_t *at)
{
	struct rte_arp_hdr *arp = (struct rte_arp_hdr *)at;

	arp->arp_hardware = rte_cpu_to_be_16(RTE_ARP_HRD_ETHER);
	arp->arp_protocol = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
	arp->arp_hlen = MAC_LEN;
	arp->arp_plen = 4;
	arp->arp_opcode = rte_cpu_to_be_16(RTE_ARP_OP_REQUEST);
	memcpy(&arp->arp_data.arp_sha, mac, MAC_LEN);
	memcpy(&arp->arp_data.arp_sip, flow->src.bytes, 4);
	memcpy(&arp->arp_data.arp_tip, flow->dst.bytes, 4);
	return sizeof(*arp);
}

static void
put_be16(uint8_t *at, uint16_t number)
{
	at[0] = (uint8_t)(number >> 8);
	at[1] = (uint8_t)number;
}

int
explain_flow(struct vswitch *sw, struct switch_port *port, const struct flow *flow,
	     uint8_t *ret_frame, json_t *assumed, struct error *err)
{
	const struct place place = place_of(sw, port, flow, assumed);
	uint32_t at = 2 * MAC_LEN;
	uint8_t *frame = ret_frame;
	int ret;

	memset(frame, 0, EXPLAIN_FLOW_SIZE);
	source_mac(&place, flow, frame + MAC_LEN);
	ret = destination_mac(&place, flow, frame, err);
	if (ret < 0)
		return ret;
	if (flow->vid != 0) {
		put_be16(frame + at, rte_be_to_cpu_16(vlan_of(place.port->dp)->tpid));
		if (vlan_of(place.port->dp)->tpid == VLAN_TPID_NONE)
			put_be16(frame + at, RTE_ETHER_TYPE_VLAN);
		put_be16(frame + at + 2, flow->vid);
		at += VLAN_TAG_LEN;
	}
	put_be16(frame + at, flow->proto == FLOW_ARP      ? RTE_ETHER_TYPE_ARP :
			     flow->src.family == AF_INET6 ? RTE_ETHER_TYPE_IPV6 :
							    RTE_ETHER_TYPE_IPV4);
	at += 2;
	if (flow->proto == FLOW_ARP)
		at += arp_fill(flow, frame + MAC_LEN, frame + at);
	else if (flow->src.family == AF_INET6)
		at += ipv6_fill(&place, flow, frame + at);
	else
		at += ipv4_fill(&place, flow, frame + at);
	return RTE_MAX(at, (uint32_t)FRAME_MIN);
}
