// SPDX-License-Identifier: Apache-2.0
/* trial - one run: the migration or the control done, and judged
 *
 * A control is a run in which nothing is migrated: its time line has the call and the return of a
 * migration that was not, as far apart as those of a typical run. So its windows and its longest
 * outage are computed by the same arithmetic, and are what the machine does by itself.
 */
#include "migrate/experiment/trial.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "migrate/experiment/factor.h"
#include "migrate/lab/lab.h"
#include "migrate/migrate.h"
#include "migrate/strategy/insight.h"

#define SCRATCH	   ".run" /* what sk_migrate() writes, until it is taken over */
#define REPLY_MS   3000
#define SERVICE_MS 3000
#define NAP_NS	   (20 * SK_NS_PER_MS)

/* Threads per object have something to do only if requests name objects. */
static unsigned int objects_of(const struct sk_site *site, const struct sk_cell *cell)
{
	struct sk_server_opts server = SK_SERVER_OPTS_INIT;
	sk_autofree char *text = sk_cell_server(site->experiment, cell);

	if (!text || sk_server_parse(text, &server, NULL) < 0 ||
	    server.model != SK_SERVER_THREAD_PER_OBJECT)
		return 0;
	return server.objects;
}

static char *probe_url(const struct sk_site *site, const struct sk_cell *cell)
{
	enum sk_probe_kind kind = (enum sk_probe_kind)cell->set[SK_FACTOR_PROBE];
	unsigned int objects = objects_of(site, cell);
	sk_auto(sk_str_finish) struct sk_str url = SK_STR_INIT;

	if (!site->lab)
		return strdup(site->experiment->probe);
	sk_str_addf(&url, "%s://" SK_LAB_GUEST_IP, sk_probe_kind_name(kind));
	if (kind != SK_PROBE_ICMP)
		sk_str_addf(&url, ":%d", SK_GUEST_ECHO_PORT);
	sk_str_addf(&url, "%chz=%" PRIu64, kind == SK_PROBE_HTTP ? '#' : '?',
		    cell->set[SK_FACTOR_PROBE_HZ]);
	if (cell->set[SK_FACTOR_CLIENTS] > 1)
		sk_str_addf(&url, "&clients=%" PRIu64, cell->set[SK_FACTOR_CLIENTS]);
	if (objects)
		sk_str_addf(&url, "&objects=%u", objects);
	return sk_str_steal(&url);
}

/* The host where the lab's guest is not. */
static int other_host(const struct sk_site *site, const char **ret, struct sk_err *err)
{
	sk_auto(sk_json_free) struct sk_json *status = NULL;
	struct sk_json *guests;
	const char *host;
	int r = sk_lab_status(site->home, site->lab, &status, err);

	if (r < 0)
		return r;
	guests = sk_json_get(status, "guests");
	if (sk_json_len(guests) != 1)
		return sk_err_set(err, EIO, "the lab has %zu guests, not one",
				  sk_json_len(guests));
	host = sk_json_str(sk_json_get(sk_json_at(guests, 0), "host"), "");
	*ret = strcmp(host, sk_lab_host_name(0)) == 0 ? sk_lab_host_name(1)
						      : sk_lab_host_name(0);
	return 0;
}

static int fill_ends(struct sk_site *site, struct sk_migrate_opts *opts,
		     struct sk_json **ret_hold, struct sk_err *err)
{
	const struct sk_experiment *e = site->experiment;
	const char *to = NULL;
	int r;

	if (site->lab) {
		r = other_host(site, &to, err);
		return r < 0 ? r
			     : sk_lab_migrate_opts(site->home, site->lab, SK_LAB_GUEST,
						   to, opts, ret_hold, err);
	}
	if (!site->is_found)
		sk_site_find_guest(site);
	opts->guest = e->guest;
	opts->from = site->is_swapped ? e->to : e->from;
	opts->to = site->is_swapped ? e->from : e->to;
	opts->control_host = e->control_host;
	opts->probe_from = e->probe_from;
	return 0;
}

/* Samples in the compact form, run.json as an object; the rest of the folder goes. */
static int take_over(const struct sk_store *store, const char *samples_name,
		     struct sk_json **ret, struct sk_err *err)
{
	sk_auto(sk_json_free) struct sk_json *result = NULL;
	sk_autofree struct sk_sample *samples = NULL;
	size_t n = 0;
	int r;

