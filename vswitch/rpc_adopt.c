/* SPDX-License-Identifier: BSD-3-Clause */
/* Adopting a NIC of the host's, and releasing it: transactions of what it takes. */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <netlink/msg.h>

#include "adopt.h"
#include "error.h"
#include "ip_move.h"
#include "netlink.h"
#include "object.h"
#include "rpc_methods_priv.h"
#include "switch.h"
#include "transaction.h"
#include "unknown.h"

#define WHAT_SIZE 80

/* --- parameters --- */

static int
names_read(const json_t *params, const char **ret_bridge, const char **ret_nic, struct error *err)
{
	const char *bridge = json_string_value(json_object_get(params, "name"));
	const char *nic = json_string_value(json_object_get(params, "nic"));

	if (bridge == NULL || !name_is_valid(bridge))
		return error_set(err, EINVAL, "bridge: name is missing, or none for a bridge");
	if (nic == NULL || !name_is_valid(nic))
		return error_set(err, EINVAL,
				 "bridge %s: nic is missing, or no name of an interface", bridge);
	if (strcmp(bridge, nic) == 0)
		return error_set(err, EINVAL,
				 "bridge %s: the host's interface gets the bridge's name, which %s "
				 "has; choose another one for the bridge",
				 bridge, nic);
	*ret_bridge = bridge;
	*ret_nic = nic;
	return 0;
}

/* --- what is in the way --- */

struct stacked {
	int ifindex;
	char name[IFNAMSIZ]; /* found; empty: none */
};

/* A VLAN, macvlan or the like of the kernel's on the interface. */
static void
stacked_see(void *arg, const struct nlmsghdr *header)
{
	struct nlmsghdr *message = (struct nlmsghdr *)(uintptr_t)header;
	struct stacked *stacked = arg;
	struct netlink_link link;
	const struct nlattr *lower;

	if (!netlink_link_read(header, &link) || link.ifindex == stacked->ifindex)
		return;
	if (strcmp(link.kind, "veth") == 0)
		return; /* the other end of a cable */
	lower = nlmsg_find_attr(message, sizeof(struct ifinfomsg), IFLA_LINK);
	if (lower != NULL && (int)nla_get_u32(lower) == stacked->ifindex &&
	    nlmsg_find_attr(message, sizeof(struct ifinfomsg), IFLA_LINK_NETNSID) == NULL)
		snprintf(stacked->name, sizeof(stacked->name), "%s", link.name);
}

static int
nic_check_kind(const struct netlink_link *link, struct error *err)
{
	char master[IFNAMSIZ] = "?";

	if ((link->flags & IFF_LOOPBACK) || link->type != ARPHRD_ETHER)
		return error_set(err, EINVAL, "nic %s: is not an Ethernet interface", link->name);
	if (strcmp(link->kind, "tun") == 0)
		return error_set(err, EINVAL, "nic %s: is a tap, behind which is no network",
				 link->name);
	if (strcmp(link->kind, "bridge") == 0)
		return error_set(err, EINVAL,
				 "nic %s: is a bridge of the kernel; take its NIC out of it, and "
				 "adopt that",
				 link->name);
	if (link->master == 0)
		return 0;
	if_indextoname(link->master, master);
	return error_set(err, EBUSY, "nic %s: belongs to %s; \"ip link set %s nomaster\" frees it",
			 link->name, master, link->name);
}

static int
nic_check(struct vswitch *sw, const char *nic, struct error *err)
{
	const struct switch_port *port = switch_port_find(sw, nic);
	struct stacked stacked = { 0 };
	struct netlink_link link;
	int ret;

	if (port != NULL)
		return error_set(err, EEXIST,
				 "nic %s: is a port already%s%s; \"vsctl port del %s\" frees it",
				 nic, port->bridge != NULL ? ", on bridge " : "",
				 port->bridge != NULL ? port->bridge->name : "", nic);
	ret = netlink_link_get(sw->netlink, nic, &link);
	if (ret < 0)
		return error_set(err, ret,
				 "nic %s: there is no such interface here, in vswitchd's network "
				 "namespace; see \"ip link\"",
				 nic);
	ret = nic_check_kind(&link, err);
	if (ret < 0)
		return ret;
	stacked.ifindex = link.ifindex;
	ret = netlink_links(sw->netlink, stacked_see, &stacked);
	if (ret == 0 && stacked.name[0] != '\0')
		return error_set(err, EBUSY,
				 "nic %s: the kernel's interface %s stands on it, and would hear "
				 "nothing more; \"ip link del %s\", and make a VLAN a port %s.VID "
				 "instead",
				 nic, stacked.name, stacked.name, nic);
	return 0;
}

