/* SPDX-License-Identifier: BSD-3-Clause */
#include "object.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agree.h"
#include "error.h"
#include "lan.h"
#include "words.h"

#define QUOTE_SIZE 48         /* bytes of a quoted bad text in a message */
#define LIST_SIZE 128         /* bytes of a list of keys in a message */
#define CONFIG_TITLE_SIZE 256 /* bytes of what stands behind the kind in a section's header */

void
object_init(struct object *obj, const struct object_schema *schema)
{
	const struct schema_key *key;
	unsigned int i;

	memset(obj, 0, sizeof(*obj));
	obj->schema = schema;
	for (i = 0; i < schema->n_keys; i++) {
		key = &schema->keys[i];
		if (key->def != NULL)
			schema_parse_value(key, key->def, &obj->values[i], NULL);
		obj->values[i].is_set = false;
	}
}

/* @quoted: the name for a message. */
static int
set_ip_name(struct object *obj, const char *name, const char *quoted, struct error *err)
{
	struct ip_prefix prefix;
	struct ip_addr addr;

	memset(obj->name, 0, sizeof(obj->name));
	if (obj->schema->name_kind == NAME_IS_PREFIX) {
		if (ip_prefix_parse(name, &prefix) < 0)
			return error_set(err, EINVAL,
					 "%s: %s is not an IP address with a length, such as "
					 "192.0.2.1/24 or 2001:db8::/64",
					 obj->schema->kind, quoted);
		ip_prefix_format(&prefix, obj->name);
		return 0;
	}
	if (ip_addr_parse(name, &addr) < 0)
		return error_set(err, EINVAL, "%s: %s is not an IP address", obj->schema->kind,
				 quoted);
	ip_addr_format(&addr, obj->name);
	return 0;
}

int
object_set_name(struct object *obj, const char *name, struct error *err)
{
	char quoted[QUOTE_SIZE];

	schema_quote(name, quoted, sizeof(quoted));
	if (!obj->schema->named)
		return error_set(err, EINVAL, "%s: takes no name, but got %s", obj->schema->kind,
				 quoted);
	if (obj->schema->name_kind != NAME_IS_WORD)
		return set_ip_name(obj, name, quoted, err);
	if (!name_is_valid(name))
		return error_set(err, EINVAL,
				 "%s: %s is not a name of 1-%d letters, digits or . _ - + @ ~",
				 obj->schema->kind, quoted, NAME_MAX_LEN);
	if (strcmp(name, "none") == 0 &&
	    (obj->schema == &bridge_schema || obj->schema == &port_schema ||
	     obj->schema == &bond_schema))
		return error_set(err, EINVAL,
				 "%s: 'none' is no name: it says that there is none, as in "
				 "\"bridge none\"",
				 obj->schema->kind);
	memset(obj->name, 0, sizeof(obj->name));
	memcpy(obj->name, name, strlen(name));
	return 0;
}

/* The keys a verb takes, or, if there is a near one, that. */
static int
unknown_key(const struct object *obj, enum schema_verb verb, const char *name, struct error *err)
{
	const struct object_schema *schema = obj->schema;
	const char *words[SCHEMA_KEYS_MAX] = { NULL };
	const char *nearest;
	char list[LIST_SIZE], quoted[QUOTE_SIZE], hint[WORD_HINT_SIZE];
	unsigned int i, n = 0;

	for (i = 0; i < schema->n_keys; i++)
		if ((schema->keys[i].verbs & verb) && !schema->keys[i].internal)
			words[n++] = schema->keys[i].name;
	schema_quote(name, quoted, sizeof(quoted));
	nearest = word_nearest(name, words, n);
	if (nearest != NULL)
		return error_set(err, EINVAL, "unknown key %s; %s", quoted,
				 word_hint(nearest, "", hint, sizeof(hint)));
	if (n == 0)
		return error_set(err, EINVAL, "unknown key %s; there are none here", quoted);
	return error_set(err, EINVAL, "unknown key %s; known here: %s", quoted,
			 words_join(words, n, list, sizeof(list)));
}

static const char *
verb_phrase(const struct schema_key *key, enum schema_verb verb)
{
	if (verb == VERB_SET && (key->verbs & VERB_ADD))
		return "can only be given when the object is added";
	return "does not belong here";
}

/* "bridge xenbr0: " or "vswitchd: ". */
static int
prefix_object(const struct object *obj, struct error *err)
{
	return error_prefix(err, "%s%s%s: ", obj->schema->kind, obj->name[0] != '\0' ? " " : "",
			    obj->name);
}

