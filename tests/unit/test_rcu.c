/* SPDX-License-Identifier: BSD-3-Clause */
/* Linked with --wrap=malloc: there is no memory when the test says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <rte_common.h>
#include <rte_rcu_qsbr.h>

#include "rcu.h"

#define READER 0

struct fixture {
	struct rte_rcu_qsbr *qsbr;
	struct rcu *rcu;
};

struct object {
	struct rcu_item item;
	struct fixture *fixture;
	unsigned int n_again; /* it is retired as often, from its own function */
};

static bool no_memory;
static unsigned int n_ended, n_pending;
static struct object *ended[8];

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *
__wrap_malloc(size_t size)
{
	return no_memory ? NULL : __real_malloc(size);
}

static void
pending(void *arg)
{
	n_pending++;
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->qsbr = aligned_alloc(64, rte_rcu_qsbr_get_memsize(1));
	rte_rcu_qsbr_init(f->qsbr, 1);
	rte_rcu_qsbr_thread_register(f->qsbr, READER);
	rte_rcu_qsbr_thread_online(f->qsbr, READER);
	f->rcu = rcu_create(f->qsbr);
	rcu_on_pending(f->rcu, pending, NULL);
	n_ended = n_pending = 0;
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	no_memory = false;
	rcu_destroy(f->rcu);
	free(f->qsbr);
	free(f);
	return 0;
}

static void
end(void *arg)
{
	struct object *object = arg;

	ended[n_ended++ % RTE_DIM(ended)] = object;
	if (object->n_again-- > 0)
		rcu_retire(object->fixture->rcu, &object->item, end, object);
	else
		free(object);
}

static struct object *
retire(struct fixture *f, unsigned int n_again)
{
	struct object *object = calloc(1, sizeof(*object));

	object->fixture = f;
	object->n_again = n_again;
	rcu_retire(f->rcu, &object->item, end, object);
	return object;
}

/* In order, each after its own grace period, and the list says when it stops being empty. */
static void
test_grace_period(void **state)
{
	struct fixture *f = *state;
	struct object *first = retire(f, 0), *second = retire(f, 0), *third;

	assert_int_equal(n_pending, 1);
	assert_true(rcu_poll(f->rcu));
	assert_int_equal(n_ended, 0);
	rte_rcu_qsbr_quiescent(f->qsbr, READER);
	third = retire(f, 0);
	assert_true(rcu_poll(f->rcu));
	assert_int_equal(n_ended, 2);
	assert_ptr_equal(ended[0], first);
	assert_ptr_equal(ended[1], second);
	rte_rcu_qsbr_quiescent(f->qsbr, READER);
	assert_false(rcu_poll(f->rcu));
	assert_int_equal(n_ended, 3);
	assert_ptr_equal(ended[2], third);
	assert_int_equal(n_pending, 1);
	retire(f, 0);
	assert_int_equal(n_pending, 2);
}

/* What is retired is called, whatever memory there is. */
static void
test_without_memory(void **state)
{
	struct fixture *f = *state;
	struct object *objects[3];

	for (unsigned int i = 0; i < RTE_DIM(objects); i++)
		objects[i] = calloc(1, sizeof(*objects[i]));
	no_memory = true;
	for (unsigned int i = 0; i < RTE_DIM(objects); i++)
		rcu_retire(f->rcu, &objects[i]->item, end, objects[i]);
	rte_rcu_qsbr_quiescent(f->qsbr, READER);
	assert_false(rcu_poll(f->rcu));
	assert_int_equal(n_ended, RTE_DIM(objects));
}

/* What was cancelled is not called, and can be retired again: its grace period begins then. */
static void
test_cancel(void **state)
{
	struct fixture *f = *state;
	struct object *first = retire(f, 0), *second = retire(f, 0);

	rcu_cancel(f->rcu, &first->item);
	rte_rcu_qsbr_quiescent(f->qsbr, READER);
	rcu_retire(f->rcu, &first->item, end, first);
	assert_true(rcu_poll(f->rcu));
	assert_int_equal(n_ended, 1);
	assert_ptr_equal(ended[0], second);
	rte_rcu_qsbr_quiescent(f->qsbr, READER);
	assert_false(rcu_poll(f->rcu));
	assert_int_equal(n_ended, 2);
	assert_ptr_equal(ended[1], first);
}

/* In the end everything is called, what was retired meanwhile, too. */
static void
test_destroy(void **state)
{
	struct fixture *f = *state;

	retire(f, 0);
	retire(f, 2);
	rcu_destroy(f->rcu);
	assert_int_equal(n_ended, 4);
	f->rcu = NULL;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_grace_period, setup, teardown),
		cmocka_unit_test_setup_teardown(test_without_memory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cancel, setup, teardown),
		cmocka_unit_test_setup_teardown(test_destroy, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
