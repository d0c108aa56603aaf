/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Moves: stations that were behind one port, and then behind another, lately. Two stations with one
 * MAC do that again and again, and what goes round in a loop. How often is read off the events.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_MOVES_H
#define VSWITCH_MOVES_H

#include <jansson.h>

struct vswitch;

#define MOVES_SECONDS 60 /* that are looked at */
#define MOVES_MIN 4      /* of one station in these: more than a guest that migrates */

/**
 * moves_find() - the stations that have moved
 * @mac: only this one; NULL: all.
 * Return: {"MAC VID BRIDGE": the last event of its moves, with their number as "moves"}
 */
json_t *moves_find(const struct vswitch *sw, const char *mac);

#endif /* VSWITCH_MOVES_H */
