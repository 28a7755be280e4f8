// SPDX-License-Identifier: Apache-2.0
/* A domain's XML, as preflight reads it: every disk has a name, and what is found was there */
#include <stdlib.h>
#include <string.h>

#include "migrate/vm/xml.h"
#include "migrate/vm/xml_read.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	sk_auto(sk_vm_disks_finish) struct sk_vm_disks disks = {.nr = 0};
	sk_autofree char *xml = strndup((const char *)data, size);
	sk_autofree char *cpu = xml ? sk_vm_xml_element(xml, "cpu") : NULL;
	sk_autofree char *mode = cpu ? sk_vm_xml_attribute(cpu, "mode") : NULL;

	fuzz_must(xml != NULL);
	fuzz_must(!cpu || strstr(xml, cpu));
	fuzz_must(!mode || strlen(mode) < strlen(cpu));
	fuzz_must(sk_vm_disks_read(xml, &disks, NULL) == 0);
	for (size_t i = 0; i < disks.nr; i++)
		fuzz_must(!disks.disk[i].path || !disks.disk[i].is_empty);
	return 0;
}
