// SPDX-License-Identifier: Apache-2.0
/* oci_config - config.json of `skiff-oci spec`: what skiff itself gives a container */
#include <string.h>

#include "lib/str.h"
#include "runtime/runtime.h"
#include "runtime/spec/spec.h"

static const char text[] =
	"{\"ociVersion\":\"" SK_OCI_VERSION_MAX "\","
	"\"process\":{\"terminal\":true,\"user\":{\"uid\":0,\"gid\":0},\"args\":[\"sh\"],"
	"\"env\":[\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\","
	"\"TERM=xterm\"],\"cwd\":\"/\",\"capabilities\":{"
	"\"bounding\":[\"CAP_AUDIT_WRITE\",\"CAP_KILL\",\"CAP_NET_BIND_SERVICE\"],"
	"\"effective\":[\"CAP_AUDIT_WRITE\",\"CAP_KILL\",\"CAP_NET_BIND_SERVICE\"],"
	"\"permitted\":[\"CAP_AUDIT_WRITE\",\"CAP_KILL\",\"CAP_NET_BIND_SERVICE\"]},"
	"\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"hard\":1024,\"soft\":1024}],"
	"\"noNewPrivileges\":true},"
	"\"root\":{\"path\":\"rootfs\",\"readonly\":true},\"hostname\":\"skiff\","
	"\"mounts\":["
	"{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"
	"{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\","
	"\"options\":[\"nosuid\",\"strictatime\",\"mode=755\",\"size=65536k\"]},"
	"{\"destination\":\"/dev/pts\",\"type\":\"devpts\",\"source\":\"devpts\","
	"\"options\":[\"nosuid\",\"noexec\",\"newinstance\",\"ptmxmode=0666\",\"mode=0620\","
	"\"gid=5\"]},"
	"{\"destination\":\"/dev/shm\",\"type\":\"tmpfs\",\"source\":\"shm\","
	"\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"mode=1777\",\"size=65536k\"]},"
	"{\"destination\":\"/dev/mqueue\",\"type\":\"mqueue\",\"source\":\"mqueue\","
	"\"options\":[\"nosuid\",\"noexec\",\"nodev\"]},"
	"{\"destination\":\"/sys\",\"type\":\"sysfs\",\"source\":\"sysfs\","
	"\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"ro\"]},"
	"{\"destination\":\"/sys/fs/cgroup\",\"type\":\"cgroup\",\"source\":\"cgroup\","
	"\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"relatime\",\"ro\"]}],"
	"\"linux\":{\"resources\":{\"devices\":[{\"allow\":false,\"access\":\"rwm\"}]},"
	"\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"network\"},{\"type\":\"ipc\"},"
	"{\"type\":\"uts\"},{\"type\":\"mount\"},{\"type\":\"cgroup\"}],"
	"\"maskedPaths\":[\"/proc/acpi\",\"/proc/asound\",\"/proc/kcore\",\"/proc/keys\","
	"\"/proc/latency_stats\",\"/proc/timer_list\",\"/proc/timer_stats\","
	"\"/proc/sched_debug\",\"/sys/firmware\",\"/proc/scsi\"],"
	"\"readonlyPaths\":[\"/proc/bus\",\"/proc/fs\",\"/proc/irq\",\"/proc/sys\","
	"\"/proc/sysrq-trigger\"]}}";

static struct sk_json *parse(const char *json)
{
	struct sk_json *value = NULL;

	return sk_json_parse(json, strlen(json), "default config", &value, NULL) < 0
		       ? NULL
		       : value;
}

struct sk_json *sk_oci_default_config(void)
{
	return parse(text);
}

static struct sk_json *one_id(unsigned int id)
{
	char json[80];

	(void)snprintf(json, sizeof(json),
		       "[{\"containerID\":0,\"hostID\":%u,\"size\":1}]", id);
	return parse(json);
}

/* A user may mount a new sysfs only with a network namespace of his own, and may not give
 * files to a group that is not mapped. */
static void adapt_mounts(const struct sk_json *config)
{
	const struct sk_json *mounts = sk_json_get(config, "mounts");

	for (size_t i = 0; i < sk_json_len(mounts); i++) {
		struct sk_json *mount = sk_json_at(mounts, i);
		const char *type = sk_json_str(sk_json_get(mount, "type"), "");

		if (strcmp(type, "devpts") == 0)
			sk_json_set(mount, "options",
				    parse("[\"nosuid\",\"noexec\",\"newinstance\","
					  "\"ptmxmode=0666\",\"mode=0620\"]"));
		if (strcmp(type, "sysfs") == 0) {
			sk_json_set_str(mount, "type", "none");
			sk_json_set_str(mount, "source", "/sys");
			sk_json_set(mount, "options",
				    parse("[\"rbind\",\"nosuid\",\"noexec\","
					  "\"nodev\",\"ro\"]"));
		}
	}
}

struct sk_json *sk_oci_rootless_config(uid_t uid, gid_t gid)
{
	struct sk_json *config = sk_oci_default_config();
	struct sk_json *part = sk_json_get(config, "linux");

	adapt_mounts(config);
	sk_json_set(
		part, "namespaces",
		parse("[{\"type\":\"pid\"},{\"type\":\"ipc\"},{\"type\":\"uts\"},"
		      "{\"type\":\"mount\"},{\"type\":\"cgroup\"},{\"type\":\"user\"}]"));
	sk_json_set(part, "uidMappings", one_id(uid));
	sk_json_set(part, "gidMappings", one_id(gid));
	sk_json_set(part, "resources", sk_json_new_object());
	return config;
}
