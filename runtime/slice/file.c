// SPDX-License-Identifier: Apache-2.0
/* file - slice files: YAML to struct sk_slice_def; see skiff-slice(5) */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lib/str.h"
#include "lib/yaml.h"
#include "runtime/slice/slice.h"

#define MAX_WEIGHT 10000

/* What a file says, before ranges are expanded. */
struct file {
	char *name, *image;
	uint64_t lifetime_ns;
	uint64_t memory_bytes, pids_max;
	const struct sk_yaml *cpu, *lan, *nodes;
	char **labels;
};

static const struct sk_yaml_field file_fields[] = {
	{"name", SK_YAML_STR, offsetof(struct file, name), true, 0},
	{"image", SK_YAML_STR, offsetof(struct file, image), false, 0},
	{"lifetime", SK_YAML_DURATION, offsetof(struct file, lifetime_ns), false, 0},
	{"cpu", SK_YAML_NODE, offsetof(struct file, cpu), false, 0},
	{"memory", SK_YAML_SIZE, offsetof(struct file, memory_bytes), false, 0},
	{"pids", SK_YAML_U64, offsetof(struct file, pids_max), false, 4194304},
	{"lan", SK_YAML_NODE, offsetof(struct file, lan), false, 0},
	{"labels", SK_YAML_STRV, offsetof(struct file, labels), false, 0},
	{"nodes", SK_YAML_NODE, offsetof(struct file, nodes), true, 0},
	{NULL, SK_YAML_STR, 0, false, 0},
};

struct cpu {
	uint64_t share, guarantee_milli, cap_milli;
};

static const struct sk_yaml_field cpu_fields[] = {
	{"share", SK_YAML_U64, offsetof(struct cpu, share), false, MAX_WEIGHT},
	{"guarantee", SK_YAML_CPUS, offsetof(struct cpu, guarantee_milli), false, 0},
	{"cap", SK_YAML_CPUS, offsetof(struct cpu, cap_milli), false, 0},
	{NULL, SK_YAML_STR, 0, false, 0},
};

struct lan {
	char *subnet;
};

static const struct sk_yaml_field lan_fields[] = {
	{"subnet", SK_YAML_STR, offsetof(struct lan, subnet), true, 0},
	{NULL, SK_YAML_STR, 0, false, 0},
};

/* One entry under nodes. */
struct entry {
	char *name; /* in a list */
	char *image, *address;
	const struct sk_yaml *command;
	char **env, **volumes;
	struct sk_cgroup_limits limits;
	bool privileged, private_tmp, init;
};

static const struct sk_yaml_field entry_fields[] = {
	{"name", SK_YAML_STR, offsetof(struct entry, name), false, 0},
	{"image", SK_YAML_STR, offsetof(struct entry, image), false, 0},
	{"command", SK_YAML_NODE, offsetof(struct entry, command), false, 0},
	{"env", SK_YAML_STRV, offsetof(struct entry, env), false, 0},
	{"volumes", SK_YAML_STRV, offsetof(struct entry, volumes), false, 0},
	{"address", SK_YAML_STR, offsetof(struct entry, address), false, 0},
	{"cpus", SK_YAML_CPUS, offsetof(struct entry, limits.cpu_milli), false, 0},
	{"share", SK_YAML_U64, offsetof(struct entry, limits.cpu_weight), false,
	 MAX_WEIGHT},
	{"memory", SK_YAML_SIZE, offsetof(struct entry, limits.memory_bytes), false, 0},
	{"pids", SK_YAML_U64, offsetof(struct entry, limits.pids_max), false, 4194304},
	{"privileged", SK_YAML_BOOL, offsetof(struct entry, privileged), false, 0},
	{"private_tmp", SK_YAML_BOOL, offsetof(struct entry, private_tmp), false, 0},
	{"init", SK_YAML_BOOL, offsetof(struct entry, init), false, 0},
	{NULL, SK_YAML_STR, 0, false, 0},
};

static void file_finish(struct file *file)
{
	free(file->name);
	free(file->image);
	sk_strv_free(file->labels);
}
SK_DEFINE_AUTO_FINISH(struct file, file_finish)

static void entry_finish(struct entry *entry)
{
	free(entry->name);
	free(entry->image);
	free(entry->address);
	sk_strv_free(entry->env);
	sk_strv_free(entry->volumes);
}
SK_DEFINE_AUTO_FINISH(struct entry, entry_finish)

