/* SPDX-License-Identifier: BSD-3-Clause */
/* Caps: a guest that opens millions of sessions exhausts itself and nobody else. */
#include <rte_cycles.h>

#include "nat_impl.h"

#define BURST_PER_SECOND 10 /* a tenth of a second's worth at once */

/*
 * May one more begin now? Virtual scheduling (GCRA): `next` is when the next would be due at
 * the exact rate; it may be ahead of time by `burst`.
 */
static bool
guest_rate(struct nat_guest *guest, uint64_t interval)
{
	const uint64_t now = rte_rdtsc();
	uint64_t next = __atomic_load_n(&guest->next, __ATOMIC_RELAXED), due;

	do {
		due = (int64_t)(next - now) > 0 ? next : now;
		if (due - now > __atomic_load_n(&guest->burst, __ATOMIC_RELAXED))
			return false;
	} while (!__atomic_compare_exchange_n(&guest->next, &next, due + interval, true,
					      __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return true;
}

uint8_t
nat_guest_take(struct nat *nat, uint16_t number)
{
	struct nat_guest *guest = &nat->guests[number];
	const uint32_t max = __atomic_load_n(&guest->max_sessions, __ATOMIC_RELAXED);
	const uint64_t interval = __atomic_load_n(&guest->interval, __ATOMIC_RELAXED);

	if (number == NAT_GUEST_NONE)
		return IP_KEEP;
	if (__atomic_add_fetch(&guest->sessions, 1, __ATOMIC_RELAXED) > max && max != 0) {
		nat_guest_give(nat, number);
		__atomic_fetch_add(&guest->refused_sessions, 1, __ATOMIC_RELAXED);
		return DROP_NAT_SESSIONS;
	}
	if (interval != 0 && !guest_rate(guest, interval)) {
		nat_guest_give(nat, number);
		__atomic_fetch_add(&guest->refused_rate, 1, __ATOMIC_RELAXED);
		return DROP_NAT_RATE;
	}
	return IP_KEEP;
}

uint8_t
nat_guest_may(const struct nat *nat, uint16_t number)
{
	const struct nat_guest *guest = &nat->guests[number];
	const uint64_t ahead = guest->next - rte_rdtsc();

	if (number == NAT_GUEST_NONE)
		return IP_KEEP;
	if (guest->max_sessions != 0 && guest->sessions >= guest->max_sessions)
		return DROP_NAT_SESSIONS;
	if (guest->interval != 0 && (int64_t)ahead > 0 && ahead > guest->burst)
		return DROP_NAT_RATE;
	return IP_KEEP;
}

void
nat_guest_give(struct nat *nat, uint16_t number)
{
	if (number != NAT_GUEST_NONE)
		__atomic_fetch_sub(&nat->guests[number].sessions, 1, __ATOMIC_RELAXED);
}

void
nat_guest_set(struct nat *nat, uint16_t number, uint32_t max_sessions, uint32_t per_second)
{
	struct nat_guest *guest = &nat->guests[number];
	const uint64_t hz = rte_get_tsc_hz();

	guest->per_second = per_second;
	__atomic_store_n(&guest->max_sessions, max_sessions, __ATOMIC_RELAXED);
	__atomic_store_n(&guest->burst, hz / BURST_PER_SECOND, __ATOMIC_RELAXED);
	__atomic_store_n(&guest->interval, per_second == 0 ? 0 : RTE_MAX(hz / per_second, 1u),
			 __ATOMIC_RELAXED);
}

void
nat_guest_info(const struct nat *nat, uint16_t number, struct nat_guest_info *ret_info)
{
	const struct nat_guest *guest = &nat->guests[number];

	*ret_info = (struct nat_guest_info){
		.sessions = __atomic_load_n(&guest->sessions, __ATOMIC_RELAXED),
		.max_sessions = guest->max_sessions,
		.per_second = guest->per_second,
		.refused_sessions = __atomic_load_n(&guest->refused_sessions, __ATOMIC_RELAXED),
		.refused_rate = __atomic_load_n(&guest->refused_rate, __ATOMIC_RELAXED),
	};
}
