/* SPDX-License-Identifier: BSD-3-Clause */
/* vswitchd: arguments, the order in which everything starts and stops, and the control loop. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include "access.h"
#include "adopt.h"
#include "config.h"
#include "config_start.h"
#include "daemon.h"
#include "eal.h"
#include "error.h"
#include "events.h"
#include "history.h"
#include "hypervisor_xen.h"
#include "hypervisor_xen_pages.h"
#include "lacp_bond.h"
#include "log.h"
#include "metrics_server.h"
#include "nat_control.h"
#include "netlink.h"
#include "options.h"
#include "port_vif.h"
#include "route_import.h"
#include "routing.h"
#include "rpc.h"
#include "rpc_methods.h"
#include "running.h"
#include "sd_notify.h"
#include "switch.h"
#include "transaction.h"
#include "version.h"

/* All that is started, in this order. */
struct vswitchd {
	struct config config;
	struct event_base *base;
	struct event *term_event;
	struct event *int_event;
	struct datapath *dp;
	struct vswitch *sw;
	struct own_pages *pages; /* that packets are in, or NULL */
	struct hypervisor hv;
	struct running *running;
	struct history *history;
	struct transactions *transactions;
	struct rpc_server *rpc;
	bool eal_started;
	bool workers_running;
};

/* Paths given relative must still be right after the daemon has left for "/". */
static int
path_absolute(const char **path, char *buffer, struct error *err)
{
	char cwd[PATH_MAX];

	if (*path == NULL || **path == '/')
		return 0;
	if (**path == '\0')
		return error_set(err, EINVAL, "an empty path was given to --config or --run-dir");
	if (getcwd(cwd, sizeof(cwd)) == NULL)
		return error_set(err, errno, "current directory: %s", strerror(errno));
	if (snprintf(buffer, PATH_MAX, "%s/%s", cwd, *path) >= PATH_MAX)
		return error_set(err, ENAMETOOLONG, "%s: path too long", *path);
	*path = buffer;
	return 0;
}

/* A daemon that runs beside another one, by a --run-dir of its own, has a state of its own. */
static int
state_dir_find(struct options *options, char *buffer, struct error *err)
{
	if (options->state_dir != NULL)
		return path_absolute(&options->state_dir, buffer, err);
	options->state_dir = STATE_DIR_DEFAULT;
	if (strcmp(options->run_dir, RUN_DIR_DEFAULT) == 0)
		return 0;
	if (snprintf(buffer, PATH_MAX, "%s/state", options->run_dir) >= PATH_MAX)
		return error_set(err, ENAMETOOLONG, "%s: path too long", options->run_dir);
	options->state_dir = buffer;
	return 0;
}

static int
config_read_file(const struct options *options, struct config *config, struct error *err)
{
	int ret = config_load(options->config != NULL ? options->config : CONFIG_DEFAULT, config,
			      err);

	return ret == -ENOENT && options->config == NULL ? 0 : ret;
}

static void
on_signal(evutil_socket_t signal_number, short what, void *arg)
{
	(void)what;
	log_line(LOG_INFO, "stopping: %s", strsignal(signal_number));
	event_base_loopbreak(arg);
}

static int
loop_start(struct vswitchd *d, struct error *err)
{
	signal(SIGPIPE, SIG_IGN);
	d->base = event_base_new();
	if (d->base == NULL)
		return error_set(err, ENOMEM, "no memory for the event loop");
	d->term_event = evsignal_new(d->base, SIGTERM, on_signal, d->base);
	d->int_event = evsignal_new(d->base, SIGINT, on_signal, d->base);
	if (d->term_event == NULL || d->int_event == NULL || event_add(d->term_event, NULL) < 0 ||
	    event_add(d->int_event, NULL) < 0)
		return error_set(err, ENOMEM, "no memory for the event loop");
	return 0;
}

static int
datapath_start(struct vswitchd *d, bool xen, struct error *err)
{
	const struct config_section *section = config_next(&d->config, &vswitchd_schema, NULL);
	struct rte_mempool *pool;
	struct eal_plan plan;
	struct object settings;
	int ret;

	object_init(&settings, &vswitchd_schema);
	ret = eal_start(section != NULL ? &section->object : &settings, xen, &plan, &pool, err);
	d->pages = plan.pages;
	if (ret < 0)
		return config_fault(&d->config, section, plan.culprit, err);
	d->eal_started = true;
	d->dp = datapath_create();
	if (d->dp == NULL)
		return error_set(err, errno, "no memory for the datapath");
	for (uint16_t w = 0; w < plan.n_workers; w++)
		if (worker_create(d->dp, w, pool) == NULL)
			return error_set(err, errno, "worker %u: %s", w, strerror(errno));
	d->sw = switch_create(d->base, d->dp, pool, err);
	if (d->sw == NULL)
		return err->code;
	if (section != NULL)
		settings = section->object;
	d->sw->routing = routing_create(
		d->sw, (uint32_t)settings.values[VSWITCHD_KEY_ROUTES_MAX].number, err);
	if (d->sw->routing == NULL)
		return err->code;
	d->sw->nat = nat_control_create(d->sw, err);
	if (d->sw->nat == NULL)
		return err->code;
	d->sw->metrics = metrics_create(d->sw, err);
	return d->sw->metrics != NULL ? 0 : err->code;
}

