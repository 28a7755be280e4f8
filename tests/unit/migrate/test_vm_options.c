// SPDX-License-Identifier: Apache-2.0
/* test_vm_options - which options of a transfer go together: every row of the tables, and names */
#include "migrate/vm/options.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"

#define OPTS(...) ((struct sk_transfer_opts){__VA_ARGS__})
/* libvirt 99.0.0 with QEMU 99.0.0 have all there is. */
#define NEW                                                                              \
	{99000000, 99000000},                                                            \
	{                                                                                \
		99000000, 99000000                                                       \
	}
#define LIVE	 ((struct sk_transfer_facts){true, false, NEW})
#define STOPPED	 ((struct sk_transfer_facts){false, false, NEW})
#define POSTCOPY ((struct sk_transfer_facts){true, true, NEW})
#define POSTCOPY_72                                                                      \
	((struct sk_transfer_facts){true, true, {9000000, 9000000}, {7002022, 99000000}})

struct refusal {
	struct sk_transfer_opts opts;
	struct sk_transfer_facts facts;
	int result;
	const char *why, *hint;
};

static void assert_refused(const struct refusal *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct sk_err err = SK_ERR_INIT;

		assert_int_equal(sk_transfer_check(&cases[i].opts, &cases[i].facts, &err),
				 cases[i].result);
		assert_string_equal(err.msg, cases[i].why);
		assert_string_equal(err.hint, cases[i].hint);
	}
}

static void test_an_option_that_needs_another_says_which(void **state)
{
	static const struct {
		struct sk_transfer_opts opts;
		const char *why;
	} cases[] = {
		{{.postcopy_bandwidth_bits = 1},
		 "postcopy-bandwidth needs post-copy: no other way to migrate has such a phase"},
		{{.auto_converge_initial = 20},
		 "a step of auto-converge needs auto-converge: nobody else takes them"},
		{{.auto_converge_increment = 20},
		 "a step of auto-converge needs auto-converge: nobody else takes them"},
		{{.compression = SK_COMPRESSION_XBZRLE, .compression_level = 3},
		 "compression-level needs compression zlib or zstd: no other compression has levels"},
		{{.xbzrle_cache_bytes = 65536},
		 "xbzrle-cache needs compression xbzrle: nothing else uses that cache"},
		{{.compression = SK_COMPRESSION_ZSTD},
		 "compression zlib or zstd needs parallel: QEMU compresses so on parallel connections only"},
		{{.zero_copy = true},
		 "zero-copy needs parallel: QEMU sends so on parallel connections only"},
		{{.p2p_uri = "qemu+ssh://b/system"},
		 "p2p-uri needs p2p: only then does the source connect to the destination"},
		{{.tunnelled = true},
		 "tunnelled needs p2p: the tunnel is the connection from libvirtd to libvirtd"},
		{{.tls_destination = "b"},
		 "tls-destination needs tls: without it no certificate is looked at"},
		{{.undefine_source = true},
		 "undefine-source needs persist: the guest would be defined nowhere and gone when it ends"},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		struct sk_err err = SK_ERR_INIT;

		assert_int_equal(sk_transfer_check(&cases[i].opts, &LIVE, &err), -EINVAL);
		assert_string_equal(err.msg, cases[i].why);
		assert_non_null(strstr(err.hint, "add "));
	}
}