/* A list is the command itself, a text is run by the shell. */
static int read_command(const struct sk_yaml *yaml, char ***ret, struct sk_err *err)
{
	int r = 0;

	if (!yaml)
		return 0;
	if (sk_yaml_type(yaml) == SK_YAML_MAP)
		return sk_yaml_err(err, yaml, EINVAL, "a command is a text or a list");
	if (sk_yaml_type(yaml) == SK_YAML_SCALAR) {
		r = sk_strv_add(ret, "/bin/sh");
		if (r == 0)
			r = sk_strv_add(ret, "-c");
		if (r == 0)
			r = sk_strv_add(ret, sk_yaml_text(yaml));
	}
	for (size_t i = 0;
	     r == 0 && sk_yaml_type(yaml) == SK_YAML_LIST && i < sk_yaml_len(yaml); i++) {
		if (!sk_yaml_text(sk_yaml_at(yaml, i)))
			return sk_yaml_err(err, sk_yaml_at(yaml, i), EINVAL,
					   "an argument is a text");
		r = sk_strv_add(ret, sk_yaml_text(sk_yaml_at(yaml, i)));
	}
	return r < 0 ? sk_err_oom(err) : 0;
}

static int copy_text(const char *text, char **ret)
{
	*ret = text ? strdup(text) : NULL;
	return text && !*ret ? -ENOMEM : 0;
}

static int add_node(struct sk_slice_def *def, const char *name, const struct file *file,
		    const struct entry *entry, struct sk_err *err)
{
	struct sk_slice_node *node = sk_slice_def_add_node(def, name);
	int r;

	if (!node)
		return sk_err_oom(err);
	node->limits = entry->limits;
	node->privileged = entry->privileged;
	node->private_tmp = entry->private_tmp;
	node->init = entry->init;
	r = copy_text(entry->image ? entry->image : file->image, &node->image);
	if (r == 0)
		r = copy_text(entry->address, &node->address);
	if (r == 0 && entry->env && !(node->env = sk_strv_dup(entry->env)))
		r = -ENOMEM;
	if (r == 0 && entry->volumes && !(node->volumes = sk_strv_dup(entry->volumes)))
		r = -ENOMEM;
	if (r < 0)
		return sk_err_oom(err);
	return read_command(entry->command, &node->command, err);
}

/* @r with the place of what was wrong. */
static int at_place(int r, const struct sk_yaml *place, const struct sk_err *why,
		    struct sk_err *err)
{
	return r < 0 ? sk_yaml_err(err, place, -r, "%s", why->msg) : 0;
}

/* Nodes from @first on come from one entry. */
static int check_nodes(const struct sk_slice_def *def, size_t first,
		       const struct sk_yaml *entry, struct sk_err *err)
{
	struct sk_err why = SK_ERR_INIT;
	int r = 0;

	for (size_t i = first; r == 0 && i < def->nr_nodes; i++)
		r = sk_slice_check_node(def, i, &why);
	if (r == 0)
		r = sk_slice_check_lan(def, first, &why);
	return at_place(r, entry, &why, err);
}

/* One entry, named by its key in a map, by "name:" or as a bare text in a list. */
static int read_entry(struct sk_slice_def *def, const struct file *file, const char *key,
		      const struct sk_yaml *yaml, struct sk_err *err)
{
	sk_auto(entry_finish) struct entry entry = {0};
	sk_auto(sk_strv_free) char **names = NULL;
	const char *pattern = key;
	size_t first = def->nr_nodes;
	int r = 0;

	if (sk_yaml_type(yaml) == SK_YAML_MAP)
		r = sk_yaml_bind(yaml, entry_fields, &entry, err);
	else if (!key && sk_yaml_type(yaml) == SK_YAML_SCALAR)
		pattern = sk_yaml_text(yaml);
	else if (!key || sk_yaml_type(yaml) == SK_YAML_LIST || *sk_yaml_text(yaml))
		return sk_yaml_err(err, yaml, EINVAL,
				   "a node is a map such as {image: \"@busybox\"}");
	if (r < 0)
		return r;
	if (entry.name)
		pattern = entry.name;
	if (!pattern)
		return sk_yaml_err(err, yaml, EINVAL, "this node has no name");
	if (key && entry.name)
		return sk_yaml_err(err, yaml, EINVAL, "node '%s' is named twice", key);
	r = sk_slice_expand(pattern, &names, err);
	if (r < 0)
		return sk_yaml_err(err, yaml, -r,
				   "'%s' is not a name or a range such as n[1-10]",
				   pattern);
	if (entry.address && sk_strv_len(names) > 1)
		return sk_yaml_err(err, yaml, EINVAL,
				   "one address for %zu nodes: leave it out",
				   sk_strv_len(names));
	for (size_t i = 0; r == 0 && names && names[i]; i++)
		r = add_node(def, names[i], file, &entry, err);
	return r < 0 ? r : check_nodes(def, first, yaml, err);
}

