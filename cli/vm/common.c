// SPDX-License-Identifier: Apache-2.0
/* common - what skiff-vm's commands share: state folders, progress lines, Ctrl-C */
#include "cli/vm/common.h"

#include <errno.h>
#include <signal.h>

#include "cli/out.h"
#include "migrate/migrate.h"
#include "runtime/runtime.h"

static volatile int interrupted;

/* What became of migrations whose leader was killed; a failure to find out stops nobody. */
static void tell_migrations(const struct sk_cmd_ctx *ctx, const struct sk_home *home)
{
	sk_auto(sk_json_free) struct sk_json *found = NULL;
	struct sk_err err = SK_ERR_INIT;

	if (sk_migration_recover(home, &found, &err) < 0)
		sk_out_error(ctx->program->user_name, &err);
	for (size_t i = 0; i < sk_json_len(found); i++) {
		err = SK_ERR_INIT;
		(void)sk_err_set(&err, ECANCELED, "%s",
				 sk_json_str(sk_json_path(sk_json_at(found, i), "text"),
					     ""));
		sk_out_error(ctx->program->user_name, &err);
	}
}

int sk_vmcli_open(const struct sk_cmd_ctx *ctx, struct sk_home **ret, struct sk_err *err)
{
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	int r;

	r = sk_home_open(ctx->globals->root, ctx->globals->runroot, &home, err);
	if (r == 0)
		r = sk_container_recover(home, err);
	if (r == 0)
		r = sk_slice_recover(home, err);
	if (r == 0)
		tell_migrations(ctx, home);
	if (r == 0)
		*ret = sk_steal(&home);
	return r;
}

void sk_vmcli_phase(void *ctx, const char *phase, const char *detail)
{
	struct sk_progress *progress = ctx;

	if (!phase)
		sk_progress_say(progress, "%s", detail);
	else if (detail)
		sk_progress_update(progress, "%s", detail);
	else
		sk_progress_phase(progress, "%s", phase);
}

static void on_signal(int sig)
{
	(void)sig;
	if (interrupted < 9)
		interrupted++;
}

const volatile int *sk_vmcli_catch(void)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
	return &interrupted;
}
