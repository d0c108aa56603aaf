/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of NAT's table: rules become the workers', sessions age and end. */
#include "nat_control.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include <rte_eal.h>

#include "log.h"
#include "nat_control_priv.h"

#define JOB_PASSES_MAX 4

static const struct timeval age_period = { .tv_usec = 100000 };
static const struct timeval at_once = { .tv_usec = 100 };
static const struct timeval routes_period = { .tv_usec = 50000 };
static const struct timeval retry_period = { .tv_sec = 1 };

/* --- the table --- */

/* A table that no worker sees any more. */
struct retired_table {
	struct rcu_item item;
	struct nat *nat;
};

static void
table_retired(void *arg)
{
	struct retired_table *retired = arg;

	nat_destroy(retired->nat);
	free(retired);
}

static void
caps_set(struct nat_control *control, const struct switch_rif *rif)
{
	const struct port_config *port = &rif->port->config;
	const bool is_guest =
		rif->is_guest || port->kind == PORT_KIND_VIF || port->kind == PORT_KIND_VHOST;
	uint32_t sessions = port->nat_sessions, rate = port->nat_rate;

	if (sessions == 0 && is_guest)
		sessions = control->config.guest_sessions;
	if (rate == 0 && is_guest)
		rate = control->config.guest_rate;
	nat_guest_set(control->nat, rif->port->dp->id + 1, sessions, rate);
}

static int
table_make(struct nat_control *control, struct error *err)
{
	const struct nat_config config = {
		.max_sessions = control->config.max_sessions,
		.n_workers = control->sw->dp->n_workers,
		.huge = rte_eal_has_hugepages() != 0,
		.rcu = control->sw->rcu,
		.qsbr = control->sw->dp->qsbr,
	};

	control->nat = nat_create(&config);
	if (control->nat == NULL)
		return error_set(err, ENOMEM,
				 "nat: no memory for a table of %u sessions; set sessions-max of "
				 "nat-table",
				 config.max_sessions);
	nat_timeouts_set(control->nat, &control->config.timeouts);
	__atomic_store_n(&control->sw->routing->dp->nat, control->nat, __ATOMIC_RELEASE);
	return 0;
}

/* Give the table back when nobody needs it. */
static void
table_may_go(struct nat_control *control)
{
	struct retired_table *retired;

	if (control->nat == NULL || control->n_rules > 0 || !LIST_EMPTY(&control->jobs) ||
	    nat_count(control->nat) > 0)
		return;
	retired = calloc(1, sizeof(*retired));
	if (retired == NULL)
		return; /* later */
	retired->nat = control->nat;
	control->nat = NULL;
	__atomic_store_n(&control->sw->routing->dp->nat, NULL, __ATOMIC_RELEASE);
	rcu_retire(control->sw->rcu, &retired->item, table_retired, retired);
}

struct nat *
nat_table(const struct nat_control *control)
{
	return control->nat;
}

const struct nat_table_config *
nat_table_get(const struct nat_control *control)
{
	return &control->config;
}

int
nat_table_set(struct nat_control *control, const struct nat_table_config *config, struct error *err)
{
	const struct nat_table_config old = control->config;
	const struct nat_rule *rule;
	int ret = 0;

	if (config->mapping != NAT_MAP_ENDPOINT_INDEPENDENT &&
	    config->filtering != NAT_FILTER_ADDRESS_PORT)
		return error_set(err, EINVAL,
				 "nat-table: filtering: others than address-port-dependent need "
				 "mapping endpoint-independent");
	table_may_go(control);
	if (control->nat != NULL && config->max_sessions != old.max_sessions)
		return error_set(err, EBUSY,
				 "nat-table: sessions-max can only be changed while there are "
				 "neither rules nor sessions");
	control->config = *config;
	TAILQ_FOREACH(rule, &control->rules, list)
		if (ret == 0)
			ret = nat_rule_agrees(control, &rule->config, err);
	if (ret == 0)
		ret = nat_control_renew(control, NULL, err);
	if (ret < 0) {
		control->config = old;
		nat_control_renew(control, NULL, NULL);
		return ret;
	}
	if (control->nat != NULL)
		nat_timeouts_set(control->nat, &config->timeouts);
	return 0;
}

/* --- sessions that end --- */

static void
work_soon(struct nat_control *control)
{
	event_add(control->work, &at_once);
}

