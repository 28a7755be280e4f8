// SPDX-License-Identifier: Apache-2.0
/* ssh - how a command is run on the machine that a URI names */
#include "migrate/measure/ssh.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/parse.h"
#include "lib/str.h"

static const char *const params[] = {"command",	  "keyfile", "known_hosts",
				     "no_verify", "program", NULL};

/* ---- Parameters ---------------------------------------------------------------------- */

static int hex(char c)
{
	if (!isxdigit((unsigned char)c))
		return -1;
	return isdigit((unsigned char)c) ? c - '0' : (c | 32) - 'a' + 10;
}

/* In place; false when a '%' has no two digits behind it, or a NUL would be in the text. */
static bool decode(char *text)
{
	char *to = text;

	for (; *text; text++) {
		if (*text == '%') {
			int high = hex(text[1]), low = high < 0 ? -1 : hex(text[2]);

			if (low < 0 || (high == 0 && low == 0))
				return false;
			*to++ = (char)(high << 4 | low);
			text += 2;
		} else {
			*to++ = *text;
		}
	}
	*to = '\0';
	return true;
}

int sk_ssh_param(const char *uri, const char *key, char **ret, struct sk_err *err)
{
	const char *at = strchr(uri, '?');
	size_t key_len = strlen(key);

	for (; at; at = strchr(at, '&')) {
		sk_autofree char *value = NULL;

		at++;
		if (strncmp(at, key, key_len) != 0 || at[key_len] != '=')
			continue;
		at += key_len + 1;
		value = strndup(at, strcspn(at, "&#"));
		if (!value)
			return sk_err_oom(err);
		if (!decode(value))
			return sk_err_set(err, EINVAL, "'%s' of '%s' is malformed", key,
					  uri);
		*ret = sk_steal(&value);
		return 0;
	}
	*ret = NULL;
	return 0;
}

static int check_params(const char *uri, struct sk_err *err)
{
	const char *at = strchr(uri, '?');

	for (; at; at = strchr(at, '&')) {
		bool is_known = false;

		at++;
		for (size_t i = 0; params[i]; i++) {
			const char *rest = sk_str_starts(at, params[i]);

			is_known |= rest && *rest == '=';
		}
		if (!is_known)
			return sk_err_set(err, EINVAL,
					  "'%.*s' is not a parameter of ssh://: use "
					  "command, keyfile, known_hosts, no_verify or "
					  "program",
					  (int)strcspn(at, "&"), at);
	}
	return 0;
}

/* ---- Host ---------------------------------------------------------------------------- */

static bool is_host(const char *text)
{
	if (!text[0] || text[0] == '-')
		return false;
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr("._-:%@", *text))
			return false;
	return true;
}

/* The part behind "://": user and host without brackets, as ssh wants it; port or NULL. */
static int split(const char *authority, char **ret_host, char **ret_port,
		 struct sk_err *err)
{
	sk_autofree char *text = strndup(authority, strcspn(authority, "/?#"));
	char *colon, *begin, *end;
	uint64_t port = 0;

	if (!text)
		return sk_err_oom(err);
	begin = strchr(text, '[');
	end = strrchr(text, ']');
	colon = strrchr(text, ':');
	if (colon && (!end || colon > end)) {
		*colon = '\0';
		if (sk_parse_u64(colon + 1, 1, 65535, &port, NULL) < 0)
			return sk_err_set(err, EINVAL, "'%s' is not a port", colon + 1);
		*ret_port = strdup(colon + 1);
		if (!*ret_port)
			return sk_err_oom(err);
	}
	if (begin && end) {
		*end = '\0';
		memmove(begin, begin + 1, strlen(begin));
	}
	*ret_host = sk_steal(&text);
	return 0;
}

/* ---- Words --------------------------------------------------------------------------- */

static int add_params(const char *uri, char ***argv, struct sk_err *err)
{
	sk_autofree char *keyfile = NULL, *known_hosts = NULL, *no_verify = NULL;
	int r;

	r = sk_ssh_param(uri, "keyfile", &keyfile, err);
	if (r == 0)
		r = sk_ssh_param(uri, "known_hosts", &known_hosts, err);
	if (r == 0)
		r = sk_ssh_param(uri, "no_verify", &no_verify, err);
	if (r < 0)
		return r;
	if (keyfile && (sk_strv_add(argv, "-i") < 0 || sk_strv_add(argv, keyfile) < 0))
		return sk_err_oom(err);
	if (known_hosts && (sk_strv_add(argv, "-o") < 0 ||
			    sk_strv_addf(argv, "UserKnownHostsFile=%s", known_hosts) < 0))
		return sk_err_oom(err);
	if (sk_str_equal(no_verify, "1") &&
	    (sk_strv_add(argv, "-o") < 0 ||
	     sk_strv_add(argv, "StrictHostKeyChecking=no") < 0))
		return sk_err_oom(err);
	return 0;
}

static int make_words(const char *uri, const char *host, const char *port, char ***ret,
		      struct sk_err *err)
{
	const char *const fixed[] = {"-T", "-o", "BatchMode=yes", "-o",
				     "ConnectTimeout=10"};
	sk_auto(sk_strv_free) char **argv = NULL;
	sk_autofree char *command = NULL;
	int r = sk_ssh_param(uri, "command", &command, err);

	if (r < 0)
		return r;
	if (sk_strv_add(&argv, command ? command : "ssh") < 0)
		return sk_err_oom(err);
	for (size_t i = 0; i < SK_ARRAY_SIZE(fixed); i++)
		if (sk_strv_add(&argv, fixed[i]) < 0)
			return sk_err_oom(err);
	r = add_params(uri, &argv, err);
	if (r < 0)
		return r;
	if ((port && (sk_strv_add(&argv, "-p") < 0 || sk_strv_add(&argv, port) < 0)) ||
	    sk_strv_add(&argv, host) < 0)
		return sk_err_oom(err);
	*ret = sk_steal(&argv);
	return 0;
}

int sk_ssh_argv(const char *uri, char ***ret, struct sk_err *err)
{
	const char *colon = strstr(uri, "://");
	sk_autofree char *host = NULL, *port = NULL;
	bool is_plain = sk_str_starts(uri, "ssh://") != NULL;
	int r;

	r = split(colon ? colon + 3 : "", &host, &port, err);
	if (r == 0 && is_plain)
		r = check_params(uri, err);
	if (r < 0)
		return r;
	if (!host[0] && !is_plain)
		return 1;
	if (!is_plain &&
	    (!colon || colon - uri < 4 || strncmp(colon - 4, "+ssh", 4) != 0))
		return sk_err_set(err, EOPNOTSUPP, "the transport of '%s' is not ssh",
				  uri);
	if (!is_host(host))
		return sk_err_set(err, EINVAL, "'%s' is not a host", host);
	return make_words(uri, host, port, ret, err);
}