static int read_nodes(struct sk_slice_def *def, const struct file *file,
		      struct sk_err *err)
{
	bool is_map = sk_yaml_type(file->nodes) == SK_YAML_MAP;
	int r = 0;

	if (sk_yaml_type(file->nodes) == SK_YAML_SCALAR)
		return sk_yaml_err(err, file->nodes, EINVAL, "nodes is a map or a list");
	for (size_t i = 0; r == 0 && i < sk_yaml_len(file->nodes); i++)
		r = read_entry(def, file, is_map ? sk_yaml_key(file->nodes, i) : NULL,
			       sk_yaml_at(file->nodes, i), err);
	return r;
}

static int read_lan(struct sk_slice_def *def, const struct sk_yaml *yaml,
		    struct sk_err *err)
{
	struct sk_err why = SK_ERR_INIT;
	struct lan lan = {0};
	int r;

	if (!yaml)
		return 0;
	r = sk_yaml_bind(yaml, lan_fields, &lan, err);
	def->lan_subnet = lan.subnet;
	if (r < 0)
		return r;
	return at_place(sk_slice_check_lan(def, 0, &why), sk_yaml_get(yaml, "subnet"),
			&why, err);
}

static int read_cpu(struct sk_slice_def *def, const struct sk_yaml *yaml,
		    struct sk_err *err)
{
	struct cpu cpu = {0};
	int r;

	if (!yaml)
		return 0;
	r = sk_yaml_bind(yaml, cpu_fields, &cpu, err);
	if (r < 0)
		return r;
	if (cpu.cap_milli && cpu.guarantee_milli > cpu.cap_milli)
		return sk_yaml_err(err, yaml, EINVAL, "the guarantee is above the cap");
	def->limits.cpu_weight = cpu.share;
	def->limits.cpu_milli = cpu.cap_milli;
	def->cpu_guarantee_milli = cpu.guarantee_milli;
	return 0;
}

/* The checks that other callers run too; here they get the file's place. */
static int check(struct sk_slice_def *def, const struct sk_yaml *root, struct sk_err *err)
{
	struct sk_err why = SK_ERR_INIT;
	int r = sk_slice_check(def, &why);

	if (r == 0)
		r = sk_slice_assign_addresses(def, NULL, &why);
	return at_place(r, root, &why, err);
}

static int read_def(const struct sk_yaml *root, struct sk_slice_def **ret,
		    struct sk_err *err)
{
	sk_auto(sk_slice_def_free) struct sk_slice_def *def = NULL;
	sk_auto(file_finish) struct file file = {0};
	int r = sk_yaml_bind(root, file_fields, &file, err);

	if (r < 0)
		return r;
	def = sk_slice_def_new(file.name);
	if (!def)
		return sk_err_oom(err);
	def->lifetime_ns = file.lifetime_ns;
	def->limits.memory_bytes = file.memory_bytes;
	def->limits.pids_max = file.pids_max;
	def->labels = sk_steal(&file.labels);
	r = read_cpu(def, file.cpu, err);
	if (r == 0)
		r = read_lan(def, file.lan, err);
	if (r == 0)
		r = read_nodes(def, &file, err);
	if (r < 0)
		return r;
	*ret = sk_steal(&def);
	return 0;
}

/* Addresses are assigned twice: here only to find faults, with the old ones kept at apply. */
static int load(const struct sk_yaml *root, struct sk_slice_def **ret, struct sk_err *err)
{
	sk_auto(sk_slice_def_free) struct sk_slice_def *def = NULL;
	sk_auto(sk_slice_def_free) struct sk_slice_def *trial = NULL;
	int r = read_def(root, &def, err);

	if (r == 0)
		r = read_def(root, &trial, err);
	if (r == 0)
		r = check(trial, root, err);
	if (r < 0)
		return r;
	*ret = sk_steal(&def);
	return 0;
}

int sk_slice_def_load(const char *path, struct sk_slice_def **ret, struct sk_err *err)
{
	sk_auto(sk_yaml_free) struct sk_yaml *root = NULL;
	int r = sk_yaml_load(path, &root, err);

	return r < 0 ? r : load(root, ret, err);
}
