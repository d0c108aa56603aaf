/* SPDX-License-Identifier: BSD-3-Clause */
/* Networks as objects, their links, and what of them dnsmasq has to be told. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "network_priv.h"
#include "port_vif.h"
#include "routing_priv.h"

#define RUN_DIR_DEFAULT "/run/vswitch"

const char *const network_refusal_names[NETWORK_REFUSALS] = {
	[NETWORK_MALFORMED] = "malformed", [NETWORK_SPOOFED] = "spoofed",
	[NETWORK_NO_LINK] = "no_link",     [NETWORK_TOO_MANY] = "too_many",
	[NETWORK_REPLY] = "bad_reply",
};

const char *const network_file_names[NETWORK_FILES] = {
	[FILE_CONFIG] = "dnsmasq.conf",
	[FILE_HOSTS] = "hosts",
	[FILE_OPTIONS] = "options",
};

/* --- links --- */

static bool
link_fixed(const struct switch_rif *rif, const struct network *network,
	   struct network_link *ret_link)
{
	struct ip_addr router;

	for (unsigned int i = 0; i < rif->n_sources; i++) {
		const struct ip_prefix *source = &rif->sources[i];

		if (source->addr.family != AF_INET || !ip_prefix_is_host(source) ||
		    !ip_prefix_has(&network->prefix, &source->addr) ||
		    !addr_source(rif->routing, rif, &source->addr, &router))
			continue;
		*ret_link = (struct network_link){ .network = network, .fixed = true };
		memcpy(ret_link->address, source->addr.bytes, 4);
		memcpy(ret_link->router, router.bytes, 4);
		return true;
	}
	return false;
}

static bool
link_dynamic(const struct switch_rif *rif, const struct network *network,
	     struct network_link *ret_link)
{
	const struct rif_addr *own;

	if (rif->n_sources > 0)
		return false;
	LIST_FOREACH(own, &rif->addrs, list) {
		const struct ip_prefix net = ip_prefix_net(&own->prefix);

		if (!ip_prefix_equal(&net, &network->prefix))
			continue;
		*ret_link = (struct network_link){ .network = network };
		memcpy(ret_link->address, own->prefix.addr.bytes, 4);
		memcpy(ret_link->router, own->prefix.addr.bytes, 4);
		return true;
	}
	return false;
}

bool
network_link(const struct vswitch *sw, const struct switch_rif *rif, struct network_link *ret_link)
{
	const struct network *network;

	if (sw->networks == NULL)
		return false;
	LIST_FOREACH(network, &sw->networks->list, list)
		if (network->config.dhcp &&
		    (link_fixed(rif, network, ret_link) || link_dynamic(rif, network, ret_link)))
			return true;
	return false;
}

bool
network_guest_mac(const struct networks *networks, const struct switch_rif *rif, uint8_t ret_mac[6])
{
	static const uint8_t none[6];
	const struct port *port = rif->port->dp;

	if (rif->port->config.kind == PORT_KIND_VIF)
		return port_vif_mac(rif->port, ret_mac);
	memcpy(ret_mac, networks->ports[port->id].mac, 6);
	return networks->ports[port->id].generation == port->generation &&
	       memcmp(ret_mac, none, 6) != 0;
}

struct lan_range
network_range(const struct network *network)
{
	struct lan_range range = lan_range_of(&network->prefix);

	if (network->config.range.low != 0)
		return network->config.range;
	if (range.low != 0)
		range.low += (range.high - range.low + 1) / 2;
	return range;
}

/* --- what dnsmasq is told --- */

/* The address belongs to another guest for good, or to the router. */
static bool
lease_is_stale(void *arg, const struct lease *lease)
{
	const struct network_host *host = network_host_find(arg, lease->address);

	return host != NULL &&
	       (host->is_own || (host->has_mac && memcmp(host->mac, lease->mac, 6) != 0));
}

