// SPDX-License-Identifier: Apache-2.0
/* xml_read - what preflight needs of a domain's XML as libvirt prints it
 *
 * libvirt prints documents in one form: attributes in single quotes, text escaped, no
 * comments in front of what is looked for. A wrong reading could only make preflight say
 * something wrong about the user's own guest; libvirt checks again when it starts.
 */
#include "migrate/vm/xml_read.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "lib/str.h"
#include "migrate/vm/xml.h"

char *sk_vm_xml_next(const char **cursor, const char *name)
{
	char *element = sk_vm_xml_element(*cursor, name);
	const char *at = element ? strstr(*cursor, element) : NULL;

	if (at)
		*cursor = at + strlen(element);
	return element;
}

static size_t unescape(const char *text, char *ret)
{
	static const struct {
		const char *entity;
		char is;
	} entities[] = {{"&amp;", '&'},
			{"&lt;", '<'},
			{"&gt;", '>'},
			{"&apos;", '\''},
			{"&quot;", '"'}};

	for (size_t i = 0; i < SK_ARRAY_SIZE(entities); i++)
		if (sk_str_starts(text, entities[i].entity)) {
			*ret = entities[i].is;
			return strlen(entities[i].entity);
		}
	*ret = *text;
	return 1;
}

char *sk_vm_xml_attribute(const char *element, const char *name)
{
	const char *end = strchr(element, '>');
	sk_autofree char *key = sk_strf(" %s='", name);
	const char *at = key ? strstr(element, key) : NULL;
	size_t len = 0;
	char *value;

	if (!at || !end || at > end)
		return NULL;
	at += strlen(key);
	end = strchr(at, '\'');
	value = end ? malloc((size_t)(end - at) + 1) : NULL;
	if (!value)
		return NULL;
	while (at < end)
		at += unescape(at, &value[len++]);
	value[len] = '\0';
	return value;
}

void sk_vm_xml_macs(const char *xml, char *ret, size_t size)
{
	const char *cursor = xml;
	char *card;
	size_t len = 0;

	ret[0] = '\0';
	while ((card = sk_vm_xml_next(&cursor, "interface"))) {
		sk_autofree char *element = card;
		sk_autofree char *mac = sk_vm_xml_element(element, "mac");
		sk_autofree char *address =
			mac ? sk_vm_xml_attribute(mac, "address") : NULL;

		if (!address || len + strlen(address) + 2 > size)
			continue;
		len += (size_t)snprintf(ret + len, size - len, "%s%s", len ? " " : "",
					address);
	}
	for (; *ret; ret++)
		*ret = (char)tolower((unsigned char)*ret);
}

static int read_disk(const char *xml, struct sk_vm_disk *ret, struct sk_err *err)
{
	sk_autofree char *source = sk_vm_xml_element(xml, "source");
	sk_autofree char *target = sk_vm_xml_element(xml, "target");
	sk_autofree char *readonly = sk_vm_xml_element(xml, "readonly");
	sk_autofree char *shareable = sk_vm_xml_element(xml, "shareable");
	sk_autofree char *type = sk_vm_xml_attribute(xml, "type");

	ret->target = target ? sk_vm_xml_attribute(target, "dev") : NULL;
	if (!ret->target)
		ret->target = strdup("?");
	if (!ret->target)
		return sk_err_oom(err);
	ret->is_network = sk_str_equal(type, "network");
	ret->is_readonly = readonly;
	ret->is_shareable = shareable;
	if (source)
		ret->path = sk_vm_xml_attribute(source, "file");
	if (source && !ret->path)
		ret->path = sk_vm_xml_attribute(source, "dev");
	ret->is_empty = !source;
	return 0;
}

int sk_vm_disks_read(const char *xml, struct sk_vm_disks *ret, struct sk_err *err)
{
	sk_auto(sk_vm_disks_finish) struct sk_vm_disks disks = {.nr = 0};
	const char *cursor = xml;
	int r = 0;

	for (;;) {
		sk_autofree char *element = sk_vm_xml_next(&cursor, "disk");
		struct sk_vm_disk *more;

		if (!element)
			break;
		more = reallocarray(disks.disk, disks.nr + 1, sizeof(*more));
		if (!more)
			return sk_err_oom(err);
		disks.disk = more;
		disks.disk[disks.nr] = (struct sk_vm_disk){.target = NULL};
		r = read_disk(element, &disks.disk[disks.nr++], err);
		if (r < 0)
			return r;
	}
	*ret = disks;
	disks = (struct sk_vm_disks){.nr = 0};
	return 0;
}

void sk_vm_disks_finish(struct sk_vm_disks *disks)
{
	for (size_t i = 0; i < disks->nr; i++) {
		free(disks->disk[i].target);
		free(disks->disk[i].path);
	}
	free(disks->disk);
	*disks = (struct sk_vm_disks){.nr = 0};
}
