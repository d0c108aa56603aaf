/* SPDX-License-Identifier: BSD-3-Clause */
/* brctl's subcommands that change something. */
#include "brctl_priv.h"

#include <errno.h>
#include <math.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client.h"
#include "error.h"

#define PATH_COST_MAX 65535
#define PORT_PRIORITY_MAX 63 /* of six bits; vswitchd's is of eight */
#define PORT_PRIORITY_SHIFT 2
#define FORWARD_DELAY_MIN 4 /* with a spanning tree */

/* Return: 0 or errno. */
static int
change(struct client *client, const char *method, json_t *params)
{
	struct error err;
	json_t *result;
	int ret = client_call(client, method, params, &result, &err);

	json_decref(result);
	return -ret;
}

static bool
parse_switch(const char *text, bool *ret_on)
{
	static const char *const on[] = { "on", "yes", "1" }, *const off[] = { "off", "no", "0" };

	for (size_t i = 0; i < 3; i++) {
		*ret_on = strcmp(text, on[i]) == 0;
		if (*ret_on || strcmp(text, off[i]) == 0)
			return true;
	}
	return false;
}

/* Is it a kernel interface that is up? @set_down: then set it down. */
static bool
interface_is_up(const char *name, bool set_down)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { .ifr_flags = 0 };
	bool up;

	if (fd < 0)
		return false;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	up = ioctl(fd, SIOCGIFFLAGS, &ifr) == 0 && (ifr.ifr_flags & IFF_UP);
	ifr.ifr_flags &= ~IFF_UP;
	if (up && set_down)
		ioctl(fd, SIOCSIFFLAGS, &ifr);
	close(fd);
	return up;
}

/* The bridge and the host's interface on it. */
int
brctl_addbr(struct client *client, char *const *args)
{
	char name[IFNAMSIZ];
	int error;

	snprintf(name, sizeof(name), "%s", args[0]);
	error = brctl_interface_exists(client, name) ? EEXIST : 0;
	if (error == 0)
		error = change(client, "bridge.add", json_pack("{s:s}", "name", name));
	if (error == EEXIST)
		return brctl_fail(
			"device %s already exists; can't create bridge with the same name",
			args[0]);
	if (error == 0) {
		error = change(
			client, "port.add",
			json_pack("{s:s, s:s, s:s}", "name", name, "bridge", name, "type", "tap"));
		if (error != 0)
			change(client, "bridge.del", json_pack("{s:s}", "name", name));
		else
			interface_is_up(name, true); /* a new one is down, as the kernel's */
	}
	return error == 0 ? 0 : brctl_fail("add bridge failed: %s", strerror(error));
}

/* Off its bridge; a kernel's interface is the kernel's again. Others stay, on no bridge. */
static int
release(struct client *client, const json_t *port)
{
	const char *name = brctl_text(port, "port"), *type = brctl_text(port, "type");

	if (brctl_is_host(port) || strcmp(type, "vif") == 0 || strcmp(type, "bond") == 0 ||
	    (strcmp(type, "netdev") == 0 && json_object_get(port, "subports") == NULL))
		return change(client, "port.del", json_pack("{s:s}", "name", name));
	return change(client, "port.set", json_pack("{s:s, s:n}", "name", name, "bridge"));
}

static int
release_all(struct client *client, const json_t *ports)
{
	json_t *port;
	int error = 0;
	size_t i;

	json_array_foreach(ports, i, port)
		if (error == 0)
			error = release(client, port);
	return error;
}

/* Return: 0, ENOTCONN: the host's interface is up, or EBUSY: the router has addresses on it. */
static int
hosts_check(const json_t *hosts)
{
	json_t *port;
	size_t i;

	json_array_foreach(hosts, i, port) {
		if (strcmp(brctl_text(port, "type"), "gateway") == 0)
			return EBUSY;
		if (interface_is_up(brctl_text(port, "port"), false))
			return ENOTCONN;
	}
	return 0;
}

int
brctl_delbr(struct client *client, char *const *args)
{
	json_t *ports, *hosts;
	int error;

	if (!brctl_bridge_exists(client, args[0])) {
		if (brctl_interface_exists(client, args[0]))
			return brctl_fail("can't delete bridge %s: %s", args[0], strerror(EPERM));
		return brctl_fail("bridge %s doesn't exist; can't delete it", args[0]);
	}
	ports = brctl_ports(client, args[0], &hosts);
	error = hosts_check(hosts);
	if (error == 0)
		error = release_all(client, ports);
	if (error == 0)
		error = release_all(client, hosts);
	if (error == 0)
		error = change(client, "bridge.del",
			       json_pack("{s:o}", "name", brctl_name(args[0])));
	json_decref(ports);
	json_decref(hosts);
	if (error == ENOTCONN)
		return brctl_fail("bridge %s is still up; can't delete it", args[0]);
	return error == 0 ? 0 : brctl_fail("can't delete bridge %s: %s", args[0], strerror(error));
}