/* Have dnsmasq forget leases that are in the way of others. */
static void
release_stale(struct networks *networks)
{
	uint8_t packet[DHCP_PACKET_MAX];

	lease_file_read(&networks->leases);
	for (unsigned int i = 0; i < networks->leases.n; i++) {
		const struct lease *lease = &networks->leases.leases[i];
		struct dhcp_circuit circuit = { 0 };

		if (!lease_is_stale(networks, lease))
			continue;
		memcpy(circuit.link, lease->address, 4);
		memcpy(circuit.router, network_host_find(networks, lease->address)->router, 4);
		server_link_send(&networks->link, packet,
				 dhcp_write_release(lease->mac, lease->address, &circuit,
						    networks->link.relay, networks->link.server,
						    packet));
	}
}

/* Put a text in the place of a file, all of it or nothing. */
static int
write_file(const struct networks *networks, const char *name, const char *text)
{
	char path[PATH_MAX], new[PATH_MAX];
	FILE *file;
	bool failed;

	snprintf(path, sizeof(path), "%s/%s", networks->folder, name);
	snprintf(new, sizeof(new), "%s/%s.new", networks->folder, name);
	unlink(new);
	file = fopen(new, "wxe");
	if (file == NULL)
		return -errno;
	failed = fputs(text, file) < 0 || fchmod(fileno(file), 0644) < 0;
	if (fclose(file) != 0 || failed || rename(new, path) < 0) {
		unlink(new);
		return -EIO;
	}
	return 0;
}

/* Return: 1: it has changed, 0, or -errno. */
static int
renew_file(struct networks *networks, enum network_file file)
{
	char *text = network_text(networks, file);
	int ret;

	if (text == NULL)
		return -ENOMEM;
	if (networks->texts[file] != NULL && strcmp(text, networks->texts[file]) == 0) {
		free(text);
		return 0;
	}
	ret = write_file(networks, network_file_names[file], text);
	if (ret < 0) {
		free(text);
		return ret;
	}
	free(networks->texts[file]);
	networks->texts[file] = text;
	return 1;
}

/* dnsmasq is about to start. */
static int
prepare(void *arg)
{
	struct networks *networks = arg;
	int ret;

	/* for another user, whatever the umask is */
	if ((mkdir(networks->folder, 0755) < 0 && errno != EEXIST) ||
	    chmod(networks->folder, 0755) < 0)
		return -errno;
	for (int file = 0; file < NETWORK_FILES; file++) {
		ret = renew_file(networks, file);
		if (ret < 0)
			return ret;
	}
	return lease_file_prepare(&networks->leases, child_user(networks->dnsmasq), lease_is_stale,
				  networks);
}

void
network_sync(struct networks *networks)
{
	bool restart = false, reload = false;

	if (networks->dnsmasq == NULL || child_pid(networks->dnsmasq) == 0)
		return; /* all is written when it starts */
	for (int file = 0; file < NETWORK_FILES; file++) {
		const int ret = renew_file(networks, file);

		if (ret < 0)
			log_limited(&networks->log_limit, LOG_ERR, "network: %s/%s: %s",
				    networks->folder, network_file_names[file], strerror(-ret));
		restart |= file == FILE_CONFIG && ret == 1;
		reload |= ret == 1;
	}
	if (restart) {
		child_restart(networks->dnsmasq); /* which drops stale leases */
		return;
	}
	release_stale(networks);
	if (reload)
		child_reload(networks->dnsmasq);
}

static void
on_sync(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	network_sync(arg);
}

void
networks_changed(struct vswitch *sw)
{
	static const struct timeval soon;

	/* many changes in one go are one */
	if (sw->networks != NULL && sw->networks->dnsmasq != NULL)
		event_add(sw->networks->sync, &soon);
}

/* --- the server --- */

/* Have workers punt messages of DHCP, or drop them. */
static void
dhcp_wanted(const struct networks *networks, bool wanted)
{
	__atomic_store_n(&networks->sw->routing->dp->dhcp, wanted, __ATOMIC_RELAXED);
}

static void
server_stop(struct networks *networks)
{
	event_del(networks->sync);
	child_destroy(networks->dnsmasq);
	networks->dnsmasq = NULL;
	dhcp_wanted(networks, false);
	server_link_close(&networks->link);
	for (int file = 0; file < NETWORK_FILES; file++) {
		free(networks->texts[file]);
		networks->texts[file] = NULL;
	}
}

