/* SPDX-License-Identifier: BSD-3-Clause */
#include "announce.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include <rte_arp.h>
#include <rte_ether.h>
#include <rte_icmp.h>
#include <rte_ip.h>
#include <rte_mbuf.h>

#include "log.h"
#include "schema.h"
#include "switch.h"

#define FRAME_LEN_MIN 60 /* bytes without FCS */
#define ICMP6_NEIGHBOR_ADVERT 136
#define NA_OVERRIDE 0x20 /* first of the four bytes of flags */
#define OPTION_TARGET_LINK 2
#define SEPARATORS " \t\r\n,"
#define WORD_SIZE 64     /* longer ones are no addresses */
#define RETRY_USEC 10000 /* when a worker or the pool has no room */
#define RETRIES_MAX 100  /* of one announcement */

/* Between the first and the second time, and the second and the third. */
static const struct timeval pauses[] = { { .tv_usec = 300000 }, { .tv_usec = 600000 } };

struct announce {
	struct vswitch *sw;
	const struct port *port;
	struct event *timer;
	bool warned; /* about the toolstack's addresses: once is enough */
	uint8_t mac[6];
	unsigned int round; /* pauses made */
	unsigned int next;  /* what is to be sent next; 0: RARP, n: addresses[n - 1] */
	unsigned int retries;
	unsigned int n_addresses;
	struct announce_address addresses[ANNOUNCE_ADDRESSES_MAX];
};

/* ICMPv6 neighbour advertisement with its one option, RFC 4861 4.4 and 4.6.1. */
struct neighbor_advert {
	uint8_t type;
	uint8_t code;
	rte_be16_t checksum;
	uint8_t flags[4];
	uint8_t target[16];
	uint8_t option_type;
	uint8_t option_len; /* in units of 8 bytes */
	uint8_t link[6];
} __rte_packed;

/* --- what is sent --- */

static void
put_ether(uint8_t *frame, const char dst[6], const uint8_t mac[6], uint16_t ether_type)
{
	struct rte_ether_hdr *ether = (struct rte_ether_hdr *)frame;

	memcpy(&ether->dst_addr, dst, 6);
	memcpy(&ether->src_addr, mac, 6);
	ether->ether_type = htons(ether_type);
}

/* RARP request (RFC 903) if @ip is NULL, else an ARP announcement (RFC 5227 1.1). */
static uint32_t
put_arp(uint8_t *frame, const uint8_t mac[6], const uint8_t *ip)
{
	struct rte_arp_hdr *arp = (struct rte_arp_hdr *)(frame + RTE_ETHER_HDR_LEN);

	memset(frame, 0, FRAME_LEN_MIN);
	put_ether(frame, "\xff\xff\xff\xff\xff\xff", mac,
		  ip == NULL ? RTE_ETHER_TYPE_RARP : RTE_ETHER_TYPE_ARP);
	arp->arp_hardware = htons(RTE_ARP_HRD_ETHER);
	arp->arp_protocol = htons(RTE_ETHER_TYPE_IPV4);
	arp->arp_hlen = 6;
	arp->arp_plen = 4;
	memcpy(&arp->arp_data.arp_sha, mac, 6);
	if (ip == NULL) {
		arp->arp_opcode = htons(RTE_ARP_OP_REVREQUEST);
		memcpy(&arp->arp_data.arp_tha, mac, 6);
	} else {
		arp->arp_opcode = htons(RTE_ARP_OP_REQUEST);
		memcpy(&arp->arp_data.arp_sip, ip, 4);
		memcpy(&arp->arp_data.arp_tip, ip, 4);
	}
	return FRAME_LEN_MIN;
}

