/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A hostile guest on a real switch: the input is a program of steps, each a byte and its operands.
 * The guest puts anything into its rings - requests, extras, control messages, indices -, writes
 * anything into its part of xenstore, floods with events, takes grants and channels back. It does
 * so between the backend's turns, and in the middle of them: a step can be put off until the
 * backend's next call of some kind, which falls between two looks at shared memory. Meanwhile the
 * toolstack attaches and detaches, domains die, and the backend restarts.
 *
 * Beyond what the sanitizers see, guest_bed.h checks now and then that two other guests still reach
 * each other, that everything comes to rest, that nothing was touched which is not granted, and in
 * the end that nothing is left.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>

#include <rte_common.h>

#include "guest_bed.h"
#include "guest_steps.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STEPS_MAX 3000
#define STEPS_PER_CHECK 256
#define RESTARTS_MAX 2
#define LIVES_MAX 4                        /* domains, one after the other */
#define CONNECTS_MAX 6                     /* of one domain: each takes pages and channels */
#define RING_STEPS "FUZZ_GUEST_RING_STEPS" /* of the environment: to end after so many */
#define STEPS_TO_CONNECT 8
#define HOOK_SIZE 24 /* bytes of program that a call of the backend's sets off */

/* What goes on around it. */
enum world_step {
	WORK,
	CONTROL,
	FRONTEND,
	HOOK,
	GOOD_FRAME,
	TOOLSTACK,
	RATE,
	FAIL,
	RETRY,
	RESET,
	KILL,
	RESTART,
	CHECK,
};

/* How often each comes, by the byte that chooses it. */
#define GUEST_OPS 200 /* the guest's own; the rest is the world's */

static const struct {
	uint8_t step, n;
} guest_odds[] = {
	{ TX_REQUEST, 22 }, { TX_ENTRY, 8 },    { TX_FRAME, 26 }, { TX_PUSH, 26 },
	{ TX_REAP, 3 },     { RX_REQUEST, 10 }, { RX_POST, 5 },   { RX_TAKE, 8 },
	{ RING_WORD, 12 },  { RING_INDEX, 5 },  { EVENTS, 5 },    { CTRL_REQUEST, 20 },
	{ CTRL_LIST, 8 },   { CTRL_PUSH, 12 },  { CTRL_TAKE, 3 }, { PAGE_BYTES, 6 },
	{ STORE_KEY, 10 },  { STORE_STATE, 3 }, { GRANT, 7 },     { CHANNEL, 1 },
}, world_odds[] = {
	{ WORK, 18 },     { CONTROL, 9 }, { FRONTEND, 8 }, { HOOK, 6 }, { GOOD_FRAME, 5 },
	{ RETRY, 3 },     { RATE, 1 },    { FAIL, 1 },     { RESET, 1 }, { KILL, 1 },
	{ TOOLSTACK, 1 }, { RESTART, 1 }, { CHECK, 1 },
};

struct run;

/* A piece of program that waits for a call of the backend's. */
struct hook {
	struct run *run;
	uint8_t data[HOOK_SIZE];
	size_t size;
};

struct run {
	struct guest_bed bed;
	struct guest guest;
	struct hook hooks[FAKE_OPS];
	unsigned int n_lives, n_connects, n_restarts;
	bool dead;
};

static struct {
	uint64_t runs, world_steps, guest_steps, ring_steps, hooks, checks, delivered, connects,
		restarts, kills;
} total;

static void
print_total(void)
{
	fprintf(stderr,
		"%" PRIu64 " programs, %" PRIu64 " steps, %" PRIu64 " of them on rings, %" PRIu64
		" in the middle of a call; %" PRIu64 " connections, %" PRIu64 " restarts, %" PRIu64
		" dead domains; %" PRIu64 " checks, %" PRIu64 " packets delivered to others\n",
		total.runs, total.world_steps + total.guest_steps, total.ring_steps, total.hooks,
		total.connects, total.restarts, total.kills, total.checks, total.delivered);
}

/* libFuzzer ends by itself after some time or inputs; this ends it after steps on rings. */
static void
end_if_asked(void)
{
	static uint64_t wanted;
	const char *text;

	if (wanted == 0) {
		text = getenv(RING_STEPS);
		wanted = text != NULL ? strtoull(text, NULL, 10) : UINT64_MAX;
	}
	if (total.ring_steps < wanted)
		return;
	wanted = UINT64_MAX;
	print_total();
	/* it takes that as a wish to end, with its statistics and status 0 */
	raise(SIGUSR1);
}

static uint8_t steps[256]; /* by byte */

static void
fill_steps(void)
{
	unsigned int byte = 0;

	for (unsigned int i = 0; i < RTE_DIM(guest_odds); i++)
		for (unsigned int n = 0; n < guest_odds[i].n && byte < GUEST_OPS; n++)
			steps[byte++] = guest_odds[i].step;
	REQUIRE(byte == GUEST_OPS);
	for (unsigned int i = 0; i < RTE_DIM(world_odds); i++)
		for (unsigned int n = 0; n < world_odds[i].n && byte < 256; n++)
			steps[byte++] = world_odds[i].step;
	REQUIRE(byte == 256);
}

