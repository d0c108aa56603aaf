/* SPDX-License-Identifier: BSD-3-Clause */
#include "delay.h"

const struct delay_bound delay_bounds[DELAY_BUCKETS] = {
	{ 50000, "5e-05" },    { 100000, "0.0001" },   { 250000, "0.00025" }, { 500000, "0.0005" },
	{ 1000000, "0.001" },  { 2500000, "0.0025" },  { 5000000, "0.005" },  { 10000000, "0.01" },
	{ 25000000, "0.025" }, { 50000000, "0.05" },   { 100000000, "0.1" },  { 250000000, "0.25" },
	{ 1000000000, "1.0" }, { UINT64_MAX, "+Inf" },
};

void
delay_count(struct delay_histogram *histogram, uint64_t nsec)
{
	unsigned int i = 0;

	while (nsec > delay_bounds[i].nsec)
		i++;
	histogram->buckets[i]++;
	histogram->nsec += nsec;
}