static int
xen_start(struct vswitchd *d, struct error *err)
{
	int ret;

	if (hypervisor_xen_kernel_netback())
		return error_set(
			err, EBUSY,
			"the kernel's xen-netback is loaded and would fight for the guests: "
			"\"rmmod xen-netback\", and blacklist it in /etc/modprobe.d");
	ret = hypervisor_xen_open(&d->hv, d->pages, err);
	if (ret < 0) {
		error_prefix(err, "no Xen here? (--no-xen goes without) ");
		return ret;
	}
	return port_vif_init(d->sw, &d->hv, err);
}

static int
workers_start(struct vswitchd *d, struct error *err)
{
	unsigned int lcore;
	uint16_t w = 0;

	d->workers_running = true;
	RTE_LCORE_FOREACH_WORKER(lcore) {
		if (w == d->dp->n_workers)
			break;
		if (rte_eal_remote_launch(worker_run, d->dp->workers[w], lcore) < 0)
			return error_set(err, EBUSY, "worker %u: its thread does not start", w);
		w++;
	}
	return 0;
}

/* What keeps track of the configuration from now on. */
static int
config_keep(struct vswitchd *d, const struct options *options, struct error *err)
{
	d->running = running_create(d->sw);
	d->history = history_open(options->state_dir);
	d->transactions = transactions_create(d->sw, d->history);
	if (d->running == NULL || d->transactions == NULL)
		return error_set(err, ENOMEM, "no memory for the configuration");
	d->sw->running = d->running;
	d->sw->transactions = d->transactions;
	d->sw->config_path = options->config != NULL ? options->config : CONFIG_DEFAULT;
	running_load(d->running, &d->config);
	return 0;
}

/* It is ready: what it has begun with is the first entry of the history. */
static void
config_note(const struct vswitchd *d)
{
	struct record_list list = TAILQ_HEAD_INITIALIZER(list);

	running_list(d->running, false, &list);
	history_add(d->history, &list, NULL, "start");
	record_list_free(&list);
}

static void
request_spent(void *ctx, uint64_t nsec)
{
	struct vswitch *sw = ctx;

	delay_count(&sw->request_time, nsec);
}

static int
start(struct vswitchd *d, const struct options *options, struct error *err)
{
	struct rpc_dispatch dispatch = {
		.methods = rpc_methods,
		.n_methods = n_rpc_methods,
		.allow = access_allow,
		.spent = request_spent,
		.done = access_done,
	};
	const struct config_section *section;
	char path[PATH_MAX];
	int ret;

	if ((ret = loop_start(d, err)) < 0 || (ret = datapath_start(d, options->xen, err)) < 0)
		return ret;
	d->sw->run_dir = options->run_dir;
	d->sw->netlink = netlink_monitor_create(d->base, err);
	if (d->sw->netlink == NULL)
		return err->code;
	/* first, so that where it cannot work no interface is touched */
	if (options->xen && (ret = xen_start(d, err)) < 0)
		return ret;
	if ((ret = config_apply(&d->config, d->sw, err)) < 0)
		return ret;
	lacp_bonds_ready(d->sw);
	section = config_next(&d->config, &vswitchd_schema, NULL);
	if (section != NULL &&
	    section->object.values[VSWITCHD_KEY_ROUTE_IMPORT].number == ROUTE_IMPORT_KERNEL &&
	    (ret = route_import_start(d->sw->routing, err)) < 0)
		return ret;
	if ((ret = config_keep(d, options, err)) < 0 || (ret = workers_start(d, err)) < 0 ||
	    (ret = adopt_start(d->sw, err)) < 0)
		return ret;
	dispatch.ctx = d->sw;
	snprintf(path, sizeof(path), "%s/vswitchd.sock", options->run_dir);
	d->rpc = rpc_server_create(d->base, path, &dispatch, err);
	if (d->rpc == NULL)
		return err->code;
	config_note(d);
	events_emit(d->sw->events, EVENT_DAEMON, "vswitchd",
		    json_pack("{s:s, s:s}", "state", "started", "version", VSWITCH_VERSION),
		    "%s has started", VSWITCH_VERSION);
	d->sw->started = true;
	transactions_resume(d->transactions);
	return 0;
}

