/* SPDX-License-Identifier: BSD-3-Clause */
/* What an operator sees. */
#include <errno.h>

#include "nat_impl.h"

#define SHOW_SCAN 65536u /* sessions that one call looks at */

static const char *
state_name(const struct nat_session *session)
{
	const uint8_t state = __atomic_load_n(&session->state, __ATOMIC_RELAXED);
	const bool both = (state & NAT_SEEN_BOTH) == NAT_SEEN_BOTH;

	if (nat_end_proto(session->end[0]) != IPPROTO_TCP)
		return both ? "both-ways" : "one-way";
	if (state & NAT_RST)
		return "reset";
	if ((state & NAT_FIN_BOTH) == NAT_FIN_BOTH)
		return "closed";
	if (state & NAT_FIN_BOTH)
		return "closing";
	return both ? "established" : "opening";
}

int
nat_session_next(const struct nat *nat, uint32_t *cursor, const struct nat_filter *filter,
		 uint32_t now, struct nat_session_info *ret_info)
{
	const uint32_t fresh = nat_fresh(nat);

	for (uint32_t n = 0; *cursor + 1 < fresh; n++) {
		const struct nat_session *session;
		uint32_t timeout;
		int32_t idle;

		if (n == SHOW_SCAN)
			return -EAGAIN;
		session = &nat->sessions[++*cursor];
		if (!nat_filter_matches(nat, filter, session))
			continue;
		timeout = nat_timeout_of(nat, session);
		idle = now - __atomic_load_n(&session->seen, __ATOMIC_RELAXED);
		idle = RTE_MAX(idle, 0);
		*ret_info = (struct nat_session_info){
			.proto = nat_end_proto(session->end[0]),
			.state = state_name(session),
			.guest = session->guest,
			.inside = nat_end_ip(session->end[0]),
			.ext = nat_end_ip(session->end[1]),
			.remote = nat_end_ip(session->remote),
			.inside_port = nat_end_port(session->end[0]),
			.ext_port = nat_end_port(session->end[1]),
			.remote_port = nat_end_port(session->remote),
			.idle = idle,
			.age = RTE_MAX((int32_t)(now - session->created), 0),
			.expires = timeout > (uint32_t)idle ? timeout - idle : 0,
		};
		return 1;
	}
	return 0;
}

void
nat_stats_get(const struct nat *nat, struct nat_stats *ret_stats)
{
	uint64_t *sum = (uint64_t *)ret_stats;

	*ret_stats = (struct nat_stats){ 0 };
	for (uint16_t i = 0; i < nat->n_workers; i++) {
		const uint64_t *stats = (const uint64_t *)&nat->workers[i].stats;

		for (unsigned int k = 0; k < sizeof(*ret_stats) / sizeof(*sum); k++)
			sum[k] += __atomic_load_n(&stats[k], __ATOMIC_RELAXED);
	}
}

void
nat_memory(const struct nat *nat, double *ret_per_session, size_t *ret_total)
{
	size_t total =
		((size_t)nat->max_sessions + 1) *
			(sizeof(struct nat_session) + sizeof(nat->free[0])) +
		((size_t)nat->index.n_buckets + nat->index.n_spare) * sizeof(struct nat_bucket);

	*ret_per_session = (double)total / nat->max_sessions;
	*ret_total = total + NAT_GUESTS * sizeof(nat->guests[0]) + sizeof(*nat->frags) +
		     sizeof(*nat) + nat->n_workers * sizeof(nat->workers[0]);
}
