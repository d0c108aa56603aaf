/* SPDX-License-Identifier: BSD-3-Clause */
#include "mirrors.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_mbuf_dyn.h>

#include "bond.h"
#include "error.h"
#include "log.h"
#include "mirror.h"
#include "mirror_flows.h"
#include "netback.h"
#include "port_vlan.h"
#include "routing.h"
#include "switch_priv.h"
#include "unknown.h"

struct mirror_job {
	LIST_ENTRY(mirror_job) list;
	struct mirror_config config;
	struct vswitch *sw;
	unsigned int slot;
	struct mirror_count *counts;
	char out[SWITCH_NAME_SIZE]; /* config.to, or the port of its own */
	struct mirror_flows *flows; /* MIRROR_TO_IPFIX */
	uint64_t pushed;            /* packets that softflowd has been given so far */
	struct rcu_item retired;
};

/* A set that workers may look at, until it is freed. */
struct published {
	struct mirror_set set;
	struct rcu_item retired;
};

struct mirrors {
	struct vswitch *sw;
	LIST_HEAD(, mirror_job) jobs;
	struct published *published; /* NULL: none */
};

static struct mirror_job *
job_find(const struct vswitch *sw, const char *name)
{
	struct mirror_job *job;

	if (sw->mirrors != NULL)
		LIST_FOREACH(job, &sw->mirrors->jobs, list)
			if (strcmp(job->config.name, name) == 0)
				return job;
	return NULL;
}

/* The mirror that sends to a port, or NULL. */
static const struct mirror_job *
job_to(const struct vswitch *sw, const char *port)
{
	const struct mirror_job *job;

	if (sw->mirrors != NULL)
		LIST_FOREACH(job, &sw->mirrors->jobs, list)
			if (strcmp(job->out, port) == 0)
				return job;
	return NULL;
}

/* The mirror that copies what passes a port, or NULL. */
static const struct mirror_job *
job_of(const struct vswitch *sw, const char *port)
{
	const struct mirror_job *job;

	if (sw->mirrors != NULL && port[0] != '\0')
		LIST_FOREACH(job, &sw->mirrors->jobs, list)
			if (strcmp(job->config.port, port) == 0)
				return job;
	return NULL;
}

/* --- what is in the way --- */

/* Has a port another use than to be sent copies? Return: 0, or -errno with @err filled. */
static int
end_check(const struct switch_port *port, struct error *err)
{
	const struct routing *routing = port->sw->routing;
	const char *name = port->config.name;

	if (port->bridge != NULL)
		return error_set(err, EBUSY,
				 "port %s is on bridge %s; a mirror's is on none: \"vsctl port set "
				 "%s bridge none\"",
				 name, port->bridge->name, name);
	if (port->member != NULL)
		return error_set(err, EBUSY, "port %s is a member of bond %s", name,
				 port->member->bond->name);
	if (port->subports != NULL)
		return error_set(err, EBUSY,
				 "port %s has VLAN ports such as %s; a mirror's has none", name,
				 port_vlan_next(port, NULL)->config.name);
	if (!port->config.is_auto && routing != NULL && rif_find(port->sw->routing, port) != NULL)
		return error_set(err, EBUSY, "port %s is a routed port", name);
	return 0;
}

/* The port that copies of a mirror are to leave by, as things are; NULL: none, with @err filled. */
static struct switch_port *
job_resolve(const struct mirror_job *job, struct error *err)
{
	const struct mirror_config *config = &job->config;
	struct switch_port *out = switch_port_find(job->sw, job->out);

	if (config->bridge[0] != '\0' && switch_bridge_find(job->sw, config->bridge) == NULL)
		error_set(err, ENOENT, "there is no bridge %s", config->bridge);
	else if (config->port[0] != '\0' && switch_port_find(job->sw, config->port) == NULL)
		error_set(err, ENOENT, "there is no port %s", config->port);
	else if (out == NULL)
		error_set(err, ENOENT, "there is no port %s", job->out);
	else if (end_check(out, err) == 0)
		return out;
	return NULL;
}

int
mirror_end_is_busy(const struct switch_port *port, struct error *err)
{
	const struct mirror_job *job = job_to(port->sw, port->config.name);

	return error_set(err, EBUSY,
			 "port %s: mirror %s sends to it; \"vsctl mirror del %s\" ends that",
			 port->config.name, job != NULL ? job->config.name : "-",
			 job != NULL ? job->config.name : "NAME");
}

/* --- sets --- */

