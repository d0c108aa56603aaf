/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Shows: what vsctl prints, as text for people or, with -j, as JSON for programs.
 *
 * How: each is the run function of a command: it calls the method of the same name and prints the
 * rows. JSON is what the daemon said, as an array of objects; text is sorted by name.
 *
 * Thread-safety: none needed.
 */
#ifndef CTL_SHOW_H
#define CTL_SHOW_H

struct client;
struct error;
struct request;

/* Each: Return 0, or -errno with @err filled. */

/** show_bridges() - "bridge show" */
int show_bridges(struct client *client, const struct request *request, struct error *err);

/** show_ports() - "port show" */
int show_ports(struct client *client, const struct request *request, struct error *err);

/** show_bonds() - "bond show": each with its members; of one, also the stations it carries */
int show_bonds(struct client *client, const struct request *request, struct error *err);

/** show_mirrors() - "mirror show": what is copied where to */
int show_mirrors(struct client *client, const struct request *request, struct error *err);

/** show_networks() - "network show": with the leases */
int show_networks(struct client *client, const struct request *request, struct error *err);

/** show_vifs() - "vif show" */
int show_vifs(struct client *client, const struct request *request, struct error *err);

/** show_workers() - "worker show" */
int show_workers(struct client *client, const struct request *request, struct error *err);

/** show_groups() - "group show" */
int show_groups(struct client *client, const struct request *request, struct error *err);

/** show_queriers() - "querier show" */
int show_queriers(struct client *client, const struct request *request, struct error *err);

/** show_stats() - "stats show": counters, then the drops by reason */
int show_stats(struct client *client, const struct request *request, struct error *err);

/** show_fdb() - "fdb show": page by page, so that a million addresses need no memory */
int show_fdb(struct client *client, const struct request *request, struct error *err);

/** show_stp() - "stp show": spanning trees, as "brctl showstp" tells of them */
int show_stp(struct client *client, const struct request *request, struct error *err);

/** show_addrs() - "addr show" */
int show_addrs(struct client *client, const struct request *request, struct error *err);

/** show_routes() - "route show": page by page */
int show_routes(struct client *client, const struct request *request, struct error *err);

/** show_neighs() - "neigh show" */
int show_neighs(struct client *client, const struct request *request, struct error *err);

/** show_nats() - "nat show" */
int show_nats(struct client *client, const struct request *request, struct error *err);

/** show_nat_sessions() - "nat sessions": page by page */
int show_nat_sessions(struct client *client, const struct request *request, struct error *err);

/** show_members() - "nat-table show", "metrics show": an object, a line for each member */
int show_members(struct client *client, const struct request *request, struct error *err);

/** show_version() - "version" */
int show_version(struct client *client, const struct request *request, struct error *err);

/** show_overview() - "show": bridges, the ports on them, guests that are on none */
int show_overview(struct client *client, const struct request *request, struct error *err);

#endif
