/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Completion: which words may stand at the end of a command line that is being typed.
 *
 * How: the shell asks by "vsctl complete -- WORD...", which help does not tell of. What there is to
 * say is read off the tables that the parser reads: options, commands, what they take (usage.h),
 * keys, values; and names of what there is (live_names.h). The answer is one word a line, or
 * COMPLETE_FILES or COMPLETE_FOLDERS: of these the shell knows more.
 *
 * Thread-safety: none needed.
 */
#ifndef CTL_COMPLETE_H
#define CTL_COMPLETE_H

#include <stdio.h>

#define COMPLETE_FILES ":files"
#define COMPLETE_FOLDERS ":folders"

/**
 * complete_print() - say which
 * @argc, @argv: the words behind "vsctl"; the last one is begun only, and may be empty
 * @socket: of vswitchd, unless the words say another
 * @out: where to
 */
void complete_print(int argc, char *const *argv, const char *socket, FILE *out);

#endif