static void test_options_that_exclude_each_other_are_refused_with_the_reason(void **state)
{
	static const char hint[] = "leave one of them out";
	const struct refusal cases[] = {
		{OPTS(.auto_converge = true), STOPPED, -EINVAL,
		 "auto-converge and stop-and-copy do not go together: a guest that stands still cannot be slowed down",
		 hint},
		{OPTS(.max_downtime_ms = 10), STOPPED, -EINVAL,
		 "max-downtime and stop-and-copy do not go together: the guest stands still for all of the copy",
		 hint},
		{OPTS(.compression = SK_COMPRESSION_XBZRLE, .parallel = 2), LIVE, -EINVAL,
		 "compression xbzrle and parallel do not go together: pages of parallel connections are not kept to compare with",
		 hint},
		{OPTS(.zero_copy = true, .parallel = 2,
		      .compression = SK_COMPRESSION_ZLIB),
		 LIVE, -EINVAL,
		 "zero-copy and compression zlib or zstd do not go together: what is compressed is a copy",
		 hint},
		{OPTS(.zero_copy = true, .parallel = 2, .tls = true), LIVE, -EINVAL,
		 "zero-copy and tls do not go together: what is encrypted is a copy",
		 hint},
		{OPTS(.parallel = 2), POSTCOPY_72, -EINVAL,
		 "post-copy and parallel do not go together: QEMU before 10.1 loses the connection at the switch",
		 hint},
		{OPTS(.p2p = true, .tunnelled = true), POSTCOPY, -EINVAL,
		 "tunnelled and post-copy do not go together: a tunnel has no way back for page requests",
		 hint},
		{OPTS(.p2p = true, .tunnelled = true, .parallel = 1), LIVE, -EINVAL,
		 "tunnelled and parallel do not go together: a tunnel is one stream",
		 hint},
		{OPTS(.p2p = true, .tunnelled = true,
		      .copy_storage = SK_COPY_STORAGE_ALL),
		 LIVE, -EINVAL,
		 "tunnelled and copy-storage do not go together: disks are copied from QEMU to QEMU",
		 hint},
		{OPTS(.p2p = true, .tunnelled = true, .tls = true), LIVE, -EINVAL,
		 "tunnelled and tls do not go together: the tunnel is as safe as the connection between both libvirtd",
		 hint},
		{OPTS(.p2p = true, .tunnelled = true, .migrate_uri = "tcp://b"), LIVE,
		 -EINVAL,
		 "tunnelled and migrate-uri do not go together: the memory takes libvirtd's own connection",
		 hint},
		{OPTS(.p2p = true, .tunnelled = true, .listen_address = "10.0.0.1"), LIVE,
		 -EINVAL,
		 "tunnelled and listen-address do not go together: the memory takes libvirtd's own connection",
		 hint},
		{OPTS(.tls = true, .insecure_plaintext = true), LIVE, -EINVAL,
		 "tls and insecure-plaintext do not go together: one of them encrypts, the other does not",
		 hint},
	};

	(void)state;
	assert_refused(cases, SK_ARRAY_SIZE(cases));
}

static void test_numbers_out_of_range_are_refused(void **state)
{
	const struct refusal cases[] = {
		{OPTS(.max_downtime_ms = 2000001), LIVE, -ERANGE,
		 "max-downtime in ms 2000001 is not within 1 to 2000000", ""},
		{OPTS(.auto_converge = true, .auto_converge_initial = 100), LIVE, -ERANGE,
		 "auto-converge-initial 100 is not within 1 to 99", ""},
		{OPTS(.auto_converge = true, .auto_converge_increment = 100), LIVE,
		 -ERANGE, "auto-converge-increment 100 is not within 1 to 99", ""},
		{OPTS(.parallel = 2, .compression = SK_COMPRESSION_ZLIB,
		      .compression_level = 10),
		 LIVE, -ERANGE, "compression-level 10 is not within 1 to 9", ""},
		{OPTS(.parallel = 2, .compression = SK_COMPRESSION_ZSTD,
		      .compression_level = 21),
		 LIVE, -ERANGE, "compression-level 21 is not within 1 to 20", ""},
		{OPTS(.parallel = 256), LIVE, -ERANGE,
		 "parallel 256 is not within 1 to 255", ""},
		{OPTS(.compression = SK_COMPRESSION_XBZRLE, .xbzrle_cache_bytes = 2048),
		 LIVE, -ERANGE, "xbzrle-cache 2 KiB is not a power of two of at least 4k",
		 ""},
		{OPTS(.compression = SK_COMPRESSION_XBZRLE,
		      .xbzrle_cache_bytes = 3u << 20),
		 LIVE, -ERANGE, "xbzrle-cache 3 MiB is not a power of two of at least 4k",
		 ""},
		{OPTS(.migrate_uri = "b:49152"), LIVE, -EINVAL,
		 "migrate-uri 'b:49152' is not tcp://HOST[:PORT]",
		 "it names the destination as the source reaches it: tcp://b"},
		{OPTS(.migrate_uri = "tcp://:49152"), LIVE, -EINVAL,
		 "migrate-uri 'tcp://:49152' is not tcp://HOST[:PORT]",
		 "it names the destination as the source reaches it: tcp://b"},
	};

	(void)state;
	assert_refused(cases, SK_ARRAY_SIZE(cases));
}