/* A tap that is there already must have no addresses: they could not be told apart. */
static int
tap_check(struct vswitch *sw, const char *bridge, const char *nic, struct error *err)
{
	const struct switch_port *port = switch_port_find(sw, bridge);
	struct ip_place place = { 0 };
	struct netlink_link link;
	char text[IP_MESSAGE_ADDR_SIZE];

	if (port == NULL)
		return 0; /* adding it says why it cannot be */
	if (port->config.kind != PORT_KIND_TAP || port->bridge == NULL ||
	    strcmp(port->bridge->name, bridge) != 0)
		return error_set(err, EEXIST,
				 "bridge %s: there is a port %s which is not its host's interface, "
				 "a tap on it",
				 bridge, bridge);
	if (adopt_of_tap(sw, bridge) != NULL)
		return error_set(
			err, EBUSY,
			"bridge %s: its interface has the addresses of %s already; \"vsctl "
			"bridge release %s %s\" gives them back",
			bridge, adopt_of_tap(sw, bridge), bridge, adopt_of_tap(sw, bridge));
	if (netlink_link_get(sw->netlink, bridge, &link) < 0)
		return 0;
	place.ifindex = link.ifindex;
	if (ip_move_addr(sw->netlink, &place, text, sizeof(text)) == NULL)
		return 0;
	return error_set(err, EBUSY,
			 "bridge %s: its interface has an address of its own, %s, which must go "
			 "first: \"ip addr del %s dev %s\"",
			 bridge, text, text, bridge);
}

/* --- what is worth knowing --- */

static void
note(json_t *notes, const char *format, const char *nic, const char *tap)
{
	char text[256];

	snprintf(text, sizeof(text), format, nic, tap);
	json_array_append_new(notes, json_string(text));
}

static bool
file_has(const char *path, const char *word)
{
	FILE *file = fopen(path, "re");
	char line[256];
	bool has = false;

	while (file != NULL && !has && fgets(line, sizeof(line), file) != NULL)
		has = strstr(line, word) != NULL;
	if (file != NULL)
		fclose(file);
	return has;
}

/* Who looks after the interface, and will not know where its addresses are. */
static json_t *
notes_of(const char *nic, const char *tap)
{
	static const char *const clients[] = { "/run/dhclient.%s.pid", "/run/udhcpc.%s.pid",
					       "/run/dhcpcd/%s.pid", "/run/dhcpcd-%s.pid" };
	const unsigned int ifindex = if_nametoindex(nic);
	json_t *notes = json_array();
	char path[128];

	snprintf(path, sizeof(path), "/run/systemd/netif/links/%u", ifindex);
	if (file_has(path, "ADMIN_STATE=config"))
		note(notes,
		     "systemd-networkd looks after %s: have it look after %s instead "
		     "(docs/configuration.md)",
		     nic, tap);
	snprintf(path, sizeof(path), "/run/NetworkManager/devices/%u", ifindex);
	if (file_has(path, "managed=true"))
		note(notes,
		     "NetworkManager looks after %s: have it look after %s instead "
		     "(docs/configuration.md)",
		     nic, tap);
	for (size_t i = 0; i < sizeof(clients) / sizeof(clients[0]); i++) {
		snprintf(path, sizeof(path), clients[i], nic);
		if (access(path, F_OK) == 0)
			note(notes,
			     "a DHCP client runs on %s: run it on %s instead "
			     "(docs/configuration.md)",
			     nic, tap);
	}
	return notes;
}

