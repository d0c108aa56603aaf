/* SPDX-License-Identifier: BSD-3-Clause */
#include "transaction.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <event2/event.h>

#include "access.h"
#include "error.h"
#include "history.h"
#include "log.h"
#include "outcome.h"
#include "plan.h"
#include "rpc_event.h"
#include "rpc_methods.h"
#include "running.h"
#include "switch.h"

#define SLICE_NSEC 5000000
#define WAIT_USEC 1000
#define WAIT_NSEC_MAX 5000000000   /* for a port to be closed */
#define LINGER_NSEC_MAX 1000000000 /* for what was deleted to be gone */

enum state { STATE_IDLE, STATE_PLAN, STATE_COMMANDS, STATE_ROLLBACK };

struct transactions {
	struct vswitch *sw;
	struct history *history;
	struct event *work;
	struct event *confirm_timer;
	struct rpc_peer peer; /* who calls at present, or called last */

	/* the one that is going on */
	enum state state;
	const json_t *token;
	char what[ACCESS_WHAT_SIZE];
	struct rpc_peer who;
	char who_text[ACCESS_WHO_SIZE];
	json_t *told; /* what was done so far, for the log; the first ACCESS_TOLD_MAX */
	unsigned int confirm;
	bool undoes;     /* what waits to be confirmed */
	bool lenient;    /* nobody may be able to come in and help: what can be done is done */
	size_t n_failed; /* steps that could not be, STATE_ROLLBACK or lenient */
	struct record_list before; /* guests' ports included */
	struct record_list target; /* STATE_PLAN */
	struct plan plan;
	bool *done;             /* steps */
	bool *prepared;         /* they have been, by steps that prepare */
	size_t at;              /* in plan.order, or commands */
	bool progress;          /* in this round through the plan */
	bool deleted;           /* something was: what follows may have to wait a little */
	size_t n_done;          /* steps that were done */
	bool closing;           /* ports are, perhaps */
	unsigned int n_closing; /* so many, when last looked at */
	uint64_t wait_until;    /* ns; 0: it does not wait */
	json_t *commands;
	json_t *undo; /* commands that the records know nothing of */
	struct error err;
	struct error why; /* STATE_ROLLBACK */

	struct record_list unconfirmed; /* what was before, if a confirmation is due */
	bool confirm_due;
	struct timespec confirm_end;
	struct outcomes outcomes;
};

static uint64_t
now_nsec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* --- calling methods --- */

static const struct rpc_method *
method_find(const char *name)
{
	for (size_t i = 0; i < n_rpc_methods; i++)
		if (strcmp(rpc_methods[i].name, name) == 0)
			return &rpc_methods[i];
	return NULL;
}

/* What was done, for the log if it stays so. */
static void
tell(struct transactions *t, const char *method, const json_t *params)
{
	char what[ACCESS_WHAT_SIZE];

	if (t->state == STATE_ROLLBACK || json_array_size(t->told) == ACCESS_TOLD_MAX)
		return;
	access_describe(method, params, what, sizeof(what));
	json_array_append_new(t->told, json_string(what));
}

static int
call(struct transactions *t, const char *name, const json_t *params, struct error *err)
{
	const struct rpc_method *method = method_find(name);
	json_t *result = NULL;
	int ret;

	if (method == NULL)
		return error_set(err, ENOSYS, "there is no method \"%.64s\"", name);
	ret = method->fn(t->sw, params, &result, err);
	json_decref(result);
	if (ret < 0)
		return ret;
	t->closing |= method->pending != NULL;
	running_note(t->sw->running, name, params);
	tell(t, name, params);
	return 0;
}

/* [vswitchd] is for the next start, but for what can be changed while it runs. */
static int
step_vswitchd(struct transactions *t, const struct step *step, struct error *err)
{
	const char *import = step->keys->texts[VSWITCHD_KEY_ROUTE_IMPORT];
	json_t *params;
	int ret;

	if (import == NULL)
		return 0;
	params = json_pack("{s:s}", "name", import);
	ret = call(t, "route.import", params, err);
	json_decref(params);
	return ret;
}