/** struct minimum - An option with its first libvirt and QEMU; 0: in every one */
struct minimum {
	struct sk_transfer_opts opts;
	const char *name;
	unsigned long libvirt, qemu;
	bool postcopy;
};

static const struct minimum minima[] = {
	{{0}, "post-copy", 1003003, 2006000, true},
	{{.bandwidth_bits = 1}, "bandwidth", 1001000, 0, false},
	{{.postcopy_bandwidth_bits = 1}, "postcopy-bandwidth", 5001000, 3000000, true},
	{{.max_downtime_ms = 1}, "max-downtime", 8000, 0, false},
	{{.auto_converge = true}, "auto-converge", 1002003, 1006000, false},
	{{.auto_converge = true, .auto_converge_initial = 5},
	 "a step of auto-converge",
	 2000000,
	 2007000,
	 false},
	{{.compression = SK_COMPRESSION_XBZRLE},
	 "compression xbzrle",
	 1003004,
	 1002000,
	 false},
	{{.compression = SK_COMPRESSION_ZSTD, .parallel = 2},
	 "compression zlib or zstd",
	 9004000,
	 5000000,
	 false},
	{{.parallel = 2}, "parallel", 5002000, 4000000, false},
	{{.parallel = 2, .zero_copy = true}, "zero-copy", 8005000, 7001000, false},
	{{.p2p = true}, "p2p", 7002, 0, false},
	{{.tls = true}, "tls", 3002000, 2007000, false},
	{{.tls = true, .tls_destination = "b"}, "tls-destination", 6000000, 0, false},
	{{.persist = true}, "persist", 7003, 0, false},
	{{.persist = true, .undefine_source = true}, "undefine-source", 0, 0, false},
	{{.copy_storage = SK_COPY_STORAGE_INCREMENTAL},
	 "copy-storage",
	 8002,
	 1003000,
	 false},
	{{.migrate_uri = "tcp://b"}, "migrate-uri", 1001000, 0, false},
	{{.listen_address = "0.0.0.0"}, "listen-address", 1001004, 0, false},
	{{.unsafe = true}, "unsafe", 9011, 0, false},
};

/* One release before the first one is refused at this side, the first one is not. */
static void check_libvirt(const struct minimum *m, int side)
{
	struct sk_transfer_facts facts = {true, m->postcopy, NEW};
	struct sk_err err = SK_ERR_INIT;
	char wanted[128];

	facts.libvirt[side] = m->libvirt - 1;
	assert_int_equal(sk_transfer_check(&m->opts, &facts, &err), -ENOTSUP);
	(void)snprintf(wanted, sizeof(wanted), "%s needs libvirt", m->name);
	assert_non_null(strstr(err.msg, wanted));
	assert_non_null(strstr(err.msg, side ? "the destination has" : "the source has"));
	facts.libvirt[side] = m->libvirt;
	assert_int_equal(sk_transfer_check(&m->opts, &facts, NULL), 0);
}

