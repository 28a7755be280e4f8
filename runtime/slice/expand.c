// SPDX-License-Identifier: Apache-2.0
/* expand - "n[1-10]" to ten names */
#include <errno.h>
#include <string.h>

#include "lib/parse.h"
#include "lib/str.h"
#include "runtime/slice/slice.h"

static int bad_pattern(const char *pattern, struct sk_err *err)
{
	return sk_err_set(err, EINVAL, "'%s' is not a name or a range such as n[1-10]",
			  pattern);
}

/* "[1-10]" at @open; the numbers and the width of the first, 0 without leading zeros. */
static int parse_range(const char *open, const char *close, uint64_t *first,
		       uint64_t *last, int *width)
{
	sk_autofree char *text = strndup(open + 1, (size_t)(close - open - 1));
	char *dash;

	if (!text)
		return -ENOMEM;
	dash = strchr(text, '-');
	if (!dash)
		return -EINVAL;
	*dash = '\0';
	if (sk_parse_u64(text, 0, 999999, first, NULL) < 0 ||
	    sk_parse_u64(dash + 1, *first, 999999, last, NULL) < 0)
		return -EINVAL;
	*width = text[0] == '0' ? (int)strlen(text) : 0;
	return 0;
}

int sk_slice_expand(const char *pattern, char ***ret, struct sk_err *err)
{
	const char *open = strchr(pattern, '[');
	const char *close = open ? strchr(open, ']') : NULL;
	uint64_t first = 0, last = 0;
	int width = 0;
	int r;

	if (!open) {
		if (sk_strv_add(ret, pattern) < 0)
			return sk_err_oom(err);
		return 0;
	}
	if (!close || strchr(close, '['))
		return bad_pattern(pattern, err);
	r = parse_range(open, close, &first, &last, &width);
	if (r == -ENOMEM)
		return sk_err_oom(err);
	if (r < 0)
		return bad_pattern(pattern, err);
	if (last - first >= SK_SLICE_MAX_NODES)
		return sk_err_set(err, EINVAL, "'%s' is more than %d nodes", pattern,
				  SK_SLICE_MAX_NODES);
	for (uint64_t i = first; i <= last; i++)
		if (sk_strv_addf(ret, "%.*s%0*llu%s", (int)(open - pattern), pattern,
				 width, (unsigned long long)i, close + 1) < 0)
			return sk_err_oom(err);
	return 0;
}
