// SPDX-License-Identifier: Apache-2.0
/* config_process - "process" of an OCI config.json */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/str.h"
#include "runtime/spec/config_internal.h"

static const struct {
	const char *name;
	int resource;
} rlimits[] = {
	{"RLIMIT_AS", RLIMIT_AS},
	{"RLIMIT_CORE", RLIMIT_CORE},
	{"RLIMIT_CPU", RLIMIT_CPU},
	{"RLIMIT_DATA", RLIMIT_DATA},
	{"RLIMIT_FSIZE", RLIMIT_FSIZE},
	{"RLIMIT_LOCKS", RLIMIT_LOCKS},
	{"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
	{"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE},
	{"RLIMIT_NICE", RLIMIT_NICE},
	{"RLIMIT_NOFILE", RLIMIT_NOFILE},
	{"RLIMIT_NPROC", RLIMIT_NPROC},
	{"RLIMIT_RSS", RLIMIT_RSS},
	{"RLIMIT_RTPRIO", RLIMIT_RTPRIO},
	{"RLIMIT_RTTIME", RLIMIT_RTTIME},
	{"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
	{"RLIMIT_STACK", RLIMIT_STACK},
};

const char *sk_spec_rlimit_name(int resource)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(rlimits); i++)
		if (rlimits[i].resource == resource)
			return rlimits[i].name;
	return "?";
}

static int read_rlimit(const struct sk_json *object, struct sk_spec_rlimit *ret,
		       struct sk_err *err)
{
	uint64_t soft = UINT64_MAX, hard = UINT64_MAX;
	const char *type = NULL;
	int r = sk_json_read_str(object, "process.rlimits[]", "type", &type, err);

	if (r == 0)
		r = sk_json_read_u64(object, "process.rlimits[]", "soft", UINT64_MAX,
				     &soft, err);
	if (r == 0)
		r = sk_json_read_u64(object, "process.rlimits[]", "hard", UINT64_MAX,
				     &hard, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < SK_ARRAY_SIZE(rlimits); i++) {
		if (!sk_str_equal(type, rlimits[i].name))
			continue;
		*ret = (struct sk_spec_rlimit){rlimits[i].resource, {soft, hard}};
		return soft <= hard
			       ? 0
			       : sk_err_set(
					 err, EINVAL,
					 "config.json: soft limit of %s is above the hard one",
					 type);
	}
	return sk_err_set(err, EINVAL, "config.json: '%s' is not a resource limit",
			  type ? type : "");
}

static int read_rlimits(const struct sk_json *process, struct sk_spec *spec,
			struct sk_err *err)
{
	struct sk_json *list = NULL;
	int r = sk_json_read_array(process, "process", "rlimits", &list, err);

	if (r < 0 || sk_json_len(list) == 0)
		return r;
	spec->rlimits = calloc(sk_json_len(list), sizeof(*spec->rlimits));
	if (!spec->rlimits)
		return sk_err_oom(err);
	for (size_t i = 0; r == 0 && i < sk_json_len(list); i++) {
		struct sk_spec_rlimit *new = &spec->rlimits[spec->nr_rlimits];

		r = read_rlimit(sk_json_at(list, i), new, err);
		for (size_t k = 0; r == 0 && k < spec->nr_rlimits; k++)
			if (spec->rlimits[k].resource == new->resource)
				return sk_err_set(
					err, EINVAL,
					"config.json: process.rlimits: %s is given twice",
					sk_spec_rlimit_name(new->resource));
		spec->nr_rlimits++;
	}
	return r;
}

static int read_groups(const struct sk_json *user, struct sk_spec *spec,
		       struct sk_err *err)
{
	struct sk_json *list = NULL;
	int r = sk_json_read_array(user, "process.user", "additionalGids", &list, err);

	if (r < 0 || sk_json_len(list) == 0)
		return r;
	spec->groups = calloc(sk_json_len(list), sizeof(*spec->groups));
	if (!spec->groups)
		return sk_err_oom(err);
	for (size_t i = 0; i < sk_json_len(list); i++) {
		int64_t gid = sk_json_int(sk_json_at(list, i), -1);

		if (gid < 0 || gid >= UINT32_MAX)
			return sk_err_set(
				err, EINVAL,
				"config.json: process.user.additionalGids[%zu] is not a group id",
				i);
		spec->groups[spec->nr_groups++] = (gid_t)gid;
	}
	return 0;
}

static int read_user(const struct sk_json *process, struct sk_spec *spec,
		     struct sk_err *err)
{
	uint64_t uid = 0, gid = 0, mask = UINT64_MAX;
	struct sk_json *user = NULL;
	int r = sk_json_read_object(process, "process", "user", &user, err);

	if (r == 0)
		r = sk_json_read_u64(user, "process.user", "uid", UINT32_MAX - 1, &uid,
				     err);
	if (r == 0)
		r = sk_json_read_u64(user, "process.user", "gid", UINT32_MAX - 1, &gid,
				     err);
	if (r == 0)
		r = sk_json_read_u64(user, "process.user", "umask", 0777, &mask, err);
	if (r < 0)
		return r;
	spec->uid = (uid_t)uid;
	spec->gid = (gid_t)gid;
	if (mask != UINT64_MAX)
		spec->umask = (int64_t)mask;
	return read_groups(user, spec, err);
}

static int read_caps(const struct sk_json *process, struct sk_spec *spec,
		     struct sk_err *err)
{
	static const char *const keys[SK_SPEC_CAP_SETS] = {
		[SK_SPEC_CAP_BOUNDING] = "bounding",
		[SK_SPEC_CAP_EFFECTIVE] = "effective",
		[SK_SPEC_CAP_PERMITTED] = "permitted",
		[SK_SPEC_CAP_INHERITABLE] = "inheritable",
		[SK_SPEC_CAP_AMBIENT] = "ambient",
	};
	struct sk_json *caps = NULL;
	int r = sk_json_read_object(process, "process", "capabilities", &caps, err);

	spec->caps = SK_SPEC_CAPS_LISTED;
	for (int i = 0; r == 0 && caps && i < SK_SPEC_CAP_SETS; i++)
		r = sk_json_read_strv(caps, "process.capabilities", keys[i],
				      &spec->cap_names[i], err);
	return r;
}

static int read_command(const struct sk_json *process, struct sk_spec *spec,
			struct sk_err *err)
{
	const char *cwd = NULL;
	int r = sk_json_read_strv(process, "process", "args", &spec->args, err);

	if (r == 0)
		r = sk_json_read_strv(process, "process", "env", &spec->env, err);
	if (r == 0)
		r = sk_json_read_str(process, "process", "cwd", &cwd, err);
	if (r < 0)
		return r;
	if (!spec->env)
		spec->env = sk_strv_dup(NULL);
	spec->cwd = strdup(cwd ? cwd : "");
	return spec->cwd && spec->env ? 0 : sk_err_oom(err);
}

/* Source: config.md, "Process": it is needed when `start` is called. */
static int without_process(struct sk_spec *spec, struct sk_err *err)
{
	spec->no_process = true;
	spec->caps = SK_SPEC_CAPS_LISTED;
	spec->args = sk_strv_dup(NULL);
	spec->env = sk_strv_dup(NULL);
	spec->cwd = strdup("/");
	return spec->args && spec->env && spec->cwd ? 0 : sk_err_oom(err);
}

/* Source: config.md, "Process": consoleSize is ignored without a terminal. */
static int read_terminal(const struct sk_json *process, struct sk_spec *spec,
			 struct sk_err *err)
{
	uint64_t height = 0, width = 0;
	struct sk_json *size = NULL;
	int r = sk_json_read_bool(process, "process", "terminal", &spec->tty, err);

	if (r == 0)
		r = sk_json_read_object(process, "process", "consoleSize", &size, err);
	if (r == 0)
		r = sk_json_read_u64(size, "process.consoleSize", "height", UINT16_MAX,
				     &height, err);
	if (r == 0)
		r = sk_json_read_u64(size, "process.consoleSize", "width", UINT16_MAX,
				     &width, err);
	spec->process.rows = (unsigned short)height;
	spec->process.columns = (unsigned short)width;
	return r;
}

static int read_process(const struct sk_json *process, struct sk_spec *spec,
			struct sk_err *err)
{
	int64_t score = INT64_MIN;
	int r = read_terminal(process, spec, err);

	if (r == 0)
		r = sk_json_read_bool(process, "process", "noNewPrivileges",
				      &spec->no_new_privs, err);
	if (r == 0)
		r = sk_json_read_i64(process, "process", "oomScoreAdj", -1000, 1000,
				     &score, err);
	spec->has_oom_score_adj = score != INT64_MIN;
	spec->oom_score_adj = spec->has_oom_score_adj ? (int)score : 0;
	if (r == 0)
		r = read_user(process, spec, err);
	if (r == 0)
		r = read_command(process, spec, err);
	if (r == 0)
		r = read_caps(process, spec, err);
	if (r == 0)
		r = read_rlimits(process, spec, err);
	return r < 0 ? r : sk_config_process_kernel(process, spec, err);
}

int sk_config_process(const struct sk_json *config, struct sk_spec *spec,
		      struct sk_err *err)
{
	struct sk_json *process = NULL;
	int r = sk_json_read_object(config, "config.json", "process", &process, err);

	if (r == 0 && !process)
		return without_process(spec, err);
	spec->process.make_cwd = true;
	return r < 0 ? r : read_process(process, spec, err);
}

int sk_spec_from_process(const struct sk_json *process, const struct sk_json *config,
			 struct sk_spec **ret, struct sk_err *err)
{
	sk_auto(sk_spec_free) struct sk_spec *spec = sk_spec_new();
	struct sk_json *object_linux = NULL;
	int r;

	if (!spec)
		return sk_err_oom(err);
	spec->is_oci = true;
	if (sk_json_type(process) != SK_JSON_OBJECT)
		return sk_err_set(err, EINVAL, "process: expected an object, got %s",
				  sk_json_type_name(sk_json_type(process)));
	r = sk_json_read_object(config, "config.json", "linux", &object_linux, err);
	if (r == 0)
		r = read_process(process, spec, err);
	if (r == 0)
		r = sk_config_namespaces(object_linux, spec, err);
	if (r == 0)
		r = sk_config_linux_kernel(object_linux, spec, err);
	if (r == 0)
		r = sk_config_seccomp(object_linux, spec, err);
	if (r == 0)
		r = sk_config_annotations(config, spec, err);
	if (r < 0)
		return r;
	if (!sk_strv_len(spec->args) || !spec->args[0][0])
		return sk_err_set(err, EINVAL, "process.args: no command to run");
	if (spec->cwd[0] != '/')
		return sk_err_set(err, EINVAL,
				  "process.cwd '%s' must be an absolute path", spec->cwd);
	/* as sk_idrange_adapt() has made it for an ordinary user's container */
	if (geteuid() != 0 && !spec->ns[SK_NS_USER].path)
		spec->ns[SK_NS_USER].is_new = true;
	*ret = sk_steal(&spec);
	return 0;
}
