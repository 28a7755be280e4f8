// SPDX-License-Identifier: Apache-2.0
/* file - an experiment's YAML file, read by tables that schema.c shows */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "lib/yaml.h"
#include "migrate/experiment/factor.h"
#include "migrate/experiment/file.h"
#include "migrate/experiment/metric.h"
#include "migrate/measure/probe.h"
#include "migrate/measure/ssh.h"

#define MAX_BYTES	1048576
#define MAX_REPETITIONS 1000
#define MAX_WINDOW_NS	(120 * SK_NS_PER_S)

/** struct file - The keys of a file */
struct file {
	char *name, *description, *objective, *slo, *risk;
	const struct sk_yaml *hosts, *loads, *factors, *constants;
	uint64_t repetitions, baseline_ns, tail_ns, seed;
	bool has_warmup, has_control;
};

#define AT(member) offsetof(struct file, member)

const struct sk_yaml_field sk_file_fields[] = {
	{"name", SK_YAML_STR, AT(name), true, 0},
	{"description", SK_YAML_STR, AT(description), false, 0},
	{"hosts", SK_YAML_NODE, AT(hosts), false, 0},
	{"loads", SK_YAML_NODE, AT(loads), false, 0},
	{"factors", SK_YAML_NODE, AT(factors), true, 0},
	{"constants", SK_YAML_NODE, AT(constants), false, 0},
	{"repetitions", SK_YAML_U64, AT(repetitions), false, MAX_REPETITIONS},
	{"baseline", SK_YAML_DURATION, AT(baseline_ns), false, 0},
	{"tail", SK_YAML_DURATION, AT(tail_ns), false, 0},
	{"warmup", SK_YAML_BOOL, AT(has_warmup), false, 0},
	{"control", SK_YAML_BOOL, AT(has_control), false, 0},
	{"objective", SK_YAML_STR, AT(objective), false, 0},
	{"slo", SK_YAML_STR, AT(slo), false, 0},
	{"risk", SK_YAML_STR, AT(risk), false, 0},
	{"seed", SK_YAML_U64, AT(seed), false, SK_SEED_MAX},
	{NULL, SK_YAML_STR, 0, false, 0},
};

const struct sk_yaml_field sk_file_host_fields[] = {
	{"from", SK_YAML_STR, offsetof(struct sk_experiment, from), true, 0},
	{"to", SK_YAML_STR, offsetof(struct sk_experiment, to), true, 0},
	{"guest", SK_YAML_STR, offsetof(struct sk_experiment, guest), true, 0},
	{"probe", SK_YAML_STR, offsetof(struct sk_experiment, probe), true, 0},
	{"control", SK_YAML_STR, offsetof(struct sk_experiment, control_host), false, 0},
	{"probe-from", SK_YAML_STR, offsetof(struct sk_experiment, probe_from), false, 0},
	{NULL, SK_YAML_STR, 0, false, 0},
};

void sk_experiment_free(struct sk_experiment *e)
{
	if (!e)
		return;
	free(e->name);
	free(e->description);
	free(e->from);
	free(e->to);
	free(e->guest);
	free(e->probe);
	free(e->control_host);
	for (size_t i = 0; i < e->nr_loads; i++)
		free(e->loads[i].name);
	sk_strv_free(e->texts);
	free(e->probe_from);
	free(e->slo_text);
	free(e->text);
	free(e);
}

static void file_finish(struct file *file)
{
	free(file->name);
	free(file->description);
	free(file->objective);
	free(file->slo);
	free(file->risk);
}
SK_DEFINE_AUTO_FINISH(struct file, file_finish)

static int check_probe_from(const struct sk_yaml *hosts, const struct sk_experiment *e,
			    struct sk_err *err)
{
	sk_auto(sk_strv_free) char **unused = NULL;
	struct sk_err why = SK_ERR_INIT;
	int r;

	if (!e->probe_from)
		return 0;
	r = sk_str_starts(e->probe_from, "ssh://")
		    ? sk_ssh_argv(e->probe_from, &unused, &why)
		    : sk_err_set(&why, EINVAL, "'%s' does not begin with ssh://",
				 e->probe_from);
	return r < 0 ? sk_yaml_err(err, sk_yaml_get(hosts, "probe-from"), -r, "%s",
				   why.msg)
		     : 0;
}