static void
guest_op(struct run *run, uint8_t op, struct input *input)
{
	guest_step(&run->guest, (enum guest_step)steps[op % GUEST_OPS], input);
}

static void
run_hook(void *arg)
{
	struct hook *hook = arg;
	struct input input = { .data = hook->data, .left = hook->size };

	while (input.left > 0) {
		guest_op(hook->run, take8(&input), &input);
		total.hooks++;
	}
}

static void
set_hook(struct run *run, struct input *input)
{
	enum fake_op op = (enum fake_op)(take8(input) % FAKE_OPS);
	struct hook *hook = &run->hooks[op];

	hook->run = run;
	hook->size = take8(input) % HOOK_SIZE;
	for (size_t i = 0; i < hook->size; i++)
		hook->data[i] = take8(input);
	fake_before(run->bed.fake, op, run_hook, hook);
}

/* The guest keeps still, and nothing fails. */
static void
stop_hooks(struct run *run)
{
	for (unsigned int op = 0; op < FAKE_OPS; op++) {
		fake_before(run->bed.fake, (enum fake_op)op, NULL, NULL);
		fake_fail(run->bed.fake, (enum fake_op)op, 0, 0);
	}
}

static void
check(struct run *run)
{
	stop_hooks(run);
	guest_bed_quiet(&run->bed);
	guest_bed_check(&run->bed);
	total.checks++;
}

/* A domain with some grants, each beside a page that it keeps for itself. */
static void
begin_life(struct run *run)
{
	struct guest *guest = &run->guest;

	guest->fake = run->bed.fake;
	guest->config.domid = (uint16_t)(1 + run->n_lives++);
	guest->frontend = fake_frontend_create(guest->fake, &guest->config);
	for (unsigned int i = 0; i < GUEST_REFS; i++) {
		guest->pages[i] = fake_grant(guest->fake, guest->config.domid, &guest->refs[i]);
		REQUIRE(fake_secret(guest->fake, guest->config.domid) != NULL);
	}
	guest->n_grants = 0;
	run->n_connects = 0;
	run->dead = false;
}

static void
end_life(struct run *run)
{
	fake_toolstack_force(run->bed.fake, &run->guest.config);
	guest_bed_quiet(&run->bed);
	fake_toolstack_remove(run->bed.fake, &run->guest.config);
	guest_bed_quiet(&run->bed);
	fake_frontend_destroy(run->guest.frontend);
	run->guest.frontend = NULL;
}

static void
attach(struct run *run)
{
	if (run->dead && run->n_lives == LIVES_MAX)
		return;
	if (run->dead) {
		stop_hooks(run);
		end_life(run);
		begin_life(run);
	}
	fake_toolstack_attach(run->bed.fake, &run->guest.config);
	run->guest.frontend->state = XenbusStateInitialising;
}

static void
toolstack(struct run *run, struct input *input)
{
	uint8_t what = take8(input) % 8;

	if (what <= 1)
		attach(run);
	else if (what == 2)
		fake_toolstack_hotplug(run->bed.fake, &run->guest.config, "error");
	else if (what == 3)
		fake_toolstack_detach(run->bed.fake, &run->guest.config);
	else if (what == 4)
		fake_toolstack_force(run->bed.fake, &run->guest.config);
	else if (what == 5)
		fake_toolstack_remove(run->bed.fake, &run->guest.config);
	else
		guest_bed_add(&run->bed, &run->guest.config);
	if (what >= 6)
		fake_toolstack_hotplug(run->bed.fake, &run->guest.config, "connected");
}

/* The toolstack and the guest's driver do what they should do next. */
static void
frontend_step(struct run *run)
{
	enum xenbus_state backend = fake_backend_state(run->bed.fake, &run->guest.config);
	struct fake_frontend *frontend = run->guest.frontend;

	if (backend == XenbusStateUnknown || run->dead) {
		attach(run);
		return;
	}
	if (backend == XenbusStateInitWait) {
		guest_bed_add(&run->bed, &run->guest.config);
		fake_toolstack_hotplug(run->bed.fake, &run->guest.config, "connected");
	}
	if (frontend->state == XenbusStateInitialising && backend == XenbusStateInitWait) {
		if (run->n_connects++ == CONNECTS_MAX)
			run->dead = true;
		if (run->n_connects > CONNECTS_MAX)
			return;
		total.connects++;
		/* what it had before is forgotten, not given back in order */
		if (frontend->n_queues > 0) {
			fake_frontend_destroy(frontend);
			frontend = run->guest.frontend =
				fake_frontend_create(run->bed.fake, &run->guest.config);
		}
	}
	/* one that was closed for what it did tries again, and again it has to wait */
	if (backend == XenbusStateClosing || backend == XenbusStateClosed) {
		frontend->reset = true;
		guest_bed_retry(&run->bed);
	}
	fake_frontend_step(frontend);
}

/* All that it takes to have rings again: what is done to rings that are not there is for nothing.
 */
