// SPDX-License-Identifier: Apache-2.0
/* main - skiff-guest: init of the lab guest, or the same service as an ordinary program */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/parse.h"
#include "migrate/guest/boot.h"
#include "migrate/guest/guest.h"
#include "migrate/guest/service.h"

static const char usage[] =
	"Usage: skiff-guest --serve [OPTION...]\n"
	"Echo and control service for probes, with memory under test.\n\n"
	"  --address ADDR      listen on this address only (default: all of IPv4)\n"
	"  --port P            UDP port of the echo (default 7007; 0: any)\n"
	"  --control-port P    UDP port of the control service (default: echo port + 1)\n"
	"  --working-set SIZE  memory that is written all the time (default 0)\n"
	"  --rate N            pages written per second (default 0)\n"
	"  --static SIZE       memory that is checksummed (default 16m)\n"
	"  --help              print this\n\n"
	"Without options, and as PID 1 of a virtual machine, it is the machine's init.\n";

static int complain(const struct sk_err *err, int status)
{
	(void)fprintf(stderr, "skiff-guest: %s\n", err->msg);
	if (err->hint[0])
		(void)fprintf(stderr, "hint: %s\n", err->hint);
	return status;
}

/* The console may be read by a program that waits for this line. */
static void announce(const struct sk_service *service, const char *address)
{
	(void)printf("skiff-guest: echo on %s port %u, control on port %u\n",
		     address ? address : "0.0.0.0", sk_service_port(service),
		     sk_service_control_port(service));
	(void)fflush(stdout);
}

/* Init must not end: the kernel would panic. A machine that cannot serve switches itself off. */
static int run_init(void)
{
	struct sk_service_opts opts = {.port = SK_GUEST_ECHO_PORT,
				       .control_port = SK_GUEST_CONTROL_PORT};
	struct sk_err err = SK_ERR_INIT;
	struct sk_service *service = NULL;
	struct sk_boot_config config;
	int r;

	r = sk_boot_system(&config, &err);
	if (r == 0) {
		opts.static_bytes = config.static_bytes;
		opts.working_set_bytes = config.working_set_bytes;
		opts.pages_per_s = config.pages_per_s;
		r = sk_service_start(&opts, &service, &err);
	}
	if (r < 0) {
		(void)complain(&err, 1);
		sync();
		return reboot(RB_POWER_OFF) < 0;
	}
	announce(service, config.address);
	for (;;)
		(void)pause();
}

static int parse(int argc, char **argv, struct sk_service_opts *opts, struct sk_err *err)
{
	enum { SERVE = 1, ADDRESS, PORT, CONTROL, SET, RATE, STATIC, HELP };
	static const struct option options[] = {
		{"serve", no_argument, NULL, SERVE},
		{"address", required_argument, NULL, ADDRESS},
		{"port", required_argument, NULL, PORT},
		{"control-port", required_argument, NULL, CONTROL},
		{"working-set", required_argument, NULL, SET},
		{"rate", required_argument, NULL, RATE},
		{"static", required_argument, NULL, STATIC},
		{"help", no_argument, NULL, HELP},
		{0},
	};
	uint64_t port = SK_GUEST_ECHO_PORT, control = UINT64_MAX;
	int option, r = 0;

	while (r == 0 && (option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (option == ADDRESS)
			opts->address = optarg;
		else if (option == PORT)
			r = sk_parse_u64(optarg, 0, 65534, &port, err);
		else if (option == CONTROL)
			r = sk_parse_u64(optarg, 0, 65535, &control, err);
		else if (option == SET)
			r = sk_parse_size(optarg, &opts->working_set_bytes, err);
		else if (option == RATE)
			r = sk_parse_u64(optarg, 0, UINT32_MAX, &opts->pages_per_s, err);
		else if (option == STATIC)
			r = sk_parse_size(optarg, &opts->static_bytes, err);
		else if (option != SERVE)
			return option == HELP ? 1 : sk_err_set(err, EINVAL, "see --help");
	}
	if (r == 0 && optind < argc)
		r = sk_err_set(err, EINVAL, "unexpected argument '%s'", argv[optind]);
	opts->port = (uint16_t)port;
	opts->control_port = (uint16_t)(control != UINT64_MAX ? control
					: port		      ? port + 1
							      : 0);
	return r;
}

static int serve(int argc, char **argv)
{
	struct sk_service_opts opts = {.static_bytes = 16 << 20};
	sk_auto(sk_service_free) struct sk_service *service = NULL;
	struct sk_err err = SK_ERR_INIT;
	sigset_t ends;
	int r, sig;

	r = parse(argc, argv, &opts, &err);
	if (r > 0)
		return fputs(usage, stdout) < 0;
	if (r < 0)
		return complain(&err, 2);
	/* Before any thread starts, so that all of them inherit it. */
	(void)sigemptyset(&ends);
	(void)sigaddset(&ends, SIGTERM);
	(void)sigaddset(&ends, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &ends, NULL);
	r = sk_service_start(&opts, &service, &err);
	if (r < 0)
		return complain(&err, 1);
	announce(service, opts.address);
	(void)sigwait(&ends, &sig);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 1 && getpid() == 1)
		return run_init();
	if (argc == 1) {
		(void)fputs("skiff-guest: say --serve\ntry 'skiff-guest --help'\n",
			    stderr);
		return 2;
	}
	return serve(argc, argv);
}