static int take_hosts(const struct sk_yaml *node, struct sk_experiment *e,
		      struct sk_err *err)
{
	struct sk_probe_target target;
	int r;

	if (!node || sk_str_equal(sk_yaml_text(node), SK_FILE_LAB))
		return 0;
	if (sk_yaml_type(node) != SK_YAML_MAP)
		return sk_yaml_err(err, node, EINVAL,
				   "'hosts' must be '%s', or a map with from, to, guest "
				   "and probe",
				   SK_FILE_LAB);
	r = sk_yaml_bind(node, sk_file_host_fields, e, err);
	if (r == 0) {
		r = sk_probe_target_parse(e->probe, &target, err);
		if (r < 0)
			return sk_yaml_err(err, sk_yaml_get(node, "probe"), -r,
					   "'%s' is no probe: use udp://ADDR:PORT",
					   e->probe);
	}
	if (r == 0 && strcmp(e->from, e->to) == 0)
		return sk_yaml_err(err, sk_yaml_get(node, "to"), EINVAL,
				   "'from' and 'to' are one host");
	return r == 0 ? check_probe_from(node, e, err) : r;
}

/* A factor is there and can be set here. */
static int take_key(const struct sk_yaml *map, size_t i, const struct sk_experiment *e,
		    enum sk_factor *ret, struct sk_err *err)
{
	const struct sk_yaml *value = sk_yaml_at(map, i);
	struct sk_err why = SK_ERR_INIT;
	int r = sk_factor_find(sk_yaml_key(map, i), ret, &why);

	if (r < 0) {
		r = sk_yaml_err(err, value, -r, "%s", why.msg);
		return sk_err_hint(err, r, "%s", why.hint);
	}
	if (e->from && sk_factors[*ret].needs_lab)
		return sk_yaml_err(err, value, ENOTSUP, "'%s' can be set in a lab only",
				   sk_factors[*ret].key);
	if (e->from && sk_factors[*ret].needs_guest && !e->control_host)
		return sk_yaml_err(err, value, ENOTSUP,
				   "'%s' is set by asking a skiff-guest: 'hosts' needs "
				   "its address as 'control'",
				   sk_factors[*ret].key);
	return 0;
}

/* And stands once. */
static int take_factor(const struct sk_yaml *map, size_t i, struct sk_experiment *e,
		       enum sk_factor *ret, struct sk_err *err)
{
	const struct sk_yaml *value = sk_yaml_at(map, i);
	int r = take_key(map, i, e, ret, err);

	if (r < 0)
		return r;
	for (size_t k = 0; k < e->nr_axes; k++)
		if (e->axes[k].factor == *ret)
			return sk_yaml_err(err, value, EINVAL,
					   "'%s' varies already, it cannot be constant",
					   sk_factors[*ret].key);
	return 0;
}

static int take_level(const struct sk_yaml *node, struct sk_experiment *e,
		      enum sk_factor factor, uint64_t *ret, struct sk_err *err)
{
	struct sk_err why = SK_ERR_INIT;
	int r;

	if (sk_yaml_type(node) != SK_YAML_SCALAR)
		return sk_yaml_err(err, node, EINVAL, "a level of '%s' is a single value",
				   sk_factors[factor].key);
	r = sk_factor_read(e, factor, sk_yaml_text(node), ret, &why);
	if (r == 0)
		return 0;
	r = sk_yaml_err(err, node, -r, "%s", why.msg);
	return why.hint[0] ? sk_err_hint(err, r, "%s", why.hint) : r;
}

static int take_load(const struct sk_yaml *map, struct sk_experiment *e,
		     struct sk_load *load, struct sk_err *err)
{
	if (sk_yaml_type(map) != SK_YAML_MAP)
		return sk_yaml_err(err, map, EINVAL,
				   "load '%s' must be a map from factors to levels",
				   load->name);
	for (size_t i = 0; i < sk_yaml_len(map); i++) {
		const struct sk_yaml *value = sk_yaml_at(map, i);
		enum sk_factor factor = SK_FACTOR_MODE;
		int r = take_key(map, i, e, &factor, err);

		if (r == 0 && !sk_factors[factor].is_load)
			r = sk_yaml_err(err, value, EINVAL,
					"'%s' is nothing that a guest or its clients do",
					sk_factors[factor].key);
		if (r == 0)
			r = take_level(value, e, factor, &load->cell.set[factor], err);
		if (r < 0)
			return r;
		load->has[factor] = true;
	}
	return 0;
}

