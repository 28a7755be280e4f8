// SPDX-License-Identifier: Apache-2.0
/* design - which runs, in which order: randomised complete blocks; pure */
#include "migrate/experiment/design.h"

#include <assert.h>
#include <errno.h>

#include "lib/clock.h"
#include "lib/random.h"
#include "lib/str.h"
#include "migrate/experiment/factor.h"

#define GUESS_BITS	800000000.0
#define AROUND_NS	(3 * SK_NS_PER_S) /* checksums, preparation, writing down */
#define GUESS_PASSES_NS (1 * SK_NS_PER_S)
#define LAB_NS		(8 * SK_NS_PER_S)

const char *sk_trial_kind_name(enum sk_trial_kind kind)
{
	static const char *const names[] = {"run", "warmup", "control"};

	return names[kind];
}

size_t sk_experiment_cells(const struct sk_experiment *experiment)
{
	size_t n = 1;

	for (size_t i = 0; i < experiment->nr_axes; i++)
		n *= experiment->axes[i].nr;
	return n;
}

struct sk_cell sk_experiment_cell(const struct sk_experiment *experiment, size_t index)
{
	struct sk_cell cell = experiment->constants;

	for (size_t i = experiment->nr_axes; i-- > 0;) {
		const struct sk_axis *axis = &experiment->axes[i];

		cell.set[axis->factor] = axis->levels[index % axis->nr];
		index /= axis->nr;
	}
	if (cell.set[SK_FACTOR_LOAD]) {
		const struct sk_load *load =
			&experiment->loads[cell.set[SK_FACTOR_LOAD] - 1];

		for (unsigned int i = 0; i < SK_FACTOR_NR; i++)
			if (load->has[i])
				cell.set[i] = load->cell.set[i];
	}
	return cell;
}

char *sk_experiment_label(const struct sk_experiment *experiment, size_t index)
{
	struct sk_cell cell = sk_experiment_cell(experiment, index);
	sk_auto(sk_str_finish) struct sk_str text = SK_STR_INIT;

	for (size_t i = 0; i < experiment->nr_axes; i++) {
		enum sk_factor factor = experiment->axes[i].factor;
		const struct sk_factor_info *info = &sk_factors[factor];
		uint64_t level = cell.set[factor];
		char buffer[SK_FORMAT_SIZE];

		if (text.len)
			sk_str_add(&text, ", ");
		if (info->kind == SK_LEVEL_FLAG)
			sk_str_add(&text, level ? "with" : "without");
		else
			sk_str_add(&text,
				   sk_factor_text(experiment, factor, level, buffer));
		if (!info->is_plain)
			sk_str_addf(&text, " %s", info->title);
	}
	return sk_str_steal(&text);
}

static void shuffle(struct sk_trial *trials, size_t n, struct sk_random *random)
{
	for (size_t i = n; i > 1; i--) {
		size_t k = sk_random_below(random, i);
		struct sk_trial swap = trials[i - 1];

		trials[i - 1] = trials[k];
		trials[k] = swap;
	}
}

static void add_block(const struct sk_experiment *experiment, uint64_t seed, size_t block,
		      struct sk_design *design)
{
	struct sk_random random = {.state = seed + block};
	struct sk_trial *first = design->trials + design->nr;
	size_t cells = sk_experiment_cells(experiment), n = 0;

	assert(cells > 0);
	random.state = sk_random_next(&random);
	for (; n < cells; n++)
		first[n] = (struct sk_trial){SK_TRIAL_RUN, block, n};
	if (experiment->has_control)
		first[n++] =
			(struct sk_trial){SK_TRIAL_CONTROL, block, (block - 1) % cells};
	shuffle(first, n, &random);
	design->nr += n;
}

