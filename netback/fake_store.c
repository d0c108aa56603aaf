/* SPDX-License-Identifier: BSD-3-Clause */
#include "fake_store.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#include "hypervisor.h"

struct node {
	LIST_ENTRY(node) list;
	LIST_HEAD(, node) children;
	char *value;
	char name[];
};

struct watch {
	LIST_ENTRY(watch) list;
	bool relative;
	char path[STORE_PATH_SIZE]; /* absolute, or "@..." */
	char token[STORE_PATH_SIZE];
};

struct store_event {
	STAILQ_ENTRY(store_event) list;
	char path[STORE_PATH_SIZE];
	char token[STORE_PATH_SIZE];
};

/* A change that a transaction will make. */
struct change {
	STAILQ_ENTRY(change) list;
	char path[STORE_PATH_SIZE];
	char *value; /* NULL: remove */
};

struct transaction {
	LIST_ENTRY(transaction) list;
	uint32_t id;
	uint64_t generation; /* of the store when it began */
	STAILQ_HEAD(, change) changes;
};

struct fake_store {
	pthread_mutex_t lock;
	struct node *root;
	LIST_HEAD(, watch) watches;
	STAILQ_HEAD(, store_event) events;
	LIST_HEAD(, transaction) transactions;
	uint16_t self; /* the backend's domain */
	char home[32]; /* what its relative paths are below of */
	int event_fd;
	uint32_t next_transaction;
	unsigned int interfere;
	unsigned int n_watches;
	uint64_t generation; /* counts changes */
};

static struct node *
node_new(const char *name, size_t len)
{
	struct node *node = calloc(1, sizeof(*node) + len + 1);

	memcpy(node->name, name, len);
	node->value = strdup("");
	return node;
}

static void
node_free(struct node *node)
{
	struct node *child;

	while ((child = LIST_FIRST(&node->children)) != NULL) {
		LIST_REMOVE(child, list);
		node_free(child);
	}
	free(node->value);
	free(node);
}

static void
store_absolute(const struct fake_store *store, char ret[STORE_PATH_SIZE], const char *path)
{
	snprintf(ret, STORE_PATH_SIZE, "%s%s", *path == '/' || *path == '@' ? "" : store->home,
		 path);
}

/* Walk down an absolute path; @make: create what is missing. */
static struct node *
store_find(struct fake_store *store, const char *path, bool make)
{
	struct node *node = store->root, *child;

	while (*path == '/') {
		size_t len = strcspn(++path, "/");

		if (len == 0)
			return NULL;
		LIST_FOREACH(child, &node->children, list)
			if (strlen(child->name) == len && memcmp(child->name, path, len) == 0)
				break;
		if (child == NULL && !make)
			return NULL;
		if (child == NULL) {
			child = node_new(path, len);
			LIST_INSERT_HEAD(&node->children, child, list);
		}
		node = child;
		path += len;
	}
	return node;
}

