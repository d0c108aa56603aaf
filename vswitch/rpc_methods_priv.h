/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the methods (rpc_methods.c, rpc_fdb.c, rpc_vif.c) know of each other. The
 * methods are functions of struct rpc_method, their ctx is the struct vswitch.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_RPC_METHODS_PRIV_H
#define VSWITCH_RPC_METHODS_PRIV_H

#include <stdbool.h>

#include <jansson.h>

#include "addr.h"

struct error;
struct guest_config;
struct object;
struct stp_bridge_config;
struct stp_port_config;
struct port_config;
struct rpc_stream;
struct sock_filter;
struct switch_bridge;
struct switch_port;
struct value;
struct vswitch;

int rpc_fdb_add(void *ctx, const json_t *params, json_t **ret_result, struct error *err);
int rpc_fdb_del(void *ctx, const json_t *params, json_t **ret_result, struct error *err);
int rpc_fdb_flush(void *ctx, const json_t *params, json_t **ret_result, struct error *err);

/**
 * rpc_fdb_show() - one page of the entries: {"entries": [...], "next": CURSOR or null}.
 *
 * It looks at "limit" entries of one bridge, so that a reply is short and soon there, and may have
 * no entry at all though "next" says that there is more to look at.
 */
int rpc_fdb_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err);

/** rpc_group_show() - the multicast groups that hosts have joined, and where they are. */
int rpc_group_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err);

/** rpc_group_port_json() - add to a port's JSON what concerns groups. */
void rpc_group_port_json(const struct switch_port *port, json_t *json);

/** rpc_querier_show() - who asks the hosts of each VLAN, and where its multicast routers are. */
int rpc_querier_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err);

int rpc_vif_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err);

int rpc_metrics_set(void *ctx, const json_t *params, json_t **ret_result, struct error *err);
int rpc_metrics_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err);

/**
 * rpc_metrics_make() - listen where an object of metrics_schema says.
 * @may_wait: if that fails it is tried again. Return: 0 or -errno.
 */
int rpc_metrics_make(struct vswitch *sw, const struct object *obj, bool may_wait,
		     struct error *err);

int rpc_bond_add(void *ctx, const json_t *params, json_t **ret_result, struct error *err);
int rpc_bond_del(void *ctx, const json_t *params, json_t **ret_result, struct error *err);
int rpc_bond_set(void *ctx, const json_t *params, json_t **ret_result, struct error *err);
int rpc_bond_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err);

/** rpc_bond_pending() - are ports that a bond has let go of still being closed? */
bool rpc_bond_pending(void *ctx, const json_t *params);

/** rpc_bond_make() - make a bond. @obj: complete object of bond_schema. Return: 0 or -errno. */
int rpc_bond_make(struct vswitch *sw, const struct object *obj, struct error *err);
/**
 * rpc_vlan_read() - the VLANs of a port, its isolation and its floods, as a new port has them.
 * @values: by enum port_key.
 */
void rpc_vlan_read(const struct value *values, struct port_config *config);

/** rpc_vlan_update() - the same, but only what is given. Return: which, enum port_set. */
unsigned int rpc_vlan_update(const struct value *values, struct port_config *config);

/**
 * rpc_vlan_json() - put the same into a port's object, and parent or VLAN ports: names and values
 * as the schema's, but for "vlan", which says it in short, and "subports".
 */
void rpc_vlan_json(const struct switch_port *port, json_t *json);

/**
 * rpc_guest_read() - mode and addresses of a guest's port. Without addresses in mode bridge.
 * @values: by enum port_key. @config: its own so far; what is given is changed.
 * Return: PORT_SET_GUEST if any was given; else 0.
 */
unsigned int rpc_guest_read(const struct value *values, struct guest_config *config);

/** rpc_guest_json() - put the same into a port's object: mode, ip, gateway. */
void rpc_guest_json(const struct guest_config *config, json_t *json);

