// SPDX-License-Identifier: Apache-2.0
/* test_xml_read - disks and attributes out of a domain's XML as libvirt prints it */
#include "migrate/vm/xml_read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char domain[] = "<domain type='kvm'>\n"
			     "  <devices>\n"
			     "    <disk type='file' device='disk'>\n"
			     "      <driver name='qemu' type='qcow2'/>\n"
			     "      <source file='/srv/a &amp; b&apos;s.qcow2'/>\n"
			     "      <backingStore type='file'>\n"
			     "        <format type='raw'/>\n"
			     "        <source file='/srv/base.raw'/>\n"
			     "      </backingStore>\n"
			     "      <target dev='vda' bus='virtio'/>\n"
			     "    </disk>\n"
			     "    <disk type='block' device='disk'>\n"
			     "      <source dev='/dev/vg/data'/>\n"
			     "      <target dev='vdb' bus='virtio'/>\n"
			     "      <shareable/>\n"
			     "    </disk>\n"
			     "    <disk type='network' device='disk'>\n"
			     "      <source protocol='rbd' name='pool/image'>\n"
			     "        <host name='ceph1'/>\n"
			     "      </source>\n"
			     "      <target dev='vdc' bus='virtio'/>\n"
			     "    </disk>\n"
			     "    <disk type='file' device='cdrom'>\n"
			     "      <target dev='sda' bus='sata'/>\n"
			     "      <readonly/>\n"
			     "    </disk>\n"
			     "    <interface type='bridge'>\n"
			     "      <mac address='52:54:00:AB:cd:01'/>\n"
			     "    </interface>\n"
			     "    <interface type='user'/>\n"
			     "    <interface type='network'>\n"
			     "      <mac address='52:54:00:ab:cd:02'/>\n"
			     "    </interface>\n"
			     "  </devices>\n"
			     "</domain>\n";

static void test_cards_are_told_by_their_addresses(void **state)
{
	char macs[40], few[20];

	(void)state;
	sk_vm_xml_macs(domain, macs, sizeof(macs));
	assert_string_equal(macs, "52:54:00:ab:cd:01 52:54:00:ab:cd:02");
	sk_vm_xml_macs(domain, few, sizeof(few));
	assert_string_equal(few, "52:54:00:ab:cd:01");
	sk_vm_xml_macs("<domain/>", macs, sizeof(macs));
	assert_string_equal(macs, "");
}

static void test_all_disks_are_found_with_what_matters(void **state)
{
	static const struct sk_vm_disk wanted[] = {
		{(char *)"vda", (char *)"/srv/a & b's.qcow2", false, false, false, false},
		{(char *)"vdb", (char *)"/dev/vg/data", false, false, false, true},
		{(char *)"vdc", NULL, false, true, false, false},
		{(char *)"sda", NULL, true, false, true, false},
	};
	sk_auto(sk_vm_disks_finish) struct sk_vm_disks disks = {.nr = 0};
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	assert_int_equal(sk_vm_disks_read(domain, &disks, &err), 0);
	assert_int_equal(disks.nr, SK_ARRAY_SIZE(wanted));
	for (size_t i = 0; i < disks.nr; i++) {
		assert_string_equal(disks.disk[i].target, wanted[i].target);
		if (wanted[i].path)
			assert_string_equal(disks.disk[i].path, wanted[i].path);
		else
			assert_null(disks.disk[i].path);
		assert_true(disks.disk[i].is_empty == wanted[i].is_empty);
		assert_true(disks.disk[i].is_network == wanted[i].is_network);
		assert_true(disks.disk[i].is_readonly == wanted[i].is_readonly);
		assert_true(disks.disk[i].is_shareable == wanted[i].is_shareable);
	}
}

static void test_a_domain_without_disks_has_none(void **state)
{
	sk_auto(sk_vm_disks_finish) struct sk_vm_disks disks = {.nr = 0};

	(void)state;
	assert_int_equal(sk_vm_disks_read("<domain><devices/></domain>", &disks, NULL),
			 0);
	assert_int_equal(disks.nr, 0);
	assert_int_equal(sk_vm_disks_read("<disk><target bus='ide'/></disk>", &disks,
					  NULL),
			 0);
	assert_string_equal(disks.disk[0].target, "?");
	sk_vm_disks_finish(&disks);
	/* Cut off in the middle of one. */
	assert_int_equal(sk_vm_disks_read("<disk type='file'><source file='", &disks,
					  NULL),
			 0);
	assert_int_equal(disks.nr, 0);
}

static void test_attributes_are_those_of_the_first_tag(void **state)
{
	static const struct {
		const char *element, *name, *value;
	} cases[] = {
		{"<type arch='x86_64' machine='pc'>hvm</type>", "arch", "x86_64"},
		{"<type arch='x86_64' machine='pc'>hvm</type>", "machine", "pc"},
		{"<a b='&lt;&gt;&quot;&amp;&apos;&none;'/>", "b", "<>\"&'&none;"},
		{"<a b=''/>", "b", ""},
		{"<a><c b='1'/></a>", "b", NULL},
		{"<a xb='1'/>", "b", NULL},
		{"<a b='1", "b", NULL},
		{"", "b", NULL},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		sk_autofree char *value =
			sk_vm_xml_attribute(cases[i].element, cases[i].name);

		if (cases[i].value)
			assert_string_equal(value, cases[i].value);
		else
			assert_null(value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cards_are_told_by_their_addresses),
		cmocka_unit_test(test_all_disks_are_found_with_what_matters),
		cmocka_unit_test(test_a_domain_without_disks_has_none),
		cmocka_unit_test(test_attributes_are_those_of_the_first_tag),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
