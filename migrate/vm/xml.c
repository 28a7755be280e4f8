// SPDX-License-Identifier: Apache-2.0
/* Domain XML of a lab's guest */
#include "migrate/vm/xml.h"

#include <string.h>

#include "lib/str.h"

/* Everything in @fmt is fixed text; each "%" stands for the next argument, escaped. */
static void add_part(struct sk_str *out, const char *fmt, const char *const *args)
{
	for (; *fmt; fmt++) {
		if (*fmt == '%')
			sk_str_add_xml(out, *args++);
		else
			sk_str_add_char(out, *fmt);
	}
}

static int check_text(const char *what, const char *text, struct sk_err *err)
{
	if (!text || !*text)
		return sk_err_set(err, EINVAL, "the guest has no %s", what);
	for (; *text; text++)
		if ((unsigned char)*text < 0x20)
			return sk_err_set(err, EINVAL,
					  "the guest's %s holds a control character",
					  what);
	return 0;
}

static int check(const struct sk_vm_domain *domain, struct sk_err *err)
{
	const struct {
		const char *what, *text;
	} parts[] = {
		{"name", domain->name},		  {"kernel", domain->kernel},
		{"initramfs", domain->initramfs}, {"command line", domain->cmdline},
		{"bridge", domain->bridge},	  {"MAC address", domain->mac},
		{"console", domain->console},
	};

	for (size_t i = 0; i < SK_ARRAY_SIZE(parts); i++) {
		int r = check_text(parts[i].what, parts[i].text, err);

		if (r < 0)
			return r;
	}
	/* QEMU would read what follows a comma as the next setting of the socket. */
	if (domain->monitor && strchr(domain->monitor, ','))
		return sk_err_set(err, EINVAL, "the guest's monitor '%s' has a comma",
				  domain->monitor);
	if (domain->memory_bytes < 64u << 20)
		return sk_err_set(err, EINVAL, "a guest needs at least 64 MiB of memory");
	return 0;
}

/*
 * QEMU before 9.0 loses writes when a guest migrates out of its emulator: where it reads the
 * dirty bitmap in whole words it clears bits without telling the emulator's TLB, and later
 * stores to those pages go unseen (QEMU commit "physmem: Fix migration dirty bitmap
 * coherency with TCG memory access"). It reads page by page, and correctly, when the
 * memory's length is no multiple of 64 pages. libvirt rounds memory to whole MiB, so the
 * guest gets another memory object with two pages more.
 */
static int add_odd_memory(struct sk_str *out, uint64_t memory_bytes, struct sk_err *err)
{
	const uint64_t mib = 1u << 20;
	uint64_t bytes = (memory_bytes + mib - 1) / mib * mib + 8192;
	sk_autofree char *size = sk_strf("%llu", (unsigned long long)bytes);
	sk_autofree char *kib = sk_strf("%lluk", (unsigned long long)bytes / 1024);

	if (!size || !kib)
		return sk_err_oom(err);
	add_part(out,
		 "    <qemu:arg value='-m'/><qemu:arg value='%'/>\n"
		 "    <qemu:arg value='-object'/>\n"
		 "    <qemu:arg value='memory-backend-ram,id=skiff.ram,size=%'/>\n"
		 "    <qemu:arg value='-machine'/>\n"
		 "    <qemu:arg value='memory-backend=skiff.ram'/>\n",
		 (const char *const[]){kib, size});
	return 0;
}

static int add_arguments(struct sk_str *out, const struct sk_vm_domain *domain,
			 struct sk_err *err)
{
	int r = 0;

	if (domain->kvm && !domain->monitor)
		return 0;
	sk_str_add(out, "  <qemu:commandline>\n");
	if (!domain->kvm)
		r = add_odd_memory(out, domain->memory_bytes, err);
	if (domain->monitor)
		add_part(out,
			 "    <qemu:arg value='-qmp'/>"
			 "<qemu:arg value='unix:%,server=on,wait=off'/>\n",
			 (const char *const[]){domain->monitor});
	sk_str_add(out, "  </qemu:commandline>\n");
	return r;
}

int sk_vm_domain_xml(const struct sk_vm_domain *domain, char **ret, struct sk_err *err)
{
	sk_auto(sk_str_finish) struct sk_str out = SK_STR_INIT;
	sk_autofree char *memory = NULL;
	char *text;
	int r;

	r = check(domain, err);
	if (r < 0)
		return r;
	memory = sk_strf("%llu", (unsigned long long)domain->memory_bytes);
	if (!memory)
		return sk_err_oom(err);
	add_part(&out,
		 "<domain type='%' "
		 "xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>\n"
		 "  <name>%</name>\n"
		 "  <memory unit='b'>%</memory>\n"
		 "  <vcpu>1</vcpu>\n"
		 "  <os>\n"
		 "    <type arch='x86_64' machine='pc'>hvm</type>\n"
		 "    <kernel>%</kernel>\n"
		 "    <initrd>%</initrd>\n"
		 "    <cmdline>%</cmdline>\n"
		 "  </os>\n"
		 "  <features><acpi/></features>\n",
		 (const char *const[]){domain->kvm ? "kvm" : "qemu", domain->name, memory,
				       domain->kernel, domain->initramfs,
				       domain->cmdline});
	add_part(&out,
		 "  <on_reboot>destroy</on_reboot>\n"
		 "  <on_crash>destroy</on_crash>\n"
		 "  <devices>\n"
		 "    <controller type='usb' model='none'/>\n"
		 "    <interface type='bridge'>\n"
		 "      <mac address='%'/>\n"
		 "      <source bridge='%'/>\n"
		 "      <model type='virtio'/>\n"
		 "      <rom enabled='no'/>\n"
		 "    </interface>\n"
		 "    <serial type='file'><source path='%'/></serial>\n"
		 "    <memballoon model='none'/>\n"
		 "    <video><model type='none'/></video>\n"
		 "  </devices>\n",
		 (const char *const[]){domain->mac, domain->bridge, domain->console});
	r = add_arguments(&out, domain, err);
	if (r < 0)
		return r;
	sk_str_add(&out, "</domain>\n");
	text = sk_str_steal(&out);
	if (!text)
		return sk_err_oom(err);
	*ret = text;
	return 0;
}

/* Start of "<name" where the name really ends there, or NULL. */
static const char *find_open(const char *xml, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = strchr(xml, '<'); p; p = strchr(p + 1, '<'))
		if (strncmp(p + 1, name, len) == 0 && strchr(" \t\n/>", p[1 + len]))
			return p;
	return NULL;
}

char *sk_vm_xml_element(const char *xml, const char *name)
{
	sk_autofree char *closing = sk_strf("</%s>", name);
	const char *start = find_open(xml, name);
	const char *tag_end, *end;

	if (!closing || !start)
		return NULL;
	tag_end = strchr(start, '>');
	if (!tag_end)
		return NULL;
	if (tag_end[-1] == '/')
		return strndup(start, (size_t)(tag_end + 1 - start));
	end = strstr(tag_end, closing);
	if (!end)
		return NULL;
	return strndup(start, (size_t)(end - start) + strlen(closing));
}
