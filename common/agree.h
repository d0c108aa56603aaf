/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Agree: which values of one object go together.
 *
 * How: each of them may be right by itself (schema.h), and the object be impossible all the same. A
 * file is checked by agree_object(). vswitchd, where a command changes one value of an object that
 * is there, asks for what comes of it.
 *
 * Thread-safety: pure functions, any thread. @err of all of them is filled with what is wrong and
 * what would be right; they return 0 or -EINVAL.
 */
#ifndef COMMON_AGREE_H
#define COMMON_AGREE_H

#include <stdbool.h>
#include <stdint.h>

#include "prefix.h"
#include "schema.h"

struct error;
struct object;

/* Of a bridge; times in seconds. */
struct agree_tree {
	bool runs;
	unsigned int priority, hello, max_age, forward_delay;
};

/* Of a port; 0: none. */
struct agree_vlans {
	unsigned int vid, tunnel, native;
	bool trunk;
	bool untagged; /* the trunk's list has 0 */
	bool service;  /* its tags are S-tags */
};

/** agree_tree() - settings of a bridge's spanning tree, with each other and with 802.1D. */
int agree_tree(const struct agree_tree *tree, const char *bridge, struct error *err);

/** agree_tree_port() - the priority of a port in it. */
int agree_tree_port(unsigned int priority, const char *port, struct error *err);

/** agree_queries() - times of a bridge's querier, in seconds. */
int agree_queries(bool snooping, unsigned int interval, unsigned int response, const char *bridge,
		  struct error *err);

/** agree_vlans() - the VLANs of a port. */
int agree_vlans(const struct agree_vlans *vlans, const char *port, struct error *err);

/** agree_addr() - may a router have this address? */
int agree_addr(const struct ip_prefix *prefix, struct error *err);

/** agree_route() - is a route's destination a network? */
int agree_route(const struct ip_prefix *prefix, struct error *err);

/** agree_station() - may an entry of a bridge's FDB be for this address? */
int agree_station(const uint8_t mac[MAC_LEN], const char *bridge, struct error *err);

/** agree_object() - all of the above, of a whole object; kinds that they are not about agree. */
int agree_object(const struct object *obj, struct error *err);

#endif /* COMMON_AGREE_H */
