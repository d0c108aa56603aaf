/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A network of RSTP bridges in one process: bridges whose ports are wired to each other by LANs
 * that carry frames in a millisecond of simulated time, and can be cut.
 *
 * Thread-safety: none needed.
 */
#ifndef TESTS_RSTP_NET_H
#define TESTS_RSTP_NET_H

#include "rstp.h"

#define NET_BRIDGES_MAX 12
#define NET_PORTS_MAX 8
#define NET_LANS_MAX 32
#define NET_FRAMES_MAX 4096

struct net;

struct net_port {
	struct net *net;
	struct rstp_port *port; /* NULL: no such port */
	unsigned int bridge;
	int lan;   /* or -1 */
	bool deaf; /* nothing that comes is heard */
	enum rstp_state state;
	unsigned int n_flushes, n_sent;
};

struct net_bridge {
	struct net *net;
	struct rstp *rstp;
	unsigned int n_ports;
	unsigned int n_fast_ages;
	struct net_port ports[NET_PORTS_MAX];
};

struct net_lan {
	bool up;
	bool echo; /* a frame comes back to who has sent it, too */
};

struct net_frame {
	uint64_t when;
	struct net_port *to;
	size_t len;
	uint8_t bytes[BPDU_FRAME_MAX];
};

struct net {
	uint64_t now;
	unsigned int n_bridges, n_lans;
	struct net_bridge bridges[NET_BRIDGES_MAX];
	struct net_lan lans[NET_LANS_MAX];
	unsigned int n_frames;
	struct net_frame frames[NET_FRAMES_MAX]; /* on their way, in order */
	unsigned int n_loops; /* times that a port's change of state closed a loop */
};

/* net_create() - an empty network. net_destroy() frees it. */
struct net *net_create(void);
void net_destroy(struct net *net);

/* net_bridge() - another bridge; the smaller @number, the better its address. */
struct net_bridge *net_bridge(struct net *net, bool rstp, uint16_t priority);

/* net_port() - another port of a bridge, on a LAN (or -1). */
struct net_port *net_port(struct net_bridge *bridge, int lan);

/* net_lan() - another LAN. net_link() - one with a port of each of two bridges; their last ones. */
int net_lan(struct net *net);
int net_link(struct net_bridge *a, struct net_bridge *b);

/* net_lan_set() - cut a LAN, or mend it: all its ports see it. */
void net_lan_set(struct net *net, int lan, bool up);

/* net_run() - let @msec pass. */
void net_run(struct net *net, uint64_t msec);

/* net_settle() - let time pass until nothing changes any more. Return: ms until the last change. */
uint64_t net_settle(struct net *net);

/*
 * net_is_tree() - do the forwarding ports make one tree of each connected part: all bridges and
 * LANs of the part are reached, and no way leads round?
 */
bool net_is_tree(const struct net *net);

/* net_has_loop() - is there a way round? */
bool net_has_loop(const struct net *net);

/* net_status() - of a port. */
struct rstp_port_status net_status(const struct net_port *port);

#endif