int
object_set(struct object *obj, enum schema_verb verb, const char *key_name, const char *text,
	   struct error *err)
{
	const struct schema_key *key;
	struct error local;
	struct value value;
	int ret;

	if (err == NULL)
		err = &local;
	key = schema_key_find(obj->schema, key_name);
	if (key == NULL) {
		unknown_key(obj, verb, key_name, err);
		return prefix_object(obj, err);
	}
	if (!(key->verbs & verb)) {
		error_set(err, EINVAL, "%s %s", key->name, verb_phrase(key, verb));
		return prefix_object(obj, err);
	}
	if (obj->values[key - obj->schema->keys].is_set) {
		error_set(err, EINVAL, "%s is given twice", key->name);
		return prefix_object(obj, err);
	}
	ret = schema_parse_value(key, text, &value, err);
	if (ret < 0)
		return prefix_object(obj, err);
	obj->values[key - obj->schema->keys] = value;
	return 0;
}

/* The next key that is part of the title, from @i on. */
static const struct schema_key *
title_key(const struct object_schema *schema, unsigned int *i)
{
	while (*i < schema->n_keys)
		if (schema->keys[(*i)++].in_title)
			return &schema->keys[*i - 1];
	return NULL;
}

int
object_set_title(struct object *obj, const char *title, struct error *err)
{
	const struct schema_key *key;
	char words[CONFIG_TITLE_SIZE], quoted[QUOTE_SIZE], *word, *rest;
	unsigned int i = 0;
	int ret;

	if (title_key(obj->schema, &i) == NULL)
		return object_set_name(obj, title, err);
	snprintf(words, sizeof(words), "%s", title);
	word = strtok_r(words, " \t", &rest);
	ret = object_set_name(obj, word != NULL ? word : "", err);
	for (i = 0; ret == 0 && (key = title_key(obj->schema, &i)) != NULL;) {
		word = strtok_r(NULL, " \t", &rest);
		if (word != NULL)
			ret = object_set(obj, VERB_ADD, key->name, word, err);
		else if (key->required & VERB_ADD)
			ret = error_set(err, EINVAL, "[%s %s] lacks %s: [%s %s %s]",
					obj->schema->kind, obj->name, key->help, obj->schema->kind,
					obj->name, key->metavar);
		if (word == NULL)
			return ret;
	}
	word = ret == 0 ? strtok_r(NULL, "", &rest) : NULL;
	if (word == NULL)
		return ret;
	return error_set(err, EINVAL, "%s %s: there is text after what names it: %s",
			 obj->schema->kind, obj->name, schema_quote(word, quoted, sizeof(quoted)));
}

const char *
object_title(const struct object *obj, char *ret_text)
{
	const struct schema_key *key;
	unsigned int i = 0;
	size_t len;

	len = snprintf(ret_text, OBJECT_NAME_SIZE, "%s", obj->name);
	while ((key = title_key(obj->schema, &i)) != NULL && len < OBJECT_NAME_SIZE)
		if (obj->values[i - 1].is_set && obj->values[i - 1].text[0] != '\0')
			len += snprintf(ret_text + len, OBJECT_NAME_SIZE - len, " %s",
					obj->values[i - 1].text);
	return ret_text;
}

const char *
devargs_next_path(const char *devargs)
{
	static const char *const options[] = { "rx_pcap=", "tx_pcap=", "path=" };
	size_t i;

	while ((devargs = strchr(devargs, ',')) != NULL) {
		devargs++;
		for (i = 0; i < sizeof(options) / sizeof(options[0]); i++)
			if (strncmp(devargs, options[i], strlen(options[i])) == 0)
				return devargs + strlen(options[i]);
	}
	return NULL;
}

/* The daemon's own folder is none that anybody knows of. */
static int
check_paths(const struct object *port, struct error *err)
{
	const char *path = port->values[PORT_KEY_DEVARGS].text;
	char name[QUOTE_SIZE], quoted[QUOTE_SIZE];

	while ((path = devargs_next_path(path)) != NULL) {
		if (*path == '/')
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(path, ","), path);
		error_set(err, EINVAL, "devargs: the path %s is not absolute",
			  schema_quote(name, quoted, sizeof(quoted)));
		return prefix_object(port, err);
	}
	return 0;
}

