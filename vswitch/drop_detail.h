/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is behind a port's drops for a reason here and now: the numbers and names that the text for
 * all (common/drop_text.c) cannot have.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_DROP_DETAIL_H
#define VSWITCH_DROP_DETAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "drop.h"

struct switch_port;

#define DROP_DETAIL_SIZE 200

/**
 * drop_detail() - such as "larger than MTU 1500 of port eth0; port vif3.0 on bridge xenbr0 has
 * 9000"
 * @port: that counts them.
 * @vlan: of the packets; DROP_VLAN_UNKNOWN (drop_log.h): not known.
 * Return: is there something to tell?
 */
bool drop_detail(const struct switch_port *port, enum drop_reason reason, uint16_t vlan,
		 char ret_text[DROP_DETAIL_SIZE]);

/**
 * drop_at_fault() - the port that a remedy is about.
 * @port: that counts the packets.
 * Return: its name, or "OTHER": another one, such as that which they were routed to.
 */
const char *drop_at_fault(const struct switch_port *port, enum drop_reason reason);

#endif /* VSWITCH_DROP_DETAIL_H */
