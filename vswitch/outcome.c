/* SPDX-License-Identifier: BSD-3-Clause */
#include "outcome.h"

#include <errno.h>

static struct outcome *
outcome_find(struct outcomes *outcomes, const void *token)
{
	for (size_t i = 0; i < RPC_CLIENTS_MAX; i++)
		if (outcomes->all[i].token == token)
			return &outcomes->all[i];
	return NULL;
}

void
outcome_put(struct outcomes *outcomes, const void *token, size_t n_done, const struct error *err)
{
	struct outcome *outcome = &outcomes->all[0];

	if (token == NULL)
		return;
	for (size_t i = 0; i < RPC_CLIENTS_MAX; i++)
		if (outcomes->all[i].number < outcome->number)
			outcome = &outcomes->all[i];
	*outcome = (struct outcome){
		.token = token,
		.number = ++outcomes->n,
		.n_done = n_done,
		.err = *err,
	};
}

void
outcome_forget(struct outcomes *outcomes, const void *token)
{
	struct outcome *outcome = token != NULL ? outcome_find(outcomes, token) : NULL;

	if (outcome != NULL)
		*outcome = (struct outcome){ 0 };
}

int
outcome_take(struct outcomes *outcomes, const void *token, size_t *ret_done, struct error *ret_err)
{
	struct outcome *outcome = token != NULL ? outcome_find(outcomes, token) : NULL;
	struct outcome taken;

	if (outcome == NULL)
		return error_set(ret_err, ENOENT, "what has come of it is not known any more");
	taken = *outcome;
	*outcome = (struct outcome){ 0 };
	*ret_done = taken.n_done;
	return taken.err.code == 0 ? 0 : error_set(ret_err, taken.err.code, "%s", taken.err.msg);
}