/* Keys that mean nothing to ports of other types. */
static int
check_types(const struct object *port, struct error *err)
{
	static const struct {
		enum port_key key;
		enum port_type_word type;
		const char *fault;
	} keys[] = {
		{ PORT_KEY_DEVARGS, PORT_TYPE_ETH, "devargs are for type eth" },
		{ PORT_KEY_PATH, PORT_TYPE_VHOST, "path is for type vhost" },
		{ PORT_KEY_XDP, PORT_TYPE_NETDEV, "xdp is for type netdev" },
		{ PORT_KEY_ADOPT, PORT_TYPE_NETDEV, "adopt is for type netdev" },
		{ PORT_KEY_PARENT, PORT_TYPE_VLAN, "parent is for type vlan" },
		{ PORT_KEY_PARENT_VID, PORT_TYPE_VLAN, "parent-vid is for type vlan" },
	};
	const enum port_type_word type = port_type_resolve(port);
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (port->values[keys[i].key].is_set && type != keys[i].type)
			return error_set(err, EINVAL, "%s, not %s", keys[i].fault,
					 port_schema.keys[PORT_KEY_TYPE].words[type]);
	return 0;
}

static int
check_socket(const struct object *port, struct error *err)
{
	const struct value *path = &port->values[PORT_KEY_PATH];

	return path->is_set && path->text[0] != '/' ?
		       error_set(err, EINVAL, "path is not absolute") :
		       0;
}

/* Which VLAN of which port is said by both keys, or by the name. */
static int
check_parent(const struct object *port, struct error *err)
{
	const bool parent = port->values[PORT_KEY_PARENT].is_set;
	char name[NAME_MAX_LEN + 1];
	unsigned int vid;

	if (parent != port->values[PORT_KEY_PARENT_VID].is_set)
		return error_set(err, EINVAL, "parent and parent-vid go together; %s is missing",
				 parent ? "parent-vid" : "parent");
	if (parent || port_type_resolve(port) != PORT_TYPE_VLAN ||
	    vlan_name_parse(port->name, name, sizeof(name), &vid) == 0)
		return 0;
	return error_set(
		err, EINVAL,
		"its name is not PARENT.VID, such as eth0.100: give parent and parent-vid");
}

static int
check_rate(const struct object *port, struct error *err)
{
	if (!port->values[PORT_KEY_RATE].is_set || port_type_resolve(port) == PORT_TYPE_VIF)
		return 0;
	return error_set(err, EINVAL, "rate is for guests' vifs only, and this port is none");
}

/* An address belongs to a port or to a bridge. */
static int
check_addr(const struct object *addr, enum schema_verb verb, struct error *err)
{
	const bool port = addr->values[ADDR_KEY_PORT].is_set;
	const bool bridge = addr->values[ADDR_KEY_BRIDGE].is_set;

	if (port && bridge)
		return error_set(err, EINVAL, "port and bridge do not go together");
	if (addr->values[ADDR_KEY_VID].is_set && !bridge)
		return error_set(err, EINVAL, "vid is for an address of a bridge");
	if ((verb & (VERB_ADD | VERB_CONFIG)) && !port && !bridge)
		return error_set(err, EINVAL, "port or bridge is missing: whose address is it?");
	return 0;
}

/* A route leads one way. */
static int
check_route(const struct object *route, enum schema_verb verb, struct error *err)
{
	const struct value *values = route->values;
	const bool via = values[ROUTE_KEY_VIA].is_set, port = values[ROUTE_KEY_PORT].is_set;
	const unsigned int words = (values[ROUTE_KEY_BLACKHOLE].number != 0) +
				   (values[ROUTE_KEY_UNREACHABLE].number != 0);

	if (!(verb & (VERB_ADD | VERB_CONFIG)))
		return 0;
	if (words > 1 || (words == 1 && (via || port)))
		return error_set(err, EINVAL, "blackhole and unreachable stand alone");
	if (words == 0 && !via && !port)
		return error_set(err, EINVAL,
				 "where does it lead? give via, port, blackhole or unreachable");
	return 0;
}

/* A port that is routed is on no bridge, which goes without saying. */
static bool
is_spared(const struct object *obj, unsigned int key)
{
	return obj->schema == &port_schema && key == PORT_KEY_BRIDGE &&
	       obj->values[PORT_KEY_MODE].number != PORT_MODE_BRIDGE;
}

static int
check_mode(const struct object *port, enum schema_verb verb, struct error *err)
{
	const struct value *values = port->values;

	if (values[PORT_KEY_MODE].number != PORT_MODE_BRIDGE) {
		if (values[PORT_KEY_BRIDGE].text[0] != '\0')
			return error_set(err, EINVAL, "in mode %s a port is on no bridge",
					 port_schema.keys[PORT_KEY_MODE]
						 .words[values[PORT_KEY_MODE].number]);
		return 0;
	}
	if (!(verb & (VERB_ADD | VERB_CONFIG)))
		return 0;
	if (values[PORT_KEY_IP].is_set || values[PORT_KEY_GATEWAY].is_set)
		return error_set(err, EINVAL, "%s is for mode route and mode nat",
				 values[PORT_KEY_IP].is_set ? "ip" : "gateway");
	return 0;
}

