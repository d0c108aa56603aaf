/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Events of what clients change, for those who carry it out (transaction.c). The methods by which
 * clients follow events are in rpc_methods_priv.h.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_RPC_EVENT_H
#define VSWITCH_RPC_EVENT_H

struct rpc_peer;
struct vswitch;

/**
 * rpc_event_config() - somebody has changed something
 * @who: by access_who()
 * @object: what was changed
 * @what: the command
 * @changes: how many there were, of a transaction; -1: it is none
 * @error: NULL, or why it has failed and was taken back
 */
void rpc_event_config(struct vswitch *sw, const struct rpc_peer *peer, const char *who,
		      const char *object, const char *what, long changes, const char *error);

#endif /* VSWITCH_RPC_EVENT_H */
