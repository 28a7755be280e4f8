// SPDX-License-Identifier: Apache-2.0
/* def - slice definitions in memory and as JSON */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/parse.h"
#include "lib/str.h"
#include "runtime/slice/slice.h"

#define MAX_CONTAINER_NAME 64

static void node_finish(struct sk_slice_node *node)
{
	free(node->name);
	free(node->image);
	free(node->address);
	sk_strv_free(node->command);
	sk_strv_free(node->env);
	sk_strv_free(node->volumes);
}

struct sk_slice_def *sk_slice_def_new(const char *name)
{
	sk_auto(sk_slice_def_free) struct sk_slice_def *def = calloc(1, sizeof(*def));

	if (!def)
		return NULL;
	def->name = strdup(name);
	if (!def->name)
		return NULL;
	return sk_steal(&def);
}

void sk_slice_def_free(struct sk_slice_def *def)
{
	if (!def)
		return;
	for (size_t i = 0; i < def->nr_nodes; i++)
		node_finish(&def->nodes[i]);
	free(def->nodes);
	free(def->name);
	free(def->lan_subnet);
	sk_strv_free(def->labels);
	free(def);
}

struct sk_slice_node *sk_slice_def_add_node(struct sk_slice_def *def, const char *name)
{
	struct sk_slice_node *nodes =
		reallocarray(def->nodes, def->nr_nodes + 1, sizeof(*nodes));
	struct sk_slice_node *node;

	if (!nodes)
		return NULL;
	def->nodes = nodes;
	node = &nodes[def->nr_nodes];
	*node = (struct sk_slice_node){.name = strdup(name)};
	if (!node->name)
		return NULL;
	def->nr_nodes++;
	return node;
}

struct sk_slice_node *sk_slice_def_find(const struct sk_slice_def *def, const char *name)
{
	for (size_t i = 0; i < def->nr_nodes; i++)
		if (strcmp(def->nodes[i].name, name) == 0)
			return &def->nodes[i];
	return NULL;
}

static struct sk_json *limits_to_json(const struct sk_cgroup_limits *limits)
{
	struct sk_json *json = sk_json_new_object();

	sk_json_set_uint(json, "memory_bytes", limits->memory_bytes);
	sk_json_set_uint(json, "memory_low_bytes", limits->memory_low_bytes);
	sk_json_set_uint(json, "cpu_milli", limits->cpu_milli);
	sk_json_set_uint(json, "cpu_weight", limits->cpu_weight);
	sk_json_set_uint(json, "pids_max", limits->pids_max);
	return json;
}

struct sk_json *sk_slice_node_to_json(const struct sk_slice_node *node, bool limits)
{
	struct sk_json *json = sk_json_new_object();

	sk_json_set_str(json, "name", node->name);
	sk_json_set_str(json, "image", node->image);
	sk_json_set_strv(json, "command", node->command);
	sk_json_set_strv(json, "env", node->env);
	sk_json_set_strv(json, "volumes", node->volumes);
	sk_json_set_str(json, "address", node->address);
	sk_json_set_bool(json, "privileged", node->privileged);
	sk_json_set_bool(json, "private_tmp", node->private_tmp);
	sk_json_set_bool(json, "init", node->init);
	if (limits)
		sk_json_set(json, "limits", limits_to_json(&node->limits));
	return json;
}

struct sk_json *sk_slice_def_to_json(const struct sk_slice_def *def)
{
	struct sk_json *json = sk_json_new_object();
	struct sk_json *nodes = sk_json_set(json, "nodes", sk_json_new_array());

	sk_json_set_str(json, "name", def->name);
	sk_json_set_uint(json, "lifetime_ns", def->lifetime_ns);
	sk_json_set(json, "limits", limits_to_json(&def->limits));
	sk_json_set_uint(json, "cpu_guarantee_milli", def->cpu_guarantee_milli);
	sk_json_set_str(json, "lan_subnet", def->lan_subnet);
	sk_json_set_strv(json, "labels", def->labels);
	for (size_t i = 0; i < def->nr_nodes; i++)
		(void)sk_json_add(nodes, sk_slice_node_to_json(&def->nodes[i], true));
	return json;
}

/* Our own files are read here: a missing member is 0, a foreign type too. */
static struct sk_cgroup_limits limits_from_json(const struct sk_json *json)
{
	return (struct sk_cgroup_limits){
		.memory_bytes =
			(uint64_t)sk_json_int(sk_json_get(json, "memory_bytes"), 0),
		.memory_low_bytes =
			(uint64_t)sk_json_int(sk_json_get(json, "memory_low_bytes"), 0),
		.cpu_milli = (uint64_t)sk_json_int(sk_json_get(json, "cpu_milli"), 0),
		.cpu_weight = (uint64_t)sk_json_int(sk_json_get(json, "cpu_weight"), 0),
		.pids_max = (uint64_t)sk_json_int(sk_json_get(json, "pids_max"), 0),
	};
}