static void check_qemu(const struct minimum *m, int side)
{
	struct sk_transfer_facts facts = {true, m->postcopy, NEW};
	struct sk_err err = SK_ERR_INIT;
	char wanted[128];

	facts.hypervisor[side] = m->qemu - 1;
	assert_int_equal(sk_transfer_check(&m->opts, &facts, &err), -ENOTSUP);
	(void)snprintf(wanted, sizeof(wanted), "%s needs QEMU", m->name);
	assert_non_null(strstr(err.msg, wanted));
	assert_non_null(strstr(err.hint, "leave "));
}

static void test_versions_that_are_too_old_are_told_by_option_and_side(void **state)
{
	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(minima); i++)
		for (int side = 0; side < 2; side++) {
			const struct minimum *m = &minima[i];
			const struct sk_transfer_facts facts = {true, m->postcopy, NEW};
			struct sk_err err = SK_ERR_INIT;

			assert_int_equal(sk_transfer_check(&m->opts, &facts, &err), 0);
			if (m->libvirt)
				check_libvirt(m, side);
			if (m->qemu)
				check_qemu(m, side);
		}
}

static void test_the_text_of_a_version_has_both(void **state)
{
	const struct refusal zstd = {
		OPTS(.compression = SK_COMPRESSION_ZSTD, .parallel = 2),
		{true, false, {9000000, 9000000}, {7002022, 7002022}},
		-ENOTSUP,
		"compression zlib or zstd needs libvirt 9.4.0, the source has 9.0.0",
		"leave compression zlib or zstd out, or upgrade libvirt there",
	};

	(void)state;
	assert_refused(&zstd, 1);
}

static void test_what_goes_together_is_taken(void **state)
{
	const struct {
		struct sk_transfer_opts opts;
		struct sk_transfer_facts facts;
	} cases[] = {
		{OPTS(0), LIVE},
		{OPTS(0), STOPPED},
		{OPTS(.parallel = 2), POSTCOPY}, /* QEMU 10.1 and newer */
		/* Before versions are known nothing is said that depends on them. */
		{OPTS(.parallel = 2), {true, true, {0, 0}, {0, 0}}},
		{OPTS(.parallel = 4, .compression = SK_COMPRESSION_ZSTD,
		      .compression_level = 20, .tls = true, .tls_destination = "b"),
		 LIVE},
		{OPTS(.compression = SK_COMPRESSION_XBZRLE,
		      .xbzrle_cache_bytes = 64u << 20, .auto_converge = true,
		      .auto_converge_initial = 99, .max_downtime_ms = 2000000),
		 LIVE},
		{OPTS(.compression = SK_COMPRESSION_XBZRLE), POSTCOPY},
		{OPTS(.p2p = true, .tunnelled = true, .persist = true,
		      .undefine_source = true, .insecure_plaintext = true),
		 LIVE},
		{OPTS(.copy_storage = SK_COPY_STORAGE_ALL, .unsafe = true,
		      .migrate_uri = "tcp://[fd00::2]:49160",
		      .listen_address = "fd00::2"),
		 STOPPED},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		struct sk_err err = SK_ERR_INIT;

		if (sk_transfer_check(&cases[i].opts, &cases[i].facts, &err) < 0)
			fail_msg("case %zu: %s", i, err.msg);
	}
}

static void test_memory_is_encrypted_unless_told_otherwise(void **state)
{
	static const struct {
		struct sk_transfer_opts opts;
		const char *uri;
		int result;
		bool tls;
	} cases[] = {
		{{0}, "qemu+tcp://b/system", 0, true},
		{{.tls = true}, "qemu+ssh://b/system", 0, true},
		{{.insecure_plaintext = true}, "qemu+ssh://b/system", 0, false},
		{{.p2p = true, .tunnelled = true}, "qemu+ssh://b/system", 0, false},
		{{.p2p = true, .tunnelled = true}, "qemu+tls://b/system", 0, false},
		{{.p2p = true, .tunnelled = true}, "qemu+tcp://b/system", -EPERM, false},
		{{.p2p = true, .tunnelled = true, .insecure_plaintext = true},
		 "qemu+tcp://b/system",
		 0,
		 false},
		{{.p2p = true, .tunnelled = true}, "b", 0, false},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		struct sk_transfer_opts opts = cases[i].opts;
		struct sk_err err = SK_ERR_INIT;

		assert_int_equal(sk_transfer_secure(&opts, cases[i].uri, &err),
				 cases[i].result);
		assert_true(opts.tls == cases[i].tls);
		if (cases[i].result)
			assert_string_equal(
				err.msg,
				"the tunnel to 'qemu+tcp://b/system' is plain text");
	}
}

