// SPDX-License-Identifier: Apache-2.0
/* process - names, lists of CPUs, and the release of struct sk_spec_process */
#include "runtime/spec/process.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/str.h"

static const char *const names[SK_HOOK_KINDS] = {
	[SK_HOOK_PRESTART] = "prestart",
	[SK_HOOK_CREATE_RUNTIME] = "createRuntime",
	[SK_HOOK_CREATE_CONTAINER] = "createContainer",
	[SK_HOOK_START_CONTAINER] = "startContainer",
	[SK_HOOK_POSTSTART] = "poststart",
	[SK_HOOK_POSTSTOP] = "poststop",
};

const char *sk_hook_name(enum sk_hook_kind kind)
{
	return names[kind];
}

bool sk_spec_process_has_hooks(const struct sk_spec_process *process)
{
	for (int i = 0; i <= SK_HOOK_START_CONTAINER; i++)
		if (process->hooks[i].nr)
			return true;
	return false;
}

static void free_hooks(struct sk_hook_list *list)
{
	for (size_t i = 0; i < list->nr; i++) {
		free(list->hooks[i].path);
		sk_strv_free(list->hooks[i].args);
		sk_strv_free(list->hooks[i].env);
	}
	free(list->hooks);
}

void sk_spec_process_finish(struct sk_spec_process *process)
{
	free(process->apparmor);
	free(process->selinux_label);
	free(process->cpus_initial);
	free(process->cpus_final);
	free(process->rdt.clos_id);
	free(process->rdt.l3_cache);
	free(process->rdt.mem_bandwidth);
	sk_strv_free(process->rdt.schemata);
	for (size_t i = 0; i < process->nr_net_devices; i++) {
		free(process->net_devices[i].name);
		free(process->net_devices[i].new_name);
	}
	free(process->net_devices);
	for (int i = 0; i < SK_HOOK_KINDS; i++)
		free_hooks(&process->hooks[i]);
	memset(process, 0, sizeof(*process));
}

static const char *skip_blanks(const char *at)
{
	return at + strspn(at, " \t\n");
}

/* A number without sign, and the blanks around it. */
static int read_number(const char **at, unsigned int limit, unsigned int *ret)
{
	const char *text = skip_blanks(*at);
	size_t digits = strspn(text, "0123456789");
	char *end;
	unsigned long number;

	if (digits == 0)
		return -EINVAL;
	if (digits > 9)
		return -ERANGE;
	number = strtoul(text, &end, 10);
	if (number >= limit)
		return -ERANGE;
	*ret = (unsigned int)number;
	*at = skip_blanks(end);
	return 0;
}

int sk_spec_parse_cpus(const char *text, uint64_t *mask, unsigned int bits)
{
	if (mask)
		memset(mask, 0, (bits + 63) / 64 * sizeof(*mask));
	for (;;) {
		unsigned int first, last;
		int r = read_number(&text, bits, &first);

		if (r < 0)
			return r;
		last = first;
		if (*text == '-') {
			text++;
			r = read_number(&text, bits, &last);
		}
		if (r < 0)
			return r;
		if (last < first)
			return -EINVAL;
		for (; mask && first <= last; first++)
			mask[first / 64] |= 1ull << (first % 64);
		if (!*text)
			return 0;
		if (*text++ != ',')
			return -EINVAL;
	}
}
