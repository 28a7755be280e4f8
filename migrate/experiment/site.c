// SPDX-License-Identifier: Apache-2.0
/* site - where an experiment's runs are done: a lab of its own, or two hosts */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "lib/str.h"
#include "migrate/experiment/factor.h"
#include "migrate/experiment/trial.h"
#include "migrate/migrate.h"

/* FNV-1a: another folder, another lab. */
static uint64_t hash(const char *text)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 0x100000001b3u;
	return h;
}

int sk_site_open(const struct sk_home *home, const struct sk_experiment *experiment,
		 const char *dir, struct sk_site *ret, struct sk_err *err)
{
	sk_autofree char *path = NULL;

	*ret = (struct sk_site){.home = home, .experiment = experiment};
	if (experiment->from)
		return 0;
	path = realpath(dir, NULL);
	if (!path)
		return sk_err_errno(err, "find the folder '%s'", dir);
	ret->lab = sk_strf("exp-%08" PRIx32, (uint32_t)hash(path));
	return ret->lab ? 0 : sk_err_oom(err);
}

static int lab_down(struct sk_site *site, struct sk_err *err)
{
	int r = sk_lab_down(site->home, site->lab, err);

	site->is_up = false;
	return r == -ENOENT ? 0 : r;
}

void sk_site_close(struct sk_site *site)
{
	/* One that a killed run left is removed as the next begins: -ENOENT is nothing. */
	if (site->lab)
		(void)lab_down(site, NULL);
	free(sk_steal(&site->lab));
}

void sk_site_reset(struct sk_site *site)
{
	site->is_up = false;
}

static int raise_lab(struct sk_site *site, const struct sk_cell *cell, struct sk_err *err)
{
	const struct sk_lab_opts opts = {
		.name = site->lab,
		.hosts = 2,
		.guest_memory_bytes = cell->set[SK_FACTOR_MEMORY],
		.working_set_bytes = cell->set[SK_FACTOR_WORKING_SET],
		.pages_per_s = cell->set[SK_FACTOR_PAGES],
		.phase = site->phase,
		.phase_ctx = site->phase_ctx,
	};
	sk_auto(sk_json_free) struct sk_json *status = NULL;
	int r = lab_down(site, err);

	if (r == 0)
		r = sk_lab_up(site->home, &opts, &status, err);
	if (r < 0)
		return r;
	site->is_up = true;
	site->memory_bytes = cell->set[SK_FACTOR_MEMORY];
	/* A new lab takes a rate of 0 for its default. */
	return cell->set[SK_FACTOR_PAGES]
		       ? 0
		       : sk_lab_load(site->home, site->lab, SK_LAB_KEEP, 0, err);
}

int sk_site_prepare(struct sk_site *site, const struct sk_cell *cell, struct sk_err *err)
{
	const struct sk_experiment *e = site->experiment;

	if (!site->lab)
		return e->control_host ? sk_guest_load(e->control_host, -1,
						       cell->set[SK_FACTOR_WORKING_SET],
						       cell->set[SK_FACTOR_PAGES], err)
				       : 0;
	if (!site->is_up || site->memory_bytes != cell->set[SK_FACTOR_MEMORY])
		return raise_lab(site, cell, err);
	return sk_lab_load(site->home, site->lab, cell->set[SK_FACTOR_WORKING_SET],
			   cell->set[SK_FACTOR_PAGES], err);
}