static void
set_add(struct mirror_set *set, struct mirror_job *job)
{
	const struct mirror_config *config = &job->config;
	const bool is_bridge = config->bridge[0] != '\0';
	struct mirror *mirror = &set->mirrors[job->slot];
	const struct switch_port *out, *port;

	out = job_resolve(job, NULL);
	if (out == NULL)
		return;
	*mirror = (struct mirror){
		.out = out->dp->id,
		.generation = out->dp->generation,
		.vid = config->vlan != 0 ? config->vlan : MIRROR_VID_ANY,
		.is_bridge = is_bridge,
		.marks = out->dp->type->hands_on,
		.length = config->length,
		.counts = job->counts,
	};
	LIST_FOREACH(port, &job->sw->ports, list) {
		if (is_bridge ? port->bridge == NULL ||
					strcmp(port->bridge->name, config->bridge) != 0 :
				strcmp(port->config.name, config->port) != 0)
			continue;
		if (config->in)
			set->wanted[MIRROR_IN][port->dp->id] |= 1u << job->slot;
		if (config->out && !is_bridge)
			set->wanted[MIRROR_OUT][port->dp->id] |= 1u << job->slot;
	}
}

/* Let workers see the mirrors that there are now. Return: 0, or -ENOMEM: they see the old ones. */
static int
publish(struct vswitch *sw)
{
	struct mirrors *mirrors = sw->mirrors;
	struct published *old = mirrors->published, *new = NULL;
	struct switch_port *port;
	struct mirror_job *job;

	if (!LIST_EMPTY(&mirrors->jobs)) {
		new = calloc(1, sizeof(*new));
		if (new == NULL)
			return -ENOMEM;
	}
	LIST_FOREACH(port, &sw->ports, list) {
		const bool is_end = job_to(sw, port->config.name) != NULL;

		if (port->is_mirror_end == is_end)
			continue;
		port->is_mirror_end = is_end;
		switch_port_apply_caps(port);
	}
	LIST_FOREACH(job, &mirrors->jobs, list)
		set_add(&new->set, job);
	mirrors->published = new;
	__atomic_store_n(&sw->dp->mirrors, new != NULL ? &new->set : NULL, __ATOMIC_RELEASE);
	if (old != NULL)
		rcu_retire(sw->rcu, &old->retired, free, old);
	return 0;
}

void
mirror_ports_changed(struct vswitch *sw)
{
	if (sw->mirrors != NULL && publish(sw) < 0)
		log_line(LOG_WARNING, "mirrors: no memory: what has changed is copied later");
}

/* --- ports of their own --- */

/* A name that neither a port nor an interface has. */
static void
own_name(struct vswitch *sw, char name[SWITCH_NAME_SIZE])
{
	for (unsigned int i = 0; i <= PORT_MAX; i++) {
		snprintf(name, SWITCH_NAME_SIZE, "mirror%u", i);
		if (switch_port_find(sw, name) == NULL && !switch_port_closing(sw, name) &&
		    if_nametoindex(name) == 0)
			return;
	}
}

static int
end_open(struct mirror_job *job, struct error *err)
{
	const struct mirror_config *config = &job->config;
	struct switch_port *port = NULL;

	if (config->kind == MIRROR_TO_PORT) {
		memcpy(job->out, config->to, sizeof(job->out));
		return 0;
	}
	own_name(job->sw, job->out);
	if (config->kind == MIRROR_TO_VXLAN)
		port = port_vxlan_make(job->sw, job->out, &config->vxlan, err);
	else
		job->flows = mirror_flows_create(job->sw, job->out, config->ipfix,
						 config->ipfix_timeout, &port, err);
	return port != NULL ? 0 : err->code;
}

static void
end_close(struct mirror_job *job)
{
	struct switch_port *port = switch_port_find(job->sw, job->out);

	mirror_flows_destroy(job->flows);
	if (job->config.kind == MIRROR_TO_VXLAN && port != NULL)
		port_vxlan_end(port);
}

/* --- mirrors --- */

static void
job_free(void *arg)
{
	struct mirror_job *job = arg;

	free(job->counts);
	free(job);
}

static struct mirror_job *
job_create(struct vswitch *sw, const struct mirror_config *config)
{
	struct mirror_job *job = calloc(1, sizeof(*job));

	if (job == NULL || posix_memalign((void **)&job->counts, RTE_CACHE_LINE_SIZE,
					  WORKER_MAX * sizeof(job->counts[0])) != 0) {
		free(job);
		return NULL;
	}
	memset(job->counts, 0, WORKER_MAX * sizeof(job->counts[0]));
	job->config = *config;
	job->sw = sw;
	return job;
}

/*
 * Is all there that an operator names? A guest's port comes and goes, and while the daemon starts
 * anything may yet come: it had been there when the file was written.
 */
