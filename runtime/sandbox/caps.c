/* SPDX-License-Identifier: Apache-2.0 */
/* caps - the capabilities that a container keeps */
#include "runtime/sandbox/caps.h"

#include <ctype.h>
#include <errno.h>
#include <sys/capability.h>
#include <sys/prctl.h>

#include "lib/cleanup.h"

#define BIT(n) (1ull << (n))

void sk_caps_default(struct sk_caps *ret)
{
	const uint64_t set = BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FOWNER) |
			     BIT(CAP_FSETID) | BIT(CAP_KILL) | BIT(CAP_NET_BIND_SERVICE) |
			     BIT(CAP_SETGID) | BIT(CAP_SETPCAP) | BIT(CAP_SETUID);

	*ret = (struct sk_caps){.bounding = set, .effective = set, .permitted = set};
}

unsigned int sk_caps_last(void)
{
	unsigned int last = 0;

	while (last < 63 && prctl(PR_CAPBSET_READ, last + 1) >= 0)
		last++;
	return last;
}

static uint64_t all_known(void)
{
	return ~0ull >> (63 - sk_caps_last());
}

void sk_caps_full(struct sk_caps *ret)
{
	uint64_t set = 0;

	for (unsigned int n = 0; n <= sk_caps_last(); n++)
		if (prctl(PR_CAPBSET_READ, n) == 1)
			set |= BIT(n);
	*ret = (struct sk_caps){.bounding = set, .effective = set, .permitted = set};
}

int sk_caps_by_name(const char *name, uint64_t *ret_mask)
{
	char full[40];
	cap_value_t value;

	if (strcasecmp(name, "ALL") == 0) {
		*ret_mask = all_known();
		return 0;
	}
	/* libcap would take a bare number as a name */
	if (!isalpha((unsigned char)name[0]))
		return -EINVAL;
	(void)snprintf(full, sizeof(full), "%s%s",
		       strncasecmp(name, "CAP_", 4) == 0 ? "" : "CAP_", name);
	if (cap_from_name(full, &value) < 0 || value < 0 || value > 63)
		return -EINVAL;
	*ret_mask = BIT(value);
	return 0;
}

const char *sk_caps_name(unsigned int capability, char buf[SK_CAPS_NAME_SIZE])
{
	char *name = cap_to_name((cap_value_t)capability);
	int n = name && isalpha((unsigned char)name[0])
			? snprintf(buf, SK_CAPS_NAME_SIZE, "%s", name)
			: 0;

	(void)cap_free(name);
	for (int i = 0; i < n; i++)
		buf[i] = (char)toupper((unsigned char)buf[i]);
	return n > 0 ? buf : NULL;
}

const char *sk_caps_lowest(uint64_t mask, char buf[SK_CAPS_NAME_SIZE])
{
	unsigned int n = (unsigned int)__builtin_ctzll(mask);

	if (!sk_caps_name(n, buf))
		(void)snprintf(buf, SK_CAPS_NAME_SIZE, "capability %u", n);
	return buf;
}

uint64_t sk_caps_held(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	if (capget(&head, data) < 0)
		return 0;
	return data[0].permitted | (uint64_t)data[1].permitted << 32;
}

int sk_caps_drop_bounding(const struct sk_caps *caps, struct sk_err *err)
{
	int r;

	for (unsigned int n = 0; n < 64; n++) {
		int present;

		if ((caps->bounding & BIT(n)) || prctl(PR_CAPBSET_DROP, n) == 0)
			continue;
		/* not known to this kernel, or gone already */
		present = prctl(PR_CAPBSET_READ, n);
		if (present < 0)
			break;
		if (present == 0)
			continue;
		r = sk_err_code(err, -EPERM, "drop capability %u from the bounding set",
				n);
		return sk_err_hint(err, r, "dropping needs CAP_SETPCAP");
	}
	return 0;
}

int sk_caps_keep(bool keep, struct sk_err *err)
{
	if (prctl(PR_SET_KEEPCAPS, keep ? 1 : 0, 0, 0, 0) < 0)
		return sk_err_errno(err, "keep capabilities over a change of user");
	return 0;
}

/* capset(2) says only EPERM: find out which one the caller does not hold. */
static int check_held(const struct sk_caps *caps, struct sk_err *err)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	char name[SK_CAPS_NAME_SIZE];
	uint64_t missing;

	if (capget(&head, data) < 0)
		return sk_err_errno(err, "read the capabilities");
	missing = caps->permitted &
		  ~(data[0].permitted | (uint64_t)data[1].permitted << 32);
	if (missing)
		return sk_err_set(err, EPERM, "%s cannot be given: the caller lacks it",
				  sk_caps_lowest(missing, name));
	missing = caps->effective & ~caps->permitted;
	if (missing)
		return sk_err_set(err, EINVAL, "%s is effective but not permitted",
				  sk_caps_lowest(missing, name));
	missing = caps->ambient & ~(caps->permitted & caps->inheritable);
	if (missing)
		return sk_err_set(err, EINVAL,
				  "%s is ambient but not permitted and inheritable",
				  sk_caps_lowest(missing, name));
	return 0;
}

static int set_ambient(uint64_t ambient, struct sk_err *err)
{
	for (unsigned int n = 0; n < 64; n++)
		if ((ambient & BIT(n)) &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, n, 0, 0) < 0)
			return sk_err_errno(err, "raise ambient capability %u", n);
	return 0;
}

int sk_caps_apply(const struct sk_caps *caps, struct sk_err *err)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	int r;

	for (int i = 0; i < 2; i++)
		data[i] = (struct __user_cap_data_struct){
			.effective = (uint32_t)(caps->effective >> (32 * i)),
			.permitted = (uint32_t)(caps->permitted >> (32 * i)),
			.inheritable = (uint32_t)(caps->inheritable >> (32 * i)),
		};
	r = check_held(caps, err);
	if (r < 0)
		return r;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return sk_err_errno(err, "clear the ambient capabilities");
	if (capset(&head, data) < 0)
		return sk_err_errno(err, "set the capabilities");
	r = set_ambient(caps->ambient, err);
	return r < 0 ? r : sk_caps_keep(false, err);
}
