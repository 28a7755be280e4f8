/* SPDX-License-Identifier: Apache-2.0 */
/* help - what --help, `help` and the hidden `__options` print */
#ifndef SK_HELP_H
#define SK_HELP_H

#include <stdio.h>

#include "cli/cmd.h"

/** sk_help_program() - Print the groups and commands of a program to @out */
void sk_help_program(const struct sk_program *program, FILE *out);

/**
 * sk_help_command() - Print the help of a command
 * @path:	How the user calls it: "skiff slice apply"
 */
void sk_help_command(const char *path, const struct sk_cmd *cmd, FILE *out);

/**
 * sk_help_options() - Print all commands and options in a form for scripts
 *
 * Lines of fields parted by tabs: "global LETTER NAME METAVAR" for each global option,
 * "command WORDS SUMMARY", and for each of its options "option WORDS LETTER NAME METAVAR"
 * (LETTER and METAVAR "-" where there is none). The form is stable: tests/manpages reads it.
 * Return: 0, -ENOMEM; -EINVAL for a command that the program named in .program lacks
 */
int sk_help_options(const struct sk_program *program, FILE *out, struct sk_err *err);

#endif
