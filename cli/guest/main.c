// SPDX-License-Identifier: Apache-2.0
/* main - skiff-guest: init of the lab guest, or the same service as `skiff serve` */
#include <stdio.h>
#include <sys/reboot.h>
#include <unistd.h>

#include "cli/decl_serve.h"
#include "cli/guest/announce.h"
#include "lib/err.h"
#include "migrate/guest/boot.h"
#include "migrate/guest/guest.h"
#include "migrate/guest/service.h"

static const struct sk_cmd *const commands[] = {&sk_cmd_serve, NULL};

static const struct sk_cmd_group groups[] = {
	{"Services", commands},
	{NULL, NULL},
};

void sk_announce(const struct sk_service *service, const char *address)
{
	const struct sk_server_opts *opts = sk_server_opts(sk_service_server(service));

	(void)printf("skiff-guest: echo on %s port %u, control on port %u, %s\n",
		     address ? address : "0.0.0.0", sk_service_port(service),
		     sk_service_control_port(service), sk_server_model_name(opts->model));
	(void)fflush(stdout);
}

static int complain(const struct sk_err *err)
{
	(void)fprintf(stderr, "skiff-guest: %s\n", err->msg);
	if (err->hint[0])
		(void)fprintf(stderr, "hint: %s\n", err->hint);
	return 1;
}

/* Init must not end: the kernel would panic. A machine that cannot serve switches itself off. */
static int run_init(void)
{
	struct sk_service_opts opts = {.server = SK_SERVER_OPTS_INIT,
				       .control_port = SK_GUEST_CONTROL_PORT};
	struct sk_err err = SK_ERR_INIT;
	struct sk_service *service = NULL;
	struct sk_boot_config config;
	int r;

	r = sk_boot_system(&config, &err);
	if (r == 0) {
		opts.server = config.server;
		opts.server.port = SK_GUEST_ECHO_PORT;
		opts.static_bytes = config.static_bytes;
		opts.working_set_bytes = config.working_set_bytes;
		opts.pages_per_s = config.pages_per_s;
		r = sk_service_start(&opts, &service, &err);
	}
	if (r < 0) {
		(void)complain(&err);
		sync();
		return reboot(RB_POWER_OFF) < 0;
	}
	sk_announce(service, config.address);
	for (;;)
		(void)pause();
}

int main(int argc, char **argv)
{
	static const struct sk_program program = {
		.name = "skiff-guest",
		.user_name = "skiff",
		.summary =
			"a service to be measured; as PID 1 of a virtual machine, its init",
		.groups = groups,
	};

	if (argc == 1 && getpid() == 1)
		return run_init();
	return sk_cmd_main(&program, argc, argv);
}
