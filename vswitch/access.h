/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Access: who may call which method, and a line in the log for everything that is changed, or that
 * somebody tried to change: who, what, and what came of it.
 *
 * How: a unix socket tells its peer's user and process, which nobody can forge. Whoever can connect
 * may read; root may change, and look at packets. The rest of what the log says of a caller is the
 * kernel's, too: the process's name and its parent's, its terminal, and as whom somebody had logged
 * in before becoming root (loginuid). Only user names are looked up, in /etc/passwd alone, since
 * other sources of them may take their time.
 *
 *	change: root (uid 0, pid 4711 vsctl of bash, pts/0, login alice): port set eth0 mtu 9000:
 *done change: alice (uid 1000, pid 4712 vsctl of bash, pts/1): bridge del xenbr0: refused: ...
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_ACCESS_H
#define VSWITCH_ACCESS_H

#include <stddef.h>

#include <jansson.h>

#include "rpc.h"

struct error;

#define ACCESS_WHO_SIZE 160
#define ACCESS_WHAT_SIZE 512
#define ACCESS_TOLD_MAX 64

/**
 * access_who() - who calls, for a log
 * @peer: who; not known: vswitchd itself
 * @ret_text: "root (uid 0, pid 4711 vsctl of bash, pts/0, login alice)"
 *
 * Return: @ret_text.
 */
const char *access_who(const struct rpc_peer *peer, char ret_text[ACCESS_WHO_SIZE]);

/**
 * access_describe() - a call as it could be typed, in printable ASCII
 * @method: "port.set"
 * @params: its parameters
 * @ret_text: "port set eth0 mtu 9000"
 * @size: bytes at @ret_text
 */
void access_describe(const char *method, const json_t *params, char *ret_text, size_t size);

/** access_log_change() - write the line of a change. @why: NULL: it is done; else why not. */
void access_log_change(const char *who, const char *what, const char *why);

/**
 * access_log_changes() - write the lines of a transaction that is done
 * @n: changes
 * @told: the first ACCESS_TOLD_MAX of them, as texts
 * @remark: at the end of the first line
 */
void access_log_changes(const char *who, const char *what, size_t n, const json_t *told,
			const char *remark);

/** access_clean() - replace what is not printable ASCII. */
void access_clean(char *text);

/** access_allow() - for struct rpc_dispatch; ctx is the struct vswitch. */
int access_allow(void *ctx, const struct rpc_peer *peer, const struct rpc_method *method,
		 struct error *err);

/** access_done() - the same. */
void access_done(void *ctx, const struct rpc_peer *peer, const struct rpc_method *method,
		 const json_t *params, int ret, const struct error *err);

#endif /* VSWITCH_ACCESS_H */