static int
step_call(struct transactions *t, const struct step *step, struct error *err)
{
	static const char *const verbs[] = {
		[VERB_ADD] = "add",
		[VERB_DEL] = "del",
		[VERB_SET] = "set",
	};
	enum schema_verb verb = step->verb;
	char name[48];
	json_t *params;
	int ret;

	if (step->keys->schema == &vswitchd_schema)
		return step_vswitchd(t, step, err);
	params = record_params(step->keys);
	if (verb == VERB_ADD && step->change->prepare >= 0 && t->prepared[step->change->prepare]) {
		/* it is there, and only joins */
		verb = VERB_SET;
		json_decref(params);
		params = json_pack("{s:s, s:s}", "name", step->keys->name, "bridge",
				   step->keys->texts[PORT_KEY_BRIDGE]);
	}
	snprintf(name, sizeof(name), "%s.%s", step->keys->schema->kind, verbs[verb]);
	ret = call(t, name, params, err);
	json_decref(params);
	if (ret == -ENOENT && verb == VERB_DEL)
		return 0; /* it went with something else */
	if (ret == 0 && step->prepares)
		t->prepared[step - t->plan.steps] = true;
	return ret;
}

/* --- one after the other --- */

static void
schedule(struct transactions *t, long usec)
{
	const struct timeval soon = { .tv_usec = usec };

	evtimer_add(t->work, &soon);
}

/* Must what comes next wait? It does so for as long as that takes, but not forever. */
static bool
waits_for(struct transactions *t, bool busy, uint64_t nsec_max)
{
	if (!busy) {
		t->wait_until = 0;
		return false;
	}
	if (t->wait_until == 0)
		t->wait_until = now_nsec() + nsec_max;
	if (now_nsec() < t->wait_until)
		return true;
	t->wait_until = 0;
	return false;
}

static bool
waits_for_ports(struct transactions *t)
{
	unsigned int n;

	if (!t->closing)
		return false;
	n = switch_ports_closing(t->sw);
	if (n != t->n_closing)
		t->wait_until = 0; /* it goes on */
	t->n_closing = n;
	t->closing = waits_for(t, n > 0, WAIT_NSEC_MAX);
	return t->closing;
}

static void
plan_clear(struct transactions *t)
{
	plan_free(&t->plan);
	free(t->done);
	free(t->prepared);
	t->done = t->prepared = NULL;
	t->at = 0;
	t->progress = t->deleted = false;
	t->wait_until = 0;
}

static int
plan_begin(struct transactions *t, const struct record_list *to)
{
	struct record_list from = TAILQ_HEAD_INITIALIZER(from);

	/* plans of files leave guests' ports alone */
	running_list(t->sw->running, t->commands != NULL, &from);
	plan_make(&from, to, &t->plan);
	record_list_free(&from);
	t->done = calloc(t->plan.n_steps + 1, sizeof(*t->done));
	t->prepared = calloc(t->plan.n_steps + 1, sizeof(*t->prepared));
	return t->done != NULL && t->prepared != NULL ? 0 : -ENOMEM;
}

/* What cannot be done now may be possible when other things are done. */
static bool
may_come_later(int ret)
{
	return ret == -EEXIST || ret == -EBUSY || ret == -ENOSPC;
}

static bool
step_is_ready(const struct transactions *t, const struct step *step)
{
	for (size_t i = 0; i < step->n_deps; i++)
		if (!t->done[t->plan.deps[step->first_dep + i]])
			return false;
	return true;
}

/* It is too late to give up. Return: is this a reason to? */
static bool
gives_up(struct transactions *t, const struct error *err)
{
	if (t->state != STATE_ROLLBACK && !t->lenient)
		return true;
	log_line(LOG_ERR, "rollback: %s", err->msg);
	t->n_failed++;
	return false;
}

