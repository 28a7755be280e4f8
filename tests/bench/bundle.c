// SPDX-License-Identifier: Apache-2.0
/* bundle - the one bundle that all peers run */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/fs.h"
#include "lib/json.h"
#include "lib/str.h"
#include "tests/bench/bench.h"

#define PROFILE "/usr/share/containers/seccomp.json"

static const char *const capabilities[] = {
	"CAP_AUDIT_WRITE",
	"CAP_KILL",
	"CAP_NET_BIND_SERVICE",
	NULL,
};

int bench_bundle_make(struct bench *b)
{
	sk_autofree char *script = sk_strf(
		"cd '%s' && mkdir -p bundle/rootfs/bin && cp /bin/busybox bundle/rootfs/bin/ && "
		"cp '%s' bundle/rootfs/bin/true && ln -s busybox bundle/rootfs/bin/sleep && "
		"'%s' --root '%s' spec -b bundle && mv bundle/config.json bundle/base.json",
		b->dir, b->command, b->runtimes[0].path, b->runtimes[0].root);
	const char *argv[] = {"/bin/sh", "-c", script, NULL};

	return script && bench_exec(argv) >= 0 ? 0 : -1;
}

bool bench_has_profile(void)
{
	return access(PROFILE, R_OK) == 0;
}

static bool has_any(const struct sk_json *list, const char *const *wanted)
{
	for (size_t i = 0; i < sk_json_len(list); i++)
		if (sk_strv_has((char *const *)wanted,
				sk_json_str(sk_json_at(list, i), "")))
			return true;
	return false;
}

/* Whether an entry of the profile is for these capabilities and x86_64. */
static bool applies(const struct sk_json *entry)
{
	static const char *const archs[] = {"amd64", "x86", "x32", NULL};
	const struct sk_json *caps = sk_json_path(entry, "includes.caps");
	const struct sk_json *arches = sk_json_path(entry, "includes.arches");

	if (sk_json_len(caps) && !has_any(caps, capabilities))
		return false;
	if (sk_json_len(arches) && !has_any(arches, archs))
		return false;
	return !has_any(sk_json_path(entry, "excludes.caps"), capabilities) &&
	       !has_any(sk_json_path(entry, "excludes.arches"), archs);
}

static void copy(struct sk_json *to, const struct sk_json *from, const char *key)
{
	struct sk_json *value = sk_json_get(from, key);

	if (value)
		(void)sk_json_set(to, key, sk_json_ref(value));
}

/* As engines write it into config.json: conditions decided, three architectures. */
static struct sk_json *expand_profile(void)
{
	sk_auto(sk_json_free) struct sk_json *profile = NULL;
	struct sk_json *seccomp = sk_json_new_object(), *list, *archs, *out;

	if (sk_json_load(AT_FDCWD, PROFILE, &profile, NULL) < 0)
		return seccomp;
	copy(seccomp, profile, "defaultAction");
	copy(seccomp, profile, "defaultErrnoRet");
	archs = sk_json_set(seccomp, "architectures", sk_json_new_array());
	(void)sk_json_add(archs, sk_json_new_str("SCMP_ARCH_X86_64"));
	(void)sk_json_add(archs, sk_json_new_str("SCMP_ARCH_X86"));
	(void)sk_json_add(archs, sk_json_new_str("SCMP_ARCH_X32"));
	out = sk_json_set(seccomp, "syscalls", sk_json_new_array());
	list = sk_json_get(profile, "syscalls");
	for (size_t i = 0; i < sk_json_len(list); i++) {
		const struct sk_json *entry = sk_json_at(list, i);
		struct sk_json *rule;

		if (!applies(entry))
			continue;
		rule = sk_json_add(out, sk_json_new_object());
		copy(rule, entry, "names");
		copy(rule, entry, "action");
		copy(rule, entry, "args");
		if (strcmp(sk_json_str(sk_json_get(entry, "action"), ""),
			   "SCMP_ACT_ERRNO") == 0)
			copy(rule, entry, "errnoRet");
	}
	return seccomp;
}

static int write_config(const struct bench *b, const struct bench_runtime *rt,
			const struct bench_profile *profile)
{
	sk_auto(sk_json_free) struct sk_json *config = NULL;
	sk_autofree char *base = sk_strf("%s/bundle/base.json", b->dir), *text = NULL;
	sk_autofree char *root = sk_strf("%s/bundle/rootfs", b->dir);
	sk_autofree char *group = sk_strf("/skiff-bench-%d-%s", (int)getpid(), rt->name);
	sk_autoclose int fd = -1;
	struct sk_json *process, *linux_part, *memory;

	if (!base || !root || !group || sk_json_load(AT_FDCWD, base, &config, NULL) < 0)
		return -1;
	process = sk_json_get(config, "process");
	linux_part = sk_json_get(config, "linux");
	/* crun of Debian 12 knows no later one */
	sk_json_set_str(config, "ociVersion", "1.0.2");
	sk_json_set_bool(process, "terminal", false);
	sk_json_set_strv(process, "args", (char *const *)profile->args);
	sk_json_set_str(sk_json_get(config, "root"), "path", root);
	sk_json_set_str(linux_part, "cgroupsPath", group);
	if (profile->seccomp)
		(void)sk_json_set(linux_part, "seccomp", expand_profile());
	if (profile->memory_limit) {
		memory = sk_json_set(sk_json_get(linux_part, "resources"), "memory",
				     sk_json_new_object());
		sk_json_set_uint(memory, "limit", profile->memory_limit);
	}
	text = sk_json_print(config, true);
	fd = sk_fs_open_dir(AT_FDCWD, rt->bundle, 0700, NULL);
	return text && fd >= 0 &&
			       sk_fs_replace_volatile(fd, "config.json", text,
						      strlen(text), 0644, NULL) >= 0
		       ? 0
		       : -1;
}

int bench_bundle_write(const struct bench *b, const struct bench_profile *profile)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < b->nr_runtimes; i++)
		r = write_config(b, &b->runtimes[i], profile);
	return r;
}