static void
job_graced(void *arg)
{
	struct nat_job *job = arg;

	job->waits = false;
	work_soon(job->control);
}

static void
job_wait(struct nat_job *job)
{
	job->waits = true;
	rcu_retire(job->control->sw->rcu, &job->grace, job_graced, job);
}

/* @is_flush: from now on; else what workers still begin is meant, too. */
static int
job_start(struct nat_control *control, const struct nat_filter *filter, bool is_flush)
{
	struct nat_job *job = calloc(1, sizeof(*job));

	if (job == NULL)
		return -ENOMEM;
	job->control = control;
	job->filter = *filter;
	job->is_flush = is_flush;
	LIST_INSERT_HEAD(&control->jobs, job, list);
	if (is_flush)
		work_soon(control);
	else
		job_wait(job);
	return 0;
}

static void
job_end(struct nat_job *job)
{
	if (job->waits)
		rcu_cancel(job->control->sw->rcu, &job->grace);
	LIST_REMOVE(job, list);
	free(job);
}

/* Some milliseconds of a job. */
static void
job_step(struct nat_job *job)
{
	if (nat_end(job->control->nat, &job->cursor, &job->filter, &job->ended) == -EAGAIN)
		return;
	/* one more may have begun by the mapping of one that has ended behind our back */
	if (job->is_flush || job->ended == 0 || ++job->passes == JOB_PASSES_MAX) {
		job_end(job);
		return;
	}
	job->cursor = 0;
	job->ended = 0;
	job_wait(job);
}

/* Return: whether there is more to do at once. */
static bool
jobs_work(struct nat_control *control)
{
	struct nat_job *job, *next;
	bool more = false;

	for (job = LIST_FIRST(&control->jobs); job != NULL; job = next) {
		next = LIST_NEXT(job, list);
		if (!job->waits)
			job_step(job);
	}
	LIST_FOREACH(job, &control->jobs, list)
		more |= !job->waits;
	return more;
}

static void
work(evutil_socket_t fd, short what, void *arg)
{
	struct nat_control *control = arg;
	bool more;

	if (control->nat == NULL)
		return;
	more = jobs_work(control);
	more |= nat_age(control->nat, switch_now());
	if (more)
		work_soon(control);
	else if (nat_count(control->nat) > 0)
		event_add(control->work, &age_period);
	table_may_go(control);
}

void
nat_control_tick(struct vswitch *sw)
{
	struct nat_control *control = sw->nat;

	if (control == NULL || control->nat == NULL)
		return;
	if (nat_count(control->nat) > 0 && !event_pending(control->work, EV_TIMEOUT, NULL))
		event_add(control->work, &age_period);
	table_may_go(control);
}

uint32_t
nat_control_now(void)
{
	return switch_now();
}

int
nat_flush(struct nat_control *control, const struct nat_filter *filter, struct error *err)
{
	if (control->nat == NULL)
		return 0;
	return job_start(control, filter, true) < 0 ?
		       error_set(err, ENOMEM, "nat sessions: no memory to end them") :
		       0;
}

bool
nat_flushing(const struct nat_control *control)
{
	const struct nat_job *job;

	LIST_FOREACH(job, &control->jobs, list)
		if (job->is_flush)
			return true;
	return false;
}

/* --- what workers get --- */

/* Sessions by addresses that are external no more end. */
static void
exts_gone(struct nat_control *control, const struct nat_ruleset *old)
{
	const struct nat_filter filter = { .orphans = true };
	bool gone = false;

	for (uint32_t i = 0; i < old->n_exts; i++)
		gone |= !nat_ruleset_has(&control->set, old->exts[i]);
	if (gone && job_start(control, &filter, false) < 0)
		log_line(LOG_ERR, "nat: no memory to end sessions: they time out");
}

/* Networks learn who answers for addresses that are new. */
static void
exts_new(struct nat_control *control, const struct nat_ruleset *old)
{
	for (uint32_t i = 0; i < control->set.n_exts; i++) {
		const struct ip_addr addr = ip_addr_make(AF_INET, &control->set.exts[i]);
		struct switch_rif *rif;

		if (nat_ruleset_has(old, control->set.exts[i]))
			continue;
		rif = rif_gateway(control->sw->routing, &addr);
		if (rif != NULL && nat_control_answers(rif, &addr))
			rif_announce(rif, &addr);
	}
}

