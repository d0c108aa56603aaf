/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The real Xen as a struct hypervisor: /dev/xen/gntdev, /dev/xen/evtchn and xenstored.
 *
 * Open it after the process has daemonised: handles do not survive a fork.
 *
 * Thread-safety: see hypervisor.h.
 */
#ifndef NETBACK_HYPERVISOR_XEN_H
#define NETBACK_HYPERVISOR_XEN_H

#include <stdbool.h>

#include "hypervisor.h"

struct error;
struct own_pages;

/**
 * hypervisor_xen_open() - connect to xenstored and open the grant device. Control thread.
 * @pages: memory that most copies are to and from, which outlives all threads; or NULL.
 * Return: 0, or -errno with @err filled.
 */
int hypervisor_xen_open(struct hypervisor *ret_hv, const struct own_pages *pages,
			struct error *err);

/**
 * hypervisor_xen_close() - close it; all its threads must have been destroyed. Touches no node of
 * the store. Closing a struct that was never opened (all zero) is legal. Control thread.
 */
void hypervisor_xen_close(struct hypervisor *hv);

/**
 * hypervisor_xen_kernel_netback() - is the kernel's xen-netback there? It would fight for the same
 * devices. Any thread.
 */
bool hypervisor_xen_kernel_netback(void);

#endif /* NETBACK_HYPERVISOR_XEN_H */