/* What has been waited for long enough is no reason to try the whole transaction again. */
static int
not_again(int ret, struct error *err)
{
	if (ret != -EAGAIN)
		return ret;
	err->code = -ETIMEDOUT;
	return -ETIMEDOUT;
}

static void
step_done(struct transactions *t, size_t i)
{
	t->done[i] = true;
	t->progress = true;
	t->wait_until = 0;
	t->deleted |= t->plan.steps[i].verb == VERB_DEL;
}

/* Return: 1: it waits for something; 0: go on; or -errno: it has failed. */
static int
step_try(struct transactions *t, size_t i)
{
	const struct step *step = &t->plan.steps[i];
	struct error err = { 0 };
	int ret;

	if (t->done[i] || !step_is_ready(t, step))
		return 0;
	if (step->verb != VERB_DEL && waits_for_ports(t))
		return 1;
	ret = step_call(t, step, &err);
	if (ret == -EAGAIN && waits_for(t, true, WAIT_NSEC_MAX))
		return 1;
	ret = not_again(ret, &err);
	if (ret == 0) {
		step_done(t, i);
		t->n_done++;
		return 0;
	}
	if (step->prepares && (may_come_later(ret) || t->lenient)) {
		step_done(t, i); /* it is left to the last step */
	} else if (may_come_later(ret)) {
		if (t->err.code == 0)
			t->err = err; /* the first one of a round */
	} else if (gives_up(t, &err)) {
		t->err = err;
		return ret;
	} else {
		step_done(t, i);
	}
	return 0;
}

static bool
plan_is_done(const struct transactions *t)
{
	for (size_t i = 0; i < t->plan.n_steps; i++)
		if (!t->done[i])
			return false;
	return true;
}

/* No step of the round could be done: it is not, unless that is a reason to give up. */
static int
plan_stuck(struct transactions *t)
{
	if (t->err.code == 0)
		error_set(&t->err, ELOOP, "what is to be changed stands on each other");
	if (gives_up(t, &t->err))
		return t->err.code;
	for (size_t i = 0; i < t->plan.n_steps; i++) {
		const size_t next = t->plan.order[i];

		if (!t->done[next] && step_is_ready(t, &t->plan.steps[next])) {
			step_done(t, next); /* and those that wait for it have their turn */
			return 0;
		}
	}
	for (size_t i = 0; i < t->plan.n_steps; i++)
		t->done[i] = true;
	return 0;
}

/* Return: 1: go on later; 0: all is done; or -errno. */
static int
plan_work(struct transactions *t, uint64_t end)
{
	while (t->at < t->plan.n_steps) {
		int ret = step_try(t, t->plan.order[t->at]);

		if (ret > 0) {
			schedule(t, WAIT_USEC);
			return 1;
		}
		if (ret < 0)
			return ret;
		if (++t->at == t->plan.n_steps && !plan_is_done(t)) {
			/* another round, for what could not be done before */
			const bool lingers = !t->progress && t->deleted && t->err.code == -EBUSY &&
					     waits_for(t, true, LINGER_NSEC_MAX);

			ret = t->progress || lingers ? 0 : plan_stuck(t);
			if (ret < 0)
				return ret;
			t->at = 0;
			t->progress = false;
			t->err.code = 0;
			if (lingers) {
				schedule(t, WAIT_USEC);
				return 1;
			}
		}
		if (now_nsec() > end) {
			schedule(t, 0);
			return 1;
		}
	}
	return 0;
}

/* What takes back a command that the records know nothing of. */
static void
note_undo(struct transactions *t, const char *method, const json_t *params)
{
	json_t *undo;

	if (strcmp(method, "fdb.add") != 0)
		return;
	undo = json_copy((json_t *)(uintptr_t)params);
	json_object_del(undo, "port");
	json_array_insert_new(t->undo, 0,
			      json_pack("{s:s, s:o}", "method", "fdb.del", "params", undo));
}

