/* SPDX-License-Identifier: BSD-3-Clause */
#include "xdp_device.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/libbpf.h>
#include <xdp/libxdp.h>

#include "ethtool.h"
#include "netlink.h"
#include "packet_socket.h"
#include "xdp_socket.h"

/* The kernel frees the queues of closed sockets and programs a moment later (a work queue). */
#define BUSY_TRIES 20
#define BUSY_USEC 5000

#define FEATURES_TAGS 3U /* those that take VLAN tags out of frames */

static const char *const features[] = { "rx-vlan-hw-parse", "rx-vlan-stag-hw-parse", "rx-gro" };

static const char *const mode_names[] = {
	[XSK_ZERO_COPY] = "af_xdp, zero-copy",
	[XSK_NATIVE] = "af_xdp, copy",
	[XSK_GENERIC] = "af_xdp, generic copy",
};
static_assert(RTE_DIM(mode_names) == XSK_MODES, "a mode has no name");

const char *
xdp_device_mode_name(const struct xdp_device *xdp)
{
	return mode_names[xdp->mode];
}

static int __rte_format_printf(3, 4) refuse(char *ret_reason, int ret, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(ret_reason, XDP_REASON_SIZE, format, args);
	va_end(args);
	return ret;
}

static const char *
driver_of(const struct xdp_device *xdp, char name[32])
{
	if (ethtool_driver(xdp->name, name, 32)[0] == '\0')
		snprintf(name, 32, "of %s", xdp->name);
	return name;
}

static int
too_many_queues(const struct xdp_device *xdp, uint16_t queues_max, char *ret_reason)
{
	return refuse(ret_reason, -E2BIG, "it has more queues than %u; \"ethtool -L %s\" sets them",
		      queues_max, xdp->name);
}

/* Where the driver does not say how many queues there are, binding to one more says so. */
static bool
has_no_more(const struct xdp_device *xdp, uint16_t n_rxq, int ret)
{
	return n_rxq != 0 ? xdp->n_queues == n_rxq : ret == -EINVAL && xdp->n_queues > 0;
}

static int
open_sockets(struct xdp_device *xdp, const struct netlink_link *link, uint16_t queues_max,
	     char *ret_reason)
{
	const bool zero_copy = xdp->mode == XSK_ZERO_COPY;
	uint16_t n_rxq = 0, n_txq = 0;
	struct xdp_socket *xsk = NULL;
	char driver[32];
	int ret = 0;

	ethtool_queues(xdp->name, &n_rxq, &n_txq);
	if (n_rxq > queues_max)
		return too_many_queues(xdp, queues_max, ret_reason);
	while (!has_no_more(xdp, n_rxq, 0)) {
		ret = xdp_socket_open(xdp->name, xdp->n_queues, link->mtu, zero_copy, &xsk);
		if (has_no_more(xdp, n_rxq, ret))
			break;
		if (ret == -EOPNOTSUPP && zero_copy)
			return refuse(ret_reason, ret, "driver %s has no zero-copy",
				      driver_of(xdp, driver));
		if (ret < 0)
			return refuse(ret_reason, ret, "no XDP socket on queue %u: %s",
				      xdp->n_queues, strerror(-ret));
		if (xdp->n_queues == queues_max) {
			xdp_socket_close(xsk);
			return too_many_queues(xdp, queues_max, ret_reason);
		}
		xdp->sockets[xdp->n_queues++] = xsk;
	}
	xdp->n_txq = n_txq > 0 ? RTE_MIN(n_txq, xdp->n_queues) : xdp->n_queues;
	return 0;
}

static int
prepare_features(struct xdp_device *xdp, char *ret_reason)
{
	/* generic mode is behind GRO */
	uint32_t which = FEATURES_TAGS | (xdp->mode == XSK_GENERIC ? 1U << 2 : 0);
	char driver[32];
	int ret;

	ret = ethtool_features_set(xdp->name, features, RTE_DIM(features), which, false,
				   &xdp->features);
	if (ret < 0)
		return refuse(ret_reason, ret, "driver %s takes VLAN tags out of frames",
			      driver_of(xdp, driver));
	return 0;
}

