/* SPDX-License-Identifier: BSD-3-Clause */
#include "adopt.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "claim.h"
#include "error.h"
#include "ingress.h"
#include "ip_move.h"
#include "ip_settings.h"
#include "log.h"
#include "netlink.h"
#include "port_types.h"
#include "stable_mac.h"
#include "switch.h"
#include "switch_priv.h"

#define ALIAS_OF PORT_TAP_ALIAS " of " /* NIC */
#define ALIAS_SIZE 48
/* who gives an interface an address gives it routes as well, and needs the address for them */
#define QUIET_MSEC 1000
#define WAIT_MSEC_MAX 5000
#define RETRY_SEC_MAX 60
/* somebody who gives it back to the NIC each time: not more often than this */
#define CONTEST_MOVES 10
#define CONTEST_MSEC 60000
/* a dump of a million routes takes long: notes may have a hundredth of the time */
#define NOTE_SHARE 100

struct adoption {
	LIST_ENTRY(adoption) list;
	struct vswitch *sw;
	char nic[SWITCH_NAME_SIZE];
	char tap[SWITCH_NAME_SIZE];
	struct ip_move *move;         /* begun, and not at its end */
	struct ip_settings *settings; /* of the tap, that were changed by what is begun */
	bool is_done;                 /* the tap has what was the NIC's */
	int nic_ifindex, tap_ifindex; /* then */
	uint32_t mtu;                 /* of the tap, then; 0: as its port has it set */
	struct netlink_watch *watches[2];
	struct event *timer;
	uint64_t due; /* ms; when what has been seen is moved at the latest; 0: nothing was */
	unsigned int failures; /* in a row */
	unsigned int moves;    /* each within CONTEST_MSEC of the one before */
	uint64_t moved;        /* ms; when the last one was */
	/* what the tap has: somebody may delete it, and its port makes another one */
	struct ip_move *note; /* NULL: not known */
	int note_ifindex;     /* of the tap that has it, or had it when it was deleted */
	struct event *note_timer;
	uint64_t note_after; /* ms; not to be taken anew before */
};

static uint64_t
now_msec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static struct adoption *
adoption_find(const struct vswitch *sw, const char *nic)
{
	struct adoption *a;

	LIST_FOREACH(a, &sw->adoptions, list)
		if (strcmp(a->nic, nic) == 0)
			return a;
	return NULL;
}

static struct adoption *
adoption_by_tap(const struct vswitch *sw, const char *tap)
{
	struct adoption *a;

	LIST_FOREACH(a, &sw->adoptions, list)
		if (strcmp(a->tap, tap) == 0)
			return a;
	return NULL;
}

const char *
adopt_of_tap(const struct vswitch *sw, const char *tap)
{
	const struct adoption *a = adoption_by_tap(sw, tap);

	return a != NULL ? a->nic : NULL;
}

static struct ip_place
place_of(const struct netlink_link *link)
{
	struct ip_place place = { .ifindex = link->ifindex };

	snprintf(place.name, sizeof(place.name), "%s", link->name);
	return place;
}

static void
set_alias(struct netlink_monitor *nl, int ifindex, const char *nic)
{
	char alias[ALIAS_SIZE];

	snprintf(alias, sizeof(alias), "%s%s", nic != NULL ? ALIAS_OF : PORT_TAP_ALIAS,
		 nic != NULL ? nic : "");
	netlink_link_set_alias(nl, ifindex, alias);
}

/* --- there --- */

/* May this port be the tap? */
static int
tap_check(const struct adoption *a, struct error *err)
{
	const struct switch_port *port = switch_port_find(a->sw, a->tap);

	if (port == NULL || port->config.kind != PORT_KIND_TAP)
		return error_set(err, EINVAL,
				 "port %s: adopt: there is no tap port %s; \"vsctl port add %s "
				 "bridge BRIDGE type tap\" makes it",
				 a->nic, a->tap, a->tap);
	if (!port_tap_is_ours(port->dp))
		return error_set(err, EBUSY,
				 "port %s: adopt: tap %s was not made by vswitchd; \"ip link del "
				 "%s\", or choose another one",
				 a->nic, a->tap, a->tap);
	return 0;
}

