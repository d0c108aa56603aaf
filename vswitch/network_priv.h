/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What network.c (objects, links, dnsmasq's life), network_text.c (dnsmasq's files) and
 * network_relay.c (packets) share with each other alone.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_NETWORK_PRIV_H
#define VSWITCH_NETWORK_PRIV_H

#include <limits.h>
#include <stdio.h>
#include <sys/queue.h>

#include <event2/event.h>

#include "child.h"
#include "network.h"
#include "routing.h"
#include "server_link.h"
#include "switch.h"

struct network {
	LIST_ENTRY(network) list;
	struct ip_prefix prefix;
	struct network_config config;
	unsigned int number; /* in dnsmasq's files: tag nN */
};

/* An address that is not to choose: a guest's with a fixed one, or the router's own. */
struct network_host {
	uint8_t address[4];
	bool is_own;
	bool has_mac;
	uint8_t mac[6];
	uint8_t router[4];
};

/* Tokens of one port. */
struct network_budget {
	uint64_t msec;
	uint32_t left;
};

#define NETWORK_MAC_MSEC 5000 /* a guest on a fixed link may change its MAC this often */

enum network_service { NETWORK_DHCP, NETWORK_DNS, NETWORK_SERVICES };

/* dnsmasq's files. */
enum network_file { FILE_CONFIG, FILE_HOSTS, FILE_OPTIONS, NETWORK_FILES };
extern const char *const network_file_names[NETWORK_FILES];

struct networks {
	struct vswitch *sw;
	LIST_HEAD(, network) list;
	unsigned int n;
	unsigned int next_number;
	char folder[PATH_MAX - 32];
	struct event *sync;         /* things have changed */
	struct child *dnsmasq;      /* NULL: no network has dhcp */
	struct server_link link;    /* fd < 0: the same */
	char *texts[NETWORK_FILES]; /* that dnsmasq has been given; NULL: nothing */
	struct lease_file leases;
	struct network_host
		*hosts; /* as the file of hosts has them: each address once, ascending */
	size_t n_hosts;
	/* by port id */
	struct {
		uint16_t generation;
		uint8_t mac[6];  /* fixed: of the guest, as it has said; none: it has not */
		uint64_t learnt; /* msec: when it has said so */
		struct network_budget budgets[NETWORK_SERVICES];
	} ports[PORT_MAX];
	uint64_t refusals[NETWORK_REFUSALS];
	struct log_limit log_limit;
};

/** network_text() - what a file is to say. Return: malloc()ed text, or NULL. */
char *network_text(struct networks *networks, enum network_file file);

/** network_host_find() - who has an address. Return: it, or NULL. */
const struct network_host *network_host_find(const struct networks *networks,
					     const uint8_t address[4]);

/** network_range() - the addresses that a network gives out; low 0: none. */
struct lan_range network_range(const struct network *network);

/** network_guest_mac() - the MAC of a fixed link's guest. Return: false: it is not known yet. */
bool network_guest_mac(const struct networks *networks, const struct switch_rif *rif,
		       uint8_t ret_mac[6]);

/** network_sync() - compare what dnsmasq should be told with what it was told, and tell it. */
void network_sync(struct networks *networks);

/** network_from_server() - dnsmasq has sent a packet. A server_link_fn. */
void network_from_server(void *arg, uint8_t *ip, uint32_t len);

#endif /* VSWITCH_NETWORK_PRIV_H */
