// SPDX-License-Identifier: Apache-2.0
/* resources - check and set what "linux.resources" asks for
 *
 * Theory of operation: resources_plan.c turns resources into a list of files and values for
 * v1 and one for v2. The check looks in both for a limit whose controller is nowhere, or in
 * a version that has no such limit, before anything is made. Setting writes the list of a
 * hierarchy's version, each entry where its controller is; device rules come last, since a
 * program that is attached has nothing that could fail after it.
 */
#include <fcntl.h>
#include <inttypes.h>

#include "lib/fs.h"
#include "lib/str.h"
#include "runtime/cgroup/devices.h"
#include "runtime/cgroup/settings.h"

#define VALUE_MAX 4096

static bool owns(const struct sk_cgroup_hier *hier, const struct sk_cgroup_set *set)
{
	return set->controller ? (hier->controllers & set->controller) != 0 : hier->is_v2;
}

/* The hierarchy for a setting; one without a controller is for v2's own files. */
static const struct sk_cgroup_hier *find_owner(const struct sk_cgroup *cg,
					       const struct sk_cgroup_set *set)
{
	for (unsigned int i = 0; i < cg->nr; i++)
		if (!cg->hiers[i].refused && owns(&cg->hiers[i], set))
			return &cg->hiers[i];
	return NULL;
}

unsigned int sk_cgroup_resources_controllers(const struct sk_cgroup_resources *res)
{
	sk_auto(sk_cgroup_plan_finish) struct sk_cgroup_plan plan = {0};
	unsigned int bits = 0;

	/* without memory some are missed, and what comes next fails too */
	if (res && sk_cgroup_plan_resources(res, false, &plan) == 0)
		(void)sk_cgroup_plan_resources(res, true, &plan);
	for (size_t i = 0; i < plan.nr; i++)
		bits |= plan.items[i].controller;
	return bits;
}

static int check_setting(const struct sk_cgroup *cg, const struct sk_cgroup_set *set,
			 bool is_v2, struct sk_err *err)
{
	const struct sk_cgroup_hier *hier = find_owner(cg, set);

	if (set->flags & SK_CGROUP_LIFTS)
		return 0;
	if (!hier && set->controller)
		return sk_cgroup_explain_missing(cg, set->controller, set->what, err);
	if (!hier)
		return sk_err_set(err, ENOTSUP,
				  "cannot set %s: cgroup v2 is not mounted here",
				  set->what);
	if (hier->is_v2 == is_v2 && !set->file)
		return sk_err_set(
			err, ENOTSUP,
			"cannot limit %s to '%s': the cgroup controller '%s' is on cgroup %s here, which has no such limit",
			set->what, set->value,
			set->controller ? sk_cgroup_controller_name(set->controller)
					: "cgroup",
			is_v2 ? "v2" : "v1");
	return 0;
}