static int
server_start(struct networks *networks, struct error *err)
{
	char config[PATH_MAX + 32];
	const char *const args[] = { "--keep-in-foreground", config, NULL };
	const struct child_config child = {
		.name = "dnsmasq",
		.package = "dnsmasq-base",
		.area = "network",
		.user = "dnsmasq",
		.rights = "-all,+net_admin,+net_bind_service", /* the first dnsmasq insists on */
		.args = args,
		.prepare = prepare,
		.arg = networks,
	};
	int ret;

	snprintf(config, sizeof(config), "--conf-file=%s/%s", networks->folder,
		 network_file_names[FILE_CONFIG]);
	networks->dnsmasq = child_create(&networks->sw->children, &child, err);
	if (networks->dnsmasq == NULL)
		return err->code;
	ret = server_link_open(&networks->link, networks->sw, network_from_server, networks, err);
	if (ret < 0) {
		server_stop(networks);
		return ret;
	}
	dhcp_wanted(networks, true);
	child_restart(networks->dnsmasq);
	return 0;
}

/* Have a server if any network wants one. */
static int
server_renew(struct networks *networks, struct error *err)
{
	const struct network *network;
	bool wanted = false;

	LIST_FOREACH(network, &networks->list, list)
		wanted |= network->config.dhcp;
	if (wanted && networks->dnsmasq == NULL)
		return server_start(networks, err);
	if (!wanted && networks->dnsmasq != NULL)
		server_stop(networks);
	networks_changed(networks->sw);
	return 0;
}

/* --- objects --- */

static void
on_addr_changed(void *arg, const struct rif_addr *addr, bool added)
{
	(void)addr;
	(void)added;
	networks_changed(arg);
}

static struct networks *
networks_create(struct vswitch *sw)
{
	struct networks *networks = calloc(1, sizeof(*networks));
	char *path;

	if (networks == NULL)
		return NULL;
	networks->sw = sw;
	networks->link.fd = -1;
	LIST_INIT(&networks->list);
	networks->sync = evtimer_new(sw->base, on_sync, networks);
	if (snprintf(networks->folder, sizeof(networks->folder), "%s/dnsmasq",
		     sw->run_dir != NULL ? sw->run_dir : RUN_DIR_DEFAULT) <
		    (int)sizeof(networks->folder) &&
	    asprintf(&path, "%s/leases", networks->folder) > 0)
		networks->leases.path = path;
	if (networks->sync == NULL || networks->leases.path == NULL) {
		networks_destroy(networks);
		return NULL;
	}
	if (!sw->networks_told)
		addr_on_change(sw->routing, on_addr_changed, sw);
	sw->networks_told = true;
	return networks;
}

void
networks_destroy(struct networks *networks)
{
	struct network *network;

	if (networks == NULL)
		return;
	if (networks->sync != NULL) {
		server_stop(networks);
		event_free(networks->sync);
	}
	while ((network = LIST_FIRST(&networks->list)) != NULL) {
		LIST_REMOVE(network, list);
		free(network);
	}
	lease_file_free(&networks->leases);
	free(networks->hosts);
	free((char *)(uintptr_t)networks->leases.path);
	free(networks);
}

static struct network *
find(const struct vswitch *sw, const struct ip_prefix *prefix)
{
	struct network *network;

	if (sw->networks == NULL)
		return NULL;
	LIST_FOREACH(network, &sw->networks->list, list)
		if (ip_prefix_equal(&network->prefix, prefix))
			return network;
	return NULL;
}

const struct network *
network_find(const struct vswitch *sw, const struct ip_prefix *prefix)
{
	return find(sw, prefix);
}

const struct network *
network_next(const struct vswitch *sw, const struct network *last)
{
	if (sw->networks == NULL)
		return NULL;
	return last == NULL ? LIST_FIRST(&sw->networks->list) : LIST_NEXT(last, list);
}

static int
check(const struct vswitch *sw, const struct network *self, const struct ip_prefix *prefix,
      const struct network_config *config, struct error *err)
{
	const struct lan_range all = lan_range_of(prefix), range = config->range;
	const struct network *other = NULL;
	char text[IP_PREFIX_TEXT_SIZE], other_text[IP_PREFIX_TEXT_SIZE];

	ip_prefix_format(prefix, text);
	if (range.low != 0 && (range.low < all.low || range.high > all.high || all.low == 0))
		return error_set(err, EINVAL, "network %s: range does not lie in it", text);
	while ((other = network_next(sw, other)) != NULL)
		if (other != self && (ip_prefix_has(&other->prefix, &prefix->addr) ||
				      ip_prefix_has(prefix, &other->prefix.addr)))
			return error_set(err, EEXIST, "network %s: overlaps with network %s", text,
					 ip_prefix_format(&other->prefix, other_text));
	return 0;
}

