/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What guests and toolstacks write to xenstore: the input is a list of commands - keys with any
 * value, states in any order, devices that come and go, the backend's calls failing, restarts of
 * the backend in between.
 *
 * Beyond what the sanitizers see it checks that the state machine comes to rest after each command
 * (fake_host_settle() gives up on one that does not), and that nothing is left behind.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define COMMANDS_MAX 100
#define DEVICES 2
#define REQUIRE(condition)        \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

enum command {
	FRONTEND_KEY,
	FRONTEND_STATE,
	BACKEND_KEY,
	ATTACH,
	HOTPLUG,
	DETACH,
	FORCE,
	REMOVE,
	STEP,
	RESET,
	RESTART,
	HOLD,
	KILL,
	FAIL,
	RETRY,
	COMMANDS,
};

static const char *const frontend_keys[] = {
	"tx-ring-ref",
	"rx-ring-ref",
	"event-channel",
	"event-channel-tx",
	"event-channel-rx",
	"multi-queue-num-queues",
	"request-rx-copy",
	"feature-sg",
	"feature-no-csum-offload",
	"feature-ipv6-csum-offload",
	"feature-rx-notify",
	"queue-0/tx-ring-ref",
	"queue-0/rx-ring-ref",
	"queue-0/event-channel",
	"queue-1/tx-ring-ref",
	"queue-1/rx-ring-ref",
	"queue-1/event-channel",
	"state",
	"state/below",
	"mac",
	"backend",
};

static const char *const backend_keys[] = {
	"state", "online", "hotplug-status", "script", "mac", "frontend", "frontend-id", "mtu",
};

struct input {
	const uint8_t *data;
	size_t left;
};

struct run {
	struct fake_host *host;
	struct fake_frontend_config configs[DEVICES];
	struct fake_frontend *frontends[DEVICES];
};

static uint8_t
take8(struct input *input)
{
	if (input->left == 0)
		return 0;
	input->left--;
	return *input->data++;
}

/* A value: its length first; NULL to remove the key. */
static const char *
take_value(struct input *input, char buf[64])
{
	uint8_t len = take8(input);

	if (len == 255)
		return NULL;
	len %= 64;
	for (uint8_t i = 0; i < len; i++)
		buf[i] = (char)take8(input);
	buf[len] = '\0';
	return buf;
}

static void
write_backend(struct run *run, unsigned int i, const char *key, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "/local/domain/0/backend/vif/%u/%u/%s", run->configs[i].domid,
		 run->configs[i].devid, key);
	if (value != NULL)
		fake_store_write(fake_hypervisor_store(run->host->fake), 0, path, value);
	else
		fake_store_rm(fake_hypervisor_store(run->host->fake), 0, path);
}

static void
execute(struct run *run, struct input *input)
{
	uint8_t command = take8(input), which = take8(input);
	unsigned int i = which % DEVICES;
	struct fake_frontend_config *config = &run->configs[i];
	struct fake_hypervisor *fake = run->host->fake;
	char buf[64], state[2] = { 0 };

	switch ((enum command)(command % COMMANDS)) {
	case FRONTEND_KEY:
		fake_frontend_write(run->frontends[i],
				    frontend_keys[take8(input) % RTE_DIM(frontend_keys)],
				    take_value(input, buf));
		break;
	case FRONTEND_STATE:
		state[0] = (char)('0' + take8(input) % 10);
		fake_frontend_write(run->frontends[i], "state", state);
		run->frontends[i]->state = (enum xenbus_state)(state[0] - '0');
		break;
	case BACKEND_KEY:
		write_backend(run, i, backend_keys[take8(input) % RTE_DIM(backend_keys)],
			      take_value(input, buf));
		break;
	case ATTACH:
		fake_toolstack_attach(fake, config);
		run->frontends[i]->state = XenbusStateInitialising;
		break;
	case HOTPLUG:
		fake_toolstack_hotplug(fake, config, which & 2 ? "error" : "connected");
		break;
	case DETACH:
		fake_toolstack_detach(fake, config);
		break;
	case FORCE:
		fake_toolstack_force(fake, config);
		break;
	case REMOVE:
		fake_toolstack_remove(fake, config);
		break;
	case STEP:
		fake_frontend_step(run->frontends[i]);
		break;
	case RESET:
		fake_frontend_reset(run->frontends[i]);
		break;
	case RESTART:
		fake_host_stop(run->host);
		/* without its own watches a backend does not start */
		fake_fail(fake, FAKE_OP_WATCH, 0, 0);
		fake_host_start(run->host);
		break;
	case HOLD:
		run->host->hold_retired = which & 2;
		break;
	case KILL:
		fake_domain_kill(fake, config->domid);
		break;
	case FAIL:
		fake_fail(fake, (enum fake_op)(take8(input) % FAKE_OPS), take8(input) % 16,
			  which & 2 ? ENOMEM : EINVAL);
		break;
	case RETRY:
		fake_host_pass(run->host, FAKE_HOST_ANYTHING);
		break;
	case COMMANDS:
		break;
	}
	/* two events of different kinds in one turn, now and then */
	if (command < 128)
		fake_host_settle(run->host, NULL, 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { .data = data, .left = size };
	struct run run = { .configs = { { .domid = 1, .split = true },
					{ .domid = 2, .devid = 5 } } };
	struct fake_counts counts;
	uint8_t flags = take8(&input);

	run.host = fake_host_create(2, 2);
	run.configs[0].n_queues = flags & 1 ? 2 : 1;
	run.configs[1].no_hotplug = flags & 2;
	for (unsigned int i = 0; i < DEVICES; i++)
		run.frontends[i] = fake_frontend_create(run.host->fake, &run.configs[i]);
	for (unsigned int n = 0; n < COMMANDS_MAX && input.left > 0; n++)
		execute(&run, &input);

	run.host->hold_retired = false;
	for (unsigned int op = 0; op < FAKE_OPS; op++)
		fake_fail(run.host->fake, (enum fake_op)op, 0, 0);
	fake_host_pass(run.host, FAKE_HOST_ANYTHING);
	fake_store_rm(fake_hypervisor_store(run.host->fake), 0, "/local/domain/0/backend");
	fake_host_settle(run.host, NULL, 0);
	fake_host_pass(run.host, FAKE_HOST_ANYTHING);
	fake_host_settle(run.host, NULL, 0);
	counts = fake_hypervisor_counts(run.host->fake);
	REQUIRE(counts.maps == 0 && counts.bound == 0 && counts.watches == 2);
	for (unsigned int i = 0; i < DEVICES; i++)
		fake_frontend_destroy(run.frontends[i]);
	fake_host_destroy(run.host);
	return 0;
}
