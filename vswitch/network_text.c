/* SPDX-License-Identifier: BSD-3-Clause */
/* dnsmasq's files: what it is, which guests there are, what they are told. dnsmasq(8). */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "network_priv.h"

#define NETMASK(len) ((len) == 0 ? 0 : UINT32_MAX << (32 - (len)))

static const char *
dotted(const uint8_t address[4], char text[INET_ADDRSTRLEN])
{
	return inet_ntop(AF_INET, address, text, INET_ADDRSTRLEN);
}

static const char *
dotted_number(uint32_t address, char text[INET_ADDRSTRLEN])
{
	const uint32_t net_order = htonl(address);

	return inet_ntop(AF_INET, &net_order, text, INET_ADDRSTRLEN);
}

/* --- the configuration: a change of it restarts dnsmasq --- */

static void
config_network(FILE *file, const struct network *network)
{
	char low[INET_ADDRSTRLEN], high[INET_ADDRSTRLEN], mask[INET_ADDRSTRLEN];
	const struct lan_range range = network_range(network);
	char prefix[IP_PREFIX_TEXT_SIZE];

	dotted_number(NETMASK(network->prefix.len), mask);
	if (range.low != 0)
		fprintf(file, "dhcp-range=set:n%u,%s,%s,%s,%u\n", network->number,
			dotted_number(range.low, low), dotted_number(range.high, high), mask,
			network->config.lease);
	else
		fprintf(file, "dhcp-range=set:n%u,%s,static,%s,%u\n", network->number,
			dotted(network->prefix.addr.bytes, low), mask, network->config.lease);
	if (network->config.domain[0] != '\0')
		fprintf(file, "domain=%s,%s\nlocal=/%s/\n", network->config.domain,
			ip_prefix_format(&network->prefix, prefix), network->config.domain);
}

static void
config_text(const struct networks *networks, FILE *file)
{
	const struct network *network;

	fprintf(file,
		"# by vswitchd, and written anew by it\n"
		"interface=%s\nexcept-interface=lo\nbind-interfaces\n"
		"pid-file=\nlog-facility=-\nquiet-dhcp\n"
		"no-hosts\ndomain-needed\nedns-packet-max=1232\ndns-forward-max=1000\n"
		/* the relay has told guests apart, by their MACs and by where they are; packets of
		 * the server's own to guests would not find their way */
		"dhcp-authoritative\ndhcp-ignore-clid\nno-ping\ndhcp-lease-max=%u\n"
		"dhcp-leasefile=%s\ndhcp-hostsfile=%s/%s\ndhcp-optsfile=%s/%s\n",
		networks->link.name, LEASES_MAX, networks->leases.path, networks->folder,
		network_file_names[FILE_HOSTS], networks->folder, network_file_names[FILE_OPTIONS]);
	LIST_FOREACH(network, &networks->list, list)
		if (network->config.dhcp)
			config_network(file, network);
}

/* --- guests with an address of their own, and addresses that are no guest's --- */

static int
host_compare(const void *a, const void *b)
{
	const struct network_host *first = a, *second = b;
	const int order = memcmp(first->address, second->address, 4);

	return order != 0 ? order : second->is_own - first->is_own;
}

