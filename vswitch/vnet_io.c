/* SPDX-License-Identifier: BSD-3-Clause */
#include "vnet_io.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "packet.h"

uint16_t
vnet_rx_alloc(struct worker *worker, struct rte_mbuf **pkts, uint16_t n)
{
	while (unlikely(n > 0 && rte_pktmbuf_alloc_bulk(worker->pool, pkts, n) != 0))
		n /= 2;
	return n;
}

void
vnet_rx_discard(struct worker *worker, struct port *port, int fd)
{
	struct virtio_net_hdr hdr;
	uint16_t n = 0;

	/* a packet goes with its first bytes, whatever is read of it; EINVAL: it had no header */
	while (n < PORT_BURST_MAX && (read(fd, &hdr, sizeof(hdr)) >= 0 || errno == EINVAL))
		n++;
	if (n > 0)
		port_rx_drop(worker, port, DROP_NO_BUFFER, n);
}

void
vnet_rx_iov(struct worker *worker, uint16_t slot, struct virtio_net_hdr *hdr, struct rte_mbuf *pkt,
	    struct iovec iov[VNET_RX_IOV])
{
	iov[0] = (struct iovec){ .iov_base = hdr, .iov_len = sizeof(*hdr) };
	iov[1] = (struct iovec){
		.iov_base = rte_pktmbuf_mtod(pkt, void *),
		.iov_len = rte_pktmbuf_tailroom(pkt),
	};
	iov[2] = (struct iovec){
		.iov_base = worker->rx_overflow[slot],
		.iov_len = sizeof(worker->rx_overflow[slot]),
	};
}

/* Copy the overflow into mbufs behind @pkt. */
static int
append_overflow(struct worker *worker, struct rte_mbuf *pkt, const uint8_t *data, uint32_t len)
{
	struct rte_mbuf *last = pkt, *m;
	uint32_t piece;

	for (; len > 0; len -= piece, data += piece) {
		m = packet_tail(worker->pool);
		if (m == NULL)
			return -ENOBUFS;
		piece = RTE_MIN(len, rte_pktmbuf_tailroom(m));
		memcpy(rte_pktmbuf_mtod(m, void *), data, piece);
		m->data_len = piece;
		last->next = m;
		last = m;
		pkt->nb_segs++;
		pkt->pkt_len += piece;
	}
	return 0;
}

int
vnet_rx_finish(struct worker *worker, uint16_t slot, struct rte_mbuf *pkt, uint32_t len)
{
	const uint32_t room = rte_pktmbuf_tailroom(pkt);

	pkt->data_len = RTE_MIN(len, room);
	pkt->pkt_len = pkt->data_len;
	if (likely(len <= room))
		return 0;
	if (append_overflow(worker, pkt, worker->rx_overflow[slot], len - room) == 0)
		return 0;
	rte_pktmbuf_free(pkt->next);
	pkt->next = NULL;
	pkt->nb_segs = 1;
	pkt->data_len = 0;
	pkt->pkt_len = 0;
	return -ENOBUFS;
}

/* Have as many spares as a packet can need. */
static bool
fill_stock(struct worker *worker)
{
	const uint32_t size = rte_pktmbuf_data_room_size(worker->pool);
	const uint32_t n = (WORKER_OVERFLOW_SIZE + size - 1) / size;

	if (unlikely(n > WORKER_SPARES_MAX))
		return false;
	while (worker->n_spares < n) {
		struct rte_mbuf *m = packet_tail(worker->pool);

		if (unlikely(m == NULL))
			return false;
		worker->spares[worker->n_spares++] = m;
	}
	return true;
}

uint16_t
vnet_chain_iov(struct worker *worker, struct virtio_net_hdr *hdr, struct rte_mbuf *pkt,
	       struct iovec iov[VNET_CHAIN_IOV])
{
	uint16_t n = 0;

	if (unlikely(!fill_stock(worker)))
		return 0;
	iov[n++] = (struct iovec){ .iov_base = hdr, .iov_len = sizeof(*hdr) };
	iov[n++] = (struct iovec){
		.iov_base = rte_pktmbuf_mtod(pkt, void *),
		.iov_len = rte_pktmbuf_tailroom(pkt),
	};
	/* from the end of the stock, as they will be taken out of it */
	for (uint16_t i = worker->n_spares; i > 0; i--)
		iov[n++] = (struct iovec){
			.iov_base = rte_pktmbuf_mtod(worker->spares[i - 1], void *),
			.iov_len = rte_pktmbuf_tailroom(worker->spares[i - 1]),
		};
	return n;
}

void
vnet_chain_finish(struct worker *worker, struct rte_mbuf *pkt, uint32_t len)
{
	struct rte_mbuf *last = pkt;

	pkt->pkt_len = len;
	pkt->data_len = RTE_MIN(len, (uint32_t)rte_pktmbuf_tailroom(pkt));
	while ((len -= last->data_len) > 0) {
		last->next = worker->spares[--worker->n_spares];
		last = last->next;
		last->data_len = RTE_MIN(len, (uint32_t)rte_pktmbuf_tailroom(last));
		pkt->nb_segs++;
	}
}

uint16_t
vnet_tx_iov(const struct rte_mbuf *pkt, struct virtio_net_hdr *hdr, struct iovec *iov, uint16_t max)
{
	const struct rte_mbuf *m;
	uint16_t n = 0;

	if (pkt->nb_segs >= max)
		return 0;
	vnet_hdr_write(pkt, hdr);
	iov[n++] = (struct iovec){ .iov_base = hdr, .iov_len = sizeof(*hdr) };
	for (m = pkt; m != NULL; m = m->next)
		iov[n++] = (struct iovec){
			.iov_base = rte_pktmbuf_mtod(m, void *),
			.iov_len = m->data_len,
		};
	return n;
}

bool
vnet_tx_refused(struct worker *worker, const struct port *port, struct rte_mbuf *pkt, int error)
{
	enum drop_reason reason;

	if (error == EMSGSIZE)
		reason = DROP_MTU_EXCEEDED;
	else if (error == EINVAL || error == E2BIG)
		reason = DROP_OFFLOAD;
	else
		return false;
	port_drop_seen(worker, port, pkt, reason);
	port_tx_lost(worker, port, reason, 1, pkt->pkt_len);
	return true;
}