/* Everything in the reverse order of start(), from wherever it got to. */
static void
stop(struct vswitchd *d)
{
	struct netlink_monitor *netlink = NULL;

	if (d->sw != NULL)
		events_emit(d->sw->events, EVENT_DAEMON, "vswitchd",
			    json_pack("{s:s}", "state", "stopping"), "is stopping");
	rpc_server_destroy(d->rpc);
	transactions_destroy(d->transactions);
	if (d->sw != NULL) {
		metrics_destroy(d->sw->metrics);
		d->sw->metrics = NULL;
		adopt_stop(d->sw);
	}
	if (d->workers_running) {
		lacp_bonds_stopping(d->sw);
		for (uint16_t w = 0; w < d->dp->n_workers; w++)
			worker_stop(d->dp->workers[w]);
		rte_eal_mp_wait_lcore();
	}
	if (d->sw != NULL) {
		/* ports deleted just now go as such */
		rcu_poll(d->sw->rcu);
		switch_ports_close(d->sw, UINT64_MAX);
		d->sw->stopping = true;
		port_vif_fini(d->sw);
		netlink = d->sw->netlink; /* ports still need it to close */
	}
	switch_destroy(d->sw);
	running_destroy(d->running);
	history_close(d->history);
	if (netlink != NULL)
		adopt_recover(NULL, netlink); /* if it did not get as far as those */
	netlink_monitor_destroy(netlink);
	hypervisor_xen_close(&d->hv);
	for (uint16_t w = 0; d->dp != NULL && w < d->dp->n_workers; w++)
		worker_destroy(d->dp->workers[w]);
	datapath_destroy(d->dp);
	if (d->eal_started)
		eal_stop();
	own_pages_destroy(d->pages);
	if (d->term_event != NULL)
		event_free(d->term_event);
	if (d->int_event != NULL)
		event_free(d->int_event);
	if (d->base != NULL)
		event_base_free(d->base);
	config_free(&d->config);
}

/* What a daemon that was killed has left of adopted NICs, if nobody goes on with it. */
static int
give_back(void)
{
	struct event_base *base = event_base_new();
	struct netlink_monitor *netlink = NULL;
	struct error err = { 0 };

	log_open(LOG_TO_STDERR);
	if (base != NULL)
		netlink = netlink_monitor_create(base, &err);
	if (netlink != NULL)
		adopt_recover(NULL, netlink);
	else
		log_line(LOG_ERR, "vswitchd: %s", base != NULL ? err.msg : "no memory");
	netlink_monitor_destroy(netlink);
	if (base != NULL)
		event_base_free(base);
	return netlink != NULL ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
	char config_path[PATH_MAX], run_dir[PATH_MAX], state_dir[PATH_MAX];
	struct vswitchd d = { 0 };
	struct options options;
	struct error err = { 0 };
	int ret = options_read(argc, argv, &options);

	if (ret >= 0)
		return ret;
	if (options.give_back)
		return give_back();
	if (path_absolute(&options.config, config_path, &err) < 0 ||
	    path_absolute(&options.run_dir, run_dir, &err) < 0 ||
	    state_dir_find(&options, state_dir, &err) < 0 ||
	    config_read_file(&options, &d.config, &err) < 0 ||
	    daemon_lock(options.run_dir, &err) < 0 ||
	    (!options.foreground && daemon_detach(&err) < 0)) {
		fprintf(stderr, "vswitchd: %s\n", err.msg);
		config_free(&d.config);
		return EXIT_FAILURE;
	}
	daemon_write_pid();
	log_open(options.foreground ? LOG_TO_STDERR : LOG_TO_STDERR_ERRORS);
	ret = start(&d, &options, &err);
	if (ret == 0) {
		if (!options.foreground)
			log_open(LOG_TO_SYSLOG);
		/* first: who is told that it is ready finds that in the log */
		log_line(LOG_NOTICE, "vswitchd %s is ready", VSWITCH_VERSION);
		daemon_ready();
		if (event_base_dispatch(d.base) < 0) {
			log_line(LOG_ERR, "vswitchd: the event loop failed");
			ret = -EIO;
		}
		sd_notify("STOPPING=1");
	} else {
		log_line(LOG_ERR, "vswitchd: %s", err.msg);
	}
	stop(&d);
	daemon_clear_pid();
	return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
