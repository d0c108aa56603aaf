/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Health: checks that find the usual faults, and say what to do about each.
 *
 * How: a check is a row of one const table: a name, what it looks at, a function. The function
 * looks at the control thread's state and says what it finds; each runs whatever the others find.
 * Nothing is looked at while nobody asks. What is counted is compared with a *reading* of the
 * counters that was taken when somebody asked before: at least HEALTH_SECONDS_MIN and at most
 * HEALTH_SECONDS_MAX ago. If there is none one is taken, and the answer comes that much later. So
 * whoever asks once a minute misses nothing, and each answer says of how many seconds it is.
 *
 * What is counted now is a fault; what was, since the start, and is no more, is a note.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_HEALTH_H
#define VSWITCH_HEALTH_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#define HEALTH_SECONDS_MIN 1
#define HEALTH_SECONDS_MAX 300

enum health_severity {
	HEALTH_OK,
	HEALTH_NOTE,    /* good to know; not a fault, or not one any more */
	HEALTH_WARNING, /* somebody may miss packets, or soon will */
	HEALTH_ERROR,   /* somebody does */
	HEALTH_SEVERITIES
};
extern const char *const health_severity_names[HEALTH_SEVERITIES];

struct health;
struct health_round;
struct vswitch;

/**
 * struct health_check - a row of the table.
 * @looks_at: for people, as in docs/troubleshooting.md.
 * @run: tells of what it finds by health_found() (health_priv.h).
 * @uncounted: what it finds can lose packets that no port counts as dropped; it looks at no
 * counter.
 */
struct health_check {
	const char *name;
	const char *looks_at;
	void (*run)(struct health_round *round);
	bool uncounted;
};

extern const struct health_check health_checks[];
extern const size_t n_health_checks;

/** health_ask() - somebody will look: take a reading, if there is none to compare with. */
void health_ask(struct vswitch *sw);

/** health_is_due() - is there a reading that is old enough? */
bool health_is_due(const struct vswitch *sw);

/**
 * health_look() - run all checks. After health_ask(); what is counted is best looked at when
 * health_is_due().
 * Return: {"status", "seconds", "checks": [{"check", "status", "looks_at"}], "findings": [{"check",
 * "severity", "object", "text", "remedy"}]}, or NULL: no memory.
 */
json_t *health_look(struct vswitch *sw);

/**
 * health_uncounted() - run the checks of faults that lose packets which no port counts as dropped.
 * Return: their findings, as health_look() has them.
 */
json_t *health_uncounted(struct vswitch *sw);

/** health_destroy() - NULL is legal. */
void health_destroy(struct health *health);

#endif /* VSWITCH_HEALTH_H */
