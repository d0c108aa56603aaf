/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_rcu_qsbr.h>

#include "datapath.h"
#include "worker.h"

struct datapath *
datapath_create(void)
{
	size_t size = rte_rcu_qsbr_get_memsize(WORKER_MAX);
	struct datapath *dp = calloc(1, sizeof(*dp));

	if (dp == NULL)
		return NULL;
	dp->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (dp->event_fd < 0)
		goto err_free;
	if (posix_memalign((void **)&dp->qsbr, RTE_CACHE_LINE_SIZE, size) != 0) {
		errno = ENOMEM;
		goto err_close;
	}
	rte_rcu_qsbr_init(dp->qsbr, WORKER_MAX);
	dp->event_wanted = 1;
	return dp;

err_close:
	close(dp->event_fd);
err_free:
	free(dp);
	return NULL;
}

void
datapath_destroy(struct datapath *dp)
{
	if (dp == NULL)
		return;
	close(dp->event_fd);
	free(dp->qsbr);
	free(dp);
}