int
network_add(struct vswitch *sw, const struct ip_prefix *prefix, const struct network_config *config,
	    struct error *err)
{
	const struct ip_prefix net = ip_prefix_net(prefix);
	struct network *network = NULL;
	char text[IP_PREFIX_TEXT_SIZE];
	int ret;

	ip_prefix_format(&net, text);
	if (find(sw, &net) != NULL)
		return error_set(err, EEXIST, "network %s: exists already", text);
	ret = check(sw, NULL, &net, config, err);
	if (ret < 0)
		return ret;
	if (sw->networks != NULL && sw->networks->n == NETWORKS_MAX)
		return error_set(err, ENOSPC, "network %s: there are %u networks already", text,
				 NETWORKS_MAX);
	if (sw->networks == NULL)
		sw->networks = networks_create(sw);
	if (sw->networks != NULL)
		network = calloc(1, sizeof(*network));
	if (network == NULL)
		return error_set(err, ENOMEM, "network %s: no memory for it", text);
	network->prefix = net;
	network->config = *config;
	network->number = sw->networks->next_number++;
	LIST_INSERT_HEAD(&sw->networks->list, network, list);
	sw->networks->n++;
	ret = server_renew(sw->networks, err);
	if (ret == 0)
		return 0;
	error_prefix(err, "network %s: ", text);
	network_del(sw, &net, NULL);
	return ret;
}

int
network_set(struct vswitch *sw, const struct ip_prefix *prefix, const struct network_config *config,
	    struct error *err)
{
	const struct ip_prefix net = ip_prefix_net(prefix);
	struct network *network = find(sw, &net);
	struct network_config old;
	char text[IP_PREFIX_TEXT_SIZE];
	int ret;

	ip_prefix_format(&net, text);
	if (network == NULL)
		return error_set(err, ENOENT,
				 "network %s: there is no such network; see \"vsctl network show\"",
				 text);
	ret = check(sw, network, &net, config, err);
	if (ret < 0)
		return ret;
	old = network->config;
	network->config = *config;
	ret = server_renew(sw->networks, err);
	if (ret == 0)
		return 0;
	network->config = old;
	return error_prefix(err, "network %s: ", text);
}

int
network_del(struct vswitch *sw, const struct ip_prefix *prefix, struct error *err)
{
	const struct ip_prefix net = ip_prefix_net(prefix);
	struct network *network = find(sw, &net);
	char text[IP_PREFIX_TEXT_SIZE];

	if (network == NULL)
		return error_set(err, ENOENT,
				 "network %s: there is no such network; see \"vsctl network show\"",
				 ip_prefix_format(&net, text));
	LIST_REMOVE(network, list);
	free(network);
	sw->networks->n--;
	return server_renew(sw->networks, err);
}

/* --- for show --- */

void
network_info(const struct vswitch *sw, const struct network *network, struct network_info *ret_info)
{
	const struct networks *networks = sw->networks;

	*ret_info = (struct network_info){
		.prefix = network->prefix,
		.config = network->config,
		.range = network_range(network),
		.refusals = networks->refusals,
	};
	if (!network->config.dhcp || networks->dnsmasq == NULL)
		return;
	ret_info->pid = child_pid(networks->dnsmasq);
	if (ret_info->pid == 0)
		ret_info->reason = child_reason(networks->dnsmasq);
}

unsigned int
network_leases(const struct vswitch *sw, const struct lease **ret_leases)
{
	if (sw->networks == NULL)
		return 0;
	lease_file_read(&sw->networks->leases);
	*ret_leases = sw->networks->leases.leases;
	return sw->networks->leases.n;
}

bool
network_has_lease(const struct network *network, const struct lease *lease)
{
	const struct ip_addr addr = ip_addr_make(AF_INET, lease->address);

	return ip_prefix_has(&network->prefix, &addr);
}
