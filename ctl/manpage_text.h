/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the man pages say beside the tables: sections of text as roff (man(7)), complete with their
 * headings.
 *
 * Thread-safety: constants.
 */
#ifndef CTL_MANPAGE_TEXT_H
#define CTL_MANPAGE_TEXT_H

struct file_text {
	const char *path; /* NULL: the end */
	const char *help;
};

extern const struct file_text vsctl_files[];
extern const struct file_text vswitchd_files[];
extern const struct file_text conf_files[];

extern const char vsctl_description[];
extern const char vsctl_values[];
extern const char vsctl_events[];
extern const char vsctl_after_commands[]; /* BRCTL .. ENVIRONMENT */
extern const char vsctl_see_also[];

extern const char vswitchd_description[];
extern const char vswitchd_after_options[];
extern const char vswitchd_see_also[];

extern const char conf_description[];
extern const char conf_notes[];
extern const char conf_see_also[];

#endif
