/* SPDX-License-Identifier: BSD-3-Clause */
#include "ethtool.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define BLOCK_BITS 32 /* features in a block of struct ethtool_gfeatures */

/* The names of all features, in the order of their bits. */
struct feature_names {
	uint32_t n;
	struct ethtool_gstrings *strings;
};

static int
request(const char *ifname, void *data)
{
	struct ifreq ifr = { .ifr_data = data };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), ret;

	if (fd < 0)
		return -errno;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", ifname);
	ret = ioctl(fd, SIOCETHTOOL, &ifr) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

const char *
ethtool_driver(const char *ifname, char *ret_name, size_t size)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };

	if (request(ifname, &info) < 0)
		info.driver[0] = '\0';
	snprintf(ret_name, size, "%s", info.driver);
	return ret_name;
}

int
ethtool_queues(const char *ifname, uint16_t *ret_rx, uint16_t *ret_tx)
{
	struct ethtool_channels channels = { .cmd = ETHTOOL_GCHANNELS };

	if (request(ifname, &channels) < 0 || channels.combined_count + channels.rx_count == 0)
		return -EOPNOTSUPP;
	*ret_rx = channels.combined_count + channels.rx_count;
	*ret_tx = channels.combined_count + channels.tx_count;
	return 0;
}

uint32_t
ethtool_speed(const char *ifname, bool *ret_full_duplex)
{
	struct ethtool_cmd cmd = { .cmd = ETHTOOL_GSET };

	if (request(ifname, &cmd) < 0 || ethtool_cmd_speed(&cmd) == (uint32_t)SPEED_UNKNOWN)
		return 0;
	*ret_full_duplex = cmd.duplex != DUPLEX_HALF;
	return ethtool_cmd_speed(&cmd);
}

static int
names_read(const char *ifname, struct feature_names *names)
{
	struct {
		struct ethtool_sset_info info;
		uint32_t n;
	} set = { .info = { .cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ULL << ETH_SS_FEATURES } };
	int ret = request(ifname, &set);

	if (ret < 0)
		return ret;
	names->n = set.info.sset_mask != 0 ? set.n : 0;
	names->strings = calloc(1, sizeof(*names->strings) + (size_t)names->n * ETH_GSTRING_LEN);
	if (names->strings == NULL)
		return -ENOMEM;
	names->strings->cmd = ETHTOOL_GSTRINGS;
	names->strings->string_set = ETH_SS_FEATURES;
	names->strings->len = names->n;
	ret = request(ifname, names->strings);
	if (ret < 0)
		free(names->strings);
	return ret;
}

/* The bit of a feature, or -1. */
static int
name_find(const struct feature_names *names, const char *name)
{
	for (uint32_t i = 0; i < names->n; i++)
		if (strncmp((const char *)&names->strings->data[i * ETH_GSTRING_LEN], name,
			    ETH_GSTRING_LEN) == 0)
			return i;
	return -1;
}

/* The state of all features, to be freed; NULL: errno is set. */
static struct ethtool_gfeatures *
features_read(const char *ifname, uint32_t n_blocks)
{
	struct ethtool_gfeatures *state =
		calloc(1, sizeof(*state) + n_blocks * sizeof(state->features[0]));
	int ret;

	if (state == NULL)
		return NULL;
	state->cmd = ETHTOOL_GFEATURES;
	state->size = n_blocks;
	ret = request(ifname, state);
	if (ret == 0)
		return state;
	free(state);
	errno = -ret;
	return NULL;
}

static bool
is_active(const struct ethtool_gfeatures *state, int bit)
{
	return state->features[bit / BLOCK_BITS].active & (1U << bit % BLOCK_BITS);
}

/* Ask for those of @bits[0..n) that are not as wanted. Return what was asked for. */
static uint32_t
features_ask(const char *ifname, const struct ethtool_gfeatures *state, const int *bits,
	     unsigned int n, bool on)
{
	struct ethtool_sfeatures *wanted =
		calloc(1, sizeof(*wanted) + state->size * sizeof(wanted->features[0]));
	uint32_t asked = 0;

	if (wanted == NULL)
		return 0;
	wanted->cmd = ETHTOOL_SFEATURES;
	wanted->size = state->size;
	for (unsigned int i = 0; i < n; i++) {
		struct ethtool_set_features_block *block;

		if (bits[i] < 0 || is_active(state, bits[i]) == on)
			continue;
		block = &wanted->features[bits[i] / BLOCK_BITS];
		block->valid |= 1U << bits[i] % BLOCK_BITS;
		block->requested |= (on ? 1U : 0U) << bits[i] % BLOCK_BITS;
		asked |= 1U << i;
	}
	/* what came of it is read afterwards */
	if (asked != 0)
		request(ifname, wanted);
	free(wanted);
	return asked;
}

int
ethtool_features_set(const char *ifname, const char *const *names, unsigned int n, uint32_t which,
		     bool on, uint32_t *ret_changed)
{
	struct ethtool_gfeatures *before = NULL, *after = NULL;
	struct feature_names all;
	uint32_t n_blocks, asked;
	int bits[32], ret;

	*ret_changed = 0;
	ret = names_read(ifname, &all);
	if (ret < 0)
		return ret;
	for (unsigned int i = 0; i < n; i++)
		bits[i] = which & (1U << i) ? name_find(&all, names[i]) : -1;
	n_blocks = (all.n + BLOCK_BITS - 1) / BLOCK_BITS;
	free(all.strings);
	before = features_read(ifname, n_blocks);
	if (before == NULL)
		return -errno;
	asked = features_ask(ifname, before, bits, n, on);
	after = features_read(ifname, n_blocks);
	if (after == NULL) {
		ret = -errno;
		free(before);
		return ret;
	}
	for (unsigned int i = 0; i < n; i++) {
		if (bits[i] >= 0 && is_active(after, bits[i]) != on)
			ret = -EOPNOTSUPP;
		else if (asked & (1U << i))
			*ret_changed |= 1U << i;
	}
	free(before);
	free(after);
	return ret;
}
