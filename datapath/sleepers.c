/* SPDX-License-Identifier: BSD-3-Clause */
#include "sleepers.h"

void
sleepers_init(struct sleepers *sleepers)
{
	sleepers->n = 0;
	sleepers->next = UINT64_MAX;
}

int
sleepers_add(struct sleepers *sleepers, const struct sleeper *sleeper)
{
	struct sleeper *heap = sleepers->heap;
	uint32_t at = sleepers->n;

	if (at == SLEEPERS_MAX)
		return -ENOSPC;
	sleepers->n++;
	for (; at > 0 && heap[(at - 1) / 2].until > sleeper->until; at = (at - 1) / 2)
		heap[at] = heap[(at - 1) / 2];
	heap[at] = *sleeper;
	sleepers->next = heap[0].until;
	return 0;
}

/* Put a sleeper where the first one was, or where it belongs below. */
static void
sleepers_sink(struct sleepers *sleepers, const struct sleeper *sleeper)
{
	struct sleeper *heap = sleepers->heap;
	uint32_t at = 0, child;

	while ((child = 2 * at + 1) < sleepers->n) {
		if (child + 1 < sleepers->n && heap[child + 1].until < heap[child].until)
			child++;
		if (heap[child].until >= sleeper->until)
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = *sleeper;
}

bool
sleepers_take(struct sleepers *sleepers, uint64_t tsc, struct sleeper *ret_sleeper)
{
	if (sleepers->next > tsc || sleepers->n == 0)
		return false;
	*ret_sleeper = sleepers->heap[0];
	sleepers->n--;
	sleepers_sink(sleepers, &sleepers->heap[sleepers->n]);
	sleepers->next = sleepers->n > 0 ? sleepers->heap[0].until : UINT64_MAX;
	return true;
}
