/* SPDX-License-Identifier: BSD-3-Clause */
#include "agree.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "error.h"
#include "object.h"
#include "vlans.h"

#define TREE_PRIORITY_STEP 4096
#define PORT_PRIORITY_STEP 16
#define FORWARD_DELAY_MIN 4 /* with a spanning tree */

int
agree_tree(const struct agree_tree *tree, const char *bridge, struct error *err)
{
	if (tree->priority % TREE_PRIORITY_STEP != 0)
		return error_set(err, EINVAL,
				 "bridge %s: stp-priority %u: not a multiple of 4096 (%u is)",
				 bridge, tree->priority,
				 tree->priority / TREE_PRIORITY_STEP * TREE_PRIORITY_STEP);
	/* the rest is looked at when there is a tree: a script sets one after the other before */
	if (!tree->runs)
		return 0;
	if (tree->forward_delay < FORWARD_DELAY_MIN)
		return error_set(err, EINVAL,
				 "bridge %s: forward-delay %u: it is %u at least with a spanning "
				 "tree",
				 bridge, tree->forward_delay, FORWARD_DELAY_MIN);
	if (tree->max_age > 2 * (tree->forward_delay - 1))
		return error_set(
			err, EINVAL,
			"bridge %s: max-age %u with forward-delay %u: max-age must be %u at "
			"most, 2 * (forward-delay - 1)",
			bridge, tree->max_age, tree->forward_delay, 2 * (tree->forward_delay - 1));
	if (tree->max_age < 2 * (tree->hello + 1))
		return error_set(
			err, EINVAL,
			"bridge %s: max-age %u with hello %u: max-age must be %u at least, "
			"2 * (hello + 1)",
			bridge, tree->max_age, tree->hello, 2 * (tree->hello + 1));
	return 0;
}

int
agree_tree_port(unsigned int priority, const char *port, struct error *err)
{
	if (priority % PORT_PRIORITY_STEP == 0)
		return 0;
	return error_set(err, EINVAL, "port %s: stp-priority %u: not a multiple of 16 (%u is)",
			 port, priority, priority / PORT_PRIORITY_STEP * PORT_PRIORITY_STEP);
}

int
agree_queries(bool snooping, unsigned int interval, unsigned int response, const char *bridge,
	      struct error *err)
{
	if (!snooping || response < interval)
		return 0;
	return error_set(err, EINVAL,
			 "bridge %s: query-response %u must be less than query-interval %u", bridge,
			 response, interval);
}

int
agree_vlans(const struct agree_vlans *vlans, const char *port, struct error *err)
{
	static const char *const words[] = { "vid", "trunk", "tunnel" };
	const bool given[] = { vlans->vid != 0, vlans->trunk, vlans->tunnel != 0 };
	int one = -1;

	for (int i = 0; i < 3; i++) {
		if (given[i] && one >= 0)
			return error_set(err, EINVAL,
					 "port %s: it can have %s or %s, not both; take the other "
					 "away with \"%s none\"",
					 port, words[one], words[i], words[one]);
		if (given[i])
			one = i;
	}
	if (vlans->native != 0 && !vlans->trunk)
		return error_set(err, EINVAL,
				 "port %s: native is for trunks; say \"trunk all native %u\", or "
				 "\"vid %u\" for an access port",
				 port, vlans->native, vlans->native);
	if (vlans->native != 0 && vlans->untagged)
		return error_set(
			err, EINVAL,
			"port %s: untagged frames belong to VLAN 0 of its trunk list or to "
			"native %u, not to both",
			port, vlans->native);
	if (vlans->service && one >= 0 && !vlans->trunk)
		return error_set(
			err, EINVAL,
			"port %s: tpid is for trunks: a port with %s sends no tags of the "
			"switch; what a tunnel's frames wear elsewhere is said by the tpid "
			"of the trunk that they leave by",
			port, words[one]);
	return 0;
}