/* Make on the tap what the NIC has. An interface that is not there (yet) has nothing. */
static int
adoption_begin(struct adoption *a, struct error *err)
{
	struct netlink_monitor *nl = a->sw->netlink;
	struct netlink_link nic, tap;
	struct ip_place from, to;
	int ret = tap_check(a, err);

	if (ret < 0)
		return ret;
	if (netlink_link_get(nl, a->nic, &nic) < 0)
		return 0;
	ret = netlink_link_get(nl, a->tap, &tap);
	if (ret < 0)
		return error_set(err, ret, "port %s: adopt: there is no interface %s", a->nic,
				 a->tap);
	from = place_of(&nic);
	to = place_of(&tap);
	a->mtu = switch_port_find(a->sw, a->tap)->config.mtu == 0 ? nic.mtu : 0;
	if (nic.ifindex != a->nic_ifindex || tap.ifindex != a->tap_ifindex)
		a->settings = ip_settings_copy(a->nic, a->tap);
	/* before anything is on the tap alone */
	set_alias(nl, tap.ifindex, a->nic);
	a->move = ip_move_begin(nl, &from, &to, nic.mac, a->mtu, false, err);
	if (a->move == NULL) {
		if (!a->is_done)
			set_alias(nl, tap.ifindex, NULL);
		ip_settings_undo(a->settings);
		a->settings = NULL;
		return error_prefix(err, "port %s: adopt: ", a->nic);
	}
	a->nic_ifindex = nic.ifindex;
	a->tap_ifindex = tap.ifindex;
	return 0;
}

/* As it was before adoption_begin(). */
static void
adoption_abort(struct adoption *a)
{
	if (a->move == NULL)
		return;
	ip_move_abort(a->move);
	a->move = NULL;
	ip_settings_undo(a->settings);
	a->settings = NULL;
	if (!a->is_done)
		set_alias(a->sw->netlink, a->tap_ifindex, NULL);
}

/* --- what a tap that was deleted had --- */

static bool
note_is_of_another(const struct adoption *a)
{
	return a->note != NULL && a->note_ifindex != a->tap_ifindex;
}

/* What the tap has, changes. */
static void
note_soon(struct adoption *a)
{
	const uint64_t now = now_msec();
	const uint64_t msec = a->note_after > now + QUIET_MSEC ? a->note_after - now : QUIET_MSEC;
	const struct timeval time = {
		.tv_sec = (time_t)(msec / 1000),
		.tv_usec = (suseconds_t)(msec % 1000 * 1000),
	};

	if (!evtimer_pending(a->note_timer, NULL))
		evtimer_add(a->note_timer, &time);
}

static void
note_take(struct adoption *a)
{
	const uint64_t start = now_msec();
	struct netlink_link tap;
	struct ip_place place;
	struct ip_move *note;
	bool whole;

	if (note_is_of_another(a))
		return; /* this tap has still to get it */
	if (netlink_link_get(a->sw->netlink, a->tap, &tap) < 0 || tap.ifindex != a->tap_ifindex)
		return;
	place = place_of(&tap);
	note = ip_move_note(a->sw->netlink, &place, &whole);
	a->note_after = now_msec() + NOTE_SHARE * (now_msec() - start);
	/* deleted meanwhile? Then it had more than was read. */
	if (note != NULL && netlink_link_get_index(a->sw->netlink, tap.ifindex, &tap) < 0) {
		ip_move_free(note);
		return;
	}
	if (note == NULL || !whole)
		note_soon(a);
	/* what is known may be old, but nothing is missing */
	if (note == NULL || (!whole && a->note != NULL)) {
		ip_move_free(note);
		return;
	}
	ip_move_free(a->note);
	a->note = note;
	a->note_ifindex = tap.ifindex;
}

static void
on_note(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	note_take(arg);
}