/**
 * rpc_stp_read_bridge() - a bridge's spanning tree and loop detection.
 * @is_new: also what is not given, which are defaults.
 * Return: 0, or -EINVAL: they do not agree with each other.
 */
int rpc_stp_read_bridge(const struct object *obj, bool is_new, struct stp_bridge_config *config,
			struct error *err);

/**
 * rpc_stp_read_port() - the same of a port, unchecked.
 * @values: by enum port_key. Return: which are given, enum port_set.
 */
unsigned int rpc_stp_read_port(const struct value *values, bool is_new,
			       struct stp_port_config *config);

/*
 * Put the same into an object; names and values as the schema's. Of a bridge also its identifier,
 * of a port its state and, on a bridge, its number.
 */
void rpc_stp_bridge_json(struct vswitch *sw, const struct switch_bridge *bridge, json_t *json);
void rpc_stp_port_json(const struct switch_port *port, json_t *json);

/** rpc_stp_state() - "forwarding", "learning" or "blocked". */
const char *rpc_stp_state(const struct switch_port *port);

/** rpc_stp_show() - spanning trees: of each bridge, and in "ports" of its ports. */
int rpc_stp_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err);

/** rpc_worker_show() - what each worker has done so far. */
int rpc_worker_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err);

/** rpc_workers_json() - the same, for others. Return: a new array. */
json_t *rpc_workers_json(const struct vswitch *sw);

/** rpc_top_show() - all that "vsctl top" needs of a moment, in one reply. */
int rpc_top_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err);

/** rpc_health_show() - health.h: {"status", "seconds", "checks", "findings"}. */
int rpc_health_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err);
bool rpc_health_pending(void *ctx, const json_t *params);
int rpc_health_finish(void *ctx, const json_t *params, json_t **ret_result, struct error *err);

int rpc_addr_add(void *ctx, const json_t *params, json_t **ret_result, struct error *err);
int rpc_addr_del(void *ctx, const json_t *params, json_t **ret_result, struct error *err);
int rpc_addr_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err);
int rpc_route_add(void *ctx, const json_t *params, json_t **ret_result, struct error *err);
int rpc_route_del(void *ctx, const json_t *params, json_t **ret_result, struct error *err);
int rpc_route_import(void *ctx, const json_t *params, json_t **ret_result, struct error *err);
int rpc_neigh_add(void *ctx, const json_t *params, json_t **ret_result, struct error *err);
int rpc_neigh_del(void *ctx, const json_t *params, json_t **ret_result, struct error *err);
int rpc_neigh_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err);
int rpc_neigh_flush(void *ctx, const json_t *params, json_t **ret_result, struct error *err);

/** rpc_route_show() - one page of the routes: {"entries": [...], "next": CURSOR or null}. */
int rpc_route_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err);

int rpc_mirror_add(void *ctx, const json_t *params, json_t **ret_result, struct error *err);
int rpc_mirror_del(void *ctx, const json_t *params, json_t **ret_result, struct error *err);
int rpc_mirror_set(void *ctx, const json_t *params, json_t **ret_result, struct error *err);
int rpc_mirror_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err);
int rpc_network_add(void *ctx, const json_t *params, json_t **ret_result, struct error *err);
int rpc_network_del(void *ctx, const json_t *params, json_t **ret_result, struct error *err);
int rpc_network_set(void *ctx, const json_t *params, json_t **ret_result, struct error *err);
int rpc_network_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err);

/*
 * Make what a section of the configuration file, or a request, describes; and take it back.
 * @may_wait: a kernel interface need not be there yet.
 */
