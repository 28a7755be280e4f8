/* SPDX-License-Identifier: Apache-2.0 */
/* oci - drive skiff-oci as an engine does, on a real bundle
 *
 *	sk_autofree char *bundle = oci_bundle(it, "[\"sh\",\"-c\",\"exit 4\"]");
 *
 *	oci_expect(it, 4, "run", "-b", bundle, "c1");
 */
#ifndef SK_IT_OCI_H
#define SK_IT_OCI_H

#include "lib/json.h"
#include "tests/it/it.h"

/** oci_words() - The command line of skiff-oci with the world's --root, for sk_strv_free() */
char **oci_words(const struct it *it, const char *const *args);
/** oci_argv() - Run it to its end; returns the status, fills it->out and it->err */
int oci_argv(struct it *it, const char *const *args);
#define oci(it, ...) oci_argv(it, IT_ARGS(__VA_ARGS__))
/** oci_expect() - oci(), and fail with what it wrote when the status is another */
void oci_expect_argv(struct it *it, int status, const char *const *args, int line);
#define oci_expect(it, status, ...)                                                      \
	oci_expect_argv(it, status, IT_ARGS(__VA_ARGS__), __LINE__)
/** oci_assert_exit() - The last command ended with this status; else fail with what it wrote */
void oci_assert_exit(const struct it *it, int status, int line);
/** oci_spawn() - Start it in the background; end it with it_finish() */
void oci_spawn_argv(struct it *it, struct it_job *job, const char *const *args);
#define oci_spawn(it, job, ...) oci_spawn_argv(it, job, IT_ARGS(__VA_ARGS__))
/** oci_create() - `create` with /dev/null as stdio, which the container keeps */
void oci_create(struct it *it, const char *bundle, const char *id);
/** oci_run_detached() - The same with `run --detach` */
void oci_run_detached(struct it *it, const char *bundle, const char *id);

/** oci_bundle() - A bundle with a busybox root and these process.args (a JSON list); heap path. Replaces the last */
char *oci_bundle(struct it *it, const char *args);
/** oci_config() - Its config.json, to be changed; free with sk_json_free() */
struct sk_json *oci_config(const char *bundle);
/** oci_save() - Write it back */
void oci_save(const char *bundle, const struct sk_json *config);

/** oci_json() - JSON of a test; free with sk_json_free(), or give it to a tree */
struct sk_json *oci_json(const char *text);

/** oci_assert_status() - `state` names this id and status */
void oci_assert_status(struct it *it, const char *id, const char *status);
/** oci_await_status() - Wait until it does (10 s) */
void oci_await_status(struct it *it, const char *id, const char *status);
/** oci_assert_nothing() - No container is left */
void oci_assert_nothing(struct it *it);
/** oci_teardown() - it_teardown(); what a case that failed leaves must not fail the next */
int oci_teardown(void **state);
#define OCI_CASE(name) cmocka_unit_test_setup_teardown(name, it_setup, oci_teardown)
/** oci_pid() - PID 1 of a container, from `state` */
pid_t oci_pid(struct it *it, const char *id);

#endif