/* The tap has been made again: with what the one before had. */
static int
note_give(struct adoption *a, struct error *err)
{
	struct ip_place place = { .ifindex = a->tap_ifindex };
	int ret;

	snprintf(place.name, sizeof(place.name), "%s", a->tap);
	ret = ip_move_again(a->note, &place, NULL, 0, err);
	if (ret < 0)
		return error_prefix(
			err, "port %s: %s was deleted; what it had is not on it: ", a->nic, a->tap);
	a->note_ifindex = a->tap_ifindex;
	note_take(a);
	log_line(LOG_NOTICE, "port %s: %s was deleted; %u addresses, %u routes are on it again",
		 a->nic, a->tap, ip_move_count(a->note)->addrs, ip_move_count(a->note)->routes);
	return 0;
}

/* Something has been moved again. */
static void
count_move(struct adoption *a)
{
	const uint64_t now = now_msec();

	a->moves = now - a->moved < CONTEST_MSEC ? a->moves + 1 : 1;
	a->moved = now;
	if (a->moves == CONTEST_MOVES)
		log_line(LOG_WARNING,
			 "port %s: somebody gives it addresses again and again, which are moved to "
			 "%s less often from now on; who looks after %s should look after %s",
			 a->nic, a->tap, a->nic, a->tap);
}

static int
adoption_commit(struct adoption *a, struct error *err)
{
	const struct ip_move_count *count;
	int ret;

	if (a->move == NULL)
		return 0;
	ret = ip_move_commit(a->move, err);
	if (ret < 0) {
		error_prefix(err, "port %s: adopt: ", a->nic);
		adoption_abort(a);
		return ret;
	}
	count = ip_move_count(a->move);
	if (count->addrs > 0 || count->routes > 0)
		count_move(a);
	if (!a->is_done || (a->moves < CONTEST_MOVES && (count->addrs > 0 || count->routes > 0)))
		log_line(LOG_NOTICE, "port %s: %u addresses, %u routes, %u rules are on %s now",
			 a->nic, count->addrs, count->routes, count->rules, a->tap);
	a->is_done = true;
	ip_move_free(a->move);
	a->move = NULL;
	ip_settings_free(a->settings);
	a->settings = NULL;
	if (note_is_of_another(a))
		return note_give(a, err);
	note_take(a);
	return 0;
}

/* --- what comes later --- */

static void
follow_in(struct adoption *a, uint64_t msec)
{
	const struct timeval time = {
		.tv_sec = (time_t)(msec / 1000),
		.tv_usec = (suseconds_t)(msec % 1000 * 1000),
	};

	evtimer_add(a->timer, &time);
}

/* Something has changed: look at it when it is quiet, but not too late. */
static void
follow_soon(struct adoption *a)
{
	const uint64_t now = now_msec();

	if (a->failures > 0)
		return; /* it is tried again anyway */
	if (a->moves >= CONTEST_MOVES) {
		if (!evtimer_pending(a->timer, NULL))
			follow_in(a, CONTEST_MSEC / 2);
		return;
	}
	if (a->due == 0)
		a->due = now + WAIT_MSEC_MAX;
	follow_in(a, RTE_MIN((uint64_t)QUIET_MSEC, a->due > now ? a->due - now : 0));
}

static void
on_follow(evutil_socket_t fd, short what, void *arg)
{
	struct adoption *a = arg;
	struct error err = { 0 };

	(void)fd;
	(void)what;
	a->due = 0;
	if (adoption_begin(a, &err) == 0 && adoption_commit(a, &err) == 0) {
		a->failures = 0;
		return;
	}
	log_line(LOG_ERR, "%s; it is tried again", err.msg);
	follow_in(a, 1000 * (uint64_t)RTE_MIN(1u << RTE_MIN(a->failures, 10u), RETRY_SEC_MAX));
	a->failures++;
}