	r = sk_json_load(store->dirfd, SCRATCH "/run.json", &result, err);
	if (r == 0)
		r = sk_probe_load(store->dirfd, SCRATCH "/samples.bin", &samples, &n,
				  err);
	if (r == 0) {
		sk_autoclose int dir =
			sk_fs_open_dir(store->dirfd, SK_STORE_SAMPLES, 0755, err);

		r = dir < 0 ? dir : sk_samples_save(dir, samples_name, samples, n, err);
	}
	if (r < 0)
		return r;
	(void)sk_json_set(result, "dir", NULL);
	(void)sk_json_set(result, "report", NULL);
	*ret = sk_steal(&result);
	return 0;
}

static int migrate(struct sk_site *site, const struct sk_store *store,
		   const struct sk_trial_opts *trial, struct sk_json **ret,
		   struct sk_err *err)
{
	sk_auto(sk_json_free) struct sk_json *hold = NULL, *run = NULL;
	sk_autofree char *scratch = sk_strf("%s/%s", store->dir, SCRATCH);
	sk_autofree char *url = probe_url(site, trial->cell);
	struct sk_migrate_opts opts = sk_cell_migration(site->experiment, trial->cell);
	int r;

	if (!scratch || !url)
		return sk_err_oom(err);
	opts.home = site->home;
	opts.probe = url;
	opts.dir = scratch;
	opts.phase = site->phase;
	opts.phase_ctx = site->phase_ctx;
	opts.interrupted = site->interrupted;
	r = sk_fs_remove_tree(store->dirfd, SCRATCH, err);
	if (r == 0)
		r = fill_ends(site, &opts, &hold, err);
	if (r == 0) {
		r = sk_migrate(&opts, &run, err);
		if (r == 0)
			site->is_swapped = !site->is_swapped;
	}
	sk_close(&opts.netns_fd);
	if (r == 0)
		r = take_over(store, trial->samples, ret, err);
	(void)sk_fs_remove_tree(store->dirfd, SCRATCH, NULL);
	return r;
}

static int linger(const struct sk_site *site, uint64_t ns, struct sk_err *err)
{
	uint64_t end = sk_clock_mono() + ns;

	while (sk_clock_mono() < end) {
		if (site->interrupted && *site->interrupted)
			return sk_err_set(err, ECANCELED, "interrupted");
		sk_clock_sleep_until(sk_clock_mono() + NAP_NS);
	}
	return 0;
}

static int note(struct sk_timeline *timeline, enum sk_event_kind kind)
{
	return sk_timeline_add(timeline,
			       &(struct sk_event){.kind = kind, .side = SK_SIDE_SOURCE});
}

static struct sk_json *control_json(const struct sk_verdict *verdict,
				    struct sk_timeline *timeline, const char *url,
				    uint64_t probe_start_ns)
{
	struct sk_json *result = sk_verdict_json(verdict);

	(void)sk_json_set(result, "mode", NULL);
	(void)sk_json_set(result, "memory", NULL);
	sk_json_set_str(result, "probe_target", url);
	(void)sk_json_set(result, "timeline", sk_timeline_json(timeline));
	sk_json_set_uint(result, "probe_start_ns", probe_start_ns);
	return result;
}

static int conclude_control(const struct sk_store *store, const struct sk_probe *probe,
			    struct sk_timeline *timeline, const char *url,
			    const char *samples_name, struct sk_json **ret,
			    struct sk_err *err)
{
	uint64_t start = sk_probe_start_time(probe);
	const struct sk_sample *samples;
	sk_autoclose int dir = -1;
	struct sk_verdict verdict;
	size_t n = 0;
	int r;

	samples = sk_probe_samples(probe, &n);
	r = sk_verdict_make(SK_MODE_PRE_COPY, timeline, samples, n, start, &verdict);
	if (r < 0)
		return sk_err_code(err, r, "summarize the probe's samples");
	dir = sk_fs_open_dir(store->dirfd, SK_STORE_SAMPLES, 0755, err);
	r = dir < 0 ? dir : sk_samples_save(dir, samples_name, samples, n, err);
	if (r == 0)
		*ret = control_json(&verdict, timeline, url, start);
	return r;
}

static int control(struct sk_site *site, const struct sk_store *store,
		   const struct sk_trial_opts *trial, struct sk_json **ret,
		   struct sk_err *err)
{
	const struct sk_experiment *e = site->experiment;
	sk_auto(sk_timeline_free) struct sk_timeline *timeline = sk_timeline_new();
	sk_autofree char *url = probe_url(site, trial->cell);
	sk_autoclose int netns = -1;
	struct sk_probe_opts opts = {.from = e->probe_from,
				     .max_duration_ns = e->baseline_ns + e->tail_ns +
							trial->control_ns +
							60 * SK_NS_PER_S};
	struct sk_probe *probe = NULL;
	int r;