static int
names_check(struct vswitch *sw, const struct mirror_config *config, struct error *err)
{
	const char *names[] = { config->port, config->to };
	unsigned int domid, devid;

	if (!sw->started)
		return 0;
	if (config->bridge[0] != '\0' && switch_bridge_find(sw, config->bridge) == NULL)
		return unknown_bridge(sw, config->bridge, err);
	for (size_t i = 0; i < RTE_DIM(names); i++)
		if (names[i][0] != '\0' && switch_port_find(sw, names[i]) == NULL &&
		    vif_name_parse(names[i], &domid, &devid) < 0)
			return unknown_port(sw, names[i], err);
	return 0;
}

static int
config_check(struct vswitch *sw, const struct mirror_config *config, struct error *err)
{
	const struct switch_port *to = switch_port_find(sw, config->to);
	const struct mirror_job *into = job_to(sw, config->port), *of = job_of(sw, config->to);
	int ret = names_check(sw, config, err);

	if (ret < 0)
		return ret;
	if (config->to[0] != '\0' && strcmp(config->port, config->to) == 0)
		return error_set(err, EINVAL, "port %s would be sent copies of itself", config->to);
	if (into != NULL)
		return error_set(err, EBUSY, "port %s is where mirror %s sends to", config->port,
				 into->config.name);
	if (of != NULL)
		return error_set(err, EBUSY, "port %s is what mirror %s copies", config->to,
				 of->config.name);
	if (to != NULL && to->config.is_auto)
		return error_set(err, EBUSY, "port %s is the switch's own", config->to);
	/* while the daemon starts: that may be from when it was allowed, and then it waits */
	if (to == NULL || (!sw->started && to->subports != NULL))
		return 0;
	return end_check(to, err);
}

/* A place in the set that no mirror has. */
static int
slot_find(const struct mirrors *mirrors)
{
	const struct mirror_job *job;
	uint32_t used = 0;

	static_assert(MIRRORS_MAX == 32, "bits of a word");
	LIST_FOREACH(job, &mirrors->jobs, list)
		used |= 1u << job->slot;
	return used == UINT32_MAX ? -ENOSPC : __builtin_ctz(~used);
}

static int
mirrors_create(struct vswitch *sw)
{
	static const struct rte_mbuf_dynflag flag = { .name = "vswitch_port_mirrored" };
	struct mirrors *mirrors = calloc(1, sizeof(*mirrors));

	if (mirrors == NULL || rte_mbuf_dynflag_register_bitnum(&flag, PORT_MIRRORED_BIT) < 0) {
		free(mirrors);
		return -ENOMEM;
	}
	mirrors->sw = sw;
	LIST_INIT(&mirrors->jobs);
	sw->mirrors = mirrors;
	return 0;
}

static int
job_add(struct vswitch *sw, const struct mirror_config *config, struct error *err)
{
	struct mirror_job *job;
	int slot, ret;

	ret = config_check(sw, config, err);
	if (ret < 0)
		return ret;
	if (sw->mirrors == NULL && mirrors_create(sw) < 0)
		return error_set(err, ENOMEM, "no memory");
	slot = slot_find(sw->mirrors);
	if (slot < 0)
		return error_set(err, ENOSPC, "there are %d already, which is all", MIRRORS_MAX);
	job = job_create(sw, config);
	if (job == NULL)
		return error_set(err, ENOMEM, "no memory");
	job->slot = (unsigned int)slot;
	ret = end_open(job, err);
	if (ret < 0) {
		job_free(job);
		return ret;
	}
	LIST_INSERT_HEAD(&sw->mirrors->jobs, job, list);
	if (publish(sw) == 0)
		return 0;
	LIST_REMOVE(job, list);
	end_close(job);
	job_free(job);
	return error_set(err, ENOMEM, "no memory");
}

/* Nothing is left of the last one, so that nothing is paid for. */
static void
mirrors_done(struct vswitch *sw)
{
	if (sw->mirrors == NULL || !LIST_EMPTY(&sw->mirrors->jobs) ||
	    sw->mirrors->published != NULL)
		return;
	free(sw->mirrors);
	sw->mirrors = NULL;
}

int
mirror_add(struct vswitch *sw, const struct mirror_config *config, struct error *err)
{
	struct error local = { 0 };
	int ret;

	err = err != NULL ? err : &local;
	if (job_find(sw, config->name) != NULL)
		return error_set(err, EEXIST, "mirror %s: exists already", config->name);
	ret = job_add(sw, config, err);
	if (ret == 0)
		return 0;
	mirrors_done(sw);
	return error_prefix(err, "mirror %s: ", config->name);
}