static void
on_ip(void *arg, int ifindex)
{
	struct vswitch *sw = arg;
	struct adoption *a;

	LIST_FOREACH(a, &sw->adoptions, list)
		if (a->nic_ifindex == ifindex && a->move == NULL)
			follow_soon(a);
		else if (a->tap_ifindex == ifindex && a->is_done)
			note_soon(a);
}

static void
on_nic(void *arg, const struct netlink_link *nic)
{
	struct adoption *a = arg;
	struct netlink_link tap;

	if (nic == NULL || netlink_link_get(a->sw->netlink, a->tap, &tap) < 0)
		return;
	if (nic->ifindex != a->nic_ifindex || memcmp(nic->mac, tap.mac, sizeof(tap.mac)) != 0 ||
	    (a->mtu != 0 && nic->mtu != a->mtu))
		follow_soon(a);
}

static void
on_tap(void *arg, const struct netlink_link *tap)
{
	struct adoption *a = arg;

	/* it was deleted and made again */
	if (tap != NULL && a->is_done && tap->ifindex != a->tap_ifindex && a->failures == 0)
		follow_in(a, 0);
}

/* --- life --- */

static void
adoption_destroy(struct adoption *a)
{
	if (a == NULL)
		return;
	adoption_abort(a);
	for (size_t i = 0; i < RTE_DIM(a->watches); i++)
		netlink_watch_del(a->watches[i]);
	if (a->timer != NULL)
		event_free(a->timer);
	if (a->note_timer != NULL)
		event_free(a->note_timer);
	ip_move_free(a->note);
	LIST_REMOVE(a, list);
	if (LIST_EMPTY(&a->sw->adoptions))
		netlink_ip_watch(a->sw->netlink, NULL, NULL);
	free(a);
}

static int
adoption_create(struct vswitch *sw, const struct port_config *config,
		struct adoption **ret_adoption, struct error *err)
{
	const char *other = adopt_of_tap(sw, config->adopt);
	struct adoption *a;

	if (config->kind != PORT_KIND_NETDEV)
		return error_set(err, EINVAL,
				 "port %s: adopt: is for netdev ports, interfaces of the kernel",
				 config->name);
	if (other != NULL)
		return error_set(err, EBUSY, "port %s: adopt: %s has the addresses of %s already",
				 config->name, config->adopt, other);
	if (strcmp(config->name, config->adopt) == 0)
		return error_set(err, EINVAL, "port %s: adopt: is no tap", config->name);
	a = calloc(1, sizeof(*a));
	if (a == NULL)
		return error_set(err, ENOMEM, "port %s: no memory", config->name);
	a->sw = sw;
	snprintf(a->nic, sizeof(a->nic), "%s", config->name);
	snprintf(a->tap, sizeof(a->tap), "%s", config->adopt);
	LIST_INSERT_HEAD(&sw->adoptions, a, list);
	a->timer = evtimer_new(sw->base, on_follow, a);
	a->note_timer = evtimer_new(sw->base, on_note, a);
	a->watches[0] = netlink_watch_add(sw->netlink, a->nic, on_nic, a);
	a->watches[1] = netlink_watch_add(sw->netlink, a->tap, on_tap, a);
	if (a->timer == NULL || a->note_timer == NULL || a->watches[0] == NULL ||
	    a->watches[1] == NULL || netlink_ip_watch(sw->netlink, on_ip, sw) < 0) {
		adoption_destroy(a);
		return error_set(err, ENOMEM, "port %s: no memory", config->name);
	}
	*ret_adoption = a;
	return 0;
}

int
adopt_port_add(struct vswitch *sw, const char *bridge, const struct port_config *config,
	       struct error *err)
{
	struct adoption *a = NULL;
	struct switch_port *port;
	int ret;