/* To all nodes (ff02::1), overriding what they know. */
static uint32_t
put_neighbor_advert(uint8_t *frame, const uint8_t mac[6], const uint8_t ip[16])
{
	struct rte_ipv6_hdr *ipv6 = (struct rte_ipv6_hdr *)(frame + RTE_ETHER_HDR_LEN);
	struct neighbor_advert *advert = (struct neighbor_advert *)(ipv6 + 1);

	put_ether(frame, "\x33\x33\0\0\0\1", mac, RTE_ETHER_TYPE_IPV6);
	*ipv6 = (struct rte_ipv6_hdr){
		.vtc_flow = htonl(6u << 28),
		.payload_len = htons(sizeof(*advert)),
		.proto = IPPROTO_ICMPV6,
		.hop_limits = 255, /* less would be taken for one from elsewhere */
		.dst_addr = { 0xff, 2, [15] = 1 },
	};
	memcpy(ipv6->src_addr, ip, 16);
	*advert = (struct neighbor_advert){
		.type = ICMP6_NEIGHBOR_ADVERT,
		.flags = { NA_OVERRIDE },
		.option_type = OPTION_TARGET_LINK,
		.option_len = 1,
	};
	memcpy(advert->target, ip, 16);
	memcpy(advert->link, mac, 6);
	advert->checksum = rte_ipv6_udptcp_cksum(ipv6, advert);
	return RTE_ETHER_HDR_LEN + sizeof(*ipv6) + sizeof(*advert);
}
static_assert(RTE_ETHER_HDR_LEN + sizeof(struct rte_ipv6_hdr) + sizeof(struct neighbor_advert) ==
		      ANNOUNCE_FRAME_SIZE,
	      "the longest frame");

uint32_t
announce_frame(const uint8_t mac[6], const struct announce_address *address, uint8_t *frame)
{
	if (address == NULL)
		return put_arp(frame, mac, NULL);
	if (address->family == AF_INET)
		return put_arp(frame, mac, address->bytes);
	return put_neighbor_advert(frame, mac, address->bytes);
}

/* --- which addresses --- */

/* "10.0.0.1/24" into an address and its prefix length. Return: 0 or -EINVAL. */
static int
address_parse(char *word, struct announce_address *address, unsigned int *ret_prefix)
{
	unsigned int bits;
	char *slash = strchr(word, '/'), *end;

	if (slash != NULL)
		*slash = '\0';
	if (inet_pton(AF_INET, word, address->bytes) == 1)
		address->family = AF_INET;
	else if (inet_pton(AF_INET6, word, address->bytes) == 1)
		address->family = AF_INET6;
	else
		return -EINVAL;
	bits = address->family == AF_INET ? 32 : 128;
	*ret_prefix = bits;
	if (slash == NULL)
		return 0;
	if (slash[1] < '0' || slash[1] > '9')
		return -EINVAL;
	*ret_prefix = strtoul(slash + 1, &end, 10);
	return *end != '\0' || *ret_prefix > bits ? -EINVAL : 0;
}

/* Is it a network's address rather than a station's: nothing set behind the prefix? */
static bool
address_is_network(const struct announce_address *address, unsigned int prefix)
{
	unsigned int bits = address->family == AF_INET ? 32 : 128;

	/* RFC 3021, RFC 6164: on links between two, both addresses are stations */
	if (prefix >= bits - 1)
		return false;
	for (unsigned int bit = prefix; bit < bits; bit++)
		if (address->bytes[bit / 8] & 0x80 >> bit % 8)
			return false;
	return true;
}

/*
 * May a station have it, and may others be told so? By an IPv6 router's link-local address hosts
 * know their way out, and an advertisement without the Router flag, of which only the guest knows,
 * makes them forget it (RFC 4861 7.2.5).
 */
static bool
address_is_announced(const struct announce_address *address)
{
	static const uint8_t unspecified[15];
	const uint8_t *bytes = address->bytes;

	if (address->family == AF_INET)
		return bytes[0] != 0 && bytes[0] != 127 && bytes[0] < 224;
	return bytes[0] != 0xff && !(bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80) &&
	       (memcmp(bytes, unspecified, sizeof(unspecified)) != 0 || bytes[15] > 1);
}

