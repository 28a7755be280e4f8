// SPDX-License-Identifier: Apache-2.0
/* seccomp_names - names of system calls and their numbers
 *
 * libseccomp gives negative numbers to what is not a call of its own: -100 - n is sub-call n
 * of socketcall(), -200 - n of ipc(), and others do not exist on the architecture. Where
 * newer kernels have direct calls too it knows their numbers, but tells them only in the
 * other direction.
 */
#include "runtime/sandbox/seccomp_names.h"

#include <seccomp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "runtime/sandbox/seccomp_table.h"

#define FIRST_SOCKET (-101)
#define LAST_SOCKET  (-120)
#define FIRST_IPC    (-201)
#define LAST_IPC     (-224)
#define DIRECT_END   512 /* no architecture that has socketcall() goes beyond */

uint32_t sk_seccomp_native(void)
{
	return seccomp_arch_native();
}

static bool find_number(const struct sk_seccomp_known *known, const char *name,
			uint32_t *ret)
{
	for (; known->name; known++) {
		if (strcmp(known->name, name) != 0)
			continue;
		*ret = known->nr;
		return true;
	}
	return false;
}

/* The numbers of new calls are common to all, counted from the start of each ABI's own. */
static uint32_t first_number(uint32_t arch)
{
	switch (arch) {
	case SCMP_ARCH_X32:
		return SK_SECCOMP_X32_BIT;
	case SCMP_ARCH_MIPS:
	case SCMP_ARCH_MIPSEL:
		return 4000;
	case SCMP_ARCH_MIPS64:
	case SCMP_ARCH_MIPSEL64:
		return 5000;
	case SCMP_ARCH_MIPS64N32:
	case SCMP_ARCH_MIPSEL64N32:
		return 6000;
	default:
		return 0;
	}
}

static bool find_direct(uint32_t arch, const char *name, uint32_t *ret)
{
	if (arch == SCMP_ARCH_X86)
		return find_number(sk_seccomp_x86_direct, name, ret);
	for (uint32_t nr = first_number(arch); nr < first_number(arch) + DIRECT_END;
	     nr++) {
		sk_autofree char *found = seccomp_syscall_resolve_num_arch(arch, (int)nr);

		if (!found || strcmp(found, name) != 0)
			continue;
		*ret = nr;
		return true;
	}
	return false;
}

static int resolve_multiplexed(uint32_t arch, const char *name, int pseudo,
			       struct sk_seccomp_number ret[2])
{
	bool is_socket = pseudo >= LAST_SOCKET;
	int nr =
		seccomp_syscall_resolve_name_arch(arch, is_socket ? "socketcall" : "ipc");

	/* an architecture without them has no such call at all: it is one of others */
	if (nr < 0)
		return 0;
	ret[0] =
		(struct sk_seccomp_number){(uint32_t)nr,
					   (uint32_t)(-pseudo - (is_socket ? 100 : 200))};
	ret[1].sub = SK_SECCOMP_DIRECT;
	return find_direct(arch, name, &ret[1].nr) ? 2 : 1;
}

int sk_seccomp_resolve(uint32_t arch, const char *name, struct sk_seccomp_number ret[2])
{
	int nr = seccomp_syscall_resolve_name_arch(arch, name);

	ret[0] = (struct sk_seccomp_number){(uint32_t)nr, SK_SECCOMP_DIRECT};
	if (nr >= 0)
		return 1;
	if ((nr <= FIRST_SOCKET && nr >= LAST_SOCKET) ||
	    (nr <= FIRST_IPC && nr >= LAST_IPC))
		return resolve_multiplexed(arch, name, nr, ret);
	if (nr != __NR_SCMP_ERROR || !find_number(sk_seccomp_newer, name, &ret[0].nr))
		return 0;
	ret[0].nr += first_number(arch);
	return 1;
}