/* Return: 0 or errno; EBUSY: it is on a bridge. */
static int
port_join(struct client *client, const char *bridge, const char *name)
{
	json_t *port = brctl_row(client, "port.show", name);
	const char *method = port != NULL ? "port.set" : "port.add";
	int error;

	if (json_is_string(json_object_get(port, "bridge")))
		error = EBUSY;
	else
		error = change(client, method,
			       json_pack("{s:s, s:o}", "name", name, "bridge", brctl_name(bridge)));
	json_decref(port);
	return error;
}

static int
add_interface(struct client *client, const char *bridge, const char *name)
{
	int error;

	if (!brctl_interface_exists(client, name))
		return brctl_fail("interface %s does not exist!", name);
	if (!brctl_bridge_exists(client, bridge))
		error = brctl_no_bridge(client, bridge);
	else
		error = brctl_bridge_exists(client, name) ? ELOOP : port_join(client, bridge, name);
	switch (error) {
	case 0:
		return 0;
	case ENODEV:
		return brctl_fail("bridge %s does not exist!", bridge);
	case EBUSY:
		return brctl_fail(
			"device %s is already a member of a bridge; can't add it to bridge %s.",
			name, bridge);
	case ELOOP:
		return brctl_fail(
			"device %s is a bridge device itself; can't add a bridge device to a "
			"bridge device.",
			name);
	default:
		return brctl_fail("can't add %s to bridge %s: %s", name, bridge, strerror(error));
	}
}

static int
delete_interface(struct client *client, const char *bridge, const char *name)
{
	json_t *port;
	int error;

	if (!brctl_interface_exists(client, name))
		return brctl_fail("interface %s does not exist!", name);
	port = brctl_row(client, "port.show", name);
	if (!brctl_bridge_exists(client, bridge))
		error = brctl_no_bridge(client, bridge);
	else if (strncmp(brctl_text(port, "bridge"), bridge, IFNAMSIZ - 1) != 0 ||
		 brctl_is_host(port))
		error = EINVAL;
	else
		error = release(client, port);
	json_decref(port);
	switch (error) {
	case 0:
		return 0;
	case ENODEV:
		return brctl_fail("bridge %s does not exist!", bridge);
	case EINVAL:
		return brctl_fail("device %s is not a port of %s", name, bridge);
	default:
		return brctl_fail("can't delete %s from %s: %s", name, bridge, strerror(error));
	}
}

int
brctl_addif(struct client *client, char *const *args)
{
	int status = 0;

	for (size_t i = 1; args[i] != NULL && status == 0; i++)
		status = add_interface(client, args[0], args[i]);
	return status;
}

int
brctl_delif(struct client *client, char *const *args)
{
	int status = 0;

	for (size_t i = 1; args[i] != NULL && status == 0; i++)
		status = delete_interface(client, args[0], args[i]);
	return status;
}

/* Return: 0, ENODEV (no such interface) or ENOENT (it is no port of a bridge's). */
static int
port_check(struct client *client, const char *name)
{
	json_t *port;
	int error;

	if (!brctl_interface_exists(client, name))
		return ENODEV;
	port = brctl_row(client, "port.show", name);
	error = !json_is_string(json_object_get(port, "bridge")) || brctl_is_host(port) ? ENOENT :
											  0;
	json_decref(port);
	return error;
}

/* As it is with the kernel, the port alone counts; the bridge need only exist. */
int
brctl_hairpin(struct client *client, char *const *args)
{
	bool on;
	int error;

	if (!parse_switch(args[2], &on))
		return brctl_fail("expect on/off for argument");
	error = port_check(client, args[1]);
	if (error == ENODEV)
		return brctl_fail("interface %s does not exist!", args[1]);
	if (!brctl_interface_exists(client, args[0]))
		return brctl_fail("bridge %s does not exist!", args[0]);
	if (error == 0)
		error = change(client, "port.set",
			       json_pack("{s:s, s:b}", "name", args[1], "hairpin", (int)on));
	return error == 0 ? 0 :
			    brctl_fail("can't set %s to hairpin on bridge %s: %s", args[1], args[0],
				       strerror(error));
}

/* --- numbers --- */

/* Return: 0 or errno. A value that does not fit is out of range, whatever vswitchd says of it. */
static int
set_number(struct client *client, const char *method, const char *name, const char *key,
	   json_int_t number)
{
	int error = change(client, method,
			   json_pack("{s:o, s:I}", "name", brctl_name(name), key, number));

	return error == EINVAL ? ERANGE : error;
}

/* Of a bridge, @number < 0: it does not fit. */
static int
set_bridge(struct client *client, const char *name, const char *key, json_int_t number)
{
	if (!brctl_bridge_exists(client, name))
		return brctl_no_bridge(client, name);
	return number < 0 ? ERANGE : set_number(client, "bridge.set", name, key, number);
}