int sk_design_make(const struct sk_experiment *experiment, size_t repetitions,
		   uint64_t seed, struct sk_design *ret, struct sk_err *err)
{
	size_t cells = sk_experiment_cells(experiment);
	size_t wanted =
		repetitions * (cells + experiment->has_control) + experiment->has_warmup;
	sk_auto(sk_design_finish) struct sk_design design = {NULL, 0};
	struct sk_random random = {.state = seed};

	if (cells == 0 || repetitions == 0 || repetitions > SK_RUNS_MAX ||
	    wanted > SK_RUNS_MAX)
		return sk_err_set(
			err, E2BIG,
			"%zu cells, repeated %zu times: an experiment has 1 to %d runs",
			cells, repetitions, SK_RUNS_MAX);
	design.trials = calloc(wanted, sizeof(*design.trials));
	if (!design.trials)
		return sk_err_oom(err);
	if (experiment->has_warmup)
		design.trials[design.nr++] =
			(struct sk_trial){SK_TRIAL_WARMUP, 0,
					  sk_random_below(&random, cells)};
	for (size_t block = 1; block <= repetitions; block++)
		add_block(experiment, seed, block, &design);
	*ret = design;
	design.trials = NULL;
	return 0;
}

void sk_design_finish(struct sk_design *design)
{
	free(design->trials);
	*design = (struct sk_design){NULL, 0};
}

/* Whether runs in turn want different guests, so that most begin with a new lab. */
static bool changes_guest(const struct sk_experiment *e)
{
	static const enum sk_factor makes[] = {SK_FACTOR_MEMORY, SK_FACTOR_SERVER,
					       SK_FACTOR_SERVICE};

	for (size_t i = 0; i < e->nr_axes; i++)
		for (size_t k = 0; k < SK_ARRAY_SIZE(makes); k++) {
			if (e->axes[i].factor == makes[k])
				return true;
			for (size_t l = 0;
			     e->axes[i].factor == SK_FACTOR_LOAD && l < e->nr_loads; l++)
				if (e->loads[l].has[makes[k]])
					return true;
		}
	return false;
}

static double narrowest(const struct sk_cell *cell)
{
	static const enum sk_factor rates[] = {SK_FACTOR_BANDWIDTH, SK_FACTOR_LINK_RATE};
	double least = GUESS_BITS;

	for (size_t i = 0; i < SK_ARRAY_SIZE(rates); i++) {
		double rate = (double)cell->set[rates[i]];

		if (rate > 0 && rate < least)
			least = rate;
	}
	return least;
}

uint64_t sk_design_guess(const struct sk_experiment *experiment,
			 const struct sk_trial *trial)
{
	struct sk_cell cell = sk_experiment_cell(experiment, trial->cell);
	double cap = narrowest(&cell);
	double bits = 8.0 * (double)cell.set[SK_FACTOR_MEMORY];
	double transfer_s = bits / cap;

	return (changes_guest(experiment) ? LAB_NS : 0) + experiment->baseline_ns +
	       experiment->tail_ns + AROUND_NS + GUESS_PASSES_NS +
	       (uint64_t)(transfer_s * (double)SK_NS_PER_S);
}

/* What the guess was wrong by in cells that ran: so it will be in the others. */
static double scale_of(const struct sk_experiment *experiment, const uint64_t *took)
{
	double measured = 0, guessed = 0;

	for (size_t i = 0; i < sk_experiment_cells(experiment); i++) {
		struct sk_trial trial = {.kind = SK_TRIAL_RUN, .cell = i};

		if (!took[i])
			continue;
		measured += (double)took[i];
		guessed += (double)sk_design_guess(experiment, &trial);
	}
	return guessed > 0 ? measured / guessed : 1;
}

uint64_t sk_design_remaining(const struct sk_experiment *experiment,
			     const struct sk_design *design, const bool *done,
			     const uint64_t *took)
{
	uint64_t sum = !done && !experiment->from ? LAB_NS : 0;
	double scale = scale_of(experiment, took);

	for (size_t i = 0; i < design->nr; i++) {
		const struct sk_trial *trial = &design->trials[i];

		if (done && done[i])
			continue;
		sum += took[trial->cell]
			       ? took[trial->cell]
			       : (uint64_t)(scale *
					    (double)sk_design_guess(experiment, trial));
	}
	return sum;
}
