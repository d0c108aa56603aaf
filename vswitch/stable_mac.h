/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * MAC addresses for what has none of its own: always the same on a host, and different on others.
 *
 * Thread-safety: any thread.
 */
#ifndef VSWITCH_STABLE_MAC_H
#define VSWITCH_STABLE_MAC_H

#include <stdint.h>

/**
 * stable_mac() - an address that stays the same whenever what it names is made again, and differs
 * between hosts: from the machine's id and the name, locally administered.
 * @name: differs between all that shall differ.
 */
void stable_mac(const char *name, uint8_t ret_mac[6]);

#endif /* VSWITCH_STABLE_MAC_H */
