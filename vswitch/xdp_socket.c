/* SPDX-License-Identifier: BSD-3-Clause */
#include "xdp_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <xdp/xsk.h>

#include <rte_ether.h>
#include <rte_prefetch.h>
#include <rte_spinlock.h>

#include "offload.h"
#include "packet.h"
#include "vnet_io.h"

#define FRAME_SMALL 2048
#define FRAME_BIG 4096   /* the kernel's limit: a page */
#define XDP_HEADROOM 256 /* the kernel's XDP_PACKET_HEADROOM, in front of what is received */
#define TAGS_LEN 8       /* two VLAN tags */
#define WIRE_MIN 60      /* not all drivers pad what is shorter */
#define FRAMES (XDP_RX_FRAMES + XDP_TX_FRAMES)
#define COMPLETE_MAX 256      /* completions taken in one go */
#define KICK_TRIES 64         /* calls to send one burst; the kernel takes 32 frames in a call */
#define SEND_BUFFER (8 << 20) /* bytes: room for all frames when the kernel copies */

struct xdp_socket {
	/* worker that receives: rw */
	struct xsk_ring_cons rx;
	struct xsk_ring_prod fill;
	/* workers that send: rw, under the lock */
	rte_spinlock_t tx_lock __rte_cache_aligned;
	struct xsk_ring_prod tx;
	struct xsk_ring_cons done;
	uint16_t n_free;
	uint64_t free[XDP_TX_FRAMES]; /* addresses of frames that nobody uses */
	/* ro */
	uint8_t *area __rte_cache_aligned;
	uint32_t frame_size;
	bool zero_copy;
	int fd;
	/* control: rw */
	struct xsk_umem *umem;
	struct xsk_socket *xsk;
	uint64_t lost_seen;
} __rte_cache_aligned;

static uint32_t
mtu_of(uint32_t frame_size)
{
	return frame_size - XDP_HEADROOM - RTE_ETHER_HDR_LEN - TAGS_LEN;
}

uint32_t
xdp_socket_mtu_max(void)
{
	return mtu_of(FRAME_BIG);
}

uint32_t
xdp_socket_mtu(const struct xdp_socket *xsk)
{
	return mtu_of(xsk->frame_size);
}

int
xdp_socket_fd(const struct xdp_socket *xsk)
{
	return xsk->fd;
}

/* --- control --- */

static int
open_umem(struct xdp_socket *xsk)
{
	const struct xsk_umem_config config = {
		.fill_size = XDP_RX_FRAMES,
		.comp_size = XDP_TX_FRAMES,
		.frame_size = xsk->frame_size,
	};
	const size_t size = (size_t)FRAMES * xsk->frame_size;

	xsk->area = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (xsk->area == MAP_FAILED) {
		xsk->area = NULL;
		return -errno;
	}
	/* the kernel pins the pages: in large ones it has less to do */
	madvise(xsk->area, size, MADV_HUGEPAGE);
	return xsk_umem__create(&xsk->umem, xsk->area, size, &xsk->fill, &xsk->done, &config);
}