static void test_a_port_of_ipv4_is_listened_on_with_ipv4(void **state)
{
	static const struct {
		const char *uri, *given, *wanted;
	} cases[] = {
		{"tcp://10.0.0.2:49500", NULL, "0.0.0.0"},
		{"tcp://10.0.0.2:49500", "10.0.0.2", "10.0.0.2"},
		{"tcp://10.0.0.2", NULL,
		 NULL}, /* libvirt finds a port that is free on both */
		{"tcp://b:49500", NULL, NULL},
		{"tcp://[fd00::2]:49500", NULL, NULL},
		{"unix:///run/x", NULL, NULL},
		{NULL, NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		struct sk_transfer_opts opts = {.migrate_uri = cases[i].uri,
						.listen_address = cases[i].given};

		sk_transfer_listen(&opts);
		if (cases[i].wanted)
			assert_string_equal(opts.listen_address, cases[i].wanted);
		else
			assert_null(opts.listen_address);
	}
}

static void test_choices_have_names_both_ways(void **state)
{
	struct sk_err err = SK_ERR_INIT;
	enum sk_compression compression = SK_COMPRESSION_NONE;
	enum sk_copy_storage copy = SK_COPY_STORAGE_NONE;
	enum sk_timeout_action action = SK_TIMEOUT_ABORT;

	(void)state;
	for (int i = 0; i < SK_COMPRESSION_NR; i++) {
		assert_int_equal(sk_compression_parse(sk_compression_name(i),
						      &compression, &err),
				 0);
		assert_int_equal(compression, i);
	}
	for (int i = 0; i < SK_COPY_STORAGE_NR; i++) {
		assert_int_equal(sk_copy_storage_parse(sk_copy_storage_name(i), &copy,
						       &err),
				 0);
		assert_int_equal(copy, i);
	}
	for (int i = 0; i < SK_TIMEOUT_NR; i++) {
		assert_int_equal(sk_timeout_action_parse(sk_timeout_action_name(i),
							 &action, &err),
				 0);
		assert_int_equal(action, i);
	}
	assert_int_equal(sk_compression_parse("mt", &compression, &err), -EINVAL);
	assert_int_equal(compression, SK_COMPRESSION_ZSTD);
	assert_string_equal(err.msg, "'mt' is no compression");
	assert_string_equal(err.hint, "choices: none, xbzrle, zlib, zstd");
	assert_int_equal(sk_copy_storage_parse("", &copy, &err), -EINVAL);
	assert_string_equal(err.hint, "choices: none, all, incremental");
	assert_int_equal(sk_timeout_action_parse("stop", &action, &err), -EINVAL);
	assert_string_equal(err.msg, "'stop' is no action at a time-out");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_option_that_needs_another_says_which),
		cmocka_unit_test(
			test_options_that_exclude_each_other_are_refused_with_the_reason),
		cmocka_unit_test(test_numbers_out_of_range_are_refused),
		cmocka_unit_test(
			test_versions_that_are_too_old_are_told_by_option_and_side),
		cmocka_unit_test(test_the_text_of_a_version_has_both),
		cmocka_unit_test(test_what_goes_together_is_taken),
		cmocka_unit_test(test_memory_is_encrypted_unless_told_otherwise),
		cmocka_unit_test(test_a_port_of_ipv4_is_listened_on_with_ipv4),
		cmocka_unit_test(test_choices_have_names_both_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
