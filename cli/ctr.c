// SPDX-License-Identifier: Apache-2.0
/* ctr - what the commands for containers share */
#include "cli/ctr.h"

#include <errno.h>

#include "runtime/runtime.h"

#define STATUS_IS_RUNNING 2

const struct sk_out_column sk_ctr_columns[] = {
	{"NAME", "name", SK_OUT_TEXT},	    {"IMAGE", "image", SK_OUT_TEXT},
	{"COMMAND", "command", SK_OUT_CUT}, {"CREATED", "created", SK_OUT_AGE},
	{"STATUS", "status", SK_OUT_TEXT},  {"EXIT", "exit_code", SK_OUT_TEXT},
	{"PID", "pid", SK_OUT_TEXT},	    {NULL, NULL, SK_OUT_TEXT},
};

int sk_ctr_open(const struct sk_cmd_ctx *ctx, struct sk_home **ret, struct sk_err *err)
{
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	int r;

	r = sk_home_open(ctx->globals->root, ctx->globals->runroot, &home, err);
	if (r < 0)
		return r;
	r = sk_container_recover(home, err);
	if (r < 0)
		return r;
	*ret = sk_steal(&home);
	return 0;
}

int sk_ctr_for_each(const struct sk_cmd_ctx *ctx, char **names, sk_ctr_action *action,
		    const void *arg, struct sk_err *err)
{
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	int status = 0;
	int r;

	r = sk_ctr_open(ctx, &home, err);
	if (r < 0)
		return r;
	for (; *names; names++) {
		struct sk_err failure = SK_ERR_INIT;
		int failed = SK_EXIT_FAILED;

		r = action(home, *names, arg, &failure);
		if (r == -EINTR)
			return r;
		if (r < 0) {
			sk_out_error(ctx->program->name, &failure);
			if (r == -EBUSY)
				failed = STATUS_IS_RUNNING;
			if (failed > status)
				status = failed;
		} else {
			(void)puts(*names);
		}
	}
	return status;
}

int sk_ctr_start_status(int r)
{
	switch (r) {
	case -ENOENT:
		return SK_EXIT_NOT_FOUND;
	case -EACCES:
	case -ENOEXEC:
		return SK_EXIT_NO_INVOKE;
	default:
		return SK_EXIT_RUN_FAILED;
	}
}