static int take_loads(const struct sk_yaml *map, struct sk_experiment *e,
		      struct sk_err *err)
{
	if (!map)
		return 0;
	if (sk_yaml_type(map) != SK_YAML_MAP)
		return sk_yaml_err(err, map, EINVAL,
				   "'loads' must be a map from names to what they set");
	if (sk_yaml_len(map) > SK_LEVELS_MAX)
		return sk_yaml_err(err, map, E2BIG, "at most %d loads", SK_LEVELS_MAX);
	for (size_t i = 0; i < sk_yaml_len(map); i++) {
		struct sk_load *load = &e->loads[i];
		const struct sk_yaml *value = sk_yaml_at(map, i);
		struct sk_err why = SK_ERR_INIT;
		int r = sk_parse_name("load", sk_yaml_key(map, i), &why);

		if (r < 0)
			return sk_yaml_err(err, value, -r, "%s", why.msg);
		load->name = strdup(sk_yaml_key(map, i));
		if (!load->name)
			return sk_err_oom(err);
		e->nr_loads++;
		r = take_load(value, e, load, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* What varies by itself is not set by a load, too. */
static int check_loads(const struct sk_yaml *factors, const struct sk_experiment *e,
		       struct sk_err *err)
{
	for (size_t i = 0; i < e->nr_axes; i++)
		for (size_t k = 0; k < e->nr_loads; k++)
			if (e->loads[k].has[e->axes[i].factor])
				return sk_yaml_err(err, sk_yaml_at(factors, i), EINVAL,
						   "'%s' varies, and load '%s' sets it",
						   sk_factors[e->axes[i].factor].key,
						   e->loads[k].name);
	return 0;
}

/* What libvirt makes of a level: it counts in whole MiB a second, and in whole ms. */
static uint64_t rounded(enum sk_factor factor, uint64_t level, const char **ret_unit)
{
	uint64_t step = 1;

	*ret_unit = "";
	if (factor == SK_FACTOR_BANDWIDTH || factor == SK_FACTOR_POSTCOPY_BANDWIDTH) {
		step = 8u << 20;
		*ret_unit = "MiB a second";
	} else if (factor == SK_FACTOR_MAX_DOWNTIME) {
		step = SK_NS_PER_MS;
		*ret_unit = "ms";
	}
	return level / step + (level % step != 0);
}

/* Two cells that run alike would be compared as if they did not. */
static int check_distinct(const struct sk_yaml *list, size_t index,
			  const struct sk_axis *axis, struct sk_err *err)
{
	const struct sk_yaml *node = sk_yaml_at(list, index);
	const char *key = sk_factors[axis->factor].key, *unit;
	uint64_t level = rounded(axis->factor, axis->levels[index], &unit);

	for (size_t i = 0; i < index; i++) {
		if (axis->levels[i] == axis->levels[index])
			return sk_yaml_err(err, node, EINVAL, "'%s' stands twice in '%s'",
					   sk_yaml_text(node), key);
		if (rounded(axis->factor, axis->levels[i], &unit) == level)
			return sk_yaml_err(err, node, EINVAL,
					   "'%s' is what '%s' is: %s is rounded up to "
					   "whole %s",
					   sk_yaml_text(node),
					   sk_yaml_text(sk_yaml_at(list, i)), key, unit);
	}
	return 0;
}

static int take_axis(const struct sk_yaml *list, struct sk_experiment *e,
		     struct sk_axis *axis, struct sk_err *err)
{
	size_t n = sk_yaml_len(list);

	if (sk_yaml_type(list) != SK_YAML_LIST || n == 0)
		return sk_yaml_err(err, list, EINVAL,
				   "'%s' must be a list of levels; one that does not "
				   "vary is a constant",
				   sk_factors[axis->factor].key);
	if (n > SK_LEVELS_MAX)
		return sk_yaml_err(err, list, E2BIG, "'%s' has %zu levels, at most %d",
				   sk_factors[axis->factor].key, n, SK_LEVELS_MAX);
	for (size_t i = 0; i < n; i++) {
		const struct sk_yaml *node = sk_yaml_at(list, i);
		int r = take_level(node, e, axis->factor, &axis->levels[i], err);

		if (r < 0)
			return r;
		r = check_distinct(list, i, axis, err);
		if (r < 0)
			return r;
	}
	axis->nr = n;
	return 0;
}

static int take_axes(const struct sk_yaml *map, struct sk_experiment *e,
		     struct sk_err *err)
{
	if (sk_yaml_type(map) != SK_YAML_MAP || sk_yaml_len(map) == 0)
		return sk_yaml_err(
			err, map, EINVAL,
			"'factors' must be a map from factors to their levels");
	if (sk_yaml_len(map) > SK_FACTORS_MAX)
		return sk_yaml_err(err, map, E2BIG, "at most %d factors can vary",
				   SK_FACTORS_MAX);
	for (size_t i = 0; i < sk_yaml_len(map); i++) {
		struct sk_axis axis = {.nr = 0};
		int r = take_factor(map, i, e, &axis.factor, err);

		if (r == 0)
			r = take_axis(sk_yaml_at(map, i), e, &axis, err);
		if (r < 0)
			return r;
		e->axes[e->nr_axes++] = axis;
	}
	if (sk_experiment_cells(e) > SK_CELLS_MAX)
		return sk_yaml_err(err, map, E2BIG, "%zu combinations, at most %d",
				   sk_experiment_cells(e), SK_CELLS_MAX);
	return check_loads(map, e, err);
}

static int take_constants(const struct sk_yaml *map, struct sk_experiment *e,
			  struct sk_err *err)
{
	for (unsigned int i = 0; i < SK_FACTOR_NR; i++)
		e->constants.set[i] = sk_factors[i].fallback;
	/* Real hosts encrypt unless the file says otherwise. */
	e->constants.set[SK_FACTOR_TLS] = e->from != NULL;
	if (!map)
		return 0;
	if (sk_yaml_type(map) != SK_YAML_MAP)
		return sk_yaml_err(err, map, EINVAL,
				   "'constants' must be a map from factors to levels");
	for (size_t i = 0; i < sk_yaml_len(map); i++) {
		enum sk_factor factor = SK_FACTOR_MODE;
		int r = take_factor(map, i, e, &factor, err);

		if (r == 0)
			r = take_level(sk_yaml_at(map, i), e, factor,
				       &e->constants.set[factor], err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Told at the factors: which of them it is depends on both. */
static int check_cells(const struct sk_yaml *factors, const struct sk_experiment *e,
		       struct sk_err *err)
{
	for (size_t i = 0; i < sk_experiment_cells(e); i++) {
		struct sk_cell cell = sk_experiment_cell(e, i);
		sk_autofree char *label = sk_experiment_label(e, i);
		struct sk_err why = SK_ERR_INIT;
		int r = sk_cell_check(e, &cell, &why);

		if (r == 0)
			continue;
		r = sk_yaml_err(err, factors, -r, "%s: %s", label ? label : "", why.msg);
		return why.hint[0] ? sk_err_hint(err, r, "%s", why.hint) : r;
	}
	return 0;
}

static int take_objective(const struct sk_yaml *root, const char *name,
			  struct sk_experiment *e, struct sk_err *err)
{
	sk_auto(sk_strv_free) char **known = NULL;
	sk_autofree char *all = NULL;
	int r;

	e->objective = name ? sk_metric_find(name) : sk_metrics;
	if (e->objective)
		return 0;
	for (const struct sk_metric *metric = sk_metrics; metric->name; metric++)
		if (sk_strv_add(&known, metric->name) < 0)
			return sk_err_oom(err);
	all = sk_strv_join(known, ", ");
	r = sk_yaml_err(err, sk_yaml_get(root, "objective"), EINVAL,
			"no metric is called '%s'", name);
	return sk_err_hint(err, r, "metrics: %s", all ? all : "");
}

static bool has_mode(const struct sk_experiment *e, enum sk_mode mode)
{
	for (size_t i = 0; i < sk_experiment_cells(e); i++)
		if (sk_experiment_cell(e, i).set[SK_FACTOR_MODE] == mode)
			return true;
	return false;
}

static int take_slo(const struct sk_yaml *root, struct file *file,
		    struct sk_experiment *e, struct sk_err *err)
{
	struct sk_err why = SK_ERR_INIT;
	int r = 0;

	if (!file->slo && has_mode(e, SK_MODE_AUTO))
		return sk_yaml_err(err, sk_yaml_get(root, "factors"), EINVAL,
				   "mode auto needs 'slo', the objective to keep to");
	if (file->slo)
		r = sk_slo_parse(file->slo, &e->slo, &why);
	if (r < 0)
		return sk_yaml_err(err, sk_yaml_get(root, "slo"), -r, "%s", why.msg);
	if (file->risk)
		r = sk_risk_parse(file->risk, &e->risk, &why);
	if (r < 0)
		return sk_yaml_err(err, sk_yaml_get(root, "risk"), -r, "%s", why.msg);
	e->slo_text = sk_steal(&file->slo);
	return 0;
}

static int take_numbers(const struct sk_yaml *root, const struct file *file,
			struct sk_experiment *e, struct sk_err *err)
{
	const struct {
		const char *key;
		uint64_t ns;
	} windows[] = {{"baseline", file->baseline_ns}, {"tail", file->tail_ns}};

	for (size_t i = 0; i < SK_ARRAY_SIZE(windows); i++)
		if (windows[i].ns > MAX_WINDOW_NS)
			return sk_yaml_err(err, sk_yaml_get(root, windows[i].key), ERANGE,
					   "'%s' is at most 2 minutes", windows[i].key);
	e->repetitions = file->repetitions;
	e->baseline_ns = file->baseline_ns;
	e->tail_ns = file->tail_ns;
	e->has_control = file->has_control;
	e->has_warmup = file->has_warmup;
	e->has_seed = sk_yaml_get(root, "seed") != NULL;
	e->seed = file->seed;
	return 0;
}

static const char *name_of(const char *path)
{
	return strcmp(path, "-") == 0 ? "standard input" : path;
}

static int read_text(const char *path, char **ret, size_t *ret_len, struct sk_err *err)
{
	int r = strcmp(path, "-") == 0
			? sk_fs_read_fd(STDIN_FILENO, MAX_BYTES, ret, ret_len)
			: sk_fs_read(AT_FDCWD, path, MAX_BYTES, ret, ret_len);

	return r < 0 ? sk_err_code(err, r, "read experiment '%s'", name_of(path)) : 0;
}

int sk_experiment_load(const char *path, struct sk_experiment **ret, struct sk_err *err)
{
	sk_auto(file_finish) struct file file = {.repetitions = 5,
						 .baseline_ns = 3 * SK_NS_PER_S,
						 .tail_ns = 3 * SK_NS_PER_S,
						 .has_control = true,
						 .has_warmup = true};
	sk_auto(sk_experiment_free) struct sk_experiment *e = calloc(1, sizeof(*e));
	sk_auto(sk_yaml_free) struct sk_yaml *root = NULL;
	size_t len = 0;
	int r;

	if (!e)
		return sk_err_oom(err);
	r = read_text(path, &e->text, &len, err);
	if (r == 0)
		r = sk_yaml_parse(e->text, len, name_of(path), &root, err);
	if (r == 0)
		r = sk_yaml_bind(root, sk_file_fields, &file, err);
	if (r == 0) {
		r = sk_parse_name("experiment", file.name, err);
		if (r < 0)
			return sk_yaml_err(
				err, sk_yaml_get(root, "name"), -r,
				"'%s' is no name for an experiment: use letters, "
				"digits, '_', '.' and '-'",
				file.name);
		e->name = sk_steal(&file.name);
		e->description = sk_steal(&file.description);
		r = take_hosts(file.hosts, e, err);
	}
	if (r == 0)
		r = take_loads(file.loads, e, err);
	if (r == 0)
		r = take_axes(file.factors, e, err);
	if (r == 0)
		r = take_constants(file.constants, e, err);
	if (r == 0)
		r = check_cells(file.factors, e, err);
	if (r == 0)
		r = take_objective(root, file.objective, e, err);
	if (r == 0)
		r = take_slo(root, &file, e, err);
	if (r == 0)
		r = take_numbers(root, &file, e, err);
	if (r == 0)
		*ret = sk_steal(&e);
	return r;
}
