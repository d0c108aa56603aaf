/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include "nat_rules.h"

static bool
has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_UDPLITE;
}

static uint32_t
hash_of(const struct nat_rules *rules, uint32_t ip)
{
	/* neighbours differ in the last byte, and their products in the highest bits */
	return rte_be_to_cpu_32(ip) * 0x9e3779b1u >> 16 & rules->hash_mask;
}

const struct nat_ext_rule *
nat_rules_ext(const struct nat_rules *rules, uint32_t ip)
{
	for (uint32_t i = hash_of(rules, ip); rules->hash[i] != 0; i = (i + 1) & rules->hash_mask)
		if (rules->exts[rules->hash[i] - 1].ip == ip)
			return &rules->exts[rules->hash[i] - 1];
	return NULL;
}

static const struct nat_snat_rule *
snat_in(const struct nat_rules *rules, uint32_t first, uint32_t end, uint32_t src, uint16_t out)
{
	for (uint32_t i = first; i < end; i++) {
		const struct nat_snat_rule *rule = &rules->snats[i];

		if ((src & rule->mask) == rule->inside &&
		    (rule->out == NAT_OUT_ANY || out == NAT_OUT_ANY || rule->out == out))
			return rule;
	}
	return NULL;
}

const struct nat_snat_rule *
nat_rules_snat(const struct nat_rules *rules, uint16_t guest, uint32_t src, uint16_t out)
{
	const struct nat_snat_rule *rule = NULL;

	if (guest < NAT_GUESTS)
		rule = snat_in(rules, rules->guest_first[guest], rules->guest_first[guest + 1], src,
			       out);
	if (rule == NULL)
		rule = snat_in(rules, rules->guest_first[NAT_GUESTS], rules->n_snats, src, out);
	/* one without addresses is an exception from those that come after it */
	return rule != NULL && rule->n_pool > 0 ? rule : NULL;
}

const struct nat_dnat_rule *
nat_rules_dnat(const struct nat_rules *rules, const struct nat_ext_rule *ext, uint8_t proto,
	       uint16_t port)
{
	const struct nat_dnat_rule *dnats = &rules->dnats[ext->first];
	uint32_t low = 0, high = ext->n;

	/* the last rule that begins at or before the port */
	while (low < high) {
		uint32_t mid = (low + high) / 2;

		if (dnats[mid].proto < proto ||
		    (dnats[mid].proto == proto && dnats[mid].low <= port))
			low = mid + 1;
		else
			high = mid;
	}
	if (low > 0 && dnats[low - 1].proto == proto && dnats[low - 1].high >= port)
		return &dnats[low - 1];
	/* that for all protocols sorts first */
	return ext->n > 0 && dnats[0].proto == 0 ? &dnats[0] : NULL;
}

/* A guest's first, guests in order; then the longest prefix; then as given. */
static int
snat_compare(const void *a, const void *b)
{
	const struct nat_snat_rule *one = a, *two = b;

	if (one->guest != two->guest)
		return one->guest < two->guest ? -1 : 1;
	if (one->inside_len != two->inside_len)
		return one->inside_len > two->inside_len ? -1 : 1;
	return one->order < two->order ? -1 : 1;
}

static int
dnat_compare(const void *a, const void *b)
{
	const struct nat_dnat_rule *one = a, *two = b;

	if (one->ext != two->ext)
		return one->ext < two->ext ? -1 : 1;
	if (one->proto != two->proto)
		return one->proto < two->proto ? -1 : 1;
	return one->low != two->low ? one->low - two->low : one->order < two->order ? -1 : 1;
}

static bool
snat_ok(const struct nat_snat *snat)
{
	if (snat->inside_len > 32 || snat->n_ext > NAT_EXT_MAX || snat->port_low == 0 ||
	    snat->port_high < snat->port_low ||
	    (snat->guest >= NAT_GUESTS && snat->guest != NAT_GUEST_ANY) ||
	    (unsigned int)snat->mapping > NAT_MAP_ADDRESS_PORT_DEPENDENT ||
	    (unsigned int)snat->filtering > NAT_FILTER_NONE)
		return false;
	if (snat->mapping != NAT_MAP_ENDPOINT_INDEPENDENT &&
	    snat->filtering != NAT_FILTER_ADDRESS_PORT)
		return false;
	for (uint16_t i = 0; i < snat->n_ext; i++)
		if (snat->ext[i] == 0)
			return false;
	return true;
}