static bool
path_is_below(const char *path, const char *top)
{
	size_t len = strlen(top);

	return strncmp(path, top, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

static void
store_push_event(struct fake_store *store, const struct watch *watch, const char *path)
{
	struct store_event *event = calloc(1, sizeof(*event));
	uint64_t one = 1;

	if (watch->relative && strncmp(path, store->home, strlen(store->home)) == 0)
		path += strlen(store->home);
	snprintf(event->path, sizeof(event->path), "%s", path);
	snprintf(event->token, sizeof(event->token), "%s", watch->token);
	if (STAILQ_EMPTY(&store->events) && write(store->event_fd, &one, sizeof(one)) < 0)
		abort();
	STAILQ_INSERT_TAIL(&store->events, event, list);
}

static void
store_changed(struct fake_store *store, const char *path, bool removed)
{
	struct watch *watch;

	store->generation++;
	LIST_FOREACH(watch, &store->watches, list) {
		if (path_is_below(path, watch->path))
			store_push_event(store, watch, path);
		else if (removed && path_is_below(watch->path, path))
			store_push_event(store, watch, watch->path);
	}
}

static int
store_set(struct fake_store *store, const char *path, const char *value)
{
	struct node *node = store_find(store, path, true);

	if (node == NULL)
		return -EINVAL;
	free(node->value);
	node->value = strdup(value);
	store_changed(store, path, false);
	return 0;
}

static int
store_remove(struct fake_store *store, const char *path)
{
	struct node *node = store_find(store, path, false);

	if (node == NULL)
		return 0;
	if (node == store->root)
		return -EINVAL;
	LIST_REMOVE(node, list);
	node_free(node);
	store_changed(store, path, true);
	return 0;
}

static struct transaction *
transaction_find(struct fake_store *store, uint32_t id)
{
	struct transaction *transaction;

	LIST_FOREACH(transaction, &store->transactions, list)
		if (transaction->id == id)
			return transaction;
	return NULL;
}

static void
transaction_free(struct transaction *transaction)
{
	struct change *change;

	while ((change = STAILQ_FIRST(&transaction->changes)) != NULL) {
		STAILQ_REMOVE_HEAD(&transaction->changes, list);
		free(change->value);
		free(change);
	}
	free(transaction);
}

/* Change something now, or note it in a transaction. */
static int
store_apply(struct fake_store *store, uint32_t id, const char *path, const char *value)
{
	struct transaction *transaction;
	char absolute[STORE_PATH_SIZE];
	struct change *change;
	int ret = 0;

	store_absolute(store, absolute, path);
	pthread_mutex_lock(&store->lock);
	transaction = id != 0 ? transaction_find(store, id) : NULL;
	if (id != 0 && transaction == NULL) {
		ret = -ENOENT;
	} else if (transaction != NULL) {
		change = calloc(1, sizeof(*change));
		memcpy(change->path, absolute, sizeof(absolute));
		change->value = value != NULL ? strdup(value) : NULL;
		STAILQ_INSERT_TAIL(&transaction->changes, change, list);
	} else if (value != NULL) {
		ret = store_set(store, absolute, value);
	} else {
		ret = store_remove(store, absolute);
	}
	pthread_mutex_unlock(&store->lock);
	return ret;
}

int
fake_store_write(struct fake_store *store, uint32_t transaction, const char *path,
		 const char *value)
{
	return store_apply(store, transaction, path, value);
}

int
fake_store_rm(struct fake_store *store, uint32_t transaction, const char *path)
{
	return store_apply(store, transaction, path, NULL);
}

/* What a transaction itself has written is seen by its reads. */
static bool
transaction_value(struct fake_store *store, uint32_t id, const char *path, const char **ret_value)
{
	struct transaction *transaction = transaction_find(store, id);
	struct change *change;
	bool found = false;

	if (transaction == NULL)
		return false;
	STAILQ_FOREACH(change, &transaction->changes, list) {
		if (strcmp(change->path, path) == 0 ||
		    (change->value == NULL && path_is_below(path, change->path))) {
			*ret_value = change->value;
			found = true;
		}
	}
	return found;
}

char *
fake_store_read(struct fake_store *store, uint32_t transaction, const char *path)
{
	char absolute[STORE_PATH_SIZE];
	const char *value = NULL;
	struct node *node;
	char *copy;

	store_absolute(store, absolute, path);
	pthread_mutex_lock(&store->lock);
	if (!transaction_value(store, transaction, absolute, &value)) {
		node = store_find(store, absolute, false);
		value = node != NULL ? node->value : NULL;
	}
	copy = value != NULL ? strdup(value) : NULL;
	pthread_mutex_unlock(&store->lock);
	if (copy == NULL)
		errno = ENOENT;
	return copy;
}

char **
fake_store_directory(struct fake_store *store, uint32_t transaction, const char *path)
{
	char absolute[STORE_PATH_SIZE], **list = NULL, *at;
	size_t n = 0, size = sizeof(*list);
	struct node *node, *child;

	store_absolute(store, absolute, path);
	pthread_mutex_lock(&store->lock);
	node = store_find(store, absolute, false);
	if (node != NULL) {
		LIST_FOREACH(child, &node->children, list) {
			n++;
			size += sizeof(*list) + strlen(child->name) + 1;
		}
		list = malloc(size);
		at = (char *)&list[n + 1];
		n = 0;
		LIST_FOREACH(child, &node->children, list) {
			list[n++] = at;
			at = stpcpy(at, child->name) + 1;
		}
		list[n] = NULL;
	}
	pthread_mutex_unlock(&store->lock);
	if (list == NULL)
		errno = ENOENT;
	return list;
}

int
fake_store_transaction_start(struct fake_store *store, uint32_t *ret_transaction)
{
	struct transaction *transaction = calloc(1, sizeof(*transaction));

	pthread_mutex_lock(&store->lock);
	transaction->id = ++store->next_transaction;
	transaction->generation = store->generation;
	STAILQ_INIT(&transaction->changes);
	LIST_INSERT_HEAD(&store->transactions, transaction, list);
	*ret_transaction = transaction->id;
	pthread_mutex_unlock(&store->lock);
	return 0;
}

int
fake_store_transaction_end(struct fake_store *store, uint32_t id, bool abort)
{
	struct transaction *transaction;
	struct change *change;
	int ret = 0;

	pthread_mutex_lock(&store->lock);
	transaction = transaction_find(store, id);
	if (transaction == NULL) {
		pthread_mutex_unlock(&store->lock);
		return -ENOENT;
	}
	LIST_REMOVE(transaction, list);
	if (!abort && store->interfere > 0) {
		store->interfere--;
		ret = -EAGAIN;
	} else if (!abort && store->generation != transaction->generation) {
		ret = -EAGAIN;
	} else if (!abort) {
		STAILQ_FOREACH(change, &transaction->changes, list) {
			if (change->value != NULL)
				store_set(store, change->path, change->value);
			else
				store_remove(store, change->path);
		}
	}
	pthread_mutex_unlock(&store->lock);
	transaction_free(transaction);
	return ret;
}

int
fake_store_watch(struct fake_store *store, const char *path, const char *token)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	watch->relative = *path != '/' && *path != '@';
	store_absolute(store, watch->path, path);
	snprintf(watch->token, sizeof(watch->token), "%s", token);
	pthread_mutex_lock(&store->lock);
	LIST_INSERT_HEAD(&store->watches, watch, list);
	store->n_watches++;
	store_push_event(store, watch, watch->path);
	pthread_mutex_unlock(&store->lock);
	return 0;
}

int
fake_store_unwatch(struct fake_store *store, const char *path, const char *token)
{
	char absolute[STORE_PATH_SIZE];
	struct watch *watch;

	store_absolute(store, absolute, path);
	pthread_mutex_lock(&store->lock);
	LIST_FOREACH(watch, &store->watches, list)
		if (strcmp(watch->path, absolute) == 0 && strcmp(watch->token, token) == 0)
			break;
	if (watch != NULL) {
		LIST_REMOVE(watch, list);
		store->n_watches--;
	}
	pthread_mutex_unlock(&store->lock);
	free(watch);
	return watch != NULL ? 0 : -ENOENT;
}

int
fake_store_fd(struct fake_store *store)
{
	return store->event_fd;
}

int
fake_store_next_event(struct fake_store *store, char *ret_path, char *ret_token)
{
	struct store_event *event;
	uint64_t count;

	pthread_mutex_lock(&store->lock);
	event = STAILQ_FIRST(&store->events);
	if (event != NULL) {
		STAILQ_REMOVE_HEAD(&store->events, list);
		if (STAILQ_EMPTY(&store->events) &&
		    read(store->event_fd, &count, sizeof(count)) < 0)
			abort();
	}
	pthread_mutex_unlock(&store->lock);
	if (event == NULL)
		return 0;
	memcpy(ret_path, event->path, STORE_PATH_SIZE);
	memcpy(ret_token, event->token, STORE_PATH_SIZE);
	free(event);
	return 1;
}

void
fake_store_fire(struct fake_store *store, const char *path)
{
	struct watch *watch;

	pthread_mutex_lock(&store->lock);
	LIST_FOREACH(watch, &store->watches, list)
		if (strcmp(watch->path, path) == 0)
			store_push_event(store, watch, path);
	pthread_mutex_unlock(&store->lock);
}

void
fake_store_interfere(struct fake_store *store, unsigned int n)
{
	pthread_mutex_lock(&store->lock);
	store->interfere = n;
	pthread_mutex_unlock(&store->lock);
}

unsigned int
fake_store_watches(struct fake_store *store)
{
	unsigned int n;

	pthread_mutex_lock(&store->lock);
	n = store->n_watches;
	pthread_mutex_unlock(&store->lock);
	return n;
}

uint64_t
fake_store_writes(struct fake_store *store)
{
	uint64_t n;

	pthread_mutex_lock(&store->lock);
	n = store->generation;
	pthread_mutex_unlock(&store->lock);
	return n;
}

struct fake_store *
fake_store_create(void)
{
	struct fake_store *store = calloc(1, sizeof(*store));

	if (store == NULL)
		return NULL;
	pthread_mutex_init(&store->lock, NULL);
	store->root = node_new("", 0);
	STAILQ_INIT(&store->events);
	store->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	fake_store_set_self(store, 0);
	return store;
}

void
fake_store_set_self(struct fake_store *store, uint16_t domid)
{
	store->self = domid;
	snprintf(store->home, sizeof(store->home), "/local/domain/%u/", domid);
}

uint16_t
fake_store_self(const struct fake_store *store)
{
	return store->self;
}

void
fake_store_destroy(struct fake_store *store)
{
	struct transaction *transaction;
	struct store_event *event;
	struct watch *watch;

	if (store == NULL)
		return;
	while ((transaction = LIST_FIRST(&store->transactions)) != NULL) {
		LIST_REMOVE(transaction, list);
		transaction_free(transaction);
	}
	while ((event = STAILQ_FIRST(&store->events)) != NULL) {
		STAILQ_REMOVE_HEAD(&store->events, list);
		free(event);
	}
	while ((watch = LIST_FIRST(&store->watches)) != NULL) {
		LIST_REMOVE(watch, list);
		free(watch);
	}
	node_free(store->root);
	close(store->event_fd);
	pthread_mutex_destroy(&store->lock);
	free(store);
}
