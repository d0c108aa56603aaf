/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What ethtool(8) reads and sets of an interface, as far as AF_XDP and bonds need it.
 *
 * How: ioctl SIOCETHTOOL (linux/ethtool.h); features by the names that "ethtool -k" lists, such as
 * "rx-vlan-hw-parse", which that program calls rx-vlan-offload.
 *
 * Thread-safety: any thread.
 */
#ifndef VSWITCH_ETHTOOL_H
#define VSWITCH_ETHTOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** ethtool_driver() - name of an interface's driver. Return: @ret_name, "" if it is not known. */
const char *ethtool_driver(const char *ifname, char *ret_name, size_t size);

/**
 * ethtool_queues() - how many queues are in use.
 * @ret_rx, @ret_tx: queues each way; untouched on failure.
 * Return: 0, or -EOPNOTSUPP: the driver does not say.
 */
int ethtool_queues(const char *ifname, uint16_t *ret_rx, uint16_t *ret_tx);

/**
 * ethtool_speed() - how fast the link is.
 * @ret_full_duplex: is it? Untouched if it is not known.
 * Return: Mbit/s, or 0: the driver does not say.
 */
uint32_t ethtool_speed(const char *ifname, bool *ret_full_duplex);

/**
 * ethtool_features_set() - switch features on or off.
 * @names: of the features.
 * @n: how many, 1 .. 32.
 * @which: bit i: @names[i] is meant.
 * @on: what is wanted.
 * @ret_changed: which of them were otherwise, and now are as wanted; also after a failure.
 *
 * A feature that the kernel does not know is off.
 * Return: 0; -EOPNOTSUPP: one of them cannot be changed; or another -errno.
 */
int ethtool_features_set(const char *ifname, const char *const *names, unsigned int n,
			 uint32_t which, bool on, uint32_t *ret_changed);

#endif /* VSWITCH_ETHTOOL_H */
