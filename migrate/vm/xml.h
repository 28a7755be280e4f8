/* SPDX-License-Identifier: Apache-2.0 */
/* xml - domain XML of a lab's guest: direct kernel boot, one NIC, no disk; pure */
#ifndef SK_VM_XML_H
#define SK_VM_XML_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"

/** struct sk_vm_domain - A guest to be; all borrowed */
struct sk_vm_domain {
	const char *name;
	bool kvm; /* else TCG */
	uint64_t memory_bytes;
	const char *kernel, *initramfs, *cmdline; /* the same paths on every host */
	const char *bridge, *mac;
	const char *console; /* file that the serial console is written to */
	const char *monitor; /* socket of a monitor beside libvirt's; NULL none */
};

/**
 * sk_vm_domain_xml() - Write the XML
 * @ret:	Heap text
 *
 * All texts are escaped. Return: 0; -EINVAL for a missing part or a control character
 */
int sk_vm_domain_xml(const struct sk_vm_domain *domain, char **ret, struct sk_err *err);

/**
 * sk_vm_xml_element() - Cut one element out of a document
 * @xml:	Document (borrowed)
 * @name:	Element name: "cpu"
 *
 * Return: heap text from "<cpu" to "</cpu>" or "/>" of the first such element; NULL when
 * there is none or memory ran out
 */
char *sk_vm_xml_element(const char *xml, const char *name);

#endif