unsigned int
announce_addresses(const char *text, struct announce_address *addresses, const char **ret_bad)
{
	unsigned int n = 0, prefix;

	*ret_bad = NULL;
	while (*(text += strspn(text, SEPARATORS)) != '\0' && n < ANNOUNCE_ADDRESSES_MAX) {
		struct announce_address *address = &addresses[n];
		size_t len = strcspn(text, SEPARATORS);
		char word[WORD_SIZE] = "";

		if (len < sizeof(word))
			memcpy(word, text, len);
		if (address_parse(word, address, &prefix) < 0)
			*ret_bad = *ret_bad != NULL ? *ret_bad : text;
		else if (address_is_announced(address) && !address_is_network(address, prefix))
			n++;
		text += len;
	}
	return n;
}

/* --- when --- */

static int
announce_send(const struct announce *announce, const struct announce_address *address)
{
	struct vswitch *sw = announce->sw;
	struct rte_mbuf *pkt = rte_pktmbuf_alloc(sw->pool);
	uint8_t *frame;
	int ret;

	if (pkt == NULL)
		return -ENOMEM;
	frame = (uint8_t *)rte_pktmbuf_append(pkt, ANNOUNCE_FRAME_SIZE);
	if (frame == NULL) {
		rte_pktmbuf_free(pkt);
		return -ENOMEM;
	}
	rte_pktmbuf_trim(pkt, ANNOUNCE_FRAME_SIZE - announce_frame(announce->mac, address, frame));
	/* the worker that polls the port: no other has its counters in the cache */
	ret = worker_inject(sw->dp->workers[announce->port->rxq[0].worker], announce->port, pkt);
	if (ret < 0)
		rte_pktmbuf_free(pkt);
	return ret;
}

static void
announce_step(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval soon = { .tv_usec = RETRY_USEC };
	struct announce *announce = arg;

	for (; announce->next <= announce->n_addresses; announce->next++) {
		const struct announce_address *address =
			announce->next > 0 ? &announce->addresses[announce->next - 1] : NULL;

		if (announce_send(announce, address) == 0)
			continue;
		if (announce->retries++ < RETRIES_MAX)
			evtimer_add(announce->timer, &soon);
		return;
	}
	announce->next = 0;
	if (announce->round < RTE_DIM(pauses))
		evtimer_add(announce->timer, &pauses[announce->round++]);
}

struct announce *
announce_create(struct vswitch *sw, const struct port *port)
{
	struct announce *announce = calloc(1, sizeof(*announce));

	if (announce == NULL)
		return NULL;
	announce->sw = sw;
	announce->port = port;
	announce->timer = evtimer_new(sw->base, announce_step, announce);
	if (announce->timer != NULL)
		return announce;
	free(announce);
	return NULL;
}

void
announce_destroy(struct announce *announce)
{
	if (announce == NULL)
		return;
	event_free(announce->timer);
	free(announce);
}

void
announce_start(struct announce *announce, const uint8_t mac[6], const char *ip)
{
	char word[WORD_SIZE], quoted[48];
	const char *bad = NULL;

	announce_stop(announce);
	memcpy(announce->mac, mac, sizeof(announce->mac));
	announce->n_addresses = ip != NULL ? announce_addresses(ip, announce->addresses, &bad) : 0;
	if (bad != NULL && !announce->warned) {
		announce->warned = true;
		snprintf(word, sizeof(word), "%.*s", (int)strcspn(bad, SEPARATORS), bad);
		log_line(LOG_WARNING,
			 "port %s: is not announced with %s of its ip in xenstore: not an address",
			 switch_port_of(announce->sw, announce->port)->config.name,
			 schema_quote(word, quoted, sizeof(quoted)));
	}
	announce->round = announce->next = announce->retries = 0;
	announce_step(-1, 0, announce);
}

unsigned int
announce_known(const struct announce *announce, const uint8_t mac[6],
	       const struct announce_address **ret_addresses)
{
	*ret_addresses = announce->addresses;
	return memcmp(mac, announce->mac, sizeof(announce->mac)) == 0 ? announce->n_addresses : 0;
}

void
announce_stop(struct announce *announce)
{
	evtimer_del(announce->timer);
}
