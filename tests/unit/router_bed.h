/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A router without a control side, for tests of the datapath: three routed ports with a station
 * behind each, and routes that a test may change.
 *
 *	port 1: 10.1.0.1, fd01::1    port 2: 10.2.0.1, fd02::1    port 3: 10.3.0.1, fd03::1
 *
 * Thread-safety: one thread.
 */
#ifndef TESTS_ROUTER_BED_H
#define TESTS_ROUTER_BED_H

#include "fake_port.h"
#include "fib.h"
#include "l4_frame.h"
#include "punt.h"
#include "router.h"

#define ROUTER_PORTS 3

/* Numbers of next hops. */
enum {
	HOP_NONE,
	HOP_LOCAL,
	HOP_BLACKHOLE,
	HOP_UNREACHABLE,
	HOP_STATION,                                /* behind port 1; the others follow */
	HOP_CONNECTED = HOP_STATION + ROUTER_PORTS, /* the same */
	HOP_GROUP = HOP_CONNECTED + ROUTER_PORTS,
	HOP_FREE,
};

struct router_bed {
	struct fake_switch sw;
	struct router *router;
	struct fake_port *ports[ROUTER_PORTS + 1]; /* by id: 1 .. */
	struct rif *rifs[ROUTER_PORTS + 1];
	struct next_hop_members members;
};

/* router_bed_setup() - with routes 10.N/16 and fdNN::/32 to the station behind each port N. */
int router_bed_setup(struct router_bed *bed);
void router_bed_teardown(struct router_bed *bed);

/* router_bed_rif() - make a port a routed one, with the router's MAC 02:0a:00:00:00:ID. */
struct rif *router_bed_rif(struct router_bed *bed, struct port *port, uint16_t n_sources);

/* router_bed_frame() - a frame from the station behind @in to one behind @out (10.OUT.0.9), all
 * right, as l4_frame_build() but for @frame's own choices. */
void router_bed_frame(struct l4_frame *frame, uint8_t in, uint8_t out);

/* router_bed_send() - have it come in by a port, and all that follows be done. @first: bytes in the
 * first buffer; 0: as many as fit. */
void router_bed_send(struct router_bed *bed, const struct l4_frame *frame, uint8_t in,
		     uint32_t first);

/* router_bed_punt() - the next punt; NULL: none. Valid until the next call. */
const struct punt *router_bed_punt(struct router_bed *bed);

/* router_bed_routed() - what a frame should be when it has left by @out, to the station there. */
void router_bed_routed(struct l4_frame *frame, uint8_t out);

/*
 * router_bed_expect() - what has left by a port, and nothing else, is what the frame should have
 * become, which @frame is afterwards.
 */
void router_bed_expect(struct router_bed *bed, struct l4_frame *frame, uint8_t out);

#endif /* TESTS_ROUTER_BED_H */