int rpc_bridge_make(struct vswitch *sw, const struct object *obj, struct error *err);
int rpc_port_make(struct vswitch *sw, const struct object *obj, bool may_wait, struct error *err);
int rpc_port_change(struct vswitch *sw, const struct object *obj, struct error *err);
int rpc_addr_make(struct vswitch *sw, const struct object *obj, struct error *err);
int rpc_route_make(struct vswitch *sw, const struct object *obj, struct error *err);
int rpc_neigh_make(struct vswitch *sw, const struct object *obj, struct error *err);
int rpc_mirror_make(struct vswitch *sw, const struct object *obj, struct error *err);
int rpc_network_make(struct vswitch *sw, const struct object *obj, struct error *err);
void rpc_network_undo(struct vswitch *sw, const struct object *obj);
void rpc_addr_undo(struct vswitch *sw, const struct object *obj);
void rpc_route_undo(struct vswitch *sw, const struct object *obj);
int rpc_fdb_make(struct vswitch *sw, const struct object *obj, struct error *err);
void rpc_fdb_undo(struct vswitch *sw, const struct object *obj);
void rpc_neigh_undo(struct vswitch *sw, const struct object *obj);

int rpc_nat_add(void *ctx, const json_t *params, json_t **ret_result, struct error *err);
int rpc_nat_del(void *ctx, const json_t *params, json_t **ret_result, struct error *err);
int rpc_nat_set(void *ctx, const json_t *params, json_t **ret_result, struct error *err);
int rpc_nat_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err);
int rpc_nat_flush(void *ctx, const json_t *params, json_t **ret_result, struct error *err);
int rpc_nat_table_set(void *ctx, const json_t *params, json_t **ret_result, struct error *err);
int rpc_nat_table_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err);

/** rpc_nat_sessions() - one page of the sessions: {"entries": [...], "next": CURSOR or null}. */
int rpc_nat_sessions(void *ctx, const json_t *params, json_t **ret_result, struct error *err);

/** rpc_nat_flush_pending() - are sessions still being ended? */
bool rpc_nat_flush_pending(void *ctx, const json_t *params);

int rpc_nat_make(struct vswitch *sw, const struct object *obj, struct error *err);
int rpc_nat_table_make(struct vswitch *sw, const struct object *obj, struct error *err);
void rpc_nat_undo(struct vswitch *sw, const struct object *obj);

/**
 * rpc_config_show() - {"path": of the file, "objects": [{"kind", "name", "keys"}]}, and while a
 * confirmation is due "confirm": the seconds that are left for it.
 */
int rpc_config_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err);

/**
 * rpc_config_diff() - what config.apply would do with "objects", as config.show gives them:
 * {"changes": [{"change": add, set, del or renew, "kind", "name", "keys", "was"}],
 * "guests": [NAME], "restart": [KEY]}.
 */
int rpc_config_diff(void *ctx, const json_t *params, json_t **ret_result, struct error *err);

/* These are transactions; "confirm": SECONDS. They give what config.diff gives. */
int rpc_config_apply(void *ctx, const json_t *params, json_t **ret_result, struct error *err);
int rpc_config_rollback(void *ctx, const json_t *params, json_t **ret_result, struct error *err);
/** rpc_batch_run() - "commands": [{"method", "params"}]. */
int rpc_batch_run(void *ctx, const json_t *params, json_t **ret_result, struct error *err);
bool rpc_config_pending(void *ctx, const json_t *params);
int rpc_config_finish(void *ctx, const json_t *params, json_t **ret_result, struct error *err);

int rpc_config_confirm(void *ctx, const json_t *params, json_t **ret_result, struct error *err);

/** rpc_config_history() - [{"number", "time", "uid", "pid", "what"}], or with "number" its text. */
int rpc_config_history(void *ctx, const json_t *params, json_t **ret_result, struct error *err);

/**
 * rpc_event_show() - the last events: [EVENT], at most "limit", of "kinds" and about "names" if
 * these are given.
 */
int rpc_event_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err);

/**
 * rpc_event_follow() - have events sent as notifications: {"method": "event", "params": EVENT}. Of
 * "kinds" and about "names" as above; the "last" ones that there were first, or, with "epoch" and
 * "since", from number "since" on if it is the same daemon's, else all since it has started.
 * Result: {"epoch": of the daemon, "next": number of the next event, "unknown": names that nothing
 * has at present}.
 */