/* A rule does one thing, and has only keys that say something about it. */
static int
check_nat(const struct object *rule, enum schema_verb verb, struct error *err)
{
	static const enum nat_rule_key of_source[] = {
		NAT_RULE_KEY_FROM,    NAT_RULE_KEY_GUEST,     NAT_RULE_KEY_PORTS,
		NAT_RULE_KEY_MAPPING, NAT_RULE_KEY_FILTERING,
	};
	const struct value *values = rule->values;
	const bool masquerade = values[NAT_RULE_KEY_MASQUERADE].is_set;
	const bool dnat = values[NAT_RULE_KEY_DNAT].is_set;
	const unsigned int n = masquerade + dnat + values[NAT_RULE_KEY_SNAT].is_set;
	size_t i;

	if (n > 1)
		return error_set(err, EINVAL, "masquerade, snat and dnat are rules of their own");
	if ((verb & (VERB_ADD | VERB_CONFIG)) && n == 0)
		return error_set(err, EINVAL,
				 "what does it do? give masquerade PORT, snat ADDR or dnat "
				 "\"tcp PORT -> ADDR:PORT\"");
	if (masquerade && values[NAT_RULE_KEY_OUT].is_set)
		return error_set(err, EINVAL, "out is not for masquerade, which names its port");
	for (i = 0; dnat && i < sizeof(of_source) / sizeof(of_source[0]); i++)
		if (values[of_source[i]].is_set)
			return error_set(err, EINVAL, "%s is for source NAT, not for dnat",
					 rule->schema->keys[of_source[i]].name);
	return 0;
}

/* IPv4 only: who has IPv6 addresses for its guests has its own ways. */
static int
check_network(const struct object *network, struct error *err)
{
	const struct value *values = network->values;
	struct ip_addr dns[NETWORK_DNS_WORDS_MAX];
	const char *text = values[NETWORK_KEY_DOMAIN].text;
	struct ip_prefix prefix;
	struct lan_range range;
	int n = 0;

	if (ip_prefix_parse(network->name, &prefix) < 0 || prefix.addr.family != AF_INET ||
	    prefix.len == 0)
		return error_set(err, EINVAL, "is no IPv4 network, such as 10.0.0.0/16");
	if (strcmp(text, "none") != 0 && !lan_domain_is_valid(text))
		return error_set(err, EINVAL,
				 "domain is not a name such as guests.example.org, or "
				 "none");
	text = values[NETWORK_KEY_RANGE].text;
	if (strcmp(text, "auto") != 0 && lan_range_parse(text, &range) < 0)
		return error_set(err, EINVAL,
				 "range is not LOW-HIGH, such as 10.0.0.100-10.0.0.199, or auto");
	text = values[NETWORK_KEY_DNS].text;
	if (strcmp(text, "auto") != 0)
		n = ip_addrs_parse(text, dns, NETWORK_DNS_WORDS_MAX);
	for (int i = 0; i < n; i++)
		if (dns[i].family != AF_INET)
			n = -EINVAL;
	if (n < 0)
		return error_set(err, EINVAL, "dns is not auto, or up to %d IPv4 addresses",
				 NETWORK_DNS_WORDS_MAX);
	return 0;
}

/* "192.0.2.1:4739", "[2001:db8::1]:4739" or "collector.example.org:4739" */
static bool
is_host_port(const char *text)
{
	static const char letters[] = "0123456789abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ.-_";
	const char *port = strrchr(text, ':');
	unsigned long number;
	struct ip_addr addr;
	char host[256], *end;

	if (port == NULL || port == text || (size_t)(port - text) >= sizeof(host))
		return false;
	number = strtoul(port + 1, &end, 10);
	if (port[1] < '0' || port[1] > '9' || *end != '\0' || number == 0 || number > 65535)
		return false;
	snprintf(host, sizeof(host), "%.*s", (int)(port - text), text);
	if (host[0] == '[') {
		end = host + strlen(host) - 1;
		if (*end != ']')
			return false;
		*end = '\0';
		return ip_addr_parse(host + 1, &addr) == 0 && addr.family == AF_INET6;
	}
	return host[0] != '-' && host[strspn(host, letters)] == '\0';
}

