// SPDX-License-Identifier: Apache-2.0
/* oci_features - what this runtime executes, as features.md of the OCI runtime-spec tells it
 *
 * It says what is built in, whatever the kernel has, but for supportedFlags of seccomp. Names
 * come from the tables that the readers of config.json use.
 */
#include "lib/str.h"
#include "runtime/runtime.h"
#include "runtime/sandbox/caps.h"
#include "runtime/sandbox/seccomp.h"
#include "runtime/spec/spec.h"

static struct sk_json *add_part(struct sk_json *object, const char *key)
{
	return sk_json_set(object, key, sk_json_new_object());
}

static struct sk_json *add_switch(struct sk_json *object, const char *key)
{
	struct sk_json *part = add_part(object, key);

	sk_json_set_bool(part, "enabled", true);
	return part;
}

/* Appends names[0], names[1] and so on, up to a NULL. */
static void add_names(struct sk_json *object, const char *key,
		      const char *(*name_at)(size_t index))
{
	struct sk_json *list = sk_json_set(object, key, sk_json_new_array());
	const char *name;

	for (size_t i = 0; (name = name_at(i)); i++)
		(void)sk_json_add(list, sk_json_new_str(name));
}

static const char *hook_name(size_t index)
{
	return index < SK_HOOK_KINDS ? sk_hook_name((enum sk_hook_kind)index) : NULL;
}

static void add_namespaces(struct sk_json *part)
{
	struct sk_json *list = sk_json_set(part, "namespaces", sk_json_new_array());

	for (int i = 0; i < SK_NS_COUNT; i++) {
		const char *name = i == SK_NS_MNT   ? "mount"
				   : i == SK_NS_NET ? "network"
						    : sk_spec_ns_name((enum sk_spec_ns)i);

		(void)sk_json_add(list, sk_json_new_str(name));
	}
}

static void add_capabilities(struct sk_json *part)
{
	struct sk_json *list = sk_json_set(part, "capabilities", sk_json_new_array());
	char name[SK_CAPS_NAME_SIZE];

	for (unsigned int n = 0; sk_caps_name(n, name); n++)
		(void)sk_json_add(list, sk_json_new_str(name));
}

static void add_cgroup(struct sk_json *part)
{
	static const char *const known[] = {"v1", "v2", "systemd", "systemdUser", "rdma"};
	struct sk_json *cgroup = add_part(part, "cgroup");

	for (size_t i = 0; i < SK_ARRAY_SIZE(known); i++)
		sk_json_set_bool(cgroup, known[i], true);
}

/* @wanted: one of the names, or all of them */
static void add_words(struct sk_json *object, const char *key,
		      const struct sk_seccomp_name *names, bool (*wanted)(unsigned int))
{
	struct sk_json *list = sk_json_set(object, key, sk_json_new_array());

	for (; names->name; names++)
		if (!wanted || wanted(names->value))
			(void)sk_json_add(list, sk_json_new_str(names->name));
}

static void add_seccomp(struct sk_json *part)
{
	struct sk_json *seccomp = add_part(part, "seccomp");

	sk_json_set_bool(seccomp, "enabled", true);
	add_words(seccomp, "actions", sk_seccomp_actions, NULL);
	add_words(seccomp, "operators", sk_seccomp_operators, NULL);
	add_words(seccomp, "archs", sk_seccomp_archs, NULL);
	add_words(seccomp, "knownFlags", sk_seccomp_flags, NULL);
	add_words(seccomp, "supportedFlags", sk_seccomp_flags, sk_seccomp_has_flag);
}

static void add_linux(struct sk_json *features)
{
	struct sk_json *part = add_part(features, "linux"), *policy, *rdt;

	add_namespaces(part);
	add_capabilities(part);
	add_cgroup(part);
	add_seccomp(part);
	add_switch(part, "apparmor");
	add_switch(part, "selinux");
	rdt = add_switch(part, "intelRdt");
	sk_json_set_bool(rdt, "schemata", true);
	sk_json_set_bool(rdt, "monitoring", true);
	policy = add_part(part, "memoryPolicy");
	add_names(policy, "modes", sk_spec_memory_mode_name);
	add_names(policy, "flags", sk_spec_memory_flag_name);
	add_switch(add_part(part, "mountExtensions"), "idmap");
	add_switch(part, "netDevices");
}

/* A name with a dot at its end stands for all that begin with it. */
static void add_unsafe_annotations(struct sk_json *features)
{
	struct sk_json *list = sk_json_set(features, "potentiallyUnsafeConfigAnnotations",
					   sk_json_new_array());

	(void)sk_json_add(list, sk_json_new_str("org.criu.config"));
	(void)sk_json_add(list, sk_json_new_str("org.systemd.property."));
	(void)sk_json_add(list, sk_json_new_str("run.oci.keep_original_groups"));
	(void)sk_json_add(list, sk_json_new_str("run.oci.mount_context_type"));
}

struct sk_json *sk_oci_features(void)
{
	struct sk_json *features = sk_json_new_object(), *part;

	sk_json_set_str(features, "ociVersionMin", SK_OCI_VERSION_MIN);
	sk_json_set_str(features, "ociVersionMax", SK_OCI_VERSION_MAX);
	add_names(features, "hooks", hook_name);
	add_names(features, "mountOptions", sk_spec_mount_option_name);
	add_linux(features);
	part = add_part(features, "annotations");
	sk_json_set_str(part, "skiff.version", SK_VERSION);
	sk_json_set_str(part, "skiff.checkpoint.enabled", "true");
	add_unsafe_annotations(features);
	return features;
}
