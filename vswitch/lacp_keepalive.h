/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * LACPDUs while the control thread is busy.
 *
 * A partner that asks for a LACPDU every second gives a link up after three without one, and with
 * it all that the bond carries. The control thread may be away for longer than that: a NIC that is
 * opened takes seconds. So a thread of its own watches over the last LACPDU of each member that is
 * in an aggregation, and sends it once more when the next one is half a period late; for a minute,
 * since a control thread that is gone for good should not be hidden from the partner.
 *
 * The thread has no state of the protocol and takes no decision; with no bond that runs LACP there
 * is no thread.
 *
 * Thread-safety: calls are for the control thread; a mutex stands between it and the thread.
 */
#ifndef VSWITCH_LACP_KEEPALIVE_H
#define VSWITCH_LACP_KEEPALIVE_H

#include <stdint.h>

#include "lacp_pdu.h"

struct lacp_keepalive;
struct lacp_kept;
struct switch_port;
struct vswitch;

#define LACP_KEEPALIVE_MAX 60000 /* ms */

/**
 * lacp_keepalive_create() - start the thread.
 * Return: it, or NULL with errno set.
 */
struct lacp_keepalive *lacp_keepalive_create(struct vswitch *sw);

/** lacp_keepalive_destroy() - end the thread; nothing is kept. NULL is legal. */
void lacp_keepalive_destroy(struct lacp_keepalive *keepalive);

/**
 * lacp_keepalive_add() - a member whose LACPDUs are to be watched over.
 * Return: its handle, or NULL: no memory.
 */
struct lacp_kept *lacp_keepalive_add(struct lacp_keepalive *keepalive,
				     const struct switch_port *port);

/** lacp_keepalive_del() - before the port goes. NULL is legal. */
void lacp_keepalive_del(struct lacp_keepalive *keepalive, struct lacp_kept *kept);

/**
 * lacp_keepalive_sent() - a LACPDU has been sent.
 * @frame: LACP_FRAME_LEN bytes.
 * @period: ms until the next one is due; 0: not to be watched over.
 */
void lacp_keepalive_sent(struct lacp_keepalive *keepalive, struct lacp_kept *kept,
			 const uint8_t *frame, uint32_t period);

/** lacp_keepalive_repeats() - how many LACPDUs were sent once more. */
uint64_t lacp_keepalive_repeats(struct lacp_keepalive *keepalive, const struct lacp_kept *kept);

#endif /* VSWITCH_LACP_KEEPALIVE_H */
