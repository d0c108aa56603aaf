/* SPDX-License-Identifier: BSD-3-Clause */
/* What workers get of NAT's rules: the active ones, in the datapath's terms. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "nat_control_priv.h"

static bool
is_active(const struct nat_rule *rule)
{
	return rule->state.reason[0] == '\0';
}

/* Most of each that there may be. */
static void
count(const struct nat_control *control, struct nat_ruleset *ret_max)
{
	const struct switch_rif *rif = NULL;
	const struct nat_rule *rule;

	*ret_max = (struct nat_ruleset){ .n_snats = 1, .n_dnats = 1, .n_addrs = 1 };
	while ((rif = rif_next(control->sw->routing, rif)) != NULL)
		ret_max->n_snats += rif->keeps_source;
	TAILQ_FOREACH(rule, &control->rules, list) {
		ret_max->n_dnats += rule->config.kind == NAT_RULE_DNAT;
		ret_max->n_snats += RTE_MAX(rule->config.n_from, 1u);
		ret_max->n_addrs += RTE_MAX(rule->config.n_pool, 1u);
	}
}

static void
add_source(struct nat_ruleset *set, struct nat_rule *rule)
{
	static const struct ip_prefix all = { .addr.family = AF_INET };
	const struct nat_rule_config *config = &rule->config;
	const unsigned int n_from = RTE_MAX(config->n_from, 1u);
	uint32_t *ext = &set->addrs[set->n_addrs];
	uint16_t n_ext = 1;

	if (config->kind == NAT_RULE_SNAT) {
		n_ext = (uint16_t)config->n_pool;
		memcpy(ext, config->pool, n_ext * sizeof(ext[0]));
	} else {
		*ext = rule->state.ext;
	}
	set->n_addrs += n_ext;
	for (unsigned int i = 0; i < n_from; i++) {
		const struct ip_prefix *from = config->n_from > 0 ? &config->from[i] : &all;
		struct nat_snat *snat = &set->snats[set->n_snats];

		memcpy(&snat->inside, from->addr.bytes, sizeof(snat->inside));
		snat->inside_len = from->len;
		snat->guest = rule->state.guest;
		snat->out = rule->state.out_port;
		snat->ext = ext;
		snat->n_ext = n_ext;
		snat->port_low = config->port_low;
		snat->port_high = config->port_high;
		snat->mapping = rule->state.mapping;
		snat->filtering = rule->state.filtering;
		set->snat_rules[set->n_snats++] = rule;
	}
}

static void
add_forwarding(struct nat_ruleset *set, struct nat_rule *rule)
{
	const struct nat_dnat_text *text = &rule->config.dnat;
	struct nat_dnat *dnat = &set->dnats[set->n_dnats];

	dnat->proto = text->proto;
	dnat->ext = rule->state.ext;
	dnat->ext_low = text->ext_low;
	dnat->ext_high = text->ext_high;
	dnat->inside = text->inside.s_addr;
	dnat->inside_low = text->inside_low;
	dnat->guest = rule->state.guest;
	set->dnat_rules[set->n_dnats++] = rule;
}

/* Guests that source NAT leaves alone, by a rule without addresses. */
static void
add_exempt(struct nat_ruleset *set, const struct switch_rif *rif)
{
	struct nat_snat *snat = &set->snats[set->n_snats];

	snat->guest = rif->port->dp->id + 1;
	snat->out = NAT_OUT_ANY;
	snat->port_low = NAT_PORT_LOW;
	snat->port_high = NAT_PORT_HIGH;
	set->snat_rules[set->n_snats++] = NULL;
}

static int
ip_compare(const void *a, const void *b)
{
	const uint32_t one = *(const uint32_t *)a, two = *(const uint32_t *)b;

	return one < two ? -1 : one > two;
}

