// SPDX-License-Identifier: Apache-2.0
/* test_ssh - the words of ssh for a URI, and what is refused */
#include "migrate/measure/ssh.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/str.h"

#define FIXED "ssh -T -o BatchMode=yes -o ConnectTimeout=10 "

static void test_ssh_is_run_as_the_uri_says(void **state)
{
	static const struct {
		const char *uri, *words;
	} cases[] = {
		{"qemu+ssh://h2/system", FIXED "h2"},
		{"qemu+ssh://root@h2:2222/system?socket=/x", FIXED "-p 2222 root@h2"},
		{"qemu+ssh://[fd00::1]:22/system", FIXED "-p 22 fd00::1"},
		{"qemu+ssh://me@[fd00::1]/system", FIXED "me@fd00::1"},
		{"ssh://h2", FIXED "h2"},
		{"ssh://me@h2:2222?program=/opt/skiff", FIXED "-p 2222 me@h2"},
		{"ssh://h2?keyfile=/k%20y&no_verify=1&known_hosts=/hosts",
		 FIXED "-i /k y -o UserKnownHostsFile=/hosts "
		       "-o StrictHostKeyChecking=no h2"},
		{"qemu+ssh://h2/system?no_verify=0&command=/opt/ssh",
		 "/opt/ssh -T -o BatchMode=yes -o ConnectTimeout=10 h2"},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		sk_auto(sk_strv_free) char **argv = NULL;
		sk_autofree char *text = NULL;
		struct sk_err err = SK_ERR_INIT;

		assert_int_equal(sk_ssh_argv(cases[i].uri, &argv, &err), 0);
		text = sk_strv_join(argv, " ");
		assert_string_equal(text, cases[i].words);
	}
}

static void test_other_uris_are_ours_or_refused(void **state)
{
	static const struct {
		const char *uri;
		int result;
		const char *text;
	} cases[] = {
		{"qemu:///system", 1, ""},
		{"qemu+unix:///system?socket=/x", 1, ""},
		{"h2", 1, ""},
		{"qemu+tls://h2/system", -EOPNOTSUPP, "the transport of"},
		{"qemu+ssh://-oProxyCommand=x/system", -EINVAL, "is not a host"},
		{"qemu+ssh://h2;reboot/system", -EINVAL, "is not a host"},
		{"ssh://h2`x`", -EINVAL, "is not a host"},
		{"ssh://", -EINVAL, "'' is not a host"},
		{"ssh://h2:0", -EINVAL, "'0' is not a port"},
		{"ssh://h2:22x", -EINVAL, "'22x' is not a port"},
		{"ssh://h2?keyfil=/x", -EINVAL, "'keyfil=/x' is not a parameter"},
		{"ssh://h2?keyfile=%2", -EINVAL, "'keyfile' of"},
		{"ssh://h2?keyfile=/%00", -EINVAL, "'keyfile' of"},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		char **argv = NULL;
		struct sk_err err = SK_ERR_INIT;
		int r = sk_ssh_argv(cases[i].uri, &argv, &err);

		if (cases[i].result == -EINVAL)
			assert_true(r == -EINVAL || r == -ERANGE);
		else
			assert_int_equal(r, cases[i].result);
		assert_non_null(strstr(err.msg, cases[i].text));
		assert_null(argv);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ssh_is_run_as_the_uri_says),
		cmocka_unit_test(test_other_uris_are_ours_or_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
