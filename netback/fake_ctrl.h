/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control ring of a guest on the fake hypervisor (fake_frontend.h): messages about hashing and
 * static grants. It exists while the frontend is connected, if its config says so and the backend
 * offers it.
 *
 * Thread-safety: as fake_frontend.h.
 */
#ifndef NETBACK_FAKE_CTRL_H
#define NETBACK_FAKE_CTRL_H

#include "fake_frontend.h"

/** fake_ctrl_create() - make the ring and tell the backend by keys. For fake_frontend.c. */
void fake_ctrl_create(struct fake_frontend *frontend);

/** fake_ctrl_free() - take it back. For fake_frontend.c. */
void fake_ctrl_free(struct fake_frontend *frontend);

/** fake_ctrl_put() - put a request into the ring without publishing. Return: its id. */
uint16_t fake_ctrl_put(struct fake_frontend *frontend, uint16_t type, uint32_t a, uint32_t b,
		       uint32_t c);

/** fake_ctrl_push() - publish what was put, and kick the backend if it asks. */
void fake_ctrl_push(struct fake_frontend *frontend);

/**
 * fake_ctrl_take() - take a response and check that it belongs to a request.
 * Return: whether there was one.
 */
bool fake_ctrl_take(struct fake_frontend *frontend, struct xen_netif_ctrl_response *ret_response);

/**
 * fake_ctrl_list() - put the grants of all buffers of a queue on the list, and make those that do
 * not exist yet.
 * Return: how many.
 */
uint32_t fake_ctrl_list(struct fake_frontend *frontend, uint16_t queue);

#endif /* NETBACK_FAKE_CTRL_H */