	if (!timeline || !url)
		return sk_err_oom(err);
	r = sk_site_netns(site, &netns, err);
	opts.netns_fd = netns;
	if (r == 0)
		r = sk_probe_target_parse(url, &opts.target, err);
	if (r == 0)
		r = sk_probe_start(&opts, &probe, err);
	if (r < 0)
		return r;
	site->phase(site->phase_ctx, "probe without a migration", NULL);
	r = sk_probe_wait_reply(probe, REPLY_MS, err);
	if (r == 0)
		r = linger(site, e->baseline_ns, err);
	if (r == 0 && note(timeline, SK_EVENT_API_CALL) < 0)
		r = sk_err_oom(err);
	if (r == 0)
		r = linger(site, trial->control_ns, err);
	if (r == 0 && note(timeline, SK_EVENT_API_RETURN) < 0)
		r = sk_err_oom(err);
	if (r == 0)
		r = linger(site, e->tail_ns, err);
	if (r == 0)
		r = sk_probe_stop(probe, err);
	if (r == 0 && sk_probe_cut(probe))
		r = sk_err_set(err, EPIPE, "probe from '%s': %s", e->probe_from,
			       sk_probe_cut(probe));
	if (r == 0)
		r = conclude_control(store, probe, timeline, url, trial->samples, ret,
				     err);
	sk_probe_free(probe);
	return r;
}

/* As sk_migrate() does: from just before the probe to after it, so far as it answers. */
static int control_served(struct sk_site *site, const struct sk_store *store,
			  const struct sk_trial_opts *trial, struct sk_json **ret,
			  struct sk_err *err)
{
	const char *guest = sk_site_guest(site);
	struct sk_guest_service before, after;
	sk_autoclose int netns = -1;
	bool is_known;
	int r = sk_site_netns(site, &netns, err);

	if (r < 0)
		return r;
	is_known = guest &&
		   sk_guest_service(guest, netns, SERVICE_MS, true, &before, NULL) == 0;
	r = control(site, store, trial, ret, err);
	if (r == 0 && is_known &&
	    sk_guest_service(guest, netns, SERVICE_MS, false, &after, NULL) == 0)
		(void)sk_json_set(*ret, "service", sk_insight_service(&before, &after));
	return r;
}

int sk_trial_do(struct sk_site *site, const struct sk_store *store,
		const struct sk_trial_opts *opts, struct sk_json **ret,
		struct sk_err *err)
{
	int r = sk_site_prepare(site, opts->cell, err);

	if (r < 0)
		return r;
	return opts->is_control ? control_served(site, store, opts, ret, err)
				: migrate(site, store, opts, ret, err);
}

const char *sk_trial_judge(const struct sk_json *result, char *ret_why, size_t size)
{
	const struct sk_json *verified = sk_json_get(result, "memory_verified");
	const struct sk_json *mode = sk_json_get(result, "mode");
	const struct sk_json *probe = sk_json_get(result, "probe");
	const char *asked = sk_json_str(sk_json_get(mode, "chosen"),
					sk_json_str(sk_json_get(mode, "asked"), ""));

	ret_why[0] = '\0';
	if (verified && !sk_json_bool(verified, false)) {
		(void)snprintf(ret_why, size, "the guest's memory is not what it was: %s",
			       sk_json_str(sk_json_path(result, "memory_check.why"), ""));
		return "failed";
	}
	if (mode && !sk_str_equal(asked, sk_json_str(sk_json_get(mode, "proven"), "")))
		(void)snprintf(ret_why, size, "not %s as asked: %s", asked,
			       sk_json_str(sk_json_get(mode, "why"), ""));
	else if (!sk_json_bool(sk_json_get(probe, "complete"), true))
		(void)snprintf(ret_why, size, "the probe was cut off: %s",
			       sk_json_str(sk_json_get(probe, "cut"), ""));
	else if (!sk_json_bool(sk_json_get(probe, "late_ok"), false))
		(void)snprintf(ret_why, size,
			       "the probe itself was late (p99 %.0f us): what it "
			       "measured is not the service",
			       sk_json_double(sk_json_get(probe, "late_p99_us"), 0));
	else if (sk_json_int(sk_json_get(probe, "lost"), 0) ==
		 sk_json_int(sk_json_get(probe, "sent"), 0))
		(void)snprintf(ret_why, size, "nobody answered the probe");
	return ret_why[0] ? "discarded" : "ok";
}
