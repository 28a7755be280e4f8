/* SPDX-License-Identifier: Apache-2.0 */
/* boot - what skiff-guest does as PID 1 before it serves: mounts, modules, network */
#ifndef SK_BOOT_H
#define SK_BOOT_H

#include <stdint.h>

#include "lib/err.h"
#include "migrate/guest/service.h"

/** struct sk_boot_config - The kernel command line, as far as it is ours */
struct sk_boot_config {
	char address[16];    /* IPv4; empty: no network is set up */
	unsigned int prefix; /* length of the network part */
	char gateway[16];    /* empty: none */
	uint64_t static_bytes, working_set_bytes, pages_per_s;
	struct sk_server_opts server;
};

/**
 * sk_boot_parse() - Read skiff.ip=A/LEN, .gw=A, .static=, .ws= (sizes), .rate= (pages per
 *	second) and .server= (as for sk_server_parse())
 * @cmdline:	Kernel command line; words of others are passed over
 * @ret:	Defaults where a word is missing: 16 MiB static, no load
 */
int sk_boot_parse(const char *cmdline, struct sk_boot_config *ret, struct sk_err *err);
/**
 * sk_boot_system() - Mount /proc, /sys, /dev; insert the modules of /modules in order; set the address
 * @ret:	The command line, read
 *
 * Only as PID 1 of a VM of its own.
 */
int sk_boot_system(struct sk_boot_config *ret, struct sk_err *err);

#endif
