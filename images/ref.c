/* SPDX-License-Identifier: Apache-2.0 */
/* ref - names of images: their grammar, and the file that records each */
#include "images/ref.h"

#include <ctype.h>
#include <stdbool.h>

#include "lib/cleanup.h"
#include "lib/str.h"

#define MAX_NAME 200

static int refuse(struct sk_err *err, const char *name, const char *why)
{
	int r = sk_err_set(err, EINVAL, "'%s' is not an image name: %s", name, why);

	return sk_err_hint(err, r,
			   "use a name such as 'web', 'debian:12' or 'lab/web:2'");
}

int sk_ref_normalize(const char *name, char **ret, struct sk_err *err)
{
	const char *colon = strchr(name, ':');
	size_t len = strlen(name);
	char *copy;

	if (len == 0 || len > MAX_NAME)
		return refuse(err, name, "it needs 1 to 200 characters");
	for (size_t i = 0; i < len; i++) {
		bool starts_part = i == 0 || name[i - 1] == '/';

		if (!isalnum((unsigned char)name[i]) && !strchr("_.:/-", name[i]))
			return refuse(err, name,
				      "only letters, digits and _ . : / - are allowed");
		if (starts_part && (name[i] == '/' || name[i] == '.'))
			return refuse(err, name, "a part is empty or starts with a dot");
	}
	if (!isalnum((unsigned char)name[0]) || name[len - 1] == '/')
		return refuse(err, name,
			      "it must start with a letter or digit and not end in '/'");
	if (colon && (!colon[1] || colon == name || strpbrk(colon + 1, ":/")))
		return refuse(err, name, "a tag stands once, behind ':' at the end");
	if (sk_str_ends(name, ":latest"))
		len -= strlen(":latest");
	copy = strndup(name, len);
	if (!copy)
		return sk_err_oom(err);
	*ret = copy;
	return 0;
}

char *sk_ref_file(const char *name)
{
	sk_auto(sk_str_finish) struct sk_str file = SK_STR_INIT;

	for (; *name; name++) {
		if (*name == '/')
			sk_str_add(&file, "%2F");
		else
			sk_str_add_char(&file, *name);
	}
	sk_str_add(&file, ".json");
	return sk_str_steal(&file);
}

char *sk_ref_from_file(const char *file)
{
	sk_auto(sk_str_finish) struct sk_str name = SK_STR_INIT;
	sk_autofree char *checked = NULL;
	size_t len = strlen(file);

	if (!sk_str_ends(file, ".json"))
		return NULL;
	len -= strlen(".json");
	for (size_t i = 0; i < len; i++) {
		if (strncmp(file + i, "%2F", 3) == 0) {
			sk_str_add_char(&name, '/');
			i += 2;
		} else {
			sk_str_add_char(&name, file[i]);
		}
	}
	if (!name.ptr || sk_ref_normalize(name.ptr, &checked, NULL) < 0)
		return NULL;
	return sk_str_steal(&name);
}