static int
open_socket(struct xdp_socket *xsk, const char *ifname, uint16_t queue)
{
	const struct xsk_socket_config config = {
		.rx_size = XDP_RX_FRAMES,
		.tx_size = XDP_TX_FRAMES,
		.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
		.bind_flags = XDP_USE_NEED_WAKEUP | (xsk->zero_copy ? XDP_ZEROCOPY : XDP_COPY),
	};
	const int size = SEND_BUFFER;
	int ret;

	ret = xsk_socket__create(&xsk->xsk, ifname, queue, xsk->umem, &xsk->rx, &xsk->tx, &config);
	if (ret < 0)
		return ret;
	xsk->fd = xsk_socket__fd(xsk->xsk);
	if (setsockopt(xsk->fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(xsk->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return 0;
}

/* The first frames are for receiving, the others for sending. */
static void
share_frames(struct xdp_socket *xsk)
{
	uint32_t at = 0;

	xsk_ring_prod__reserve(&xsk->fill, XDP_RX_FRAMES, &at);
	for (uint32_t i = 0; i < XDP_RX_FRAMES; i++)
		*xsk_ring_prod__fill_addr(&xsk->fill, at + i) = (uint64_t)i * xsk->frame_size;
	xsk_ring_prod__submit(&xsk->fill, XDP_RX_FRAMES);
	/* taken from the end: those used last are still in the cache */
	for (uint32_t i = 0; i < XDP_TX_FRAMES; i++)
		xsk->free[xsk->n_free++] = (uint64_t)(FRAMES - 1 - i) * xsk->frame_size;
}

int
xdp_socket_open(const char *ifname, uint16_t queue, uint32_t mtu, bool zero_copy,
		struct xdp_socket **ret_xsk)
{
	struct xdp_socket *xsk = NULL;
	int ret;

	if (posix_memalign((void **)&xsk, RTE_CACHE_LINE_SIZE, sizeof(*xsk)) != 0)
		return -ENOMEM;
	memset(xsk, 0, sizeof(*xsk));
	rte_spinlock_init(&xsk->tx_lock);
	xsk->frame_size = mtu <= mtu_of(FRAME_SMALL) ? FRAME_SMALL : FRAME_BIG;
	xsk->zero_copy = zero_copy;
	xsk->fd = -1;
	ret = open_umem(xsk);
	if (ret == 0)
		ret = open_socket(xsk, ifname, queue);
	if (ret < 0) {
		xdp_socket_close(xsk);
		return ret;
	}
	share_frames(xsk);
	*ret_xsk = xsk;
	return 0;
}

void
xdp_socket_close(struct xdp_socket *xsk)
{
	if (xsk == NULL)
		return;
	if (xsk->xsk != NULL)
		xsk_socket__delete(xsk->xsk);
	if (xsk->umem != NULL)
		xsk_umem__delete(xsk->umem);
	if (xsk->area != NULL)
		munmap(xsk->area, (size_t)FRAMES * xsk->frame_size);
	free(xsk);
}

uint64_t
xdp_socket_losses(struct xdp_socket *xsk)
{
	struct xdp_statistics stats = { 0 };
	socklen_t len = sizeof(stats);
	uint64_t seen = xsk->lost_seen;

	if (getsockopt(xsk->fd, SOL_XDP, XDP_STATISTICS, &stats, &len) == 0)
		xsk->lost_seen = stats.rx_dropped + stats.rx_ring_full;
	return xsk->lost_seen - seen;
}

/* --- worker: receive --- */

/* Copy a frame into @pkt, which is empty, and into more mbufs behind it if need be. */
static int
frame_read(struct worker *worker, struct rte_mbuf *pkt, const uint8_t *data, uint32_t len)
{
	uint32_t piece = RTE_MIN(len, rte_pktmbuf_tailroom(pkt));
	struct rte_mbuf *last = pkt;

	memcpy(rte_pktmbuf_mtod(pkt, void *), data, piece);
	pkt->data_len = piece;
	pkt->pkt_len = len;
	while (unlikely((len -= piece) > 0)) {
		data += piece;
		last->next = packet_tail(worker->pool);
		if (last->next == NULL)
			return -ENOBUFS;
		last = last->next;
		pkt->nb_segs++;
		piece = RTE_MIN(len, rte_pktmbuf_tailroom(last));
		memcpy(rte_pktmbuf_mtod(last, void *), data, piece);
		last->data_len = piece;
	}
	return 0;
}

/* Give the frames of the oldest @n descriptors back to the driver. */
static void
fill(struct xdp_socket *xsk, uint32_t rx_at, uint32_t n)
{
	uint32_t at = 0;

	/* there is always room: the ring is as long as there are frames */
	if (xsk_ring_prod__reserve(&xsk->fill, n, &at) == n) {
		for (uint32_t i = 0; i < n; i++)
			*xsk_ring_prod__fill_addr(&xsk->fill, at + i) =
				xsk_ring_cons__rx_desc(&xsk->rx, rx_at + i)->addr &
				~(uint64_t)(xsk->frame_size - 1);
		xsk_ring_prod__submit(&xsk->fill, n);
	}
	xsk_ring_cons__release(&xsk->rx, n);
}

static void
wake_receiver(struct xdp_socket *xsk)
{
	if (xsk_ring_prod__needs_wakeup(&xsk->fill))
		recvfrom(xsk->fd, NULL, 0, MSG_DONTWAIT, NULL, NULL);
}

uint16_t
xdp_socket_rx(struct worker *worker, struct port *port, struct xdp_socket *xsk,
	      struct rte_mbuf **pkts, uint16_t n)
{
	struct rte_mbuf *bufs[PORT_BURST_MAX];
	uint16_t got, had, kept = 0;
	uint32_t at = 0;

	got = xsk_ring_cons__peek(&xsk->rx, RTE_MIN(n, PORT_BURST_MAX), &at);
	if (got == 0) {
		wake_receiver(xsk);
		return 0;
	}
	had = vnet_rx_alloc(worker, bufs, got);
	for (uint16_t i = 0; i < had; i++) {
		const struct xdp_desc *desc = xsk_ring_cons__rx_desc(&xsk->rx, at + i);
		int ret = 0;

		if (i + 1 < had)
			rte_prefetch0(xsk->area +
				      xsk_ring_cons__rx_desc(&xsk->rx, at + i + 1)->addr);
		if (unlikely(desc->len < RTE_ETHER_HDR_LEN))
			ret = -DROP_RX_ERROR;
		else if (unlikely(frame_read(worker, bufs[i], xsk->area + desc->addr, desc->len) <
				  0))
			ret = -DROP_NO_BUFFER;
		if (likely(ret == 0)) {
			pkts[kept++] = bufs[i];
			continue;
		}
		port_rx_drop(worker, port, -ret, 1);
		rte_pktmbuf_free(bufs[i]);
	}
	if (unlikely(had < got))
		port_rx_drop(worker, port, DROP_NO_BUFFER, got - had);
	fill(xsk, at, got);
	wake_receiver(xsk);
	return kept;
}

/* --- worker: send --- */

static void
take_completions(struct xdp_socket *xsk)
{
	uint32_t at = 0, n;

	while ((n = xsk_ring_cons__peek(&xsk->done, COMPLETE_MAX, &at)) > 0) {
		for (uint32_t i = 0; i < n; i++)
			xsk->free[xsk->n_free++] = *xsk_ring_cons__comp_addr(&xsk->done, at + i);
		xsk_ring_cons__release(&xsk->done, n);
	}
}

/* Why a packet cannot be sent, or -1. */
static int
tx_fault(const struct xdp_socket *xsk, const struct rte_mbuf *pkt)
{
	/* queued for the port when it could do that */
	if (unlikely(pkt->ol_flags & OFFLOAD_BLANK_MASK))
		return DROP_OFFLOAD;
	return unlikely(pkt->pkt_len > xsk->frame_size - XDP_HEADROOM) ? DROP_MTU_EXCEEDED : -1;
}

/* Copy a packet to a frame. Return the frame's length. */
static uint32_t
frame_write(uint8_t *data, const struct rte_mbuf *pkt)
{
	uint32_t len = 0;

	for (; pkt != NULL; pkt = pkt->next) {
		memcpy(data + len, rte_pktmbuf_mtod(pkt, const void *), pkt->data_len);
		len += pkt->data_len;
	}
	if (len < WIRE_MIN) {
		memset(data + len, 0, WIRE_MIN - len);
		len = WIRE_MIN;
	}
	return len;
}

/* Is there something in the ring that the kernel has not taken? */
static bool
tx_waits(const struct xdp_socket *xsk)
{
	return __atomic_load_n(xsk->tx.consumer, __ATOMIC_RELAXED) != xsk->tx.cached_prod;
}

static void
wake_sender(struct xdp_socket *xsk)
{
	if (!xsk_ring_prod__needs_wakeup(&xsk->tx))
		return;
	/* a driver fetches the frames by itself; where the kernel copies, this call does it, up to
	 * what the NIC has room for */
	for (int i = 0; i < (xsk->zero_copy ? 1 : KICK_TRIES) && tx_waits(xsk); i++)
		if (sendto(xsk->fd, NULL, 0, MSG_DONTWAIT, NULL, 0) < 0 && errno != EAGAIN &&
		    errno != EBUSY && errno != ENOBUFS)
			break;
}

/* Put packets into the ring, under the lock. Return how many of @pkts were dealt with. */
static uint16_t
tx_enter(struct worker *worker, struct port *port, struct xdp_socket *xsk, struct rte_mbuf **pkts,
	 uint16_t n)
{
	uint32_t at = 0, entered = 0;
	struct xdp_desc *desc;
	uint16_t i;
	int fault;

	for (i = 0; i < n; i++) {
		fault = tx_fault(xsk, pkts[i]);
		if (unlikely(fault >= 0)) {
			port_tx_lost(worker, port, fault, 1, pkts[i]->pkt_len);
			port_drop_seen(worker, port, pkts[i], fault);
			continue;
		}
		if (xsk->n_free == 0 || xsk_ring_prod__reserve(&xsk->tx, 1, &at) == 0)
			break;
		desc = xsk_ring_prod__tx_desc(&xsk->tx, at);
		desc->addr = xsk->free[--xsk->n_free];
		desc->len = frame_write(xsk->area + desc->addr, pkts[i]);
		desc->options = 0;
		entered++;
	}
	if (entered > 0)
		xsk_ring_prod__submit(&xsk->tx, entered);
	return i;
}

uint16_t
xdp_socket_tx(struct worker *worker, struct port *port, struct xdp_socket *xsk,
	      struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t sent;

	rte_spinlock_lock(&xsk->tx_lock);
	take_completions(xsk);
	sent = tx_enter(worker, port, xsk, pkts, n);
	wake_sender(xsk);
	rte_spinlock_unlock(&xsk->tx_lock);
	rte_pktmbuf_free_bulk(pkts, sent);
	return sent;
}