/* Of a port, 0 .. @max. */
static int
set_port(struct client *client, const char *name, const char *key, long number, long max, int shift)
{
	int error = port_check(client, name);

	if (error != 0)
		return error;
	if (number < 0 || number > max)
		return ERANGE;
	return set_number(client, "port.set", name, key, (json_int_t)number << shift);
}

/* A time as brctl reads it, and hands it on in hundredths; vswitchd counts whole seconds. */
static bool
parse_time(const char *text, json_int_t *ret_seconds)
{
	double value, seconds;
	char *end;

	value = strtod(text, &end);
	if (end == text)
		return false;
	*ret_seconds = -1;
	if (!isfinite(value) || value < 0 || value > INT32_MAX)
		return true;
	if ((int)(modf(value, &seconds) * 1000000) / 10000 == 0)
		*ret_seconds = (json_int_t)seconds;
	return true;
}

static bool
parse_number(const char *text, long *ret_number)
{
	char *end;

	*ret_number = strtol(text, &end, 0);
	return end != text;
}

static int
set_failed(const char *what, int error)
{
	return error == 0 ? 0 : brctl_fail("set %s failed: %s", what, strerror(error));
}

static int
set_time(struct client *client, char *const *args, const char *key, const char *what)
{
	json_int_t seconds;

	if (!parse_time(args[1], &seconds))
		return brctl_fail("bad %s value", what);
	return set_failed(what, set_bridge(client, args[0], key, seconds));
}

int
brctl_setageing(struct client *client, char *const *args)
{
	json_int_t seconds;

	if (!parse_time(args[1], &seconds))
		return brctl_fail("bad ageing time value");
	/* at once with the kernel, but never with vswitchd */
	if (seconds == 0)
		seconds = -1;
	return set_failed("ageing time", set_bridge(client, args[0], "ageing", seconds));
}

int
brctl_setfd(struct client *client, char *const *args)
{
	return set_time(client, args, "forward-delay", "forward delay");
}

int
brctl_sethello(struct client *client, char *const *args)
{
	return set_time(client, args, "hello", "hello timer");
}

int
brctl_setmaxage(struct client *client, char *const *args)
{
	return set_time(client, args, "max-age", "max age");
}

int
brctl_setbridgeprio(struct client *client, char *const *args)
{
	long number;

	if (!parse_number(args[1], &number))
		return brctl_fail("bad priority");
	return set_failed("bridge priority", set_bridge(client, args[0], "stp-priority", number));
}

int
brctl_setpathcost(struct client *client, char *const *args)
{
	long number;

	if (!parse_number(args[2], &number))
		return brctl_fail("bad path cost value");
	return set_failed("path cost",
			  set_port(client, args[1], "stp-cost", number, PATH_COST_MAX, 0));
}

int
brctl_setportprio(struct client *client, char *const *args)
{
	long number;

	/* "path": so it says */
	if (!parse_number(args[2], &number))
		return brctl_fail("bad path priority value");
	return set_failed("port priority", set_port(client, args[1], "stp-priority", number,
						    PORT_PRIORITY_MAX, PORT_PRIORITY_SHIFT));
}

/* As the kernel does, make a forward delay fit that was set while there was no tree. */
static json_int_t
forward_delay_for_tree(const json_t *bridge)
{
	json_int_t delay = json_integer_value(json_object_get(bridge, "forward_delay"));
	json_int_t max_age = json_integer_value(json_object_get(bridge, "max_age"));
	json_int_t least = (max_age + 1) / 2 + 1; /* 802.1D-2004 17.14 */

	if (least < FORWARD_DELAY_MIN)
		least = FORWARD_DELAY_MIN;
	return delay > least ? delay : least;
}

/* "on" is 802.1D's protocol, as the kernel's; a bridge that speaks RSTP already goes on with it. */
int
brctl_stp(struct client *client, char *const *args)
{
	json_t *bridge;
	bool on, was_on;
	int error = 0;

	if (!parse_switch(args[1], &on))
		return brctl_fail("expect on/off for argument");
	bridge = brctl_bridge(client, args[0]);
	was_on = strcmp(brctl_text(bridge, "stp"), "off") != 0;
	if (bridge == NULL)
		error = brctl_no_bridge(client, args[0]);
	else if (!on)
		error = change(client, "bridge.set",
			       json_pack("{s:o, s:s}", "name", brctl_name(args[0]), "stp", "off"));
	else if (!was_on)
		error = change(client, "bridge.set",
			       json_pack("{s:o, s:s, s:I}", "name", brctl_name(args[0]), "stp",
					 "stp", "forward-delay", forward_delay_for_tree(bridge)));
	json_decref(bridge);
	return set_failed("stp status", error);
}
