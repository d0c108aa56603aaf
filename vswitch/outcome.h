/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What has come of transactions, until who asked for them has been told.
 *
 * How: one for each client there may be. Who has gone without asking is forgotten when the room is
 * needed, the oldest first.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_OUTCOME_H
#define VSWITCH_OUTCOME_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "rpc.h"

struct outcome {
	const void *token; /* whose */
	uint64_t number;   /* 0: free */
	size_t n_done;
	struct error err; /* code 0: all is done */
};

/* All zero at first. */
struct outcomes {
	struct outcome all[RPC_CLIENTS_MAX];
	uint64_t n;
};

/** outcome_put() - keep one. @token: NULL: nobody will ask. @n_done: steps. @err: copied. */
void outcome_put(struct outcomes *outcomes, const void *token, size_t n_done,
		 const struct error *err);

/** outcome_forget() - the one of a client that has gone, whose memory is another's now */
void outcome_forget(struct outcomes *outcomes, const void *token);

/** outcome_take() - it is told, and forgotten. Return: 0 or -errno, as it was; -ENOENT: unknown. */
int outcome_take(struct outcomes *outcomes, const void *token, size_t *ret_done,
		 struct error *ret_err);

#endif /* VSWITCH_OUTCOME_H */