/* It copies from one place to one other. */
static int
check_mirror(const struct object *mirror, enum schema_verb verb, struct error *err)
{
	const struct value *values = mirror->values;
	const bool vxlan = values[MIRROR_KEY_VXLAN].is_set, ipfix = values[MIRROR_KEY_IPFIX].is_set;

	struct ip_addr remote;

	if (!(verb & (VERB_ADD | VERB_CONFIG)))
		return 0;
	if (values[MIRROR_KEY_PORT].is_set == values[MIRROR_KEY_BRIDGE].is_set)
		return error_set(err, EINVAL, "what is copied? give port or bridge, and not both");
	if (values[MIRROR_KEY_TO].is_set + vxlan + ipfix != 1)
		return error_set(err, EINVAL,
				 "where do the copies go? give one of to, vxlan and ipfix");
	if (values[MIRROR_KEY_BRIDGE].is_set &&
	    values[MIRROR_KEY_DIRECTION].number != MIRROR_DIRECTION_BOTH)
		return error_set(err, EINVAL, "direction is for a port's mirror, not a bridge's");
	if (vxlan != values[MIRROR_KEY_VNI].is_set)
		return error_set(err, EINVAL, "vxlan and vni go together; %s is missing",
				 vxlan ? "vni" : "vxlan");
	if (vxlan && (ip_addr_parse(values[MIRROR_KEY_VXLAN].text, &remote) < 0 ||
		      !ip_addr_is_station(&remote)))
		return error_set(err, EINVAL, "vxlan: %.64s is not an address that a host can have",
				 values[MIRROR_KEY_VXLAN].text);
	if (values[MIRROR_KEY_VXLAN_PORT].is_set && !vxlan)
		return error_set(err, EINVAL, "vxlan-port is for vxlan");
	if (values[MIRROR_KEY_IPFIX_TIMEOUT].is_set && !ipfix)
		return error_set(err, EINVAL, "ipfix-timeout is for ipfix");
	if (ipfix && values[MIRROR_KEY_SNAPLEN].number != 0)
		return error_set(err, EINVAL, "snaplen is not for ipfix, which counts bytes");
	if (ipfix && !is_host_port(values[MIRROR_KEY_IPFIX].text))
		return error_set(err, EINVAL,
				 "ipfix is not HOST:PORT, such as 192.0.2.1:4739 or "
				 "[2001:db8::1]:4739");
	return 0;
}

int
object_check(const struct object *obj, enum schema_verb verb, struct error *err)
{
	const struct schema_key *key;
	struct error local;
	unsigned int i;

	if (err == NULL)
		err = &local;
	for (i = 0; i < obj->schema->n_keys; i++) {
		key = &obj->schema->keys[i];
		if ((key->required & verb) && !obj->values[i].is_set && !is_spared(obj, i)) {
			error_set(err, EINVAL, "%s is missing: %s", key->name, key->help);
			return prefix_object(obj, err);
		}
	}
	if (obj->schema == &addr_schema && check_addr(obj, verb, err) < 0)
		return prefix_object(obj, err);
	if (obj->schema == &route_schema && check_route(obj, verb, err) < 0)
		return prefix_object(obj, err);
	if (obj->schema == &nat_schema && check_nat(obj, verb, err) < 0)
		return prefix_object(obj, err);
	if (obj->schema == &network_schema && (verb & (VERB_ADD | VERB_CONFIG | VERB_SET)) &&
	    check_network(obj, err) < 0)
		return prefix_object(obj, err);
	if (obj->schema == &mirror_schema && check_mirror(obj, verb, err) < 0)
		return prefix_object(obj, err);
	if (verb == VERB_CONFIG && agree_object(obj, err) < 0)
		return err->code;
	if (obj->schema != &port_schema)
		return 0;
	if (check_types(obj, err) < 0 || check_socket(obj, err) < 0 || check_rate(obj, err) < 0 ||
	    check_mode(obj, verb, err) < 0 ||
	    ((verb & (VERB_ADD | VERB_CONFIG)) && check_parent(obj, err) < 0))
		return prefix_object(obj, err);
	return check_paths(obj, err);
}

enum port_type_word
port_type_resolve(const struct object *port)
{
	unsigned int domid, devid;

	if (port->values[PORT_KEY_TYPE].number != PORT_TYPE_AUTO)
		return port->values[PORT_KEY_TYPE].number;
	if (port->values[PORT_KEY_DEVARGS].is_set || pci_addr_is_valid(port->name))
		return PORT_TYPE_ETH;
	if (port->values[PORT_KEY_PARENT].is_set || port->values[PORT_KEY_PARENT_VID].is_set)
		return PORT_TYPE_VLAN;
	if (vif_name_parse(port->name, &domid, &devid) == 0)
		return PORT_TYPE_VIF;
	return PORT_TYPE_NETDEV;
}
