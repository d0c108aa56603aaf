/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tell the service manager how far we are, as sd_notify(3) does, without libsystemd.
 *
 * How: one datagram to the unix socket that $NOTIFY_SOCKET names. No variable, nothing to do.
 *
 * Thread-safety: any thread, as long as nobody changes the environment.
 */
#ifndef VSWITCH_SD_NOTIFY_H
#define VSWITCH_SD_NOTIFY_H

/**
 * sd_notify() - tell the service manager our state
 * @state: "READY=1", "STOPPING=1", "STATUS=..."; lines of sd_notify(3)
 *
 * Return: 1 if sent, 0 if there is no service manager, or -errno. Context: any thread.
 */
int sd_notify(const char *state);

#endif
