/* SPDX-License-Identifier: Apache-2.0 */
/* experiment - many migrations in a randomised order, and what can be said about them
 *
 *	sk_experiment_load("web.yaml", &experiment, err);
 *	sk_experiment_run(home, experiment, &opts, err);		// or goes on with opts.resume
 *	sk_experiment_report(opts.dir, err);				// DIR/report.html
 *
 * A folder of results holds experiment.yaml (a copy), host.json (seed, machine, versions),
 * runs.jsonl (a line per run, appended and synced) and samples/N.bin.
 */
#ifndef SK_EXPERIMENT_H
#define SK_EXPERIMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/home.h"
#include "lib/json.h"
#include "migrate/strategy/slo.h"

#define SK_FACTORS_MAX 8	    /* factors that vary in one experiment */
#define SK_LEVELS_MAX  32	    /* values of one factor */
#define SK_CELLS_MAX   256	    /* combinations */
#define SK_RUNS_MAX    10000	    /* runs in all */
#define SK_SEED_MAX    (1ull << 53) /* what every reader of JSON keeps */

/** enum sk_factor - What can be set of a run; 0 where no unit is named means none, or the default */
enum sk_factor {
	SK_FACTOR_MODE,	       /* enum sk_mode */
	SK_FACTOR_LOAD,	       /* a named set of levels of others */
	SK_FACTOR_MEMORY,      /* bytes of the guest */
	SK_FACTOR_WORKING_SET, /* bytes that it goes over */
	SK_FACTOR_PAGES,       /* pages that it writes a second */
	SK_FACTOR_LINK_RATE,   /* of the lab's hosts, in bits per second */
	SK_FACTOR_LATENCY,     /* ns */
	SK_FACTOR_LOSS,	       /* of a million packets */
	SK_FACTOR_BANDWIDTH,   /* cap of the stream in bits per second */
	SK_FACTOR_POSTCOPY_BANDWIDTH,
	SK_FACTOR_POSTCOPY_AFTER, /* hybrid: passes */
	SK_FACTOR_MAX_DOWNTIME,	  /* ns */
	SK_FACTOR_AUTO_CONVERGE,
	SK_FACTOR_COMPRESSION, /* enum sk_compression */
	SK_FACTOR_PARALLEL,    /* connections */
	SK_FACTOR_TLS,
	SK_FACTOR_TIMEOUT,	  /* ns */
	SK_FACTOR_TIMEOUT_ACTION, /* enum sk_timeout_action */
	SK_FACTOR_SERVER,	  /* model of the guest's service */
	SK_FACTOR_SERVICE,	  /* what a request costs it */
	SK_FACTOR_PROBE,	  /* enum sk_probe_kind */
	SK_FACTOR_CLIENTS,	  /* of the probe */
	SK_FACTOR_PROBE_HZ,	  /* requests a second, of all clients */
	SK_FACTOR_NR,
};

/** struct sk_axis - A factor that varies */
struct sk_axis {
	enum sk_factor factor;
	size_t nr;
	uint64_t levels[SK_LEVELS_MAX];
};

/** struct sk_cell - One combination of levels: all that a run needs to know */
struct sk_cell {
	uint64_t set[SK_FACTOR_NR];
};

/** struct sk_load - Levels under one name: what a guest does */
struct sk_load {
	char *name;
	bool has[SK_FACTOR_NR];
	struct sk_cell cell;
};

/** struct sk_experiment - A checked experiment file */
struct sk_experiment {
	char *name, *description; /* the latter may be NULL */
	/* Ends outside of a lab; all NULL with a lab */
	char *from, *to, *guest, *probe, *control_host, *probe_from;
	struct sk_axis axes[SK_FACTORS_MAX];
	size_t nr_axes;
	struct sk_cell constants; /* levels of the factors that do not vary */
	struct sk_load loads[SK_LEVELS_MAX];
	size_t nr_loads;
	char **texts; /* levels that are no numbers */
	uint64_t repetitions;
	uint64_t baseline_ns, tail_ns;
	bool has_control, has_warmup;
	const struct sk_metric *objective;
	char *slo_text; /* what every run is judged by, and mode auto keeps to; NULL: nothing */
	struct sk_slo slo;
	struct sk_risk risk; /* what mode auto must not do */
	uint64_t seed;
	bool has_seed;
	char *text; /* the file as it was read, for the copy */
};

/**
 * sk_experiment_load() - Read and check an experiment file
 * @path:	A file, or "-" for standard input
 * @ret:	Free with sk_experiment_free(); untouched on failure
 *
 * Return: 0; -EINVAL with "FILE:LINE:COLUMN: what is wrong"; other -errno
 */
