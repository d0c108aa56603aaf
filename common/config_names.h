/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Names that sections of a configuration have for each other: a port that an address is given to,
 * the members of a bond, what a mirror copies.
 *
 * How: vswitchd itself looks at what is there, which may be more, or less, than a file says; who
 * has written the file wants to know of all that it lacks. Guests' ports come and go, and are
 * nobody's fault.
 *
 * Thread-safety: none needed; any thread, each its own configuration.
 */
#ifndef COMMON_CONFIG_NAMES_H
#define COMMON_CONFIG_NAMES_H

#include "config.h"

/**
 * config_names_check() - find names that are none of the file, and things that are named twice
 * @config: with its path; sections that have faults are left out
 * @care: CONFIG_CARE_NEEDED: what waits for a port or bridge is none
 * @faults: gets what is found
 *
 * Return: 0, or the -errno of the first fault.
 */
int config_names_check(const struct config *config, enum config_care care,
		       struct config_faults *faults);

#endif /* COMMON_CONFIG_NAMES_H */