static void
rifs_renew(struct nat_control *control)
{
	struct switch_rif *rif = NULL;

	while ((rif = rif_next(control->sw->routing, rif)) != NULL) {
		rif_renew_side(rif);
		if (control->nat != NULL)
			caps_set(control, rif);
	}
}

/* The rule that a forwarding overlaps with. */
static const struct nat_rule *
overlapping(const struct nat_ruleset *set, const struct nat_rule *rule)
{
	const struct nat_dnat_text *dnat = &rule->config.dnat;

	for (uint32_t i = 0; i < set->n_dnats; i++) {
		const struct nat_dnat *other = &set->dnats[i];

		if (set->dnat_rules[i] != rule && other->ext == rule->state.ext &&
		    other->proto == dnat->proto && other->ext_low <= dnat->ext_high &&
		    dnat->ext_low <= other->ext_high)
			return set->dnat_rules[i];
	}
	return rule;
}

/* Say why workers cannot have a rule. */
static void
refuse(const struct nat_ruleset *set, struct nat_rule *rule, int ret)
{
	char *reason = rule->state.reason;

	if (ret == -EEXIST)
		snprintf(reason, NAT_REASON_SIZE, "overlaps with nat %s",
			 overlapping(set, rule)->config.name);
	else if (ret == -ENOSPC)
		snprintf(reason, NAT_REASON_SIZE, "all rules together have more than %u addresses",
			 NAT_EXT_MAX);
	else
		snprintf(reason, NAT_REASON_SIZE, "%s",
			 ret == -EINVAL ? "an address is no station's" : "no memory for it");
}

/* Whom rules come from that could not be had: without it, they can. */
static struct nat_rule *
rule_at(const struct nat_ruleset *set, uint32_t i)
{
	if (i < set->n_snats)
		return set->snat_rules[i];
	return i - set->n_snats < set->n_dnats ? set->dnat_rules[i - set->n_snats] : NULL;
}

/* Let workers have the active rules, less those that cannot be had. */
static int
rules_publish(struct nat_control *control, struct nat_rule *must, struct error *err)
{
	struct nat_ruleset old = control->set, set;
	struct nat_rule *bad;
	uint32_t i = 0;
	int ret;

	for (;;) {
		if (nat_ruleset_build(control, &set) < 0)
			return error_set(err, ENOMEM, "nat: no memory for the rules");
		if (nat_ruleset_equal(&set, &old)) {
			nat_ruleset_free(&set);
			return 0;
		}
		ret = nat_rules_set(control->nat, set.snats, set.n_snats, set.dnats, set.n_dnats,
				    &i);
		if (ret == 0)
			break;
		bad = rule_at(&set, i);
		if (bad == NULL) {
			nat_ruleset_free(&set);
			return error_set(err, ENOMEM, "nat: no memory for the rules");
		}
		if (must != NULL && ret == -EEXIST && overlapping(&set, must) != must)
			bad = must; /* whichever came first */
		refuse(&set, bad, ret);
		nat_ruleset_free(&set);
		if (must != NULL && (bad == must || ret != -EEXIST))
			return error_set(err, -ret, "nat %s: %s", must->config.name,
					 bad->state.reason);
	}
	control->set = set;
	exts_gone(control, &old);
	exts_new(control, &old);
	nat_ruleset_free(&old);
	return 0;
}

int
nat_control_renew(struct nat_control *control, struct nat_rule *must, struct error *err)
{
	struct nat_rule *rule;
	int ret = 0;

	TAILQ_FOREACH(rule, &control->rules, list)
		nat_rule_resolve(control, &rule->config, &rule->state);
	if (control->n_rules > 0 && control->nat == NULL)
		ret = table_make(control, err);
	if (ret == 0 && control->nat != NULL)
		ret = rules_publish(control, must, err);
	if (ret == 0)
		rifs_renew(control);
	else if (must == NULL)
		event_add(control->renew, &retry_period);
	table_may_go(control);
	return ret;
}

static void
renew(evutil_socket_t fd, short what, void *arg)
{
	struct error err;

	if (nat_control_renew(arg, NULL, &err) < 0)
		log_line(LOG_ERR, "%s", err.msg);
}

void
nat_control_changed(struct vswitch *sw)
{
	static const struct timeval now;

	if (sw->nat != NULL && sw->nat->n_rules > 0)
		event_add(sw->nat->renew, &now);
}

