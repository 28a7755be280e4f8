// SPDX-License-Identifier: Apache-2.0
/* config_seccomp - linux.seccomp of config.json */
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <string.h>

#include "lib/str.h"
#include "runtime/spec/seccomp.h"

#define WHERE		   "linux.seccomp"
#define WHERE_RULE	   "linux.seccomp.syscalls[]"
#define WHERE_ARG	   "linux.seccomp.syscalls[].args[]"
#define MAX_ERRNO	   4095
#define MAX_ARGS	   6
#define X32_ARCH	   (EM_X86_64 | __AUDIT_ARCH_LE)
#define WAIT_KILLABLE_RECV (1u << 5)

const struct sk_seccomp_name sk_seccomp_actions[] = {
	{"SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW},
	{"SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO},
	{"SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD},
	{"SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS},
	{"SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD},
	{"SCMP_ACT_LOG", SECCOMP_RET_LOG},
	{"SCMP_ACT_NOTIFY", SECCOMP_RET_USER_NOTIF},
	{"SCMP_ACT_TRACE", SECCOMP_RET_TRACE},
	{"SCMP_ACT_TRAP", SECCOMP_RET_TRAP},
	{NULL, 0},
};

const struct sk_seccomp_name sk_seccomp_operators[] = {
	{"SCMP_CMP_EQ", SK_SECCOMP_EQ}, {"SCMP_CMP_GE", SK_SECCOMP_GE},
	{"SCMP_CMP_GT", SK_SECCOMP_GT}, {"SCMP_CMP_LE", SK_SECCOMP_LE},
	{"SCMP_CMP_LT", SK_SECCOMP_LT}, {"SCMP_CMP_MASKED_EQ", SK_SECCOMP_MASKED_EQ},
	{"SCMP_CMP_NE", SK_SECCOMP_NE}, {NULL, 0},
};

const struct sk_seccomp_name sk_seccomp_archs[] = {
	{"SCMP_ARCH_AARCH64", AUDIT_ARCH_AARCH64},
	{"SCMP_ARCH_ARM", AUDIT_ARCH_ARM},
	{"SCMP_ARCH_MIPS", AUDIT_ARCH_MIPS},
	{"SCMP_ARCH_MIPS64", AUDIT_ARCH_MIPS64},
	{"SCMP_ARCH_MIPS64N32", AUDIT_ARCH_MIPS64N32},
	{"SCMP_ARCH_MIPSEL", AUDIT_ARCH_MIPSEL},
	{"SCMP_ARCH_MIPSEL64", AUDIT_ARCH_MIPSEL64},
	{"SCMP_ARCH_MIPSEL64N32", AUDIT_ARCH_MIPSEL64N32},
	{"SCMP_ARCH_PARISC", AUDIT_ARCH_PARISC},
	{"SCMP_ARCH_PARISC64", AUDIT_ARCH_PARISC64},
	{"SCMP_ARCH_PPC", AUDIT_ARCH_PPC},
	{"SCMP_ARCH_PPC64", AUDIT_ARCH_PPC64},
	{"SCMP_ARCH_PPC64LE", AUDIT_ARCH_PPC64LE},
	{"SCMP_ARCH_RISCV64", AUDIT_ARCH_RISCV64},
	{"SCMP_ARCH_S390", AUDIT_ARCH_S390},
	{"SCMP_ARCH_S390X", AUDIT_ARCH_S390X},
	{"SCMP_ARCH_X32", X32_ARCH},
	{"SCMP_ARCH_X86", AUDIT_ARCH_I386},
	{"SCMP_ARCH_X86_64", AUDIT_ARCH_X86_64},
	{NULL, 0},
};

const struct sk_seccomp_name sk_seccomp_flags[] = {
	{"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG},
	{"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW},
	{"SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC},
	{"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", WAIT_KILLABLE_RECV},
	{NULL, 0},
};

static int find(const struct sk_seccomp_name *list, const char *where, const char *key,
		const char *name, uint32_t *ret, struct sk_err *err)
{
	for (; list->name; list++) {
		if (strcmp(list->name, name) != 0)
			continue;
		*ret = list->value;
		return 0;
	}
	return sk_err_set(err, EINVAL, "%s.%s: '%s' is not known", where, key, name);
}

static int read_word(const struct sk_json *object, const char *where, const char *key,
		     const struct sk_seccomp_name *list, uint32_t *ret,
		     struct sk_err *err)
{
	const char *name = NULL;
	int r = sk_json_read_str(object, where, key, &name, err);

	if (r < 0)
		return r;
	if (!name)
		return sk_err_set(err, EINVAL, "%s: '%s' is missing", where, key);
	return find(list, where, key, name, ret, err);
}

/* An action and the number that goes with some: EPERM unless it is given. */
static int read_action(const struct sk_json *object, const char *where,
		       const char *const keys[2], uint32_t *ret, struct sk_err *err)
{
	uint64_t number = EPERM;
	uint32_t action = 0;
	int r = read_word(object, where, keys[0], sk_seccomp_actions, &action, err);
	bool is_errno = action == SECCOMP_RET_ERRNO;

	if (r < 0)
		return r;
	if (is_errno || action == SECCOMP_RET_TRACE) {
		r = sk_json_read_u64(object, where, keys[1],
				     is_errno ? MAX_ERRNO : SECCOMP_RET_DATA, &number,
				     err);
		*ret = action | (uint32_t)number;
		return r;
	}
	if (sk_json_get(object, keys[1]))
		return sk_err_set(err, EINVAL, "%s: '%s' needs SCMP_ACT_ERRNO or _TRACE",
				  where, keys[1]);
	*ret = action;
	return 0;
}

static int read_arg(const struct sk_json *object, struct sk_seccomp_arg *arg,
		    struct sk_err *err)
{
	uint64_t index = MAX_ARGS;
	uint32_t op = 0;
	int r = sk_json_read_u64(object, WHERE_ARG, "index", MAX_ARGS - 1, &index, err);

	if (r == 0)
		r = sk_json_read_u64(object, WHERE_ARG, "value", UINT64_MAX, &arg->value,
				     err);
	if (r == 0)
		r = sk_json_read_u64(object, WHERE_ARG, "valueTwo", UINT64_MAX,
				     &arg->value_two, err);
	if (r == 0)
		r = read_word(object, WHERE_ARG, "op", sk_seccomp_operators, &op, err);
	if (r < 0)
		return r;
	if (index == MAX_ARGS)
		return sk_err_set(err, EINVAL, WHERE_ARG ": 'index' is missing");
	if (!sk_json_get(object, "value"))
		return sk_err_set(err, EINVAL, WHERE_ARG ": 'value' is missing");
	arg->index = (unsigned int)index;
	arg->op = (enum sk_seccomp_op)op;
	return 0;
}

static int read_args(const struct sk_json *object, struct sk_seccomp_rule *rule,
		     struct sk_err *err)
{
	struct sk_json *list = NULL;
	int r = sk_json_read_array(object, WHERE_RULE, "args", &list, err);
	size_t n = sk_json_len(list);

	if (r < 0 || n == 0)
		return r;
	rule->args = calloc(n, sizeof(*rule->args));
	if (!rule->args)
		return sk_err_oom(err);
	rule->nr_args = n;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = read_arg(sk_json_at(list, i), &rule->args[i], err);
	return r;
}

static int read_rule(const struct sk_json *object, struct sk_seccomp_rule *rule,
		     struct sk_err *err)
{
	static const char *const keys[2] = {"action", "errnoRet"};
	int r = sk_json_read_strv(object, WHERE_RULE, "names", &rule->names, err);

	if (r < 0)
		return r;
	if (!sk_strv_len(rule->names))
		return sk_err_set(err, EINVAL, WHERE_RULE ": 'names' is missing");
	r = read_action(object, WHERE_RULE, keys, &rule->action, err);
	if (r < 0)
		return r;
	if (rule->action == SECCOMP_RET_USER_NOTIF && sk_strv_has(rule->names, "write"))
		return sk_err_set(err, EINVAL,
				  WHERE_RULE
				  ": SCMP_ACT_NOTIFY is not possible of write");
	return read_args(object, rule, err);
}

static int read_rules(const struct sk_json *object, struct sk_spec_seccomp *seccomp,
		      struct sk_err *err)
{
	struct sk_json *list = NULL;
	int r = sk_json_read_array(object, WHERE, "syscalls", &list, err);
	size_t n = sk_json_len(list);

	if (r < 0 || n == 0)
		return r;
	seccomp->rules = calloc(n, sizeof(*seccomp->rules));
	if (!seccomp->rules)
		return sk_err_oom(err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		seccomp->nr_rules = i + 1;
		r = read_rule(sk_json_at(list, i), &seccomp->rules[i], err);
	}
	return r;
}

static int read_archs(const struct sk_json *object, struct sk_spec_seccomp *seccomp,
		      struct sk_err *err)
{
	sk_auto(sk_strv_free) char **names = NULL;
	int r = sk_json_read_strv(object, WHERE, "architectures", &names, err);
	size_t n = sk_strv_len(names);

	if (r < 0 || n == 0)
		return r;
	seccomp->archs = calloc(n, sizeof(*seccomp->archs));
	if (!seccomp->archs)
		return sk_err_oom(err);
	seccomp->nr_archs = n;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = find(sk_seccomp_archs, WHERE, "architectures", names[i],
			 &seccomp->archs[i], err);
	return r;
}

/* Without the member it is as runc and crun have it: no slow-down that nobody asked for. */
static int read_flags(const struct sk_json *object, struct sk_spec_seccomp *seccomp,
		      struct sk_err *err)
{
	sk_auto(sk_strv_free) char **names = NULL;
	int r = sk_json_read_strv(object, WHERE, "flags", &names, err);

	if (r == 0 && !sk_json_get(object, "flags"))
		seccomp->flags = SECCOMP_FILTER_FLAG_SPEC_ALLOW;
	for (char **name = names; r == 0 && name && *name; name++) {
		uint32_t flag = 0;

		r = find(sk_seccomp_flags, WHERE, "flags", *name, &flag, err);
		seccomp->flags |= flag;
	}
	return r;
}

static bool notifies(const struct sk_spec_seccomp *seccomp)
{
	for (size_t i = 0; i < seccomp->nr_rules; i++)
		if (seccomp->rules[i].action == SECCOMP_RET_USER_NOTIF)
			return true;
	return false;
}

/* A listener that no rule notifies is nothing to connect to. */
static int read_listener(const struct sk_json *object, struct sk_spec_seccomp *seccomp,
			 struct sk_err *err)
{
	const char *path = NULL, *metadata = NULL;
	bool is_used = notifies(seccomp);
	int r = sk_json_read_str(object, WHERE, "listenerPath", &path, err);

	if (r == 0)
		r = sk_json_read_str(object, WHERE, "listenerMetadata", &metadata, err);
	if (r < 0)
		return r;
	path = path && path[0] ? path : NULL;
	if (seccomp->default_action == SECCOMP_RET_USER_NOTIF)
		return sk_err_set(
			err, EINVAL,
			WHERE ".defaultAction: SCMP_ACT_NOTIFY cannot be the default");
	if (is_used && !path)
		return sk_err_set(err, EINVAL,
				  WHERE ": SCMP_ACT_NOTIFY needs 'listenerPath'");
	if (metadata && metadata[0] && !path)
		return sk_err_set(err, EINVAL,
				  WHERE ": 'listenerMetadata' needs 'listenerPath'");
	if (is_used && !(seccomp->listener_path = strdup(path)))
		return sk_err_oom(err);
	if (is_used && metadata && !(seccomp->listener_metadata = strdup(metadata)))
		return sk_err_oom(err);
	return 0;
}

int sk_spec_seccomp_from_json(const struct sk_json *object, struct sk_spec_seccomp **ret,
			      struct sk_err *err)
{
	static const char *const keys[2] = {"defaultAction", "defaultErrnoRet"};
	sk_auto(sk_spec_seccomp_free) struct sk_spec_seccomp *seccomp =
		calloc(1, sizeof(*seccomp));
	int r;

	if (!seccomp)
		return sk_err_oom(err);
	r = read_action(object, WHERE, keys, &seccomp->default_action, err);
	if (r == 0)
		r = read_archs(object, seccomp, err);
	if (r == 0)
		r = read_flags(object, seccomp, err);
	if (r == 0)
		r = read_rules(object, seccomp, err);
	if (r == 0)
		r = read_listener(object, seccomp, err);
	if (r < 0)
		return sk_err_wrap(err, r, "config.json");
	*ret = sk_steal(&seccomp);
	return 0;
}

void sk_spec_seccomp_free(struct sk_spec_seccomp *seccomp)
{
	if (!seccomp)
		return;
	for (size_t i = 0; i < seccomp->nr_rules; i++) {
		sk_strv_free(seccomp->rules[i].names);
		free(seccomp->rules[i].args);
	}
	free(seccomp->rules);
	free(seccomp->archs);
	free(seccomp->listener_path);
	free(seccomp->listener_metadata);
	free(seccomp);
}