const struct network_host *
network_host_find(const struct networks *networks, const uint8_t address[4])
{
	size_t low = 0, high = networks->n_hosts;

	while (low < high) {
		const size_t middle = (low + high) / 2;
		const int order = memcmp(networks->hosts[middle].address, address, 4);

		if (order == 0)
			return &networks->hosts[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* How many there may be. */
static size_t
hosts_count(const struct routing *routing)
{
	const struct switch_rif *rif = NULL;
	size_t n = 0;

	while ((rif = rif_next(routing, rif)) != NULL)
		n += rif->n_addrs + 1;
	return n;
}

static size_t
hosts_of_rif(const struct networks *networks, const struct switch_rif *rif,
	     struct network_host *hosts)
{
	const struct rif_addr *own;
	struct network_link link;
	size_t n = 0;

	LIST_FOREACH(own, &rif->addrs, list) {
		if (own->prefix.addr.family != AF_INET)
			continue;
		hosts[n] = (struct network_host){ .is_own = true };
		memcpy(hosts[n].router, own->prefix.addr.bytes, 4);
		memcpy(hosts[n++].address, own->prefix.addr.bytes, 4);
	}
	if (!network_link(networks->sw, rif, &link) || !link.fixed)
		return n;
	hosts[n] = (struct network_host){ 0 };
	memcpy(hosts[n].address, link.address, 4);
	memcpy(hosts[n].router, link.router, 4);
	hosts[n].has_mac = network_guest_mac(networks, rif, hosts[n].mac);
	return n + 1;
}

/* See who has which address. Return: 0 or -ENOMEM. */
static int
hosts_renew(struct networks *networks)
{
	const struct routing *routing = networks->sw->routing;
	struct network_host *hosts = calloc(hosts_count(routing) + 1, sizeof(*hosts));
	const struct switch_rif *rif = NULL;
	size_t n = 0, kept = 0;

	if (hosts == NULL)
		return -ENOMEM;
	while ((rif = rif_next(routing, rif)) != NULL)
		n += hosts_of_rif(networks, rif, hosts + n);
	qsort(hosts, n, sizeof(*hosts), host_compare);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || memcmp(hosts[i].address, hosts[i - 1].address, 4) != 0)
			hosts[kept++] = hosts[i];
	free(networks->hosts);
	networks->hosts = hosts;
	networks->n_hosts = kept;
	return 0;
}

/* dnsmasq gives no address to anybody that somebody else is named for. */
static int
hosts_text(struct networks *networks, FILE *file)
{
	char address[INET_ADDRSTRLEN], router[INET_ADDRSTRLEN], mac[MAC_TEXT_SIZE];

	if (hosts_renew(networks) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < networks->n_hosts; i++) {
		const struct network_host *host = &networks->hosts[i];

		dotted(host->address, address);
		if (host->has_mac)
			fprintf(file, "%s,set:fixed,set:r%s,%s\n", mac_format(host->mac, mac),
				dotted(host->router, router), address);
		else
			fprintf(file, "id:%s-%s,%s\n", host->is_own ? "router" : "guest", address,
				address);
	}
	return 0;
}

/* --- what guests are told --- */

static void
options_dns(FILE *file, const char *tags, const struct network *network, const char *router)
{
	char address[INET_ADDRSTRLEN];

	fprintf(file, "%s,option:dns-server", tags);
	for (unsigned int i = 0; i < network->config.n_dns; i++)
		fprintf(file, ",%s", dotted(network->config.dns[i], address));
	fprintf(file, network->config.n_dns == 0 ? ",%s\n" : "\n", router);
}

/* A gateway that is not on the guest's network is one by routes that say so (RFC 3442). */
static void
options_router(FILE *file, const char *tags, const struct network *network,
	       const struct network_link *link, const char *router)
{
	const struct ip_addr addr = ip_addr_make(AF_INET, link->router);

	fprintf(file, "%s,option:router,%s\n", tags, router);
	if (!ip_prefix_has(&network->prefix, &addr))
		fprintf(file, "%s,option:classless-static-route,%s/32,0.0.0.0,0.0.0.0/0,%s\n", tags,
			router, router);
}

/* Have links of a network and gateway been told already? If not, now they have. */
static bool
is_repeated(struct network_link **told, size_t *n, const struct network_link *link)
{
	struct network_link *more;

	for (size_t i = 0; i < *n; i++)
		if ((*told)[i].network == link->network && (*told)[i].fixed == link->fixed &&
		    memcmp((*told)[i].router, link->router, 4) == 0)
			return true;
	more = reallocarray(*told, *n + 1, sizeof(*more));
	if (more != NULL) {
		*told = more;
		more[(*n)++] = *link;
	}
	return false;
}

static void
options_text(const struct networks *networks, FILE *file)
{
	struct network_link link, *told = NULL;
	const struct switch_rif *rif = NULL;
	char router[INET_ADDRSTRLEN], tags[64];
	size_t n_told = 0;

	while ((rif = rif_next(networks->sw->routing, rif)) != NULL) {
		if (!network_link(networks->sw, rif, &link) || is_repeated(&told, &n_told, &link))
			continue;
		dotted(link.router, router);
		if (link.fixed)
			snprintf(tags, sizeof(tags), "tag:n%u,tag:r%s", link.network->number,
				 router);
		else
			snprintf(tags, sizeof(tags), "tag:n%u,tag:!fixed", link.network->number);
		options_router(file, tags, link.network, &link, router);
		options_dns(file, tags, link.network, router);
	}
	free(told);
}

char *
network_text(struct networks *networks, enum network_file which)
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);
	bool failed = false;

	if (file == NULL)
		return NULL;
	switch (which) {
	case FILE_CONFIG:
		config_text(networks, file);
		break;
	case FILE_HOSTS:
		failed = hosts_text(networks, file) < 0;
		break;
	default:
		options_text(networks, file);
		break;
	}
	failed |= ferror(file) != 0;
	if (fclose(file) != 0 || failed) {
		free(text);
		return NULL;
	}
	return text;
}
