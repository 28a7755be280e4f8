// SPDX-License-Identifier: Apache-2.0
/* test_xml - domain XML of a lab's guest */
#include "migrate/vm/xml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"

static const struct sk_vm_domain domain = {
	.name = "g<1>",
	.memory_bytes = 256u << 20,
	.kernel = "/k",
	.initramfs = "/i",
	.cmdline = "quiet",
	.bridge = "br0",
	.mac = "52:54:00:00:00:01",
	.console = "/c",
};

/* Else QEMU 7.2 loses writes when it migrates an emulated guest. */
static void test_emulated_memory_is_no_multiple_of_64_pages(void **state)
{
	sk_autofree char *xml = NULL;

	(void)state;
	assert_int_equal(sk_vm_domain_xml(&domain, &xml, NULL), 0);
	assert_non_null(strstr(xml, "<qemu:arg value='-m'/><qemu:arg value='262152k'/>"));
	assert_non_null(strstr(xml, "'memory-backend-ram,id=skiff.ram,size=268443648'"));
	assert_non_null(strstr(xml, "'memory-backend=skiff.ram'"));
	assert_non_null(strstr(xml, "</qemu:commandline>\n</domain>\n"));
}

static void test_kvm_needs_no_odd_memory(void **state)
{
	struct sk_vm_domain kvm = domain;
	sk_autofree char *xml = NULL;

	(void)state;
	kvm.kvm = true;
	assert_int_equal(sk_vm_domain_xml(&kvm, &xml, NULL), 0);
	assert_non_null(strstr(xml, "<domain type='kvm'"));
	assert_null(strstr(xml, "qemu:commandline"));
	assert_non_null(strstr(xml, "<name>g&lt;1&gt;</name>"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_emulated_memory_is_no_multiple_of_64_pages),
		cmocka_unit_test(test_kvm_needs_no_odd_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
