/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A guest's network frontend on the fake hypervisor, and the toolstack that made its device.
 *
 * It behaves as Linux' xen-netfront (drivers/net/xen-netfront.c) does: goes from Initialising to
 * Connected when the backend waits, posts all receive buffers, sends frames in chains of slots, and
 * holds it against a backend when responses are wrong ("broken"): unknown or repeated ids, indices
 * that go too far, packets that end in the middle. For hostile guests there are raw requests and
 * the shared rings themselves.
 *
 * Thread-safety: none; one thread at a time uses a frontend. It may run beside the backend's.
 */
#ifndef NETBACK_FAKE_FRONTEND_H
#define NETBACK_FAKE_FRONTEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/io/xenbus.h>

#include "hypervisor_fake.h"
#include "netback.h"
#include "netif_ring.h"

struct fake_frontend_config {
	uint16_t domid; /* 1 .. FAKE_DOMAINS - 1; its domain is made if it does not exist */
	uint32_t devid;
	uint16_t n_queues; /* 0 is 1 */
	bool split;        /* use split event channels if offered */
	bool no_sg;
	bool no_csum_ipv4;
	bool no_csum_ipv6;
	bool no_gso;
	bool ctrl;          /* make a control ring if it is offered */
	bool mcast;         /* request multicast control from the start */
	bool no_hotplug;    /* the toolstack knows no hotplug scripts */
	uint16_t n_buffers; /* posted when it connects; 0: as many as there can be */
};

struct fake_queue {
	struct netif_tx_sring *tx;
	struct netif_rx_sring *rx;
	uint32_t tx_ref, rx_ref;
	uint32_t tx_port, rx_port; /* the same unless split */
	uint32_t tx_prod, tx_cons; /* private indices */
	uint32_t rx_prod, rx_cons;
	uint8_t *tx_pages[NETIF_RING_SLOTS]; /* by id; made at first use */
	uint32_t tx_grefs[NETIF_RING_SLOTS];
	bool tx_busy[NETIF_RING_SLOTS];
	bool tx_extra[NETIF_RING_SLOTS]; /* by slot: an extra_info */
	uint16_t tx_next_id;
	uint8_t *rx_pages[NETIF_RING_SLOTS];
	uint32_t rx_grefs[NETIF_RING_SLOTS];
	/* what was seen */
	uint64_t tx_okay, tx_error, tx_null;
	uint64_t rx_error;
};

#define FAKE_CTRL_SLOTS 128

/* The control ring (fake_ctrl.h). */
struct fake_ctrl {
	struct xen_netif_ctrl_sring *ring; /* or NULL */
	uint32_t ref, port;
	uint32_t prod, cons; /* private indices */
	uint16_t types[FAKE_CTRL_SLOTS];
	bool hash_asked; /* so packets may come with hashes */
	void *page;      /* for what requests refer to */
	uint32_t page_ref;
};

struct fake_frontend {
	struct fake_hypervisor *fake;
	struct fake_frontend_config config;
	char frontend[64];
	char backend[64]; /* absolute */
	enum xenbus_state state;
	bool reset;         /* guest-driven reconnection under way */
	const char *broken; /* why a Linux guest would stop talking to this backend */
	uint16_t n_queues;  /* when connected */
	struct fake_queue queues[NETBACK_QUEUES_MAX];
	struct fake_ctrl ctrl;
};

/* A frame to send. */
struct fake_frame {
	const void *data;
	uint32_t len;
	uint16_t flags;                       /* NETTXF_csum_blank, NETTXF_data_validated */
	uint16_t slot_len;                    /* bytes per slot; 0: a page */
	uint16_t offset;                      /* in each page; offset + slot_len <= 4096 */
	const struct netif_extra_info *extra; /* or NULL */
};

/**
 * fake_toolstack_attach() - make the device as libxl does, in one transaction: both states 1.
 * The domain gets pages enough for all queues at first use.
 * Return: 0 or -errno.
 */
int fake_toolstack_attach(struct fake_hypervisor *fake, const struct fake_frontend_config *config);

/** fake_toolstack_hotplug() - write hotplug-status, as the script does. */
void fake_toolstack_hotplug(struct fake_hypervisor *fake, const struct fake_frontend_config *config,
			    const char *status);

/** fake_toolstack_detach() - ask for removal: online 0, backend state 5 unless it is 6. */
void fake_toolstack_detach(struct fake_hypervisor *fake, const struct fake_frontend_config *config);

/** fake_toolstack_force() - as detach, and remove the frontend's directory (xl destroy). */
void fake_toolstack_force(struct fake_hypervisor *fake, const struct fake_frontend_config *config);

/** fake_toolstack_remove() - remove both directories. */
void fake_toolstack_remove(struct fake_hypervisor *fake, const struct fake_frontend_config *config);

/** fake_backend_state() - what the backend has written; 0: its directory is gone. */
enum xenbus_state fake_backend_state(struct fake_hypervisor *fake,
				     const struct fake_frontend_config *config);

/** fake_frontend_create() - the guest's driver for a device of the toolstack, or NULL. */
struct fake_frontend *fake_frontend_create(struct fake_hypervisor *fake,
					   const struct fake_frontend_config *config);

/** fake_frontend_destroy() - the guest is gone; the store is left as it is. NULL is legal. */
void fake_frontend_destroy(struct fake_frontend *frontend);

/** fake_frontend_step() - look at the backend's state and react. Return: own state. */
enum xenbus_state fake_frontend_step(struct fake_frontend *frontend);

/** fake_frontend_reset() - start a reconnection as a driver reload does; fake_frontend_step() goes
 * on. */
void fake_frontend_reset(struct fake_frontend *frontend);

/** fake_frontend_write() - write a key of the frontend's directory. @value: NULL removes. */
void fake_frontend_write(struct fake_frontend *frontend, const char *key, const char *value);

/**
 * fake_frontend_send() - put a frame into the ring and publish it.
 * Return: slots used, or -ENOBUFS: no room (reap).
 */
int fake_frontend_send(struct fake_frontend *frontend, uint16_t queue,
		       const struct fake_frame *frame);

/** fake_frontend_raw() - put any request into the ring without publishing. */
void fake_frontend_raw(struct fake_frontend *frontend, uint16_t queue, const void *request);

/** fake_frontend_push() - publish what was put into the ring, and kick the backend if it asks. */
void fake_frontend_push(struct fake_frontend *frontend, uint16_t queue);

/** fake_frontend_reap() - take responses to what was sent, and check them. Return: how many. */
uint32_t fake_frontend_reap(struct fake_frontend *frontend, uint16_t queue);

/** fake_frontend_post() - post up to @n receive buffers; as many as there are. */
void fake_frontend_post(struct fake_frontend *frontend, uint16_t queue, uint32_t n);

/* What came with a packet. */
struct fake_packet {
	uint16_t flags; /* NETRXF_* of its first slot */
	uint16_t mss;   /* of a super-packet, or 0 */
	uint8_t gso;    /* XEN_NETIF_GSO_TYPE_* */
	bool has_hash;
	uint8_t hash_type; /* _XEN_NETIF_CTRL_HASH_TYPE_* */
	uint32_t hash;
};

/**
 * fake_frontend_recv() - take a packet, and post its buffers again.
 * @ret_packet: what came with it; may be NULL.
 * Return: bytes, 0: none, or -EIO: one of its slots says error.
 */
int fake_frontend_recv(struct fake_frontend *frontend, uint16_t queue, void *buf, size_t size,
		       struct fake_packet *ret_packet);

#endif /* NETBACK_FAKE_FRONTEND_H */