int
agree_addr(const struct ip_prefix *prefix, struct error *err)
{
	const struct ip_prefix net = ip_prefix_net(prefix);
	char text[IP_PREFIX_TEXT_SIZE];
	struct ip_prefix all;

	ip_prefix_format(prefix, text);
	if (!ip_addr_is_station(&prefix->addr) || ip_addr_is_link_local(&prefix->addr))
		return error_set(err, EINVAL, "addr %s: no router can have this address", text);
	if (prefix->len == 0)
		return error_set(err, EINVAL, "addr %s: the length of its network is missing",
				 text);
	if (ip_prefix_broadcast(prefix, &all) &&
	    (ip_addr_equal(&all.addr, &prefix->addr) || ip_addr_equal(&net.addr, &prefix->addr)))
		return error_set(err, EINVAL,
				 "addr %s: is the address of the network itself, or its broadcast "
				 "address",
				 text);
	return 0;
}

int
agree_route(const struct ip_prefix *prefix, struct error *err)
{
	const struct ip_prefix net = ip_prefix_net(prefix);
	char text[IP_PREFIX_TEXT_SIZE], right[IP_PREFIX_TEXT_SIZE];

	if (ip_prefix_equal(&net, prefix))
		return 0;
	return error_set(err, EINVAL, "route %s: has bits set behind its length; %.49s?",
			 ip_prefix_format(prefix, text), ip_prefix_format(&net, right));
}

int
agree_station(const uint8_t mac[MAC_LEN], const char *bridge, struct error *err)
{
	static const uint8_t none[MAC_LEN];

	if (!(mac[0] & 1) && memcmp(mac, none, MAC_LEN) != 0)
		return 0;
	return error_set(err, EINVAL,
			 "fdb %s: mac must be a station's own, not a group address or zero",
			 bridge);
}

static int
agree_bridge(const struct object *bridge, struct error *err)
{
	const struct value *values = bridge->values;
	const struct agree_tree tree = {
		.runs = values[BRIDGE_KEY_STP].number != STP_OFF,
		.priority = (unsigned int)values[BRIDGE_KEY_STP_PRIORITY].number,
		.hello = (unsigned int)values[BRIDGE_KEY_HELLO].number,
		.max_age = (unsigned int)values[BRIDGE_KEY_MAX_AGE].number,
		.forward_delay = (unsigned int)values[BRIDGE_KEY_FORWARD_DELAY].number,
	};
	int ret = agree_tree(&tree, bridge->name, err);

	if (ret < 0)
		return ret;
	return agree_queries(values[BRIDGE_KEY_SNOOPING].number != 0,
			     (unsigned int)values[BRIDGE_KEY_QUERY_INTERVAL].number,
			     (unsigned int)values[BRIDGE_KEY_QUERY_RESPONSE].number, bridge->name,
			     err);
}

static int
agree_port(const struct object *port, struct error *err)
{
	const struct value *values = port->values;
	uint64_t allowed[VLANS_WORDS];
	struct agree_vlans vlans = {
		.vid = (unsigned int)values[PORT_KEY_VID].number,
		.tunnel = (unsigned int)values[PORT_KEY_TUNNEL].number,
		.native = (unsigned int)values[PORT_KEY_NATIVE].number,
		.trunk = vlans_parse(values[PORT_KEY_TRUNK].text, allowed) == 0,
		.service = values[PORT_KEY_TPID].number == TPID_SERVICE,
	};
	int ret;

	vlans.untagged = vlans.trunk && vlans_has(allowed, 0);
	ret = agree_vlans(&vlans, port->name, err);
	if (ret < 0)
		return ret;
	return agree_tree_port((unsigned int)values[PORT_KEY_STP_PRIORITY].number, port->name, err);
}

int
agree_object(const struct object *obj, struct error *err)
{
	struct ip_prefix prefix;

	if (obj->schema == &bridge_schema)
		return agree_bridge(obj, err);
	if (obj->schema == &port_schema)
		return agree_port(obj, err);
	/* an address that is in a title may have been read before, without the keys */
	if (obj->schema == &fdb_schema && obj->values[FDB_KEY_MAC].is_set)
		return agree_station(obj->values[FDB_KEY_MAC].mac, obj->name, err);
	if (obj->schema == &addr_schema && ip_prefix_parse(obj->name, &prefix) == 0)
		return agree_addr(&prefix, err);
	if (obj->schema == &route_schema && ip_prefix_parse(obj->name, &prefix) == 0)
		return agree_route(&prefix, err);
	return 0;
}
