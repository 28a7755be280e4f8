// SPDX-License-Identifier: Apache-2.0
/* site - where an experiment's runs are done: a lab of its own, or two hosts */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "lib/str.h"
#include "migrate/experiment/factor.h"
#include "migrate/experiment/trial.h"
#include "migrate/lab/lab.h"
#include "migrate/vm/vm.h"

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

int sk_site_close(struct sk_site *site, struct sk_err *err)
{
	int r = 0;

	/* One that a killed run left is removed as the next begins: -ENOENT is nothing. */
	if (site->lab)
		r = lab_down(site, err);
	if (r < 0)
		r = sk_err_hint(err, r,
				"the runs are done; skiff lab down %s, then "
				"skiff exp report",
				site->lab);
	free(sk_steal(&site->lab));
	free(sk_steal(&site->server));
	return r;
}

static enum sk_vm_state look(const char *uri, const char *guest)
{
	sk_auto(sk_vm_host_free) struct sk_vm_host *host = NULL;
	struct sk_vm_look seen = {.state = SK_VM_GONE};

	if (sk_vm_host_open(uri, &host, NULL) < 0 ||
	    sk_vm_host_look(host, guest, &seen, NULL) < 0)
		return SK_VM_GONE;
	return seen.state;
}

void sk_site_find_guest(struct sk_site *site)
{
	const struct sk_experiment *e = site->experiment;

	if (look(e->from, e->guest) == SK_VM_RUNNING)
		site->is_swapped = false;
	else if (look(e->to, e->guest) == SK_VM_RUNNING)
		site->is_swapped = true;
	else
		return;
	site->is_found = true;
}

int sk_site_netns(const struct sk_site *site, int *ret, struct sk_err *err)
{
	int fd;

	*ret = -1;
	if (!site->lab)
		return 0;
	fd = sk_lab_client_netns(site->home, site->lab, err);
	if (fd < 0)
		return fd;
	*ret = fd;
	return 0;
}

const char *sk_site_guest(const struct sk_site *site)
{
	return site->lab ? SK_LAB_GUEST_IP : site->experiment->control_host;
}

static struct sk_lab_shape shape_of(const struct sk_cell *cell)
{
	return (struct sk_lab_shape){.rate_bits = cell->set[SK_FACTOR_LINK_RATE],
				     .latency_ns = cell->set[SK_FACTOR_LATENCY],
				     .loss_ppm = cell->set[SK_FACTOR_LOSS]};
}

int sk_site_check(const struct sk_home *home, const struct sk_experiment *experiment,
		  struct sk_err *err)
{
	if (!experiment->from && home->is_rootless)
		return sk_err_hint(err, sk_err_set(err, EPERM, "a lab needs root"),
				   "its hosts make bridges and run libvirtd: use sudo");
	for (size_t i = 0; i < sk_experiment_cells(experiment); i++) {
		struct sk_cell cell = sk_experiment_cell(experiment, i);
		struct sk_lab_shape shape = shape_of(&cell);
		int r = sk_lab_shape_check(&shape, err);

		if (r < 0)
			return sk_err_wrap(err, r, "experiment '%s'", experiment->name);
	}
	return 0;
}

void sk_site_reset(struct sk_site *site)
{
	site->is_up = false;
	site->is_found = false;
}

/* Takes @server. */
static int raise_lab(struct sk_site *site, const struct sk_cell *cell, char *server,
		     struct sk_err *err)
{
	struct sk_lab_opts opts = sk_cell_lab(cell, server);
	int r = lab_down(site, err);

	free(site->server);
	site->server = server;
	opts.name = site->lab;
	opts.phase = site->phase;
	opts.phase_ctx = site->phase_ctx;
	opts.interrupted = site->interrupted;
	if (r == 0)
		r = sk_lab_up(site->home, &opts, NULL, err);
	if (r < 0)
		return r;
	site->is_up = true;
	site->memory_bytes = cell->set[SK_FACTOR_MEMORY];
	site->shape = (struct sk_lab_shape){0};
	return 0;
}

static int shape_links(struct sk_site *site, const struct sk_cell *cell,
		       struct sk_err *err)
{
	struct sk_lab_shape wanted = shape_of(cell);
	int r;

	if (memcmp(&wanted, &site->shape, sizeof(wanted)) == 0)
		return 0;
	r = sk_lab_shape(site->home, site->lab, &wanted, err);
	if (r == 0)
		site->shape = wanted;
	return r;
}

int sk_site_prepare(struct sk_site *site, const struct sk_cell *cell, struct sk_err *err)
{
	const struct sk_experiment *e = site->experiment;
	uint64_t working_set = cell->set[SK_FACTOR_WORKING_SET];
	uint64_t pages = cell->set[SK_FACTOR_PAGES];
	sk_autofree char *server = sk_cell_server(e, cell);
	int r;

	if (!server)
		return sk_err_oom(err);
	if (!site->lab)
		return e->control_host ? sk_guest_load(e->control_host, -1, working_set,
						       pages, err)
				       : 0;
	if (!site->is_up || site->memory_bytes != cell->set[SK_FACTOR_MEMORY] ||
	    strcmp(site->server, server) != 0)
		r = raise_lab(site, cell, sk_steal(&server), err);
	else
		r = sk_lab_load(site->home, site->lab, working_set, pages, err);
	return r < 0 ? r : shape_links(site, cell, err);
}
