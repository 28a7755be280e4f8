/* SPDX-License-Identifier: Apache-2.0 */
/* lab - what tests of labs and migrations share */
#ifndef SK_IT_LAB_H
#define SK_IT_LAB_H

#include "lib/json.h"
#include "tests/it/it.h"

/**
 * it_lab_up() - Start the lab "default" of two hosts, guest g1 on a
 *
 * The world has no way out, and the first lab may have to fetch the guest's kernel: it is started
 * from the network of this process's parent. Later ones find the kernel.
 */
void it_lab_up(struct it *it);

/** struct it_lab_host - A host of the lab */
struct it_lab_host {
	char uri[128];
	pid_t pid;
};
/** it_lab_host() - Find one; fails the test when it is not up */
void it_lab_host(struct it *it, const char *name, struct it_lab_host *ret);
/** it_lab_sh() - Run a shell script on a host; its output is in it->out */
void it_lab_sh(struct it *it, const char *host, const char *script);
/** it_lab_guest_on() - Fail unless g1, and no other guest, is on this host alone, runs and answers */
void it_lab_guest_on(struct it *it, const char *host);

/** it_json() - Parse what the last command printed; fails the test when it is no JSON */
struct sk_json *it_json(const struct it *it);
/** it_number() - Number at a path; NaN without */
double it_number(const struct sk_json *json, const char *path);
/** it_assert_text() - Fail unless the text at a path is this one; "(none)" without */
void it_assert_text(const struct sk_json *json, const char *path, const char *wanted);
/** it_await_err() - Wait until the job's stderr has @part (30 s) */
void it_await_err(struct it_job *job, const char *part);

#endif
