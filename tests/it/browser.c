// SPDX-License-Identifier: Apache-2.0
/* browser - look at a page of results with a real browser, headless */
#include "tests/it/browser.h"

#include <fcntl.h>
#include <string.h>

#include "lib/fs.h"
#include "lib/str.h"

#define BROWSER	   "chromium"
#define MAX_BYTES  (32u << 20)
#define MIN_FIGURE 30000 /* bytes of a picture; an empty one of that size has 10,000 */

bool browser_is_there(void)
{
	sk_autofree char *path = NULL;

	return sk_proc_find(BROWSER, &path) == 0;
}

/* Everything that it writes is below @home. */
static void run_browser(struct it *it, const char *home, const char *page,
			const char *what, const char *scheme)
{
	sk_autofree char *env = sk_strf("HOME=%s", home);
	sk_autofree char *tmp = sk_strf("TMPDIR=%s", home);
	sk_autofree char *profile = sk_strf("--user-data-dir=%s/profile", home);
	sk_autofree char *colours =
		sk_strf("--blink-settings=preferredColorScheme=%s", scheme);
	sk_autofree char *url = sk_strf("file://%s", page);

	assert_int_equal(sk_fs_mkdirs(AT_FDCWD, home, 0700, NULL), 0);
	/* As root it refuses its own sandbox; the page is our own. */
	(void)it_command(it,
			 IT_ARGS("env", env, tmp, "timeout", "50", BROWSER, "--headless",
				 "--no-sandbox", "--disable-gpu",
				 "--disable-dev-shm-usage", "--disable-breakpad",
				 "--no-first-run", "--hide-scrollbars",
				 "--window-size=1100,2600", profile, colours, what, url));
	if (it->status != 0)
		fail_msg("%s %s: status %d: %s", BROWSER, what, it->status, it->err);
}

static void assert_tables(const char *dom)
{
	size_t figures = 0;

	for (const char *at = dom; (at = strstr(at, "<svg"));) {
		const char *table = strstr(at, "<table"), *next = strstr(++at, "<svg");

		if (!table || (next && next < table))
			fail_msg("a figure without a table: %.200s", at);
		figures++;
	}
	if (figures < 2)
		fail_msg("%zu figures in: %.3000s", figures,
			 strstr(dom, "<body") ? strstr(dom, "<body") : dom);
}

static char *draw(struct it *it, const char *home, const char *page, const char *scheme,
		  size_t *ret_len)
{
	sk_autofree char *file = sk_strf("%s/%s.png", home, scheme);
	sk_autofree char *what = sk_strf("--screenshot=%s", file);
	char *picture = NULL;

	run_browser(it, home, page, what, scheme);
	if (sk_fs_read(AT_FDCWD, file, MAX_BYTES, &picture, ret_len) < 0)
		fail_msg("no picture '%s': %s", file, it->err);
	if (*ret_len < MIN_FIGURE)
		fail_msg("the picture of '%s' has %zu bytes: nothing is on it", page,
			 *ret_len);
	return picture;
}

void browser_look(struct it *it, const char *path, const char *const *texts)
{
	sk_autofree char *home = sk_strf("%s/browser", it->dir);
	sk_autofree char *light = NULL, *dark = NULL;
	size_t light_len = 0, dark_len = 0;

	if (!browser_is_there())
		return;
	run_browser(it, home, path, "--dump-dom", "1");
	assert_null(strstr(it->out, "<script"));
	assert_tables(it->out);
	for (; *texts; texts++)
		it_assert_has(it->out, *texts);
	dark = draw(it, home, path, "0", &dark_len);
	light = draw(it, home, path, "1", &light_len);
	if (dark_len == light_len && memcmp(dark, light, dark_len) == 0)
		fail_msg("'%s' looks the same in light and in dark", path);
	assert_int_equal(sk_fs_remove_tree(AT_FDCWD, home, NULL), 0);
}
