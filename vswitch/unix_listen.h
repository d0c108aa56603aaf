/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Unix sockets that listen for the host's administrators: mode 0660, of the group vswitch if the
 * host has one.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_UNIX_LISTEN_H
#define VSWITCH_UNIX_LISTEN_H

struct error;

#define UNIX_GROUP "vswitch" /* that may connect */

/**
 * unix_listen() - listen on a unix stream socket
 * @path: whatever is there is replaced
 *
 * The socket appears at @path when clients can connect, and not before, and never with wider
 * permissions.
 *
 * Return: the socket, not blocking, or -errno with @err filled.
 */
int unix_listen(const char *path, struct error *err);

#endif /* VSWITCH_UNIX_LISTEN_H */