int rpc_event_follow(void *ctx, struct rpc_stream *stream, const json_t *params,
		     json_t **ret_result, struct error *err);

/*
 * "bridge.adopt": {"name": the bridge, "nic": an interface of the host's}, and "bridge.release" the
 * same. Transactions; "confirm": SECONDS. They give {"tap": NAME, "notes": [TEXT]}.
 */
int rpc_bridge_adopt(void *ctx, const json_t *params, json_t **ret_result, struct error *err);
int rpc_bridge_release(void *ctx, const json_t *params, json_t **ret_result, struct error *err);
int rpc_adopt_finish(void *ctx, const json_t *params, json_t **ret_result, struct error *err);

/**
 * rpc_capture_start() - have packets sent as pcapng, on the connection of the client, behind the
 * reply. Of "port" or of the ports on "bridge", or of all; at the "points": "rx", "tx", "drop",
 * "pre-nat", "post-nat"; "length": bytes of each packet at most; "buffer": bytes that may wait for
 * the client; "program": the filter, a list of instructions of the classic BPF [CODE, JT, JF, K],
 * for Ethernet; "filter": its text, for who reads the file. Result: {"id": of the capture}.
 */
int rpc_capture_start(void *ctx, struct rpc_stream *stream, const json_t *params,
		      json_t **ret_result, struct error *err);

/**
 * rpc_program_read() - read a program of the classic BPF, as capture.start has it.
 * @program: or NULL.
 * @ret_ops: to be freed; NULL: there is no program.
 */
int rpc_program_read(const json_t *program, struct sock_filter **ret_ops, size_t *ret_n,
		     struct error *err);

/** rpc_capture_show() - the captures that go on. */
int rpc_capture_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err);

/**
 * rpc_drops_show() - dropped packets of "port", for "reason", or of all: {"time_usec",
 * "started_usec", "rows": [{"port", "instance", "reason", "vlan": null if it is not known,
 * "packets", "age": of the last one, in seconds}]}. The packets of a port and reason are those that
 * stats.show counts.
 */
int rpc_drops_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err);

/**
 * rpc_drops_last() - how the last of them began, oldest first: [{"time_nsec": of the day, "port",
 * "reason", "vlan", "length", "data": in hexadecimal digits}].
 */
int rpc_drops_last(void *ctx, const json_t *params, json_t **ret_result, struct error *err);

/**
 * rpc_packet_explain() - what would become of packets that come in by a "port": of "frames", hex
 * digits each, or of a "flow" (common/flow_text.h). [what explain_json() tells], of a flow with
 * "assumed": what was not said.
 */
int rpc_packet_explain(void *ctx, const json_t *params, json_t **ret_result, struct error *err);

/**
 * rpc_trace_follow() - have packets traced that match "program", which is "filter" as it was typed:
 * notifications {"method": "trace", "params": what explain_json() tells, and "time"}. Result: {}.
 */
int rpc_trace_follow(void *ctx, struct rpc_stream *stream, const json_t *params,
		     json_t **ret_result, struct error *err);

/** rpc_trace_show() - what is traced, if anything is: tracer_json(). */
int rpc_trace_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err);

/** rpc_confirm_read() - "confirm" of a transaction; 0 if it is not given. Return: 0 or -EINVAL. */
int rpc_confirm_read(const json_t *params, unsigned int *ret_seconds, struct error *err);

/**
 * rpc_confirm_tell() - "confirm" of a result: seconds that are left to confirm it, or an earlier
 * change that takes it along; nothing if none waits.
 */
void rpc_confirm_tell(struct vswitch *sw, json_t *result);

/** rpc_mac_json() - a MAC as a string, or null if it is all zero. Return: new reference. */
json_t *rpc_mac_json(const uint8_t mac[MAC_LEN]);

#endif
