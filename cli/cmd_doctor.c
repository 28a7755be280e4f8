/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_doctor - what works here, what is missing, what to do about it */
#include "cli/cmds.h"
#include "cli/doctor_vm.h"
#include "cli/out.h"
#include "images/images.h"
#include "lib/str.h"
#include "lib/trial.h"
#include "runtime/runtime.h"

struct doctor_opts {
	const char *format;
};

static const struct sk_opt doctor_table[] = {
	SK_OPT_FORMAT_ROW(struct doctor_opts, format),
	SK_OPT_END,
};

static const struct sk_out_column columns[] = {
	{"SECTION", "section", SK_OUT_TEXT}, {"CHECK", "check", SK_OUT_TEXT},
	{"STATE", "state", SK_OUT_TEXT},     {"DETAIL", "detail", SK_OUT_TEXT},
	{NULL, NULL, SK_OUT_TEXT},
};

/* An image that can be had is the best proof that its parts are there. */
static void check_image(const struct sk_home *home, const char *ref, struct sk_json *list)
{
	sk_auto(sk_image_free) struct sk_image *image = NULL;
	struct sk_err why = SK_ERR_INIT;
	sk_autofree char *name = sk_strf("image %s", ref);

	(void)sk_image_resolve(home, ref, &image, &why);
	sk_trial_report(list, name, "is ready", &why, NULL);
}

static int check_containers(const struct sk_home *home, struct sk_json *list,
			    struct sk_err *err)
{
	int r = sk_runtime_doctor(home, list, err);

	if (r < 0)
		return r;
	check_image(home, "@busybox", list);
	check_image(home, "@host", list);
	return 0;
}

static const struct {
	const char *name;
	int (*check)(const struct sk_home *home, struct sk_json *list,
		     struct sk_err *err);
} sections[] = {
	{"containers", check_containers},
	{"vm", sk_doctor_vm},
	{"migrate", sk_net_doctor},
};

/* Adds what the rows of the new checks lack, and counts those that failed. */
static size_t finish_rows(struct sk_json *list, size_t from, const char *section)
{
	size_t failed = 0;

	for (size_t i = from; i < sk_json_len(list); i++) {
		struct sk_json *row = sk_json_at(list, i);
		bool is_ok = sk_json_bool(sk_json_get(row, "ok"), false);

		sk_json_set_str(row, "section", section);
		sk_json_set_str(row, "state", is_ok ? "ok" : "FAILED");
		failed += !is_ok;
	}
	return failed;
}

/* Under the table, so that nothing of a fix is cut: it is to be copied. */
static void print_fixes(const struct sk_json *list)
{
	for (size_t i = 0; i < sk_json_len(list); i++) {
		const struct sk_json *row = sk_json_at(list, i);
		const char *fix = sk_json_str(sk_json_get(row, "fix"), NULL);

		if (fix)
			(void)printf("fix for %s: %s\n",
				     sk_json_str(sk_json_get(row, "check"), ""), fix);
	}
}

static int doctor_run(const struct sk_cmd_ctx *ctx, void *options, int nargs, char **args,
		      struct sk_err *err)
{
	const struct doctor_opts *opts = options;
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	sk_auto(sk_json_free) struct sk_json *list = sk_json_new_array();
	size_t failed = 0, known = 0;
	int r = sk_home_open(ctx->globals->root, ctx->globals->runroot, &home, err);

	for (size_t i = 0; r == 0 && i < SK_ARRAY_SIZE(sections); i++) {
		size_t from = sk_json_len(list);

		if (nargs > 0 && strcmp(args[0], sections[i].name) != 0)
			continue;
		known++;
		r = sections[i].check(home, list, err);
		failed += finish_rows(list, from, sections[i].name);
	}
	if (r < 0)
		return r;
	if (known == 0)
		return sk_cmd_usage(
			err, "'%s' is not a section: use containers, vm or migrate",
			args[0]);
	r = sk_out_list(opts->format, columns, list, err);
	if (r < 0)
		return r;
	if (!opts->format || strcmp(opts->format, "table") == 0)
		print_fixes(list);
	return failed ? SK_EXIT_FAILED : 0;
}

const struct sk_cmd sk_cmd_doctor = {
	.name = "doctor",
	.summary = "tell what works here, what is missing, and what to do about it",
	.usage = "[OPTIONS] [containers|vm|migrate]",
	.details =
		"Each thing is really tried, in namespaces and folders of its own. The exit\n"
		"status is 0 when everything that was asked for works.\n",
	.opts = doctor_table,
	.opts_size = sizeof(struct doctor_opts),
	.min_args = 0,
	.max_args = 1,
	.run = doctor_run,
};