static bool
dnat_ok(const struct nat_dnat *dnat)
{
	if (dnat->ext == 0 || dnat->inside == 0 || dnat->guest >= NAT_GUESTS ||
	    dnat->ext_high < dnat->ext_low)
		return false;
	if (!has_ports(dnat->proto))
		return dnat->ext_high == 0 && dnat->inside_low == 0;
	return dnat->ext_low != 0 && dnat->inside_low != 0 &&
	       dnat->inside_low + (dnat->ext_high - dnat->ext_low) <= UINT16_MAX;
}

/* The entry of an address, made if need be. */
static struct nat_ext_rule *
ext_enter(struct nat_rules *rules, uint32_t ip)
{
	uint32_t i = hash_of(rules, ip);

	for (; rules->hash[i] != 0; i = (i + 1) & rules->hash_mask)
		if (rules->exts[rules->hash[i] - 1].ip == ip)
			return &rules->exts[rules->hash[i] - 1];
	if (rules->n_exts == NAT_EXT_MAX)
		return NULL;
	rules->exts[rules->n_exts] = (struct nat_ext_rule){ .ip = ip, .slot = -1 };
	rules->hash[i] = ++rules->n_exts;
	return &rules->exts[rules->n_exts - 1];
}

static int
compile_pool(struct nat_rules *rules, struct nat_exts *exts, const struct nat_snat *snat,
	     struct nat_pool_entry *pool)
{
	for (uint16_t i = 0; i < snat->n_ext; i++) {
		struct nat_ext_rule *ext = ext_enter(rules, snat->ext[i]);

		if (ext == NULL)
			return -ENOSPC;
		if (snat->mapping == NAT_MAP_ENDPOINT_INDEPENDENT && ext->slot < 0) {
			ext->slot = nat_ext_open(exts, snat->ext[i]);
			if (ext->slot < 0)
				return ext->slot;
		}
		pool[i].ip = snat->ext[i];
		pool[i].slot = ext->slot < 0 ? 0 : ext->slot;
	}
	return 0;
}

static int
compile_snats(struct nat_rules *rules, struct nat_exts *exts, const struct nat_snat *snats,
	      uint32_t n, uint32_t *ret_bad)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < n; i++) {
		const struct nat_snat *snat = &snats[i];
		uint32_t mask = snat->inside_len == 0 ? 0 : UINT32_MAX << (32 - snat->inside_len);
		int ret = compile_pool(rules, exts, snat, &rules->pool[at]);

		if (ret < 0) {
			*ret_bad = i;
			return ret;
		}
		rules->snats[i] = (struct nat_snat_rule){
			.mask = rte_cpu_to_be_32(mask),
			.inside = snat->inside & rte_cpu_to_be_32(mask),
			.inside_len = snat->inside_len,
			.guest = snat->guest,
			.out = snat->out,
			.port_low = snat->port_low,
			.port_high = snat->port_high,
			.mapping = snat->mapping,
			.filtering = snat->filtering,
			.n_pool = snat->n_ext,
			.pool = at,
			.order = i,
		};
		at += snat->n_ext;
	}
	rules->n_snats = n;
	qsort(rules->snats, n, sizeof(rules->snats[0]), snat_compare);
	for (uint32_t guest = 0, i = 0; guest <= NAT_GUESTS; guest++) {
		while (i < n && rules->snats[i].guest < guest)
			i++;
		rules->guest_first[guest] = i;
	}
	return 0;
}