static int
commands_work(struct transactions *t, uint64_t end)
{
	while (t->at < json_array_size(t->commands)) {
		const json_t *command = json_array_get(t->commands, t->at);
		const char *method = json_string_value(json_object_get(command, "method"));
		const json_t *params = json_object_get(command, "params");
		struct error err = { 0 };
		int ret;

		/* a port that is deleted is gone when the next command is done */
		if (waits_for_ports(t)) {
			schedule(t, WAIT_USEC);
			return 1;
		}
		ret = call(t, method, params, &err);
		if (ret == -EAGAIN && waits_for(t, true, WAIT_NSEC_MAX)) {
			schedule(t, WAIT_USEC);
			return 1;
		}
		ret = not_again(ret, &err);
		if (ret < 0) {
			error_prefix(&err, "command %zu: ", t->at + 1);
			t->err = err;
			return ret;
		}
		note_undo(t, method, params);
		t->n_done++;
		t->at++;
		if (now_nsec() > end) {
			schedule(t, 0);
			return 1;
		}
	}
	return 0;
}

/* --- the end --- */

static void
confirm_clear(struct transactions *t)
{
	evtimer_del(t->confirm_timer);
	record_list_free(&t->unconfirmed);
	t->confirm_due = false;
	history_forget_unconfirmed(t->history);
}

/* @seconds from now on. */
static void
confirm_wait(struct transactions *t, unsigned int seconds)
{
	const struct timeval time = { .tv_sec = seconds };

	t->confirm_due = true;
	/* the loop's time is from before what has just been done */
	event_base_update_cache_time(t->sw->base);
	clock_gettime(CLOCK_MONOTONIC, &t->confirm_end);
	t->confirm_end.tv_sec += seconds;
	evtimer_add(t->confirm_timer, &time);
}

/* What was there before the first of several that are not confirmed is what comes back. */
static void
confirm_begin(struct transactions *t)
{
	const struct record *record;

	if (!t->confirm_due)
		TAILQ_FOREACH(record, &t->before, list)
			if (!record_is_guests(record))
				record_list_add(&t->unconfirmed, record);
	confirm_wait(t, t->confirm);
	history_keep_unconfirmed(t->history, &t->unconfirmed, time(NULL) + t->confirm);
}

void
transactions_resume(struct transactions *t)
{
	time_t end = 0, now = time(NULL);
	struct error err;
	int ret = history_unconfirmed(t->history, &t->unconfirmed, &end, &err);

	if (ret == -ENOENT)
		return;
	if (ret < 0) {
		log_line(LOG_ERR, "what waited to be confirmed cannot be undone: %s", err.msg);
		return;
	}
	/* a clock that was set makes it no longer than it can be */
	now = end > now ? RTE_MIN(end - now, (time_t)CONFIRM_SECONDS_MAX) : 1;
	log_line(LOG_NOTICE, "a change waits to be confirmed since before the start: %lld s",
		 (long long)now);
	confirm_wait(t, (unsigned int)now);
}

static void
history_note(struct transactions *t, const struct rpc_peer *who, const char *what)
{
	struct record_list list = TAILQ_HEAD_INITIALIZER(list);

	running_list(t->sw->running, false, &list);
	history_add(t->history, &list, who, what);
	record_list_free(&list);
}

