// SPDX-License-Identifier: Apache-2.0
/* common - what skiff-vm's commands share: state folders, progress lines, Ctrl-C */
#include "cli/vm/common.h"

#include <signal.h>

#include "runtime/runtime.h"

static volatile int interrupted;

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
		*ret = sk_steal(&home);
	return r;
}

void sk_vmcli_phase(void *ctx, const char *phase, const char *detail)
{
	struct sk_progress *progress = ctx;

	if (detail)
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
