/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The port types that have no header of their own; see struct port_type for what they are.
 *
 * How: a const table of functions each, which the switch calls by the port's kind.
 *
 * Thread-safety: const tables; which of their functions are for workers is said at struct
 * port_type. The functions below are for the control thread.
 */
#ifndef VSWITCH_PORT_TYPES_H
#define VSWITCH_PORT_TYPES_H

#include "port.h"

struct port_stats;
struct switch_port;

/* A kernel interface by name, over AF_PACKET sockets. */
extern const struct port_type port_type_netdev;

/* The host's own interface, over /dev/net/tun. */
extern const struct port_type port_type_tap;

/** port_tap_is_ours() - was its interface made by a vswitchd? Control thread. */
bool port_tap_is_ours(const struct port *port);
#define PORT_TAP_ALIAS "vswitch host port" /* how an interface's alias says so, or begins */

/* A DPDK device, by PCI address or devargs. */
extern const struct port_type port_type_eth;

/* The port of a bond, of the bond's name: bond.h. */
extern const struct port_type port_type_bond;

/**
 * port_device_stats() - add to a port's counters what only its device knows. Control thread.
 * @sum: the sum of the workers' counters.
 *
 * Packets that the device or the kernel lost in front of the workers become received and dropped
 * (rx_error), so that the balance of drop.h holds; what it refused gets the reason for that.
 */
void port_device_stats(const struct switch_port *port, struct port_stats *sum);

/**
 * port_passed_stats() - add to a port's counters what has passed it on its way to or from another,
 * which counts it for the balance of drop.h. Control thread.
 */
void port_passed_stats(const struct switch_port *port, struct port_stats *sum);

/**
 * port_device_mode() - which of several ways a port uses, and why: "af_xdp, zero-copy". Control
 * thread.
 * Return: text that is good until the port changes; empty if there is nothing to tell.
 */
const char *port_device_mode(const struct switch_port *port);

/**
 * port_device_speed() - how fast a port's link is. Control thread.
 * @ret_full_duplex: is it?
 * Return: Mbit/s, or 0: the device does not say.
 */
uint32_t port_device_speed(const struct switch_port *port, bool *ret_full_duplex);

/**
 * port_device_watch() - notice changes of a port's link within some milliseconds, or as usual.
 * Control thread.
 */
void port_device_watch(const struct switch_port *port, bool closely);

/* The same of one type. */
const char *port_netdev_mode(const struct port *port);
void port_netdev_stats(struct port *port, struct port_stats *sum);
void port_tap_stats(struct port *port, struct port_stats *sum);
void port_eth_stats(struct port *port, struct port_stats *sum);
uint32_t port_eth_speed(const struct port *port, bool *ret_full_duplex);
void port_eth_watch(struct port *port, bool closely);
void port_netdev_watch(struct port *port, bool closely);

/**
 * port_netdev_unguard() - let the host's stack hear what comes in by the port's interface again,
 * as it is about to be closed. Control thread.
 */
void port_netdev_unguard(struct port *port);

#endif /* VSWITCH_PORT_TYPES_H */
