// SPDX-License-Identifier: Apache-2.0
/* oci_features - what this runtime executes, as features.md of the OCI runtime-spec tells it
 *
 * It says what is built in, whatever the kernel has. Names come from the tables that the
 * readers of config.json use.
 */
#include <string.h>

#include "lib/str.h"
#include "runtime/runtime.h"
#include "runtime/sandbox/caps.h"
#include "runtime/spec/spec.h"

static struct sk_json *add_part(struct sk_json *object, const char *key)
{
	return sk_json_set(object, key, sk_json_new_object());
}

static void add_switch(struct sk_json *object, const char *key, bool enabled)
{
	sk_json_set_bool(add_part(object, key), "enabled", enabled);
}

static void add_hooks(struct sk_json *object)
{
	(void)sk_json_set(object, "hooks", sk_json_new_array());
}

static void add_mount_options(struct sk_json *object)
{
	static const char *const names[] = {
		"bind",	      "dev",	"diratime", "exec",	   "noatime", "nodev",
		"nodiratime", "noexec", "nosuid",   "nosymfollow", "private", "rbind",
		"relatime",   "rnodev", "rnoexec",  "rnosuid",	   "ro",      "rprivate",
		"rro",	      "rw",	"suid",	    "strictatime",
	};
	struct sk_json *list = sk_json_set(object, "mountOptions", sk_json_new_array());

	for (size_t i = 0; i < SK_ARRAY_SIZE(names); i++)
		(void)sk_json_add(list, sk_json_new_str(names[i]));
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
	struct sk_json *cgroup = add_part(part, "cgroup");

	sk_json_set_bool(cgroup, "v1", true);
	sk_json_set_bool(cgroup, "v2", true);
	sk_json_set_bool(cgroup, "systemd", false);
	sk_json_set_bool(cgroup, "systemdUser", false);
	sk_json_set_bool(cgroup, "rdma", false);
}

struct sk_json *sk_oci_features(void)
{
	struct sk_json *features = sk_json_new_object();
	struct sk_json *part;

	sk_json_set_str(features, "ociVersionMin", SK_OCI_VERSION_MIN);
	sk_json_set_str(features, "ociVersionMax", SK_OCI_VERSION_MAX);
	add_hooks(features);
	add_mount_options(features);
	part = add_part(features, "linux");
	add_namespaces(part);
	add_capabilities(part);
	add_cgroup(part);
	add_switch(part, "seccomp", false);
	add_switch(part, "apparmor", false);
	add_switch(part, "selinux", false);
	add_switch(part, "intelRdt", false);
	add_switch(add_part(part, "mountExtensions"), "idmap", false);
	add_switch(part, "netDevices", false);
	sk_json_set_str(add_part(features, "annotations"), "skiff.version", SK_VERSION);
	/* no annotation changes what is done */
	(void)sk_json_set(features, "potentiallyUnsafeConfigAnnotations",
			  sk_json_new_array());
	return features;
}