static int read_text(const struct sk_json *json, const char *key, char **ret,
		     struct sk_err *err)
{
	const char *text = sk_json_str(sk_json_get(json, key), NULL);

	if (!text)
		return 0;
	*ret = strdup(text);
	return *ret ? 0 : sk_err_oom(err);
}

static int node_from_json(struct sk_slice_def *def, const struct sk_json *json,
			  struct sk_err *err)
{
	struct sk_slice_node *node =
		sk_slice_def_add_node(def, sk_json_str(sk_json_get(json, "name"), ""));
	int r;

	if (!node)
		return sk_err_oom(err);
	node->limits = limits_from_json(sk_json_get(json, "limits"));
	node->privileged = sk_json_bool(sk_json_get(json, "privileged"), false);
	node->private_tmp = sk_json_bool(sk_json_get(json, "private_tmp"), false);
	node->init = sk_json_bool(sk_json_get(json, "init"), false);
	r = read_text(json, "image", &node->image, err);
	if (r == 0)
		r = read_text(json, "address", &node->address, err);
	if (r == 0)
		r = sk_json_read_strv(json, "node", "command", &node->command, err);
	if (r == 0)
		r = sk_json_read_strv(json, "node", "env", &node->env, err);
	if (r == 0)
		r = sk_json_read_strv(json, "node", "volumes", &node->volumes, err);
	return r;
}

int sk_slice_def_from_json(const struct sk_json *json, struct sk_slice_def **ret,
			   struct sk_err *err)
{
	sk_auto(sk_slice_def_free) struct sk_slice_def *def =
		sk_slice_def_new(sk_json_str(sk_json_get(json, "name"), ""));
	const struct sk_json *nodes = sk_json_get(json, "nodes");
	int r;

	if (!def)
		return sk_err_oom(err);
	def->lifetime_ns = (uint64_t)sk_json_int(sk_json_get(json, "lifetime_ns"), 0);
	def->limits = limits_from_json(sk_json_get(json, "limits"));
	def->cpu_guarantee_milli =
		(uint64_t)sk_json_int(sk_json_get(json, "cpu_guarantee_milli"), 0);
	r = read_text(json, "lan_subnet", &def->lan_subnet, err);
	if (r == 0)
		r = sk_json_read_strv(json, "slice", "labels", &def->labels, err);
	for (size_t i = 0; r == 0 && i < sk_json_len(nodes); i++)
		r = node_from_json(def, sk_json_at(nodes, i), err);
	if (r < 0)
		return r;
	*ret = sk_steal(&def);
	return 0;
}

int sk_slice_check_node(const struct sk_slice_def *def, size_t i, struct sk_err *err)
{
	const struct sk_slice_node *node = &def->nodes[i];
	int r = sk_parse_name("node", node->name, err);

	if (r < 0)
		return r;
	if (strlen(def->name) + 1 + strlen(node->name) > MAX_CONTAINER_NAME)
		return sk_err_set(
			err, EINVAL,
			"the names '%s' and '%s' together are too long: at most %d bytes",
			def->name, node->name, MAX_CONTAINER_NAME - 1);
	if (!node->image)
		return sk_err_set(err, EINVAL, "node '%s' has no image", node->name);
	if (node->address && !def->lan_subnet)
		return sk_err_set(err, EINVAL,
				  "node '%s' has an address but the slice has no lan",
				  node->name);
	/* The supervisor has no working folder that a relative path could mean. */
	for (size_t j = 0; node->volumes && node->volumes[j]; j++)
		if (node->volumes[j][0] != '/')
			return sk_err_set(
				err, EINVAL,
				"node '%s': volume '%s' needs an absolute source",
				node->name, node->volumes[j]);
	for (size_t j = 0; j < i; j++)
		if (strcmp(def->nodes[j].name, node->name) == 0)
			return sk_err_set(err, EEXIST, "node '%s' is there twice",
					  node->name);
	return 0;
}

int sk_slice_check(const struct sk_slice_def *def, struct sk_err *err)
{
	int r = sk_parse_name("slice", def->name, err);

	if (r < 0)
		return r;
	if (def->nr_nodes == 0)
		return sk_err_set(err, EINVAL, "slice '%s' has no nodes", def->name);
	if (def->nr_nodes > SK_SLICE_MAX_NODES)
		return sk_err_set(err, E2BIG, "slice '%s' has %zu nodes: at most %d",
				  def->name, def->nr_nodes, SK_SLICE_MAX_NODES);
	if (def->lifetime_ns > SK_SLICE_MAX_LIFETIME)
		return sk_err_set(
			err, EINVAL,
			"slice '%s' may live 8 weeks at most; it can be renewed",
			def->name);
	for (size_t i = 0; i < def->nr_nodes; i++) {
		r = sk_slice_check_node(def, i, err);
		if (r < 0)
			return sk_err_wrap(err, r, "slice '%s'", def->name);
	}
	return 0;
}