static int check_plan(const struct sk_cgroup *cg, const struct sk_cgroup_resources *res,
		      bool is_v2, struct sk_err *err)
{
	sk_auto(sk_cgroup_plan_finish) struct sk_cgroup_plan plan = {0};
	int r;

	if (sk_cgroup_plan_resources(res, is_v2, &plan) < 0)
		return sk_err_oom(err);
	for (size_t i = 0; i < plan.nr; i++) {
		r = check_setting(cg, &plan.items[i], is_v2, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int sk_cgroup_resources_check(const struct sk_cgroup *cg,
			      const struct sk_cgroup_resources *res, struct sk_err *err)
{
	int r;

	if (!res)
		return 0;
	r = check_plan(cg, res, false, err);
	if (r == 0)
		r = check_plan(cg, res, true, err);
	return r < 0 ? r : sk_cgroup_devices_check(cg, res, err);
}

static int explain_failure(const struct sk_cgroup_hier *hier,
			   const struct sk_cgroup_set *set, int code, struct sk_err *err)
{
	int r = sk_err_code(err, code, "cannot limit %s: write '%s' to '%s/%s'",
			    set->what, set->value, hier->dir, set->file);

	if (code == -ENOENT && strstr(set->file, "memsw"))
		return sk_err_hint(
			err, r,
			"the kernel does not account swap: boot it with swapaccount=1, or leave the limit of swap out");
	if (code == -ENOENT)
		return sk_err_hint(err, r, "this kernel has no such limit: leave it out");
	if (code == -EINVAL && set->controller == SK_CGROUP_CPU)
		return sk_err_hint(
			err, r, "a group above it has a smaller cap; ask for less CPU");
	if (code == -EINVAL && set->controller == SK_CGROUP_MEMORY)
		return sk_err_hint(
			err, r, "memory must not be more than memory and swap together");
	if (code == -EBUSY && set->controller == SK_CGROUP_MEMORY)
		return sk_err_hint(
			err, r, "it uses more than that already and cannot give it back");
	return r;
}

static int write_lines(int dirfd, const char *file, const char *value)
{
	sk_auto(sk_strv_free) char **lines = sk_strv_split(value, '\n');
	int r = lines ? 0 : -ENOMEM;

	for (char **line = lines; r == 0 && line && *line; line++)
		if (**line)
			r = sk_fs_write(dirfd, file, *line);
	return r;
}

/* A new value that is made from an old one; NULL without one. */
static char *derive_value(int dirfd, const struct sk_cgroup_set *set)
{
	sk_autofree char *old = NULL;
	uint64_t memory, both = strtoull(set->value, NULL, 10);

	if (set->flags & SK_CGROUP_KEEP_FIRST) {
		if (sk_fs_read(dirfd, set->file, VALUE_MAX, &old, NULL) < 0)
			return NULL;
		old[strcspn(old, " \n")] = '\0';
		return sk_strf("%s%s", old, set->value);
	}
	if (sk_fs_read(dirfd, "memory.max", VALUE_MAX, &old, NULL) < 0)
		return NULL;
	memory = strtoull(old, NULL, 10); /* "max" is 0 */
	return sk_strf("%" PRIu64, memory < both ? both - memory : 0);
}

static int write_setting(const struct sk_cgroup_hier *hier,
			 const struct sk_cgroup_set *set)
{
	int r;

	if (set->flags & (SK_CGROUP_KEEP_FIRST | SK_CGROUP_MINUS_MEMORY)) {
		sk_autofree char *value = derive_value(hier->dirfd, set);

		r = value ? sk_fs_write(hier->dirfd, set->file, value) : -EINVAL;
	} else if (set->flags & SK_CGROUP_BY_LINE) {
		r = write_lines(hier->dirfd, set->file, set->value);
	} else {
		r = sk_fs_write(hier->dirfd, set->file, set->value);
	}
	if (set->flags & SK_CGROUP_TRIAL)
		return 0;
	if (r == -ENOENT && (set->flags & (SK_CGROUP_MAY_LACK | SK_CGROUP_LIFTS)))
		return 0;
	return r;
}

static int set_in_hier(const struct sk_cgroup_hier *hier,
		       const struct sk_cgroup_plan *plan, struct sk_err *err)
{
	for (size_t i = 0; i < plan->nr; i++) {
		const struct sk_cgroup_set *set = &plan->items[i];
		int r;

		if (!set->file || !owns(hier, set))
			continue;
		r = write_setting(hier, set);
		if (set->flags & SK_CGROUP_OR_NEXT) {
			if (r == -ENOENT)
				continue;
			i++;
		}
		if (r < 0)
			return explain_failure(hier, set, r, err);
	}
	return 0;
}

/* memory.checkBeforeUpdate: on v2 the kernel would kill, on v1 it would try to reclaim. */
static int check_use(const struct sk_cgroup *cg, const struct sk_cgroup_resources *res,
		     struct sk_err *err)
{
	const struct sk_cgroup_hier *hier = sk_cgroup_find(cg, SK_CGROUP_MEMORY);
	int64_t limit = res->memory.limit.value;
	sk_autofree char *text = NULL;
	uint64_t used;
	int r;

	if (!res->memory.check_before_update.value || !res->memory.limit.is_set ||
	    limit < 0 || !hier)
		return 0;
	r = sk_fs_read(hier->dirfd,
		       hier->is_v2 ? "memory.current" : "memory.usage_in_bytes",
		       VALUE_MAX, &text, NULL);
	if (r < 0)
		return sk_err_code(err, r, "read the use of memory of '%s'", hier->dir);
	used = strtoull(text, NULL, 10);
	if (used > (uint64_t)limit)
		return sk_err_set(err, EBUSY,
				  "cannot limit memory to %" PRId64 " bytes: %" PRIu64
				  " are in use, and checkBeforeUpdate is set",
				  limit, used);
	return 0;
}

int sk_cgroup_set_resources(const struct sk_cgroup *cg,
			    const struct sk_cgroup_resources *res,
			    enum sk_cgroup_when when, struct sk_err *err)
{
	sk_auto(sk_cgroup_plan_finish) struct sk_cgroup_plan v1 = {0};
	sk_auto(sk_cgroup_plan_finish) struct sk_cgroup_plan v2 = {0};
	int r = sk_cgroup_resources_check(cg, res, err);

	if (r < 0 || !res)
		return r;
	if (sk_cgroup_plan_resources(res, false, &v1) < 0 ||
	    sk_cgroup_plan_resources(res, true, &v2) < 0)
		return sk_err_oom(err);
	r = check_use(cg, res, err);
	for (unsigned int i = 0; r == 0 && i < cg->nr; i++) {
		const struct sk_cgroup_hier *hier = &cg->hiers[i];

		if (!hier->refused && hier->dirfd >= 0)
			r = set_in_hier(hier, hier->is_v2 ? &v2 : &v1, err);
	}
	if (r == 0)
		r = sk_cgroup_set_devices(cg, res, when, err);
	return r < 0 ? r : sk_cgroup_tell_manager(cg, err);
}
