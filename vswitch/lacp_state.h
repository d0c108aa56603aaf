/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * LACP's memory across a restart: what each member had agreed on with its partner, in a mapped file
 * (RUN_DIR/lacp.state), so that even a process that is killed leaves it.
 *
 * The file is a header and records of fixed size: names, numbers and bytes, no pointers. A record
 * has a checksum over its content, so that one that was half written is not believed, and the
 * header names the boot, since times are of CLOCK_MONOTONIC.
 *
 * Thread-safety: one thread.
 */
#ifndef VSWITCH_LACP_STATE_H
#define VSWITCH_LACP_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "lacp.h"

#define LACP_STATE_MEMBERS_MAX 1024
#define LACP_STATE_NAME_SIZE 16

struct error;
struct lacp_state;

/* Of one member of a bond. */
struct lacp_record {
	char bond[LACP_STATE_NAME_SIZE];
	char member[LACP_STATE_NAME_SIZE];
	uint16_t number; /* lacp_port_add() */
	bool has_saved;  /* it was in an aggregation */
	struct lacp_saved saved;
};

/**
 * lacp_state_open() - map the file, which is made if there is none. One that is of another kind, or
 * of another boot, is emptied.
 * Return: the state, or NULL with @err filled.
 */
struct lacp_state *lacp_state_open(const char *path, struct error *err);

/** lacp_state_close() - the file stays. NULL is legal. */
void lacp_state_close(struct lacp_state *state);

/**
 * lacp_state_find() - what is known of a member.
 * Return: false: nothing.
 */
bool lacp_state_find(const struct lacp_state *state, const char *bond, const char *member,
		     struct lacp_record *ret_record);

/**
 * lacp_state_put() - note a member, by its names.
 * @cursor: its place, to be kept by the caller and -1 at first.
 * If the file is full it is not noted.
 */
void lacp_state_put(struct lacp_state *state, const struct lacp_record *record, int *cursor);

/** lacp_state_drop() - forget a member. @cursor: as for lacp_state_put(). */
void lacp_state_drop(struct lacp_state *state, int *cursor);

/**
 * lacp_state_keep() - forget all members but those that were noted since the file was opened: of
 * bonds that are gone.
 */
void lacp_state_keep(struct lacp_state *state);

#endif /* VSWITCH_LACP_STATE_H */