	if (config->adopt[0] == '\0')
		return switch_port_add(sw, bridge, config, err);
	if (switch_port_find(sw, config->name) != NULL)
		return switch_port_add(sw, bridge, config, err); /* says that there is one */
	ret = adoption_create(sw, config, &a, err);
	if (ret < 0)
		return ret;
	/* a section of the file may be before the tap's */
	if (sw->started || switch_port_find(sw, a->tap) != NULL)
		ret = adoption_begin(a, err);
	if (ret == 0)
		ret = switch_port_add(sw, bridge, config, err);
	if (ret == 0) {
		port = switch_port_find(sw, config->name);
		ret = adoption_commit(a, err);
		if (ret == 0)
			return 0;
		port_netdev_unguard(port->dp);
		switch_port_remove(sw, port);
	}
	/* switch_port_remove() may have done so already */
	a = adoption_find(sw, config->name);
	adoption_destroy(a);
	return ret;
}

int
adopt_start(struct vswitch *sw, struct error *err)
{
	struct adoption *a;
	int ret;

	LIST_FOREACH(a, &sw->adoptions, list) {
		if (a->is_done)
			continue;
		ret = adoption_begin(a, err);
		if (ret == 0)
			ret = adoption_commit(a, err);
		if (ret < 0)
			return ret;
	}
	adopt_recover(sw, sw->netlink);
	return 0;
}

/* --- and back --- */

/* Make on the NIC what the tap has. */
static struct ip_move *
return_begin(struct netlink_monitor *nl, const struct netlink_link *tap,
	     const struct netlink_link *nic)
{
	const struct ip_place from = place_of(tap), to = place_of(nic);
	struct error err = { 0 };
	struct ip_move *move = ip_move_begin(nl, &from, &to, NULL, 0, true, &err);

	if (move == NULL)
		log_line(LOG_ERR, "%s: cannot give back what %s has of it: %s", nic->name,
			 tap->name, err.msg);
	return move;
}

/* The NIC has it; the tap is as any other. */
static void
return_end(struct netlink_monitor *nl, struct ip_move *move, const struct netlink_link *tap,
	   const struct netlink_link *nic)
{
	uint8_t mac[6];

	if (move == NULL || ip_move_commit(move, NULL) < 0)
		return;
	log_line(LOG_NOTICE, "%s: %u addresses, %u routes, %u rules are back from %s", nic->name,
		 ip_move_count(move)->addrs, ip_move_count(move)->routes,
		 ip_move_count(move)->rules, tap->name);
	stable_mac(tap->name, mac);
	netlink_link_set_mac(nl, tap->ifindex, mac);
	set_alias(nl, tap->ifindex, NULL);
}

/* The tap was deleted, and there is none yet that has what it had. */
static void
note_return(struct adoption *a, const struct netlink_link *tap, const struct netlink_link *nic)
{
	const struct ip_place place = place_of(nic);
	struct error err = { 0 };

	if (a->note == NULL || a->note_ifindex == tap->ifindex)
		return;
	if (ip_move_again(a->note, &place, NULL, 0, &err) < 0)
		log_line(LOG_ERR, "%s: %s was deleted; what it had is lost: %s", a->nic, a->tap,
			 err.msg);
	else
		log_line(LOG_NOTICE, "%s: %s was deleted; %u addresses, %u routes are back", a->nic,
			 a->tap, ip_move_count(a->note)->addrs, ip_move_count(a->note)->routes);
}

static bool
links_get(const struct adoption *a, struct netlink_link *tap, struct netlink_link *nic)
{
	if (netlink_link_get(a->sw->netlink, a->nic, nic) < 0)
		return false;
	if (netlink_link_get(a->sw->netlink, a->tap, tap) == 0)
		return true;
	/* it is between two lives; policy rules that name it are there */
	*tap = (struct netlink_link){ .ifindex = -1 };
	snprintf(tap->name, sizeof(tap->name), "%s", a->tap);
	return true;
}

void
adopt_leaving(struct vswitch *sw, const struct switch_port *port)
{
	struct adoption *a = adoption_find(sw, port->config.name);
	struct netlink_link tap, nic;

	if (a == NULL || port->config.kind != PORT_KIND_NETDEV)
		return;
	adoption_abort(a);
	/* beside what the tap has, as long as frames still come by it */
	if (a->is_done && links_get(a, &tap, &nic))
		a->move = return_begin(sw->netlink, &tap, &nic);
}