static struct mirror_job *
job_need(struct vswitch *sw, const char *name, struct error *err)
{
	struct mirror_job *job = job_find(sw, name);

	if (job == NULL)
		unknown_mirror(sw, name, err);
	return job;
}

int
mirror_set(struct vswitch *sw, const struct mirror_config *config, struct error *err)
{
	struct mirror_job *job = job_need(sw, config->name, err);
	struct mirror_config before;

	if (job == NULL)
		return -ENOENT;
	before = job->config;
	job->config.vlan = config->vlan;
	job->config.in = config->in;
	job->config.out = config->out;
	job->config.length = config->length;
	if (publish(sw) == 0)
		return 0;
	job->config = before;
	return error_set(err, ENOMEM, "mirror %s: no memory", config->name);
}

int
mirror_del(struct vswitch *sw, const char *name, struct error *err)
{
	struct mirror_job *job = job_need(sw, name, err);

	if (job == NULL)
		return -ENOENT;
	LIST_REMOVE(job, list);
	if (publish(sw) < 0) {
		LIST_INSERT_HEAD(&sw->mirrors->jobs, job, list);
		return error_set(err, ENOMEM, "mirror %s: no memory", name);
	}
	end_close(job);
	rcu_retire(sw->rcu, &job->retired, job_free, job);
	mirrors_done(sw);
	return 0;
}

const struct mirror_config *
mirror_find(const struct vswitch *sw, const char *name)
{
	const struct mirror_job *job = job_find(sw, name);

	return job != NULL ? &job->config : NULL;
}

const struct mirror_job *
mirror_next(const struct vswitch *sw, const struct mirror_job *last)
{
	if (sw->mirrors == NULL)
		return NULL;
	return last == NULL ? LIST_FIRST(&sw->mirrors->jobs) : LIST_NEXT(last, list);
}

/* What the port counts that is about what it was to send. */
static void
drops_read(const struct mirror_job *job, const struct switch_port *out, struct mirror_info *info)
{
	struct port_stats stats;

	switch_port_stats(job->sw, out, &stats);
	for (unsigned int r = 0; r < DROP_REASONS; r++)
		if (r != DROP_NO_BRIDGE && r != DROP_RX_ERROR)
			info->drops[r] = stats.drops[r];
}

void
mirror_info(const struct mirror_job *job, struct mirror_info *ret_info)
{
	const struct switch_port *out, *port = switch_port_find(job->sw, job->out);
	struct error err = { 0 };
	struct mirror_count sum;

	mirror_count(job->counts, &sum);
	*ret_info = (struct mirror_info){
		.config = &job->config,
		.out = job->out,
		.pid = job->flows != NULL ? mirror_flows_pid(job->flows) : 0,
		.packets = sum.packets,
		.bytes = sum.bytes,
	};
	if (port != NULL)
		drops_read(job, port, ret_info);
	ret_info->drops[DROP_NO_BUFFER] += sum.lost;
	out = job_resolve(job, &err);
	if (out == NULL)
		snprintf(ret_info->reason, sizeof(ret_info->reason), "%s", err.msg);
	else if (!out->dp->open && job->config.kind == MIRROR_TO_VXLAN)
		snprintf(ret_info->reason, sizeof(ret_info->reason), "%s", out->reason);
	else if (!out->dp->open)
		snprintf(ret_info->reason, sizeof(ret_info->reason), "port %s is down: %s",
			 job->out, out->reason);
	else if (job->flows != NULL)
		snprintf(ret_info->reason, sizeof(ret_info->reason), "%s",
			 mirror_flows_reason(job->flows));
}

void
mirrors_tick(struct vswitch *sw)
{
	struct mirror_job *job;
	struct mirror_count sum;

	if (sw->mirrors == NULL)
		return;
	LIST_FOREACH(job, &sw->mirrors->jobs, list) {
		if (job->config.kind == MIRROR_TO_VXLAN)
			port_vxlan_renew(switch_port_find(sw, job->out));
		mirror_count(job->counts, &sum);
		if (job->flows != NULL && sum.packets != job->pushed)
			mirror_flows_push(job->flows);
		job->pushed = sum.packets;
	}
}

/* Workers have ended. */
void
mirrors_destroy(struct mirrors *mirrors)
{
	struct mirror_job *job;

	if (mirrors == NULL)
		return;
	mirrors->sw->dp->mirrors = NULL;
	while ((job = LIST_FIRST(&mirrors->jobs)) != NULL) {
		LIST_REMOVE(job, list);
		end_close(job);
		job_free(job);
	}
	free(mirrors->published);
	mirrors->sw->mirrors = NULL;
	free(mirrors);
}
