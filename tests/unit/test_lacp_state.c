/* SPDX-License-Identifier: BSD-3-Clause */
/* What LACP remembers across a restart: found again, and not believed when it is damaged. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "error.h"
#include "lacp_state.h"

static char folder[] = "/tmp/test-lacp-state-XXXXXX";
static char path[sizeof(folder) + 8];

static int
setup(void **state)
{
	(void)state;
	unlink(path);
	return 0;
}

static struct lacp_state *
open_state(void)
{
	struct error err = { 0 };
	struct lacp_state *state = lacp_state_open(path, &err);

	if (state == NULL)
		fail_msg("%s", err.msg);
	return state;
}

static struct lacp_record
record_of(const char *bond, const char *member, uint16_t number)
{
	struct lacp_record record;

	memset(&record, 0, sizeof(record));
	snprintf(record.bond, sizeof(record.bond), "%s", bond);
	snprintf(record.member, sizeof(record.member), "%s", member);
	record.number = number;
	record.has_saved = true;
	record.saved.last_tx = 1000 + number;
	return record;
}

static void
test_again(void **unused)
{
	struct lacp_record eth0 = record_of("bond0", "eth0", 1), found;
	struct lacp_record eth1 = record_of("bond0", "eth1", 2);
	struct lacp_state *state = open_state();
	int cursors[2] = { -1, -1 };

	(void)unused;
	lacp_state_put(state, &eth0, &cursors[0]);
	lacp_state_put(state, &eth1, &cursors[1]);
	assert_int_not_equal(cursors[0], cursors[1]);
	eth0.saved.last_rx = 7;
	lacp_state_put(state, &eth0, &cursors[0]);
	lacp_state_close(state);

	state = open_state();
	assert_true(lacp_state_find(state, "bond0", "eth0", &found));
	assert_memory_equal(&found, &eth0, sizeof(found));
	assert_true(lacp_state_find(state, "bond0", "eth1", &found));
	assert_int_equal(found.number, 2);
	assert_false(lacp_state_find(state, "bond1", "eth0", &found));
	/* one is noted again in its old place; the other is not there any more */
	cursors[0] = -1;
	lacp_state_put(state, &eth0, &cursors[0]);
	lacp_state_keep(state);
	assert_true(lacp_state_find(state, "bond0", "eth0", &found));
	assert_false(lacp_state_find(state, "bond0", "eth1", &found));
	lacp_state_drop(state, &cursors[0]);
	assert_int_equal(cursors[0], -1);
	assert_false(lacp_state_find(state, "bond0", "eth0", &found));
	lacp_state_close(state);
	lacp_state_close(NULL);
}

static void
test_damage(void **unused)
{
	struct lacp_record eth0 = record_of("bond0", "eth0", 1), found;
	struct lacp_state *state = open_state();
	int cursor = -1, fd, n_found = 0;
	struct stat st;
	uint8_t byte;

	(void)unused;
	lacp_state_put(state, &eth0, &cursor);
	lacp_state_close(state);
	/* any byte of the header and the record */
	for (off_t at = 0; at < 200; at++) {
		fd = open(path, O_RDWR);
		assert_int_equal(pread(fd, &byte, 1, at), 1);
		byte ^= 0x55;
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
		close(fd);
		state = open_state();
		n_found += lacp_state_find(state, "bond0", "eth0", &found);
		cursor = -1;
		lacp_state_put(state, &eth0, &cursor);
		assert_true(lacp_state_find(state, "bond0", "eth0", &found));
		assert_int_equal(found.saved.last_tx, 1001);
		lacp_state_close(state);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
	/* but for what follows the record, and padding of the header */
	assert_true(n_found < 40);
	/* cut short */
	assert_int_equal(truncate(path, 100), 0);
	state = open_state();
	assert_false(lacp_state_find(state, "bond0", "eth0", &found));
	lacp_state_close(state);
}

static void
test_full(void **unused)
{
	struct lacp_state *state = open_state();
	int cursors[LACP_STATE_MEMBERS_MAX], more = -1;
	struct lacp_record record, found;
	char name[16];

	(void)unused;
	for (int i = 0; i < LACP_STATE_MEMBERS_MAX; i++) {
		snprintf(name, sizeof(name), "eth%d", i);
		record = record_of("bond0", name, i);
		cursors[i] = -1;
		lacp_state_put(state, &record, &cursors[i]);
		assert_true(cursors[i] >= 0);
	}
	record = record_of("bond1", "eth0", 1);
	lacp_state_put(state, &record, &more);
	assert_int_equal(more, -1);
	assert_false(lacp_state_find(state, "bond1", "eth0", &found));
	lacp_state_drop(state, &more); /* nothing */
	/* records that the process before has left make room */
	lacp_state_close(state);
	state = open_state();
	lacp_state_put(state, &record, &more);
	assert_true(lacp_state_find(state, "bond1", "eth0", &found));
	lacp_state_close(state);
}

static void
test_refused(void **unused)
{
	struct error err = { 0 };

	(void)unused;
	assert_null(lacp_state_open("/nonexistent/lacp.state", &err));
	assert_non_null(strstr(err.msg, "/nonexistent/lacp.state: No such file"));
	/* a link is not followed: it may lead anywhere */
	assert_int_equal(symlink("/tmp/elsewhere", path), 0);
	assert_null(lacp_state_open(path, &err));
}

static int
folder_make(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/state", folder);
	return 0;
}

static int
folder_remove(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_again, setup),
		cmocka_unit_test_setup(test_damage, setup),
		cmocka_unit_test_setup(test_full, setup),
		cmocka_unit_test_setup(test_refused, setup),
	};

	return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
