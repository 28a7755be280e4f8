// SPDX-License-Identifier: Apache-2.0
/* options - how the memory of a guest travels: names of the choices */
#include "migrate/vm/options.h"

#include <errno.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/str.h"

static const char *const compressions[SK_COMPRESSION_NR] = {
	[SK_COMPRESSION_NONE] = "none",
	[SK_COMPRESSION_XBZRLE] = "xbzrle",
	[SK_COMPRESSION_ZLIB] = "zlib",
	[SK_COMPRESSION_ZSTD] = "zstd",
};

static const char *const copies[SK_COPY_STORAGE_NR] = {
	[SK_COPY_STORAGE_NONE] = "none",
	[SK_COPY_STORAGE_ALL] = "all",
	[SK_COPY_STORAGE_INCREMENTAL] = "incremental",
};

static const char *const actions[SK_TIMEOUT_NR] = {
	[SK_TIMEOUT_ABORT] = "abort",
	[SK_TIMEOUT_SUSPEND] = "suspend",
	[SK_TIMEOUT_POST_COPY] = "post-copy",
};

/* Index of @text in @names; -EINVAL naming all of them. */
static int choose(const char *what, const char *text, const char *const *names, size_t nr,
		  struct sk_err *err)
{
	sk_auto(sk_str_finish) struct sk_str all = SK_STR_INIT;
	int r;

	for (size_t i = 0; i < nr; i++)
		if (strcmp(text, names[i]) == 0)
			return (int)i;
	for (size_t i = 0; i < nr; i++)
		sk_str_addf(&all, "%s%s", i ? ", " : "", names[i]);
	r = sk_err_set(err, EINVAL, "'%s' is no %s", text, what);
	return sk_err_hint(err, r, "choices: %s", all.ptr ? all.ptr : "");
}

const char *sk_compression_name(enum sk_compression compression)
{
	return compressions[compression];
}

int sk_compression_parse(const char *text, enum sk_compression *ret, struct sk_err *err)
{
	int r = choose("compression", text, compressions, SK_COMPRESSION_NR, err);

	if (r < 0)
		return r;
	*ret = (enum sk_compression)r;
	return 0;
}

const char *sk_copy_storage_name(enum sk_copy_storage copy)
{
	return copies[copy];
}

int sk_copy_storage_parse(const char *text, enum sk_copy_storage *ret, struct sk_err *err)
{
	int r = choose("way to copy storage", text, copies, SK_COPY_STORAGE_NR, err);

	if (r < 0)
		return r;
	*ret = (enum sk_copy_storage)r;
	return 0;
}

const char *sk_timeout_action_name(enum sk_timeout_action action)
{
	return actions[action];
}

int sk_timeout_action_parse(const char *text, enum sk_timeout_action *ret,
			    struct sk_err *err)
{
	int r = choose("action at a time-out", text, actions, SK_TIMEOUT_NR, err);

	if (r < 0)
		return r;
	*ret = (enum sk_timeout_action)r;
	return 0;
}
