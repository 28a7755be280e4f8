/* SPDX-License-Identifier: Apache-2.0 */
/* browser - look at a page of results with a real browser, headless */
#ifndef SK_IT_BROWSER_H
#define SK_IT_BROWSER_H

#include "tests/it/it.h"

/** browser_is_there() - Whether chromium is installed */
bool browser_is_there(void);
/**
 * browser_look() - Open a page, and fail unless it is what its file says
 * @path:	Absolute
 * @texts:	Must all be on the page; NULL-terminated
 *
 * The browser's own tree of it has no script, a table behind each figure, and the texts; drawn in
 * light and in dark it is neither blank nor the same. Without a browser nothing is done: a test of
 * its own says so.
 */
void browser_look(struct it *it, const char *path, const char *const *texts);

#endif