static void
finish(struct transactions *t)
{
	if (t->err.code != 0)
		access_log_change(t->who_text, t->what, t->err.msg);
	else
		access_log_changes(t->who_text, t->what, t->n_done, t->told,
				   t->confirm > 0  ? ", to be confirmed" :
				   t->n_failed > 0 ? ", but not all" :
						     "");
	if (t->err.code != 0 || t->n_done > 0)
		rpc_event_config(t->sw, &t->who, t->who_text, "config", t->what, (long)t->n_done,
				 t->err.code != 0 ? t->err.msg : NULL);
	if (t->err.code == 0) {
		history_note(t, &t->who, t->what);
		if (t->undoes)
			confirm_clear(t);
		/* what has changed nothing needs no going back */
		if (t->confirm > 0 && (t->n_done > 0 || t->confirm_due))
			confirm_begin(t);
	}
	outcome_put(&t->outcomes, t->token, t->n_done, &t->err);
	plan_clear(t);
	record_list_free(&t->before);
	record_list_free(&t->target);
	json_decref(t->commands);
	json_decref(t->undo);
	json_decref(t->told);
	t->commands = t->undo = t->told = NULL;
	t->state = STATE_IDLE;
	t->sw->may_wait = false;
}

static void
rollback_begin(struct transactions *t)
{
	const json_t *command;
	size_t i;

	t->state = STATE_ROLLBACK;
	t->why = t->err;
	t->err.code = 0;
	t->sw->may_wait = true; /* what was there may come back later than now */
	json_array_foreach(t->undo, i, command)
		call(t, json_string_value(json_object_get(command, "method")),
		     json_object_get(command, "params"), NULL);
	plan_clear(t);
	if (plan_begin(t, &t->before) < 0)
		log_line(LOG_ERR, "rollback: no memory");
	schedule(t, 0);
}

/* All is as it was; say why. */
static void
rollback_end(struct transactions *t)
{
	running_replace(t->sw->running, &t->before);
	t->err = t->why;
	t->n_done = 0;
	finish(t);
}

static void
on_work(evutil_socket_t fd, short what, void *arg)
{
	struct transactions *t = arg;
	const uint64_t end = now_nsec() + SLICE_NSEC;
	int ret;

	(void)fd;
	(void)what;
	ret = t->state == STATE_COMMANDS ? commands_work(t, end) : plan_work(t, end);
	if (ret > 0)
		return;
	/* what was deleted is gone, its socket file as well, when this is said to be done */
	if (ret == 0 && waits_for_ports(t)) {
		schedule(t, WAIT_USEC);
		return;
	}
	if (t->state == STATE_ROLLBACK) {
		rollback_end(t);
		return;
	}
	if (ret < 0) {
		rollback_begin(t);
		return;
	}
	t->err.code = 0;
	if (t->state == STATE_PLAN && t->n_failed == 0)
		running_replace(t->sw->running, &t->target);
	finish(t);
}

/* --- for others --- */

static void
on_confirm_timeout(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval soon = { .tv_usec = 10000 };
	struct transactions *t = arg;
	struct error err;

	(void)fd;
	(void)what;
	if (transaction_undo(t, "config rollback: nobody confirmed", NULL, &err) < 0)
		evtimer_add(t->confirm_timer, &soon);
}

struct transactions *
transactions_create(struct vswitch *sw, struct history *history)
{
	struct transactions *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->sw = sw;
	t->history = history;
	TAILQ_INIT(&t->before);
	TAILQ_INIT(&t->target);
	TAILQ_INIT(&t->unconfirmed);
	TAILQ_INIT(&t->plan.from);
	TAILQ_INIT(&t->plan.to);
	t->work = evtimer_new(sw->base, on_work, t);
	t->confirm_timer = evtimer_new(sw->base, on_confirm_timeout, t);
	if (t->work != NULL && t->confirm_timer != NULL)
		return t;
	transactions_destroy(t);
	return NULL;
}

void
transactions_destroy(struct transactions *t)
{
	if (t == NULL)
		return;
	if (t->work != NULL)
		event_free(t->work);
	if (t->confirm_timer != NULL)
		event_free(t->confirm_timer);
	plan_clear(t);
	record_list_free(&t->before);
	record_list_free(&t->target);
	record_list_free(&t->unconfirmed);
	json_decref(t->commands);
	json_decref(t->undo);
	json_decref(t->told);
	free(t);
}