void
nat_control_routes_changed(struct vswitch *sw)
{
	if (sw->nat != NULL && sw->nat->n_rules > 0 &&
	    !event_pending(sw->nat->renew, EV_TIMEOUT, NULL))
		event_add(sw->nat->renew, &routes_period);
}

void
nat_control_port_removed(struct switch_port *port)
{
	const struct nat_filter filter = { .guest = port->dp->id + 1 };
	struct nat_control *control = port->sw->nat;
	struct nat_guest_info info;

	if (control == NULL || control->nat == NULL)
		return;
	nat_guest_info(control->nat, filter.guest, &info);
	if (info.sessions > 0 && job_start(control, &filter, false) < 0)
		log_line(LOG_ERR, "port %s: no memory to end its NAT sessions: they time out",
			 port->config.name);
}

uint8_t
nat_control_side(const struct switch_rif *rif)
{
	const struct nat_control *control = rif->routing->sw->nat;
	const struct nat_rule *rule;
	const char *last = "";

	if (control == NULL || control->n_rules == 0)
		return NAT_OUTSIDE;
	TAILQ_FOREACH(rule, &control->rules, list) {
		const char *out = nat_rule_out(control, &rule->config);

		/* most rules name the same one as the rule before */
		if (strcmp(out, last) == 0)
			continue;
		if (nat_rule_denotes(out, rif))
			return NAT_OUTSIDE;
		last = out;
	}
	return NAT_INSIDE;
}

bool
nat_control_answers(const struct switch_rif *rif, const struct ip_addr *addr)
{
	const struct nat_control *control = rif->routing->sw->nat;
	uint32_t ip;

	if (control == NULL || addr->family != AF_INET || rif->side != NAT_OUTSIDE)
		return false;
	memcpy(&ip, addr->bytes, sizeof(ip));
	return nat_ruleset_has(&control->set, ip) && rif_gateway(rif->routing, addr) == rif;
}

void
nat_control_announce(struct switch_rif *rif)
{
	const struct nat_control *control = rif->routing->sw->nat;

	for (uint32_t i = 0; control != NULL && i < control->set.n_exts; i++) {
		const struct ip_addr addr = ip_addr_make(AF_INET, &control->set.exts[i]);

		if (!rif_has_addr(rif, &addr) && nat_control_answers(rif, &addr))
			rif_announce(rif, &addr);
	}
}

/* --- life --- */

static void
addr_changed(void *arg, const struct rif_addr *addr, bool added)
{
	nat_control_changed(arg);
}

struct nat_control *
nat_control_create(struct vswitch *sw, struct error *err)
{
	struct nat_control *control = calloc(1, sizeof(*control));

	if (control == NULL)
		goto err;
	control->sw = sw;
	control->config = (struct nat_table_config){
		.max_sessions = NAT_SESSIONS_DEFAULT,
		.mapping = NAT_MAP_ENDPOINT_INDEPENDENT,
		.filtering = NAT_FILTER_ADDRESS_PORT,
		.timeouts = NAT_TIMEOUTS_DEFAULT,
		.guest_sessions = 16384,
		.guest_rate = 10000,
	};
	TAILQ_INIT(&control->rules);
	LIST_INIT(&control->jobs);
	control->renew = evtimer_new(sw->base, renew, control);
	control->work = evtimer_new(sw->base, work, control);
	if (control->renew == NULL || control->work == NULL)
		goto err;
	addr_on_change(sw->routing, addr_changed, sw);
	return control;
err:
	if (control != NULL && control->renew != NULL)
		event_free(control->renew);
	free(control);
	error_set(err, ENOMEM, "no memory for NAT");
	return NULL;
}

void
nat_control_destroy(struct nat_control *control)
{
	struct nat_rule *rule;

	if (control == NULL)
		return;
	control->sw->nat = NULL;
	while (!LIST_EMPTY(&control->jobs))
		job_end(LIST_FIRST(&control->jobs));
	while ((rule = TAILQ_FIRST(&control->rules)) != NULL) {
		TAILQ_REMOVE(&control->rules, rule, list);
		free(rule);
	}
	/* workers have ended */
	control->sw->routing->dp->nat = NULL;
	nat_destroy(control->nat);
	nat_ruleset_free(&control->set);
	event_free(control->renew);
	event_free(control->work);
	free(control);
}
