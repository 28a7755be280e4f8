/* SPDX-License-Identifier: Apache-2.0 */
/* slice - what the tests of slices share */
#ifndef SK_IT_SLICE_H
#define SK_IT_SLICE_H

#include "lib/json.h"
#include "tests/it/it.h"

/** slice_write() - Write a slice file into the world's folder; heap path */
char *slice_write(const struct it *it, const char *text);
/** slice_apply() - Apply a slice given as text; its output is in it->out */
void slice_apply(struct it *it, const char *text);
/** slice_show() - What `slice show --format json` says */
struct sk_json *slice_show(struct it *it, const char *name);
/** slice_sliver() - A node in the answer of slice_show() */
struct sk_json *slice_sliver(const struct sk_json *slice, const char *node);
/** slice_pid() - PID 1 of a node; fails the test when it does not run */
int slice_pid(struct it *it, const char *name, const char *node);
/** slice_await_exit() - Wait until a node has ended (30 s); its exit status */
int slice_await_exit(struct it *it, const char *name, const char *node);
/** slice_has_state() - Whether any file of the slice is there */
bool slice_has_state(const struct it *it, const char *name);
/** slice_await_gone() - Wait until no file of the slice is left, asking skiff nothing (30 s) */
void slice_await_gone(const struct it *it, const char *name);
/** slice_kill_supervisor() - kill -9 and wait until it has ended */
void slice_kill_supervisor(struct it *it, const char *name);

#endif