static void
frontend_connect(struct run *run)
{
	for (unsigned int i = 0; i < 2 * STEPS_TO_CONNECT; i++) {
		if (run->guest.frontend->state == XenbusStateConnected &&
		    fake_backend_state(run->bed.fake, &run->guest.config) == XenbusStateConnected)
			return;
		/* its device was taken away, and it gets another */
		if (i == STEPS_TO_CONNECT)
			fake_toolstack_remove(run->bed.fake, &run->guest.config);
		frontend_step(run);
		guest_bed_control(&run->bed);
	}
}

static void
set_rate(struct run *run, struct input *input)
{
	static const char *const rates[] = { "1000,50000", "10000000,50000",
					     "0,0",        "1,1",
					     "x",          "18446744073709551615,1000000" };
	struct fake_store *store = fake_hypervisor_store(run->bed.fake);
	uint8_t which = take8(input);
	char path[80];

	if (fake_backend_state(run->bed.fake, &run->guest.config) == XenbusStateUnknown)
		return;
	snprintf(path, sizeof(path), "%s/rate", run->guest.frontend->backend);
	if (which < 200)
		fake_store_write(store, 0, path, rates[which % RTE_DIM(rates)]);
	else
		fake_store_rm(store, 0, path);
}

static void
good_frame(struct run *run, struct input *input)
{
	uint8_t which = take8(input) % BED_GOOD;
	struct fake_queue *queue = &run->bed.good[which]->queues[0];

	fake_frontend_reap(run->bed.good[which], 0);
	/* it behaves: what it cannot send at once it does not send */
	if (queue->tx_prod - queue->tx_cons < NETIF_RING_SLOTS / 2)
		guest_send(run->bed.good[which], 0, input, true);
}

static void
fail(struct run *run, struct input *input)
{
	enum fake_op op = (enum fake_op)(take8(input) % FAKE_OPS);
	uint8_t n = take8(input);

	/* copies are everybody's */
	if (op != FAKE_OP_COPY)
		fake_fail(run->bed.fake, op, n % 4, n & 128 ? ENOMEM : EINVAL);
}

static void
restart(struct run *run)
{
	if (run->n_restarts++ >= RESTARTS_MAX)
		return;
	stop_hooks(run);
	guest_bed_restart(&run->bed);
	total.restarts++;
}

static void
kill_domain(struct run *run, struct input *input)
{
	if (take8(input) >= 64)
		return;
	if (!run->dead)
		total.kills++;
	run->dead = true;
	fake_domain_kill(run->bed.fake, run->guest.config.domid);
}

static void
world_step(struct run *run, uint8_t op, struct input *input)
{
	enum world_step step = (enum world_step)steps[op];

	total.world_steps++;
	if (step == WORK)
		guest_bed_work(&run->bed);
	else if (step == CONTROL)
		guest_bed_control(&run->bed);
	else if (step == FRONTEND && op % 2 == 0)
		frontend_step(run);
	else if (step == FRONTEND)
		frontend_connect(run);
	else if (step == HOOK)
		set_hook(run, input);
	else if (step == GOOD_FRAME)
		good_frame(run, input);
	else if (step == TOOLSTACK)
		toolstack(run, input);
	else if (step == RATE)
		set_rate(run, input);
	else if (step == FAIL)
		fail(run, input);
	else if (step == RETRY)
		guest_bed_retry(&run->bed);
	else if (step == RESET)
		fake_frontend_reset(run->guest.frontend);
	else if (step == KILL)
		kill_domain(run, input);
	else if (step == RESTART)
		restart(run);
	else
		check(run);
}

/* A guest as any other, so far. */
static void
connect_guest(struct run *run)
{
	begin_life(run);
	for (unsigned int i = 0; i < 4; i++) {
		frontend_step(run);
		guest_bed_control(&run->bed);
	}
	guest_bed_quiet(&run->bed);
	REQUIRE(fake_backend_state(run->bed.fake, &run->guest.config) == XenbusStateConnected);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { .data = data, .left = size };
	static struct run run;
	uint8_t flags = take8(&input);

	if (total.runs++ == 0) {
		fill_steps();
		atexit(print_total);
	}
	memset(&run, 0, sizeof(run));
	run.guest.config.split = flags & 1;
	run.guest.config.no_sg = flags & 2;
	run.guest.config.n_queues = flags & 4 ? 1 : 2;
	run.guest.config.ctrl = !(flags & 8);
	run.guest.config.no_gso = flags & 16;
	run.guest.config.n_buffers = flags & 32 ? 0 : 64;
	guest_bed_create(&run.bed);
	connect_guest(&run);
	for (unsigned int n = 1; n <= STEPS_MAX && input.left > 0; n++) {
		uint8_t op = take8(&input);

		if (op < GUEST_OPS)
			guest_op(&run, op, &input);
		else
			world_step(&run, op, &input);
		if (n % STEPS_PER_CHECK == 0)
			check(&run);
	}
	check(&run);
	end_life(&run);
	guest_bed_check(&run.bed);
	total.delivered += run.bed.n_delivered;
	total.guest_steps += run.guest.n_steps;
	total.ring_steps += run.guest.n_ring_steps;
	guest_bed_destroy(&run.bed);
	end_if_asked();
	return 0;
}
