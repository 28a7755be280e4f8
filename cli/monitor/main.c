// SPDX-License-Identifier: Apache-2.0
/* skiff-monitor - stays with a detached container: log, exit status, clean-up */
#include <stdio.h>

#include "lib/home.h"
#include "lib/log.h"
#include "runtime/container/monitor.h"

int main(int argc, char **argv)
{
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	struct sk_err err = SK_ERR_INIT;
	int r;

	if (argc != 4) {
		(void)fputs("skiff-monitor is started by 'skiff run -d'\n", stderr);
		return 2;
	}
	r = sk_home_open(argv[1], argv[2], &home, &err);
	if (r == 0)
		r = sk_monitor_run(home, argv[3], &err);
	if (r < 0)
		sk_log(SK_LOG_ERROR, "monitor of '%s': %s", argv[3], err.msg);
	return r < 0;
}