/* The external addresses, each once. */
static int
collect_exts(struct nat_ruleset *set)
{
	uint32_t n = 0, unique = 0;

	set->exts = calloc((size_t)set->n_addrs + set->n_dnats + 1, sizeof(set->exts[0]));
	if (set->exts == NULL)
		return -ENOMEM;
	memcpy(set->exts, set->addrs, set->n_addrs * sizeof(set->addrs[0]));
	n = set->n_addrs;
	for (uint32_t i = 0; i < set->n_dnats; i++)
		set->exts[n++] = set->dnats[i].ext;
	qsort(set->exts, n, sizeof(set->exts[0]), ip_compare);
	for (uint32_t i = 0; i < n; i++)
		if (i == 0 || set->exts[i] != set->exts[unique - 1])
			set->exts[unique++] = set->exts[i];
	set->n_exts = unique;
	return 0;
}

int
nat_ruleset_build(const struct nat_control *control, struct nat_ruleset *ret_set)
{
	const struct switch_rif *rif = NULL;
	struct nat_ruleset max, set = { 0 };
	struct nat_rule *rule;

	count(control, &max);
	set.snats = calloc(max.n_snats, sizeof(set.snats[0]));
	set.snat_rules = calloc(max.n_snats, sizeof(set.snat_rules[0]));
	set.dnats = calloc(max.n_dnats, sizeof(set.dnats[0]));
	set.dnat_rules = calloc(max.n_dnats, sizeof(set.dnat_rules[0]));
	set.addrs = calloc(max.n_addrs, sizeof(set.addrs[0]));
	if (set.snats == NULL || set.snat_rules == NULL || set.dnats == NULL ||
	    set.dnat_rules == NULL || set.addrs == NULL)
		goto err;
	while (control->n_rules > 0 && (rif = rif_next(control->sw->routing, rif)) != NULL)
		if (rif->keeps_source)
			add_exempt(&set, rif);
	TAILQ_FOREACH(rule, &control->rules, list) {
		if (is_active(rule) && rule->config.kind == NAT_RULE_DNAT)
			add_forwarding(&set, rule);
		else if (is_active(rule))
			add_source(&set, rule);
	}
	if (collect_exts(&set) < 0)
		goto err;
	*ret_set = set;
	return 0;
err:
	nat_ruleset_free(&set);
	return -ENOMEM;
}

void
nat_ruleset_free(struct nat_ruleset *set)
{
	free(set->snats);
	free(set->snat_rules);
	free(set->dnats);
	free(set->dnat_rules);
	free(set->addrs);
	free(set->exts);
	*set = (struct nat_ruleset){ 0 };
}

static bool
snat_equal(const struct nat_snat *a, const struct nat_snat *b)
{
	return a->inside == b->inside && a->inside_len == b->inside_len && a->guest == b->guest &&
	       a->out == b->out && a->n_ext == b->n_ext && a->port_low == b->port_low &&
	       a->port_high == b->port_high && a->mapping == b->mapping &&
	       a->filtering == b->filtering &&
	       (a->n_ext == 0 || memcmp(a->ext, b->ext, a->n_ext * sizeof(a->ext[0])) == 0);
}

static bool
dnat_equal(const struct nat_dnat *a, const struct nat_dnat *b)
{
	return a->proto == b->proto && a->ext == b->ext && a->ext_low == b->ext_low &&
	       a->ext_high == b->ext_high && a->inside == b->inside &&
	       a->inside_low == b->inside_low && a->guest == b->guest;
}

bool
nat_ruleset_equal(const struct nat_ruleset *a, const struct nat_ruleset *b)
{
	if (a->n_snats != b->n_snats || a->n_dnats != b->n_dnats)
		return false;
	for (uint32_t i = 0; i < a->n_snats; i++)
		if (!snat_equal(&a->snats[i], &b->snats[i]))
			return false;
	for (uint32_t i = 0; i < a->n_dnats; i++)
		if (!dnat_equal(&a->dnats[i], &b->dnats[i]))
			return false;
	return true;
}

bool
nat_ruleset_has(const struct nat_ruleset *set, uint32_t ip)
{
	return set->n_exts > 0 &&
	       bsearch(&ip, set->exts, set->n_exts, sizeof(ip), ip_compare) != NULL;
}