static int
compile_dnats(struct nat_rules *rules, const struct nat_dnat *dnats, uint32_t n, uint32_t *ret_bad)
{
	for (uint32_t i = 0; i < n; i++) {
		bool ports = has_ports(dnats[i].proto);

		if (ext_enter(rules, dnats[i].ext) == NULL) {
			*ret_bad = i;
			return -ENOSPC;
		}
		rules->dnats[i] = (struct nat_dnat_rule){
			.ext = dnats[i].ext,
			.inside = dnats[i].inside,
			.low = dnats[i].ext_low,
			.high = ports ? dnats[i].ext_high : UINT16_MAX,
			.inside_low = dnats[i].inside_low,
			.guest = dnats[i].guest,
			.proto = dnats[i].proto,
			.order = i,
		};
	}
	rules->n_dnats = n;
	qsort(rules->dnats, n, sizeof(rules->dnats[0]), dnat_compare);
	for (uint32_t i = 0; i < n; i++) {
		const struct nat_dnat_rule *rule = &rules->dnats[i];
		struct nat_ext_rule *ext = ext_enter(rules, rule->ext);

		if (i > 0 && rule[-1].ext == rule->ext && rule[-1].proto == rule->proto &&
		    rule[-1].high >= rule->low) {
			*ret_bad = RTE_MAX(rule->order, rule[-1].order);
			return -EEXIST;
		}
		if (ext->n++ == 0)
			ext->first = i;
	}
	return 0;
}

static int
check(const struct nat_snat *snats, uint32_t n_snats, const struct nat_dnat *dnats,
      uint32_t n_dnats, uint32_t *ret_pool, uint32_t *ret_bad)
{
	*ret_pool = 0;
	for (*ret_bad = 0; *ret_bad < n_snats; (*ret_bad)++) {
		if (!snat_ok(&snats[*ret_bad]))
			return -EINVAL;
		*ret_pool += snats[*ret_bad].n_ext;
	}
	for (; *ret_bad < n_snats + n_dnats; (*ret_bad)++)
		if (!dnat_ok(&dnats[*ret_bad - n_snats]))
			return -EINVAL;
	return 0;
}

int
nat_rules_compile(struct nat_exts *exts, const struct nat_snat *snats, uint32_t n_snats,
		  const struct nat_dnat *dnats, uint32_t n_dnats, struct nat_rules **ret_rules,
		  uint32_t *ret_bad)
{
	struct nat_rules *rules;
	uint32_t n_pool;
	int ret;

	ret = check(snats, n_snats, dnats, n_dnats, &n_pool, ret_bad);
	if (ret < 0)
		return ret;
	*ret_bad = 0;
	rules = calloc(1, sizeof(*rules));
	if (rules == NULL)
		return -ENOMEM;
	rules->hash_mask = 4 * NAT_EXT_MAX - 1;
	rules->snats = calloc(n_snats + 1, sizeof(rules->snats[0]));
	rules->dnats = calloc(n_dnats + 1, sizeof(rules->dnats[0]));
	rules->pool = calloc(n_pool + 1, sizeof(rules->pool[0]));
	rules->exts = calloc(NAT_EXT_MAX, sizeof(rules->exts[0]));
	rules->hash = calloc(rules->hash_mask + 1, sizeof(rules->hash[0]));
	ret = -ENOMEM;
	if (rules->snats == NULL || rules->dnats == NULL || rules->pool == NULL ||
	    rules->exts == NULL || rules->hash == NULL)
		goto err_free;
	ret = compile_snats(rules, exts, snats, n_snats, ret_bad);
	if (ret < 0)
		goto err_free;
	ret = compile_dnats(rules, dnats, n_dnats, ret_bad);
	if (ret < 0) {
		*ret_bad += n_snats;
		goto err_free;
	}
	*ret_rules = rules;
	return 0;

err_free:
	nat_rules_free(rules);
	return ret;
}

void
nat_rules_free(void *arg)
{
	struct nat_rules *rules = arg;

	if (rules == NULL)
		return;
	free(rules->snats);
	free(rules->dnats);
	free(rules->pool);
	free(rules->exts);
	free(rules->hash);
	free(rules);
}