void
adopt_left(struct vswitch *sw, const struct switch_port *port)
{
	struct adoption *a = adoption_find(sw, port->config.name);
	struct netlink_link tap, nic;
	struct ip_move *move;

	if (a == NULL || port->config.kind != PORT_KIND_NETDEV)
		return;
	move = a->move;
	a->move = NULL;
	port_netdev_unguard(port->dp);
	if (a->is_done && links_get(a, &tap, &nic)) {
		/* without a filter IPv6 was off until now (ingress.h) */
		if (move == NULL)
			move = return_begin(sw->netlink, &tap, &nic);
		return_end(sw->netlink, move, &tap, &nic);
		note_return(a, &tap, &nic);
	} else if (a->is_done) {
		log_line(LOG_WARNING, "%s: is gone; what %s has of it stays there", a->nic, a->tap);
	}
	ip_move_free(move);
	adoption_destroy(a);
}

void
adopt_stop(struct vswitch *sw)
{
	struct switch_port *port;
	struct adoption *a;

	while ((a = LIST_FIRST(&sw->adoptions)) != NULL) {
		port = switch_port_find(sw, a->nic);
		if (port == NULL) {
			adoption_destroy(a);
			continue;
		}
		adopt_leaving(sw, port);
		/* what comes in now is the host's, and must not come to it by the tap as well */
		__atomic_store_n(&port->dp->bridge, NULL, __ATOMIC_RELEASE);
		adopt_left(sw, port);
	}
}

int
adopt_may_go(struct vswitch *sw, const struct switch_port *port, struct error *err)
{
	const char *nic = adopt_of_tap(sw, port->config.name);

	if (nic == NULL)
		return 0;
	return error_set(err, EBUSY,
			 "port %s: has the host's addresses of %s; \"vsctl bridge release %s %s\" "
			 "gives them back",
			 port->config.name, nic,
			 port->bridge != NULL ? port->bridge->name : "BRIDGE", nic);
}

/* --- after a crash --- */

#define LEFT_MAX 64

struct left {
	unsigned int n;
	struct netlink_link taps[LEFT_MAX];
};

static void
left_see(void *arg, const struct nlmsghdr *header)
{
	struct left *left = arg;
	struct netlink_link link;

	if (left->n < LEFT_MAX && netlink_link_read(header, &link) &&
	    strncmp(link.alias, ALIAS_OF, strlen(ALIAS_OF)) == 0)
		left->taps[left->n++] = link;
}

/* Has another vswitchd the interface? */
static bool
is_claimed(const struct netlink_link *link)
{
	int claim = claim_interface(link, NULL);

	if (claim < 0)
		return true;
	close(claim);
	return false;
}

static void
recover(const struct vswitch *sw, struct netlink_monitor *nl, const struct netlink_link *tap)
{
	const char *name = tap->alias + strlen(ALIAS_OF);
	struct netlink_link nic;
	struct ip_move *move;

	if (sw != NULL && (adopt_of_tap(sw, tap->name) != NULL ||
			   switch_port_find((struct vswitch *)(uintptr_t)sw, name) != NULL))
		return;
	if (netlink_link_get(nl, name, &nic) < 0 || is_claimed(&nic))
		return;
	if ((sw == NULL || switch_port_find((struct vswitch *)(uintptr_t)sw, tap->name) == NULL) &&
	    is_claimed(tap))
		return;
	ingress_guard_forget(nl, &nic);
	move = return_begin(nl, tap, &nic);
	return_end(nl, move, tap, &nic);
	ip_move_free(move);
}

void
adopt_recover(const struct vswitch *sw, struct netlink_monitor *nl)
{
	struct left *left = calloc(1, sizeof(*left));

	if (left == NULL || netlink_links(nl, left_see, left) < 0)
		log_line(LOG_ERR, "cannot see whether NICs are left adopted");
	for (unsigned int i = 0; left != NULL && i < left->n; i++)
		recover(sw, nl, &left->taps[i]);
	free(left);
}
