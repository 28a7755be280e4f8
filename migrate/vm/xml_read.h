/* SPDX-License-Identifier: Apache-2.0 */
/* xml_read - what preflight needs of a domain's XML as libvirt prints it; pure */
#ifndef SK_VM_XML_READ_H
#define SK_VM_XML_READ_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/cleanup.h"
#include "lib/err.h"

/**
 * sk_vm_xml_next() - Cut the next element of this name out of a document
 * @cursor:	Points to the document first; to what follows the element afterwards
 *
 * An element of the same name inside of it is not understood: libvirt has none in those that
 * are asked for here.
 * Return: heap text, as of sk_vm_xml_element(); NULL at the end
 */
char *sk_vm_xml_next(const char **cursor, const char *name);

/**
 * sk_vm_xml_attribute() - Value of an attribute of the first tag of a text
 *
 * Return: heap text with the five entities of XML resolved; NULL when there is none
 */
char *sk_vm_xml_attribute(const char *element, const char *name);

/**
 * sk_vm_xml_macs() - Hardware addresses of a domain's network cards
 * @ret:	Those that fit, in small letters, with blanks between them
 */
void sk_vm_xml_macs(const char *xml, char *ret, size_t size);

/** struct sk_vm_disk - A disk of a domain */
struct sk_vm_disk {
	char *target; /* "vda" */
	char *path; /* of its file or block device; NULL: the disk is elsewhere, or empty */
	bool is_empty; /* no medium in the drive */
	bool is_network;
	bool is_readonly;
	bool is_shareable; /* several guests may write it: never copied */
};
/** struct sk_vm_disks - All of them; release with sk_vm_disks_finish() */
struct sk_vm_disks {
	struct sk_vm_disk *disk;
	size_t nr;
};
/** sk_vm_disks_read() - Find the disks of a domain; -ENOMEM */
int sk_vm_disks_read(const char *xml, struct sk_vm_disks *ret, struct sk_err *err);
/** sk_vm_disks_finish() - Release them */
void sk_vm_disks_finish(struct sk_vm_disks *disks);
SK_DEFINE_AUTO_FINISH(struct sk_vm_disks, sk_vm_disks_finish)

#endif
