// SPDX-License-Identifier: Apache-2.0
/* cmd_serve - the lab guest's service as an ordinary program */
#include <signal.h>
#include <stdio.h>

#include "cli/decl_serve.h"
#include "cli/guest/announce.h"
#include "lib/clock.h"
#include "migrate/guest/service.h"

#define MAX_PORT 65535

static int fill(const struct sk_cli_serve_opts *given, struct sk_service_opts *opts,
		struct sk_err *err)
{
	uint64_t control = given->control_port;
	int r;

	if (control == SK_OPT_UNSET)
		control = given->port ? given->port + 1 : 0;
	if (given->port > MAX_PORT || control > MAX_PORT)
		return sk_cmd_usage(err, "ports go to %d", MAX_PORT);
	if (given->pages_per_s && !given->working_set_bytes)
		return sk_cmd_usage(err,
				    "--pages-per-s needs --working-set: write what?");
	opts->server.address = given->address;
	opts->server.port = (uint16_t)given->port;
	opts->control_port = (uint16_t)control;
	opts->working_set_bytes = given->working_set_bytes;
	opts->pages_per_s = given->pages_per_s;
	opts->static_bytes = given->static_bytes;
	r = sk_server_parse(given->server, &opts->server, err);
	return r < 0 ? sk_err_wrap(err, r, "--server") : 0;
}

/* What an experiment wants to know at the end. */
static void report(const struct sk_service *service)
{
	struct sk_server_stats s;

	sk_server_stats(sk_service_server(service), false, &s);
	(void)printf("served %llu, refused %llu, threads at once %llu, "
		     "thread-level parallelism %.2f\n",
		     (unsigned long long)s.served, (unsigned long long)s.refused,
		     (unsigned long long)s.peak_threads, (double)s.tlp_milli / 1e3);
	(void)fflush(stdout);
}

int sk_run_serve(const struct sk_cmd_ctx *ctx, void *options, int nargs, char **args,
		 struct sk_err *err)
{
	struct sk_service_opts opts = {.server = SK_SERVER_OPTS_INIT};
	sk_auto(sk_service_free) struct sk_service *service = NULL;
	const struct sk_cli_serve_opts *given = options;
	sigset_t ends;
	int r, sig;

	(void)ctx;
	(void)nargs;
	(void)args;
	r = fill(given, &opts, err);
	if (r < 0)
		return r;
	/* Before any thread starts, so that all of them inherit it. */
	(void)sigemptyset(&ends);
	(void)sigaddset(&ends, SIGTERM);
	(void)sigaddset(&ends, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &ends, NULL);
	/* Whoever read the first line may have gone by the last. */
	(void)signal(SIGPIPE, SIG_IGN);
	r = sk_service_start(&opts, &service, err);
	if (r < 0)
		return r;
	sk_announce(service, given->address);
	(void)sigwait(&ends, &sig);
	report(service);
	return 0;
}