/* --- transactions --- */

static void
command_append(json_t *commands, const char *method, json_t *params)
{
	json_array_append_new(commands,
			      json_pack("{s:s, s:o}", "method", method, "params", params));
}

/* Begin it; the commands are given up. @tap: for the result, which is kept with the parameters. */
static int
begin(struct vswitch *sw, const json_t *params, json_t *commands, const char *what, const char *tap,
      json_t *notes, struct error *err)
{
	struct transaction_request request = {
		.commands = commands,
		.what = what,
		.token = params,
	};
	int ret = rpc_confirm_read(params, &request.confirm, err);

	if (ret == 0)
		ret = transaction_start(sw->transactions, &request, err);
	json_decref(commands);
	if (ret == 0)
		json_object_set_new((json_t *)(uintptr_t)params, "result",
				    json_pack("{s:s, s:O}", "tap", tap, "notes", notes));
	json_decref(notes);
	return ret;
}

int
rpc_bridge_adopt(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	const char *bridge, *nic;
	struct vswitch *sw = ctx;
	char what[WHAT_SIZE];
	json_t *commands;
	int ret = names_read(params, &bridge, &nic, err);

	(void)ret_result;
	if (ret == 0)
		ret = nic_check(sw, nic, err);
	if (ret == 0)
		ret = tap_check(sw, bridge, nic, err);
	if (ret < 0)
		return ret;
	commands = json_array();
	if (switch_bridge_find(sw, bridge) == NULL)
		command_append(commands, "bridge.add", json_pack("{s:s}", "name", bridge));
	if (switch_port_find(sw, bridge) == NULL)
		command_append(commands, "port.add",
			       json_pack("{s:s, s:s, s:s}", "name", bridge, "bridge", bridge,
					 "type", "tap"));
	command_append(commands, "port.add",
		       json_pack("{s:s, s:s, s:s, s:s}", "name", nic, "bridge", bridge, "type",
				 "netdev", "adopt", bridge));
	snprintf(what, sizeof(what), "bridge adopt %s %s", bridge, nic);
	return begin(sw, params, commands, what, bridge, notes_of(nic, bridge), err);
}

int
rpc_bridge_release(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	const struct switch_port *port, *tap;
	const char *bridge, *nic;
	struct vswitch *sw = ctx;
	struct netlink_link link;
	char what[WHAT_SIZE];
	json_t *commands;
	int ret = names_read(params, &bridge, &nic, err);

	(void)ret_result;
	if (ret < 0)
		return ret;
	if (switch_bridge_find(sw, bridge) == NULL)
		return unknown_bridge(sw, bridge, err);
	port = switch_port_find(sw, nic);
	if (port == NULL)
		return unknown_port(sw, nic, err);
	tap = switch_port_find(sw, port->config.adopt);
	if (tap == NULL || tap->bridge == NULL || strcmp(tap->bridge->name, bridge) != 0)
		return error_set(err, EINVAL,
				 "bridge %s: has not adopted %s; \"vsctl port del %s\" takes a NIC "
				 "off the switch",
				 bridge, nic, nic);
	if (netlink_link_get(sw->netlink, nic, &link) < 0)
		return error_set(
			err, ENODEV,
			"bridge %s: %s is not there to be given anything back; \"vsctl port "
			"del %s\" leaves its addresses on %s",
			bridge, nic, nic, tap->config.name);
	commands = json_array();
	command_append(commands, "port.del", json_pack("{s:s}", "name", nic));
	command_append(commands, "port.del", json_pack("{s:s}", "name", tap->config.name));
	snprintf(what, sizeof(what), "bridge release %s %s", bridge, nic);
	return begin(sw, params, commands, what, tap->config.name, json_array(), err);
}

int
rpc_adopt_finish(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	struct vswitch *sw = ctx;
	size_t n_done = 0;
	int ret = transaction_result(sw->transactions, params, &n_done, err);

	if (ret < 0)
		return ret;
	*ret_result = json_incref(json_object_get(params, "result"));
	rpc_confirm_tell(sw, *ret_result);
	return 0;
}
