// SPDX-License-Identifier: Apache-2.0
/* Network devices that config.json moves into a container. */
#include <string.h>
#include <unistd.h>

#include "lib/str.h"
#include "tests/it/oci.h"

#define SLEEP "[\"sleep\",\"1000\"]"

static void set_devices(const char *bundle, const char *text)
{
	sk_auto(sk_json_free) struct sk_json *config = oci_config(bundle);
	struct sk_json *value = NULL;

	assert_int_equal(sk_json_parse(text, strlen(text), "devices", &value, NULL), 0);
	sk_json_set(sk_json_get(config, "linux"), "netDevices", value);
	oci_save(bundle, config);
}

static void shell(struct it *it, const char *script, const char *argument)
{
	if (it_command(it, IT_ARGS("sh", "-ec", script, argument)) != 0)
		fail_msg("%s: %s", script, it->err);
}

/* ip(8) in the network namespace of a container */
static void ip_in(struct it *it, const char *id, const char *const *words)
{
	sk_auto(sk_strv_free) char **argv = NULL;
	int r = sk_strv_add(&argv, "nsenter") |
		sk_strv_addf(&argv, "--net=/proc/%d/ns/net", (int)oci_pid(it, id)) |
		sk_strv_add(&argv, "ip");

	for (; *words; words++)
		r |= sk_strv_add(&argv, *words);
	assert_int_equal(r, 0);
	assert_int_equal(it_command(it, (const char *const *)argv), 0);
}

static void test_devices_move_with_their_addresses(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = NULL;

	it_need_root(it);
	bundle = oci_bundle(it, SLEEP);
	shell(it,
	      "ip link add skn0 type veth peer name skn1; ip link set skn1 up\n"
	      "ip addr add 10.77.0.2/24 dev skn0; ip addr add 10.77.1.2/32 dev skn0\n"
	      "ip addr add 169.254.7.7/16 scope link dev skn0\n"
	      "ip -6 addr add fd77::2/64 dev skn0 nodad noprefixroute\n"
	      "ip addr add 10.77.2.2/24 dev skn0 valid_lft 600 preferred_lft 600\n"
	      "ip link set skn0 mtu 1400 address 02:00:00:00:77:01",
	      "sh");
	set_devices(bundle, "{\"skn0\":{\"name\":\"eth0\"}}");
	oci_run_detached(it, bundle, "n1");
	ip_in(it, "n1", IT_ARGS("addr", "show", "dev", "eth0"));
	it_assert_has(it->out, ",UP");
	it_assert_has(it->out, "mtu 1400");
	it_assert_has(it->out, "02:00:00:00:77:01");
	it_assert_has(it->out, "inet 10.77.0.2/24");
	it_assert_has(it->out, "inet 10.77.1.2/32");
	it_assert_has(it->out, "inet6 fd77::2/64 scope global nodad noprefixroute");
	/* neither permanent nor global */
	assert_null(strstr(it->out, "10.77.2.2"));
	assert_null(strstr(it->out, "169.254.7.7"));
	assert_int_not_equal(it_command(it, IT_ARGS("ip", "link", "show", "skn0")), 0);
	oci_expect(it, 0, "delete", "-f", "n1");
	/* the pair goes with the namespace, a moment later: not the test's leftover */
	(void)it_command(it, IT_ARGS("ip", "link", "delete", "skn1"));
}

static void test_a_template_and_kept_names(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = NULL;

	it_need_root(it);
	bundle = oci_bundle(it, SLEEP);
	shell(it, "ip link add skn0 type veth peer name skn1", "sh");
	set_devices(bundle, "{\"skn0\":{\"name\":\"net%d\"},\"skn1\":{}}");
	oci_run_detached(it, bundle, "n1");
	ip_in(it, "n1", IT_ARGS("-o", "link", "show"));
	it_assert_has(it->out, " net0@skn1: ");
	it_assert_has(it->out, " skn1@net0: ");
	oci_expect(it, 0, "delete", "-f", "n1");
}

static void test_what_cannot_move_moves_nothing(void **state)
{
	static const struct {
		const char *devices, *error;
	} cases[] = {
		{"{\"skn0\":{},\"skn9\":{}}", "find network device 'skn9'"},
		{"{\"skn0\":{\"name\":\"lo\"}}",
		 "the container has one of the name 'lo'"},
		{"{\"skn0\":{\"name\":\"x\"},\"skn1\":{\"name\":\"x\"}}",
		 "the container has one of the name 'x'"},
		{"{\"skn0\":{\"name\":\"a/b\"}}", "is not a name of a network device"},
	};
	struct it *it = *state;
	sk_autofree char *bundle = NULL;

	it_need_root(it);
	bundle = oci_bundle(it, SLEEP);
	shell(it, "ip link add skn0 type veth peer name skn1", "sh");
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		set_devices(bundle, cases[i].devices);
		oci_expect(it, 1, "create", "-b", bundle, "n1");
		it_assert_has(it->err, cases[i].error);
		oci_assert_nothing(it);
		shell(it, "ip link show skn0", "sh");
	}
	shell(it, "ip link delete skn0", "sh");
}

static void test_the_hosts_namespace_gets_none(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = oci_bundle(it, SLEEP);
	sk_auto(sk_json_free) struct sk_json *config = NULL;
	struct sk_json *list = NULL;
	static const char namespaces[] = "[{\"type\":\"mount\"},{\"type\":\"pid\"}]";

	set_devices(bundle, "{\"lo\":{\"name\":\"eth0\"}}");
	config = oci_config(bundle);
	assert_int_equal(sk_json_parse(namespaces, strlen(namespaces), "list", &list,
				       NULL),
			 0);
	sk_json_set(sk_json_get(config, "linux"), "namespaces", list);
	sk_json_set(config, "hostname", NULL);
	oci_save(bundle, config);
	oci_expect(it, 1, "create", "-b", bundle, "n1");
	it_assert_has(
		it->err,
		"linux.netDevices needs a network namespace of the container's own");
}

static void test_resctrl_that_is_missing_is_named(void **state)
{
	struct it *it = *state;
	sk_autofree char *bundle = NULL;
	sk_auto(sk_json_free) struct sk_json *config = NULL;
	struct sk_json *rdt;

	it_need_root(it);
	if (access("/sys/fs/resctrl/schemata", F_OK) == 0)
		skip();
	bundle = oci_bundle(it, SLEEP);
	config = oci_config(bundle);
	rdt = sk_json_set(sk_json_get(config, "linux"), "intelRdt", sk_json_new_object());
	sk_json_set_str(rdt, "closID", "x");
	oci_save(bundle, config);
	oci_expect(it, 1, "create", "-b", bundle, "n1");
	it_assert_has(it->err, "resctrl is not mounted on '/sys/fs/resctrl'");
	oci_assert_nothing(it);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT_TEST(test_devices_move_with_their_addresses),
		IT_TEST(test_a_template_and_kept_names),
		IT_TEST(test_what_cannot_move_moves_nothing),
		IT_TEST(test_the_hosts_namespace_gets_none),
		IT_TEST(test_resctrl_that_is_missing_is_named),
	};

	return it_run_group(tests);
}