int sk_experiment_load(const char *path, struct sk_experiment **ret, struct sk_err *err);
/** sk_experiment_free() - Release it; NULL is fine */
void sk_experiment_free(struct sk_experiment *experiment);
SK_DEFINE_AUTO(struct sk_experiment, sk_experiment_free)
/** sk_experiment_schema() - JSON schema of the file, from the same tables that read it */
struct sk_json *sk_experiment_schema(void);
/** sk_experiment_template() - A commented example file, heap text; NULL without memory */
char *sk_experiment_template(const char *name);

/** sk_experiment_cells() - Number of combinations */
size_t sk_experiment_cells(const struct sk_experiment *experiment);
/** sk_experiment_cell() - The combination with this index, with what its load sets; the first axis varies slowest */
struct sk_cell sk_experiment_cell(const struct sk_experiment *experiment, size_t index);
/** sk_experiment_label() - "post-copy, 5000 pages/s": the levels that vary; heap, NULL without memory */
char *sk_experiment_label(const struct sk_experiment *experiment, size_t index);

/** struct sk_experiment_opts - One `exp run`; borrowed */
struct sk_experiment_opts {
	const char *dir;      /* results */
	uint64_t repetitions; /* 0: the file's */
	uint64_t seed;
	bool has_seed;
	bool resume; /* go on in a folder that has results */
	/** A phase, or with @detail how far it is; as sk_phase_fn */
	void (*phase)(void *ctx, const char *phase, const char *detail);
	void *phase_ctx;
	const volatile int *interrupted;
};

/**
 * sk_experiment_plan() - What a run would do, for --dry-run
 * @ret:	{name, seed, cells: […], runs: [{run, block, kind, cell, label}…], estimate_s}
 */
int sk_experiment_plan(const struct sk_experiment *experiment,
		       const struct sk_experiment_opts *opts, struct sk_json **ret,
		       struct sk_err *err);
/**
 * sk_experiment_run() - Do what is still to do, write each run down as it ends
 *
 * A run that fails does not end the experiment. The lab is taken down at the end.
 * Return: 0 when all was tried; -ECANCELED after an interrupt; -EEXIST for a folder with
 * results without opts.resume; other -errno
 */
int sk_experiment_run(const struct sk_home *home, const struct sk_experiment *experiment,
		      const struct sk_experiment_opts *opts, struct sk_err *err);

/**
 * sk_experiment_summary() - What a folder of results says
 * @ret:	{name, dir, seed, planned, done, ok, failed, discarded, why, objective, slo, cells: [{label,
 *		runs, failed, discarded, slo: {met, runs}, metrics: [{name, unit, n, median, low, high, coverage, min, max}…]}…],
 *		control: the same or null}; why is of the first run that was not ok
 */
int sk_experiment_summary(const char *dir, struct sk_json **ret, struct sk_err *err);
/**
 * sk_experiment_list() - Array of {name, dir, started, planned, done, ok, failed, discarded} below @parent;
 * {dir, damage} of results that cannot be read
 *
 * Return: 0; -ENOENT without such a folder
 */
int sk_experiment_list(const char *parent, struct sk_json **ret, struct sk_err *err);
/**
 * sk_experiment_compare() - Differences of cells with the same label between folders
 * @dirs:	NULL-terminated; each other one is compared with the first. A single one: its other
 *		cells with its first
 * @ret:	Array of {metric, unit, label, against, a, b, estimate, low, high, coverage, differs,
 *		verdict}: medians, and how much larger a is than b; with so few runs that no interval
 *		covers 95 % nothing differs
 */
int sk_experiment_compare(char *const *dirs, struct sk_json **ret, struct sk_err *err);
/**
 * sk_experiment_judge() - Whether an expression such as "p99>20ms" holds for some cell
 * @ret_why:	Heap text that names the first such cell and value, or NULL when none does
 */
int sk_experiment_judge(const char *dir, const char *expression, char **ret_why,
			struct sk_err *err);
/** sk_experiment_check_expr() - Whether sk_experiment_judge() can read an expression */
int sk_experiment_check_expr(const char *expression, struct sk_err *err);
/** sk_experiment_export() - Runs, or with @samples every request, written as CSV or JSON lines to @fd */
int sk_experiment_export(const char *dir, bool csv, bool samples, int fd,
			 struct sk_err *err);
/** sk_experiment_report() - Write DIR/report.html */
int sk_experiment_report(const char *dir, struct sk_err *err);

#endif
