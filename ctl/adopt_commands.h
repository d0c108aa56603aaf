/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * "bridge adopt" and "bridge release": a NIC of the host's, with all that the host has on it.
 *
 * Thread-safety: one thread.
 */
#ifndef CTL_ADOPT_COMMANDS_H
#define CTL_ADOPT_COMMANDS_H

struct client;
struct error;
struct request;

/* Each: Return 0, or -errno with @err filled; -ENOEXEC: wrong usage. */
int adopt_nic(struct client *client, const struct request *request, struct error *err);
int release_nic(struct client *client, const struct request *request, struct error *err);

#endif
