// SPDX-License-Identifier: Apache-2.0
/* test_xml - domain XML is complete, escaped, and of an odd memory size under emulation */
#include "migrate/vm/xml.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"

static struct sk_vm_domain sample(void)
{
	return (struct sk_vm_domain){
		.name = "g1",
		.memory_bytes = 256u << 20,
		.kernel = "/srv/vmlinuz",
		.initramfs = "/srv/initramfs",
		.cmdline = "console=ttyS0 quiet",
		.bridge = "br0",
		.mac = "52:54:00:77:00:0a",
		.console = "/var/log/g1.log",
	};
}

static char *xml_of(const struct sk_vm_domain *domain)
{
	struct sk_err err = SK_ERR_INIT;
	char *xml = NULL;

	if (sk_vm_domain_xml(domain, &xml, &err) < 0)
		fail_msg("%s", err.msg);
	return xml;
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no '%s' in:\n%s", part, text);
}

static void test_all_parts_are_there(void **state)
{
	struct sk_vm_domain domain = sample();
	sk_autofree char *xml = xml_of(&domain);

	(void)state;
	assert_has(xml, "<domain type='qemu'");
	assert_has(xml, "<name>g1</name>");
	assert_has(xml, "<memory unit='b'>268435456</memory>");
	assert_has(xml, "<kernel>/srv/vmlinuz</kernel>");
	assert_has(xml, "<initrd>/srv/initramfs</initrd>");
	assert_has(xml, "<cmdline>console=ttyS0 quiet</cmdline>");
	assert_has(xml, "<source bridge='br0'/>");
	assert_has(xml, "<mac address='52:54:00:77:00:0a'/>");
	assert_has(xml, "<serial type='file'><source path='/var/log/g1.log'/></serial>");
	assert_has(xml, "<memballoon model='none'/>");
	assert_null(strstr(xml, "<disk"));
}

static void test_emulated_memory_is_no_multiple_of_64_pages(void **state)
{
	struct sk_vm_domain domain = sample();
	sk_autofree char *tcg = xml_of(&domain), *kvm = NULL;

	(void)state;
	assert_has(tcg, "memory-backend-ram,id=skiff.ram,size=268443648'");
	assert_has(tcg, "<qemu:arg value='262152k'/>");
	assert_true(268443648u % (64 * 4096) != 0);
	domain.kvm = true;
	kvm = xml_of(&domain);
	assert_has(kvm, "<domain type='kvm'");
	assert_null(strstr(kvm, "qemu:commandline"));
}

static void test_a_second_monitor_is_there_when_wanted(void **state)
{
	struct sk_vm_domain domain = sample();
	struct sk_err err = SK_ERR_INIT;
	char *xml = NULL;

	(void)state;
	for (int kvm = 0; kvm < 2; kvm++) {
		sk_autofree char *with = NULL;

		domain.kvm = kvm;
		domain.monitor = "/run/a&b.qmp";
		with = xml_of(&domain);
		assert_has(with, "<qemu:arg value='-qmp'/><qemu:arg value='unix:/run/"
				 "a&amp;b.qmp,server=on,wait=off'/>");
		assert_has(with, "</qemu:commandline>\n</domain>");
	}
	domain.monitor = "/run/x,server=off";
	assert_int_equal(sk_vm_domain_xml(&domain, &xml, &err), -EINVAL);
	assert_string_equal(err.msg,
			    "the guest's monitor '/run/x,server=off' has a comma");
	assert_null(xml);
}

static void test_texts_are_escaped(void **state)
{
	struct sk_vm_domain domain = sample();
	sk_autofree char *xml = NULL;

	(void)state;
	domain.cmdline = "a='<b>' & \"c\"";
	domain.console = "/x'/><disk";
	xml = xml_of(&domain);
	assert_has(xml, "<cmdline>a=&#39;&lt;b&gt;&#39; &amp; &quot;c&quot;</cmdline>");
	assert_has(xml, "path='/x&#39;/&gt;&lt;disk'");
	assert_null(strstr(xml, "<disk"));
}

static void test_what_is_missing_is_named(void **state)
{
	struct sk_vm_domain domain = sample();
	struct sk_err err = SK_ERR_INIT;
	char *xml = (char *)"untouched";

	(void)state;
	domain.kernel = NULL;
	assert_int_equal(sk_vm_domain_xml(&domain, &xml, &err), -EINVAL);
	assert_string_equal(err.msg, "the guest has no kernel");
	domain = sample();
	domain.cmdline = "a\nb";
	assert_int_equal(sk_vm_domain_xml(&domain, &xml, &err), -EINVAL);
	assert_string_equal(err.msg,
			    "the guest's command line holds a control character");
	domain = sample();
	domain.memory_bytes = 1u << 20;
	assert_int_equal(sk_vm_domain_xml(&domain, &xml, &err), -EINVAL);
	assert_string_equal(err.msg, "a guest needs at least 64 MiB of memory");
	assert_string_equal(xml, "untouched");
}

static void test_an_element_is_cut_out(void **state)
{
	static const struct {
		const char *xml, *wanted;
	} cases[] = {
		{"<a><cpu mode='x'><model/></cpu></a>", "<cpu mode='x'><model/></cpu>"},
		{"<a><cputune/><cpu/></a>", "<cpu/>"},
		{"<a><cpu mode='x'/>", "<cpu mode='x'/>"},
		{"<a><cputune/></a>", NULL},
		{"<cpu", NULL},
		{"<cpu><model>", NULL},
		{"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		sk_autofree char *found = sk_vm_xml_element(cases[i].xml, "cpu");

		if (!cases[i].wanted)
			assert_null(found);
		else
			assert_string_equal(found ? found : "(none)", cases[i].wanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_parts_are_there),
		cmocka_unit_test(test_emulated_memory_is_no_multiple_of_64_pages),
		cmocka_unit_test(test_a_second_monitor_is_there_when_wanted),
		cmocka_unit_test(test_texts_are_escaped),
		cmocka_unit_test(test_what_is_missing_is_named),
		cmocka_unit_test(test_an_element_is_cut_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