static int
busy(const struct transactions *t, struct error *err)
{
	return t->state == STATE_IDLE ? 0 :
					error_set(err, EAGAIN,
						  "the configuration is being changed by another "
						  "(%.100s); try again",
						  t->what);
}

/* A command may be about the port of a guest. */
static void
see_guest(struct transactions *t, const json_t *command)
{
	const char *method = json_string_value(json_object_get(command, "method"));
	const json_t *params = json_object_get(command, "params");
	const char *name = json_string_value(json_object_get(params, "name"));

	if (method != NULL && name != NULL && strncmp(method, "port.", strlen("port.")) == 0)
		running_see_guest(t->sw->running, name);
}

int
transaction_start(struct transactions *t, const struct transaction_request *request,
		  struct error *err)
{
	int ret = busy(t, err);
	const json_t *command;
	size_t i;

	if (ret < 0)
		return ret;
	json_array_foreach(request->commands, i, command)
		see_guest(t, command);
	outcome_forget(&t->outcomes, request->token);
	t->state = request->target != NULL ? STATE_PLAN : STATE_COMMANDS;
	t->token = request->token;
	t->who = request->token != NULL ? t->peer : (struct rpc_peer){ .is_known = false };
	access_who(&t->who, t->who_text);
	t->confirm = request->confirm;
	t->err = (struct error){ 0 };
	t->n_done = t->n_failed = 0;
	t->at = 0;
	t->closing = t->undoes = t->lenient = false;
	t->undo = json_array();
	t->told = json_array();
	snprintf(t->what, sizeof(t->what), "%s", request->what);
	access_clean(t->what);
	running_list(t->sw->running, request->commands != NULL, &t->before);
	if (request->target != NULL) {
		t->sw->may_wait = true; /* as at the start */
		record_list_copy(&t->target, request->target);
		if (plan_begin(t, &t->target) < 0) {
			t->token = NULL;
			error_set(&t->err, ENOMEM, "no memory");
			finish(t);
			return error_set(err, ENOMEM, "no memory");
		}
	} else {
		t->commands = json_deep_copy(request->commands);
	}
	schedule(t, 0);
	return 0;
}

bool
transaction_pending(const struct transactions *t, const json_t *token)
{
	return t->state != STATE_IDLE && t->token == token;
}

int
transaction_result(struct transactions *t, const json_t *token, size_t *ret_changes,
		   struct error *err)
{
	return outcome_take(&t->outcomes, token, ret_changes, err);
}

int
transaction_undo(struct transactions *t, const char *what, const json_t *token, struct error *err)
{
	struct transaction_request request = {
		.target = &t->unconfirmed,
		.what = what,
		.token = token,
	};
	int ret;

	if (!t->confirm_due)
		return error_set(err, ENOENT, "config: nothing waits to be confirmed");
	ret = transaction_start(t, &request, err);
	if (ret < 0)
		return ret;
	t->undoes = true;
	t->lenient = token == NULL;
	return 0;
}

int
transaction_confirm(struct transactions *t, struct error *err)
{
	if (!t->confirm_due)
		return error_set(err, ENOENT, "config: nothing waits to be confirmed");
	confirm_clear(t);
	return 0;
}

int
transaction_confirm_left(const struct transactions *t)
{
	struct timespec now;

	if (!t->confirm_due)
		return -1;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec < t->confirm_end.tv_sec ? (int)(t->confirm_end.tv_sec - now.tv_sec) : 0;
}

struct history *
transaction_history(const struct transactions *t)
{
	return t->history;
}

/* --- single calls --- */

int
transaction_allow(void *ctx, const struct rpc_peer *peer, struct error *err)
{
	struct vswitch *sw = ctx;

	sw->transactions->peer = *peer;
	return busy(sw->transactions, err);
}

void
transaction_done(void *ctx, const struct rpc_peer *peer, const char *method, const json_t *params,
		 const char *what)
{
	struct vswitch *sw = ctx;

	if (running_note(sw->running, method, params))
		history_note(sw->transactions, peer, what);
}
