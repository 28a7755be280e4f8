// SPDX-License-Identifier: Apache-2.0
/* ps - skiff-oci ps: the container's processes, as numbers or as ps(1) shows them */
#include <stdlib.h>
#include <string.h>

#include "cli/oci/oci.h"
#include "cli/out.h"
#include "lib/proc.h"
#include "lib/str.h"
#include "runtime/runtime.h"

#define PS_TIMEOUT_MS 30000

struct ps_opts {
	const char *format;
};

static const struct sk_opt table[] = {
	{'f', "format", "table|json", "json is an array of process ids", SK_OPT_CHOICE,
	 offsetof(struct ps_opts, format)},
	SK_OPT_END,
};

static int print_json(const int *pids, unsigned int nr, struct sk_err *err)
{
	sk_auto(sk_json_free) struct sk_json *list = sk_json_new_array();

	for (unsigned int i = 0; i < nr; i++)
		(void)sk_json_add(list, sk_json_new_int(pids[i]));
	return sk_out_object("json", NULL, list, err);
}

/* Word number @column of a line of ps, as a number. */
static long number_at(const char *line, int column)
{
	for (line += strspn(line, " "); column > 0; column--) {
		line += strcspn(line, " ");
		line += strspn(line, " ");
	}
	return strtol(line, NULL, 10);
}

/* Number of the column PID in ps's first line, or -1. */
static int find_pid_column(const char *header)
{
	sk_auto(sk_strv_free) char **words = sk_strv_split(header, ' ');
	int column = 0;

	for (char **word = words; word && *word; word++) {
		if (strcmp(*word, "PID") == 0)
			return column;
		column += **word != '\0';
	}
	return -1;
}

static bool has_pid(const int *pids, unsigned int nr, long pid)
{
	for (unsigned int i = 0; i < nr; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

static int print_table(const int *pids, unsigned int nr, char **args, struct sk_err *err)
{
	sk_auto(sk_strv_free) char **argv = NULL, **lines = NULL;
	sk_autofree char *text = NULL;
	int column, r = sk_strv_add(&argv, "ps");

	if (!*args)
		r = sk_strv_add(&argv, "-ef");
	for (; r == 0 && *args; args++)
		r = sk_strv_add(&argv, *args);
	if (r < 0)
		return sk_err_oom(err);
	r = sk_proc_capture((const char *const *)argv, PS_TIMEOUT_MS, &text, NULL, err);
	if (r < 0)
		return r;
	lines = sk_strv_split(text, '\n');
	if (!lines)
		return sk_err_oom(err);
	column = find_pid_column(lines[0]);
	if (column < 0)
		return sk_err_set(err, EINVAL,
				  "ps prints no column PID with these options");
	(void)printf("%s\n", lines[0]);
	for (char **line = lines + 1; *line; line++)
		if (has_pid(pids, nr, number_at(*line, column)))
			(void)printf("%s\n", *line);
	return 0;
}

static int ps_run(const struct sk_cmd_ctx *ctx, void *options, int nargs, char **args,
		  struct sk_err *err)
{
	const struct ps_opts *opts = options;
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	sk_autofree int *pids = NULL;
	unsigned int nr = 0;
	int r = sk_oci_open(ctx, &home, err);

	(void)nargs;
	if (r == 0)
		r = sk_oci_pids(home, args[0], &pids, &nr, err);
	if (r < 0)
		return r;
	if (sk_str_equal(opts->format, "json"))
		return print_json(pids, nr, err);
	return print_table(pids, nr, args + 1, err);
}

const struct sk_cmd sk_oci_cmd_ps = {
	.name = "ps",
	.summary = "show the processes of a container",
	.usage = "[OPTIONS] ID [PS OPTION...]",
	.opts = table,
	.opts_size = sizeof(struct ps_opts),
	.min_args = 1,
	.max_args = SK_CMD_ANY,
	.options_first = true,
	.run = ps_run,
};
