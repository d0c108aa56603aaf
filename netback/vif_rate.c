/* SPDX-License-Identifier: BSD-3-Clause */
#include "vif_rate.h"

#include <stdbool.h>
#include <stdlib.h>

#include <rte_common.h>

#define BYTES_PER_USEC_MAX (UINT64_C(1) << 17) /* 1 Tbit/s; more is as good as unlimited */

struct vif_rate *
vif_rate_create(const struct rate *rate)
{
	struct vif_rate *bucket = calloc(1, sizeof(*bucket));

	if (bucket == NULL)
		return NULL;
	bucket->rate = *rate;
	bucket->bytes = RTE_MIN(rate->bytes, rate->usec * BYTES_PER_USEC_MAX);
	bucket->burst = RTE_MAX(bucket->bytes, (uint64_t)VIF_RATE_BURST);
	bucket->used = -bucket->burst;
	return bucket;
}

/* When the first interval began: with the first packet. */
static uint64_t
rate_start(struct vif_rate *bucket, uint64_t now)
{
	uint64_t start = __atomic_load_n(&bucket->start, __ATOMIC_RELAXED);

	if (start == 0 && __atomic_compare_exchange_n(&bucket->start, &start, now, false,
						      __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		start = now;
	return start;
}

/* Until there are @missing more bytes: for the rest of this interval, and some whole ones. */
static uint64_t
rate_wait(const struct vif_rate *bucket, uint64_t missing, uint64_t passed)
{
	const uint64_t usec = bucket->rate.usec;

	return usec - passed % usec + (missing - 1) / bucket->bytes * usec;
}

uint64_t
vif_rate_take(struct vif_rate *bucket, uint32_t size, uint64_t now)
{
	const uint64_t usec = bucket->rate.usec, start = rate_start(bucket, now);
	/* another worker may have read the clock first, and started later */
	const uint64_t passed = (int64_t)(now - start) > 0 ? now - start : 0;
	const uint64_t given = passed / usec * bucket->bytes;
	uint64_t used = __atomic_load_n(&bucket->used, __ATOMIC_RELAXED), next;

	do {
		next = used;
		/* what the bucket does not hold is lost */
		if ((int64_t)(given - used) > (int64_t)bucket->burst)
			next = given - bucket->burst;
		if ((int64_t)(given - next) < (int64_t)size)
			return rate_wait(bucket, size - (given - next), passed);
		next += size;
	} while (!__atomic_compare_exchange_n(&bucket->used, &used, next, true, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
	return 0;
}
