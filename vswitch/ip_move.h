/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Move what the host's IP has on one interface to another, all of it or nothing: addresses, routes
 * of all tables, policy rules that name the interface, permanent neighbours and what is known of
 * others.
 *
 * How: everything is made on the new interface first, beside what there is (begin); then what is on
 * the old one is taken away (commit). So there is no moment without an address, and connections do
 * not notice. Routes that cannot be there twice change over in one step of the kernel's, at the
 * commit. Each request that the kernel has granted leaves behind the one that takes it back; if
 * anything fails, or the move is aborted, these are made, the last one first.
 *
 * The kernel makes a link-local address of IPv6 by itself wherever an interface comes up: those of
 * the new interface give way to the old one's.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_IP_MOVE_H
#define VSWITCH_IP_MOVE_H

#include <stdbool.h>
#include <stdint.h>

#include "ip_message.h"

struct error;
struct ip_move;
struct netlink_link;
struct netlink_monitor;

/* What there was to be moved. */
struct ip_move_count {
	unsigned int addrs, routes, rules, neighbours;
};

/**
 * ip_move_begin() - read what @from has, and make it on @to
 * @to: is up
 * @mac: @to gets it before; NULL: it keeps its own
 * @mtu: the same; 0: it keeps its own
 * @lenient: what the kernel refuses is logged and left out, now and at the commit
 *
 * Return: the move, to be committed or aborted; or NULL with @err filled, and nothing has changed.
 */
struct ip_move *ip_move_begin(struct netlink_monitor *nl, const struct ip_place *from,
			      const struct ip_place *to, const uint8_t *mac, uint32_t mtu,
			      bool lenient, struct error *err);

/** ip_move_count() - what it moves. */
const struct ip_move_count *ip_move_count(const struct ip_move *move);

/**
 * ip_move_commit() - take it away from where it was
 *
 * Return: 0 or -errno with @err filled: then all is as it was before ip_move_begin(). The move can
 * still be aborted.
 */
int ip_move_commit(struct ip_move *move, struct error *err);

/** ip_move_abort() - all is as it was, also after the commit; and free it. NULL is legal. */
void ip_move_abort(struct ip_move *move);

/**
 * ip_move_note() - note what an interface has, in case that somebody deletes it
 * @ret_whole: false: addresses or routes changed meanwhile, and some may be missing
 *
 * Return: it, for ip_move_again(); ip_move_free() it; or NULL.
 */
struct ip_move *ip_move_note(struct netlink_monitor *nl, const struct ip_place *place,
			     bool *ret_whole);

/**
 * ip_move_again() - make what was noted on another interface, as far as the kernel lets us
 * @note: of one that is gone; it stays as it is, for another try
 * @to, @mac, @mtu: as for ip_move_begin()
 *
 * Return: 0: the interface was there to the end; or -errno, and what was made stays.
 */
int ip_move_again(struct ip_move *note, const struct ip_place *to, const uint8_t *mac, uint32_t mtu,
		  struct error *err);

/** ip_move_free() - it stays. NULL is legal. */
void ip_move_free(struct ip_move *move);

/**
 * ip_move_addr() - an address that an interface has, other than one that the kernel gives it.
 * Return: its text in @ret_text (@size bytes), or NULL: it has none.
 */
const char *ip_move_addr(struct netlink_monitor *nl, const struct ip_place *place, char *ret_text,
			 size_t size);

#endif /* VSWITCH_IP_MOVE_H */