static int
open_program(struct xdp_device *xdp, const struct netlink_link *link, char *ret_reason)
{
	const bool generic = xdp->mode == XSK_GENERIC;
	char driver[32];
	int ret;

	ret = xdp_program_load(&xdp->program, xdp->n_queues);
	for (uint16_t q = 0; ret == 0 && q < xdp->n_queues; q++)
		ret = xdp_program_enter(&xdp->program, q, xdp_socket_fd(xdp->sockets[q]));
	if (ret < 0)
		return refuse(ret_reason, ret, "no XDP program: %s", strerror(-ret));
	ret = xdp_program_attach(&xdp->program, link->ifindex, generic);
	/* in this mode, or in another; unlike our own of a moment ago, it stays */
	if (ret == -EBUSY || ret == -EEXIST)
		return refuse(ret_reason, -EEXIST,
			      "there is another XDP program on it; \"ip link set %s xdp off\"",
			      xdp->name);
	if (ret == -ERANGE)
		return refuse(ret_reason, ret, "mtu %u is too large for XDP with driver %s",
			      link->mtu, driver_of(xdp, driver));
	if (ret < 0)
		return refuse(ret_reason, ret, "no %s XDP with driver %s: %s",
			      generic ? "generic" : "native", driver_of(xdp, driver),
			      strerror(-ret));
	return 0;
}

static int
open_once(struct xdp_device **ret_xdp, const struct netlink_link *link, enum xsk_mode mode,
	  uint16_t queues_max, char *ret_reason)
{
	struct xdp_device *xdp = calloc(1, sizeof(*xdp));
	int ret;

	if (xdp == NULL)
		return refuse(ret_reason, -ENOMEM, "no memory");
	xdp->mode = mode;
	xdp->ifindex = link->ifindex;
	xdp->promiscuous = -1;
	xdp->program = (struct xdp_program){ .map = -1, .prog = -1, .link = -1 };
	snprintf(xdp->name, sizeof(xdp->name), "%s", link->name);
	ret = open_sockets(xdp, link, queues_max, ret_reason);
	if (ret == 0)
		ret = prepare_features(xdp, ret_reason);
	if (ret == 0) {
		ret = xdp->promiscuous = packet_socket_promiscuous(link->ifindex);
		if (ret < 0)
			refuse(ret_reason, ret, "no promiscuous mode: %s", strerror(-ret));
	}
	if (ret >= 0)
		ret = open_program(xdp, link, ret_reason);
	if (ret == 0)
		*ret_xdp = xdp;
	else
		xdp_device_close(xdp);
	return ret;
}

struct xdp_device *
xdp_device_open(const struct netlink_link *link, enum xsk_mode worst, uint16_t queues_max,
		char ret_reason[XDP_REASON_SIZE])
{
	struct xdp_device *xdp = NULL;

	if (link->mtu > xdp_socket_mtu_max()) {
		refuse(ret_reason, -ERANGE, "mtu %u is more than a frame of AF_XDP holds (%u)",
		       link->mtu, xdp_socket_mtu_max());
		return NULL;
	}
	/* what they have to say is said in fewer words here */
	libbpf_set_print(NULL);
	libxdp_set_print(NULL);
	for (int mode = XSK_ZERO_COPY; mode <= (int)worst; mode++) {
		int ret = -EBUSY;

		for (int i = 0; i < BUSY_TRIES && ret == -EBUSY; i++) {
			if (i > 0)
				usleep(BUSY_USEC);
			ret = open_once(&xdp, link, mode, queues_max, ret_reason);
		}
		if (ret == 0)
			return xdp;
	}
	return NULL;
}

void
xdp_device_detach(struct xdp_device *xdp)
{
	char name[IFNAMSIZ];
	uint32_t changed;

	xdp_program_detach(&xdp->program);
	/* it may have another name now, or be gone */
	if (xdp->features != 0 && if_indextoname(xdp->ifindex, name) != NULL)
		ethtool_features_set(name, features, RTE_DIM(features), xdp->features, true,
				     &changed);
	xdp->features = 0;
}

void
xdp_device_close(struct xdp_device *xdp)
{
	if (xdp == NULL)
		return;
	xdp_device_detach(xdp);
	xdp_program_close(&xdp->program);
	if (xdp->promiscuous >= 0)
		close(xdp->promiscuous);
	for (uint16_t q = 0; q < xdp->n_queues; q++)
		xdp_socket_close(xdp->sockets[q]);
	free(xdp);
}

bool
xdp_device_fits(const struct xdp_device *xdp, uint32_t mtu)
{
	return mtu <= xdp_socket_mtu(xdp->sockets[0]);
}

uint64_t
xdp_device_losses(struct xdp_device *xdp)
{
	uint64_t lost = 0;

	for (uint16_t q = 0; q < xdp->n_queues; q++)
		lost += xdp_socket_losses(xdp->sockets[q]);
	return lost;
}
