// SPDX-License-Identifier: Apache-2.0
/* Migrations that lost their leader: found by their records, told of, led on, given up
 *
 * What a killed leader leaves depends on how far it was (direct: libvirt's client leads):
 *
 * - pre-copy, direct: the source's libvirtd notices the closed connection, ends the job, and the
 *   destination's ends its half of the guest. The guest runs at the source.
 * - pre-copy, peer-to-peer: the source's libvirtd leads: the job goes on.
 * - post-copy: both hosts go on by themselves, and the source ends its copy when all is sent. Only
 *   a broken connection needs somebody to mend it.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/parse.h"
#include "lib/str.h"
#include "migrate/strategy/jobs.h"
#include "migrate/strategy/strategy.h"

#define SETTLE_NS (8 * SK_NS_PER_S) /* libvirtd ends the job of a client that is gone */
#define NAP_NS	  (200 * SK_NS_PER_MS)

/** struct finding - A record, and what both ends do now */
struct finding {
	struct sk_job_record record; /* its lock is held when nobody else leads */
	bool is_led;
	bool is_known; /* both ends answered */
	struct sk_vm_look here, there;
	enum sk_job_fate fate;
	char why[160]; /* why it is not known */
};

static const char *text_of(const struct finding *f, const char *key)
{
	return sk_json_str(sk_json_get(f->record.json, key), "");
}

static void finish_finding(struct finding *f)
{
	sk_jobs_leave(&f->record);
}
SK_DEFINE_AUTO_FINISH(struct finding, finish_finding)

/* A lab's host is reached through its process: without it nothing of it is left. */
static bool is_host_gone(const char *uri)
{
	const char *socket = strstr(uri, "socket=/proc/");
	sk_autofree char *path = NULL;

	if (!socket)
		return false;
	path = strndup(socket + 7, strlen("/proc/") + strcspn(socket + 13, "/"));
	return path && !sk_fs_exists(AT_FDCWD, path);
}

static int look_at(const char *uri, const char *guest, struct sk_vm_look *ret,
		   struct sk_err *err)
{
	sk_auto(sk_vm_host_free) struct sk_vm_host *host = NULL;
	int r;

	*ret = (struct sk_vm_look){.state = SK_VM_GONE};
	if (is_host_gone(uri))
		return 0;
	r = sk_vm_host_open(uri, &host, err);
	return r < 0 ? r : sk_vm_host_look(host, guest, ret, err);
}

static void look(struct finding *f)
{
	const char *guest = text_of(f, "guest");
	struct sk_err err = SK_ERR_INIT;

	f->is_known = look_at(text_of(f, "from"), guest, &f->here, &err) == 0 &&
		      look_at(text_of(f, "to"), guest, &f->there, &err) == 0;
	(void)snprintf(f->why, sizeof(f->why), "%.159s", f->is_known ? "" : err.msg);
	f->fate = sk_jobs_judge(&f->here, &f->there,
				strcmp(text_of(f, "phase"), "post-copy") == 0);
}

/* 1 when the record is gone meanwhile. */
static int open_finding(const struct sk_home *home, const char *file, struct finding *ret,
			struct sk_err *err)
{
	sk_auto(finish_finding) struct finding f = {.record = SK_JOB_RECORD_INIT};
	sk_autofree char *lock = NULL;
	int r;

	f.record.id = strndup(file, strlen(file) - strlen(".json"));
	lock = f.record.id ? sk_strf("%s.lock", f.record.id) : NULL;
	if (!lock)
		return sk_err_oom(err);
	f.record.dir_fd = sk_fs_open_dir(home->root_fd, "migrations", 0700, err);
	if (f.record.dir_fd < 0)
		return f.record.dir_fd;
	f.record.lock_fd = sk_fs_lock(f.record.dir_fd, lock, 0, NULL);
	f.is_led = f.record.lock_fd < 0;
	if (!sk_fs_exists(f.record.dir_fd, file)) {
		if (!f.is_led)
			(void)unlinkat(f.record.dir_fd, lock, 0);
		return 1;
	}
	r = sk_json_load(f.record.dir_fd, file, &f.record.json, err);
	if (r < 0)
		return r;
	*ret = f;
	f = (struct finding){.record = SK_JOB_RECORD_INIT};
	return 0;
}

/* Those that libvirtd is about to end are given the time for that. */
static void look_until_settled(struct finding *f)
{
	uint64_t deadline = sk_clock_mono() + SETTLE_NS;
	bool is_moving;

	do {
		look(f);
		is_moving = f->is_known && !f->is_led && f->fate == SK_JOB_GOES_ON &&
			    !f->here.is_postcopy && !f->there.is_postcopy &&
			    !sk_json_bool(sk_json_get(f->record.json, "p2p"), false);
		/* Its half at the destination goes a moment after the job. */
		if (f->is_known &&
		    (f->fate == SK_JOB_SPLIT ||
		     (f->fate == SK_JOB_ABORTED && f->there.state != SK_VM_GONE)))
			is_moving = true;
		if (is_moving)
			sk_clock_sleep_until(sk_clock_mono() + NAP_NS);
	} while (is_moving && sk_clock_mono() < deadline);
}

static char *tell(const struct finding *f)
{
	const char *guest = text_of(f, "guest"), *from = text_of(f, "from_name"),
		   *to = text_of(f, "to_name");

	if (!f->is_known)
		return sk_strf("guest '%s': not known: %s", guest, f->why);
	if (f->is_led)
		return sk_strf("guest '%s' moves from '%s' to '%s', led by process %lld",
			       guest, from, to,
			       (long long)sk_json_int(sk_json_get(f->record.json, "pid"),
						      0));
	switch (f->fate) {
	case SK_JOB_ABORTED:
		return sk_strf("the migration of guest '%s' to '%s' was aborted, as its "
			       "leader was killed: it runs at '%s'",
			       guest, to, from);
	case SK_JOB_STOPPED:
		return sk_strf(
			"the migration of guest '%s' to '%s' was aborted, as its "
			"leader was killed: it stood still at '%s', and runs again",
			guest, to, from);
	case SK_JOB_ARRIVED:
		return sk_strf("guest '%s' has arrived at '%s', though its leader was "
			       "killed; nothing is left at '%s'",
			       guest, to, from);
	case SK_JOB_LEFTOVER:
		return sk_strf("guest '%s' has arrived at '%s', though its leader was "
			       "killed; the paused copy at '%s' was ended",
			       guest, to, from);
	case SK_JOB_GOES_ON:
		return sk_strf("guest '%s' moves from '%s' to '%s'%s, led by the hosts",
			       guest, from, to,
			       f->here.is_postcopy ? " in post-copy" : "");
	case SK_JOB_SPLIT:
		return sk_strf(
			"there are two copies of guest '%s', at '%s' and '%s', and "
			"it is not known which is right: both are left alone",
			guest, from, to);
	case SK_JOB_LOST:
		return sk_strf(
			"guest '%s' is lost: it ended at '%s' in the middle of "
			"post-copy; the copy at '%s' is older than what clients saw",
			guest, to, from);
	default:
		return sk_strf("guest '%s' has ended", guest);
	}
}

typedef int visit_fn(struct finding *finding, void *arg, struct sk_err *err);

/* Each record of @guest, or of all. */
static int each(const struct sk_home *home, const char *guest, visit_fn *visit, void *arg,
		struct sk_err *err)
{
	sk_auto(sk_strv_free) char **files = NULL;
	int r = sk_fs_list(home->root_fd, "migrations", &files);

	if (r < 0)
		return r == -ENOENT ? 0 : sk_err_code(err, r, "list the migrations");
	for (char **file = files; file && *file; file++) {
		sk_auto(finish_finding) struct finding f = {.record = SK_JOB_RECORD_INIT};

		if (!sk_str_ends(*file, ".json"))
			continue;
		r = open_finding(home, *file, &f, err);
		if (r < 0)
			return r;
		if (r == 1 || (guest && strcmp(guest, text_of(&f, "guest")) != 0))
			continue;
		r = visit(&f, arg, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int mend(struct finding *f, struct sk_err *err)
{
	sk_auto(sk_vm_host_free) struct sk_vm_host *host = NULL;
	int r;

	if (f->fate != SK_JOB_STOPPED && f->fate != SK_JOB_LEFTOVER)
		return 0;
	r = sk_vm_host_open(text_of(f, "from"), &host, err);
	if (r < 0)
		return r;
	if (f->fate == SK_JOB_STOPPED)
		return sk_vm_host_resume(host, text_of(f, "guest"), err);
	return sk_vm_host_destroy(host, text_of(f, "guest"), err);
}

static int visit_recover(struct finding *f, void *arg, struct sk_err *err)
{
	sk_autofree char *text = NULL;
	struct sk_json *one;
	int r;

	if (f->is_led)
		return 0;
	look_until_settled(f);
	if (!f->is_known || f->fate == SK_JOB_GOES_ON || f->fate == SK_JOB_SPLIT)
		return 0;
	r = mend(f, err);
	if (r < 0)
		return r;
	text = tell(f);
	if (!text)
		return sk_err_oom(err);
	one = sk_json_add(arg, sk_json_new_object());
	sk_json_set_str(one, "guest", text_of(f, "guest"));
	sk_json_set_str(one, "text", text);
	sk_jobs_end(&f->record);
	return 0;
}

int sk_migration_recover(const struct sk_home *home, struct sk_json **ret,
			 struct sk_err *err)
{
	sk_auto(sk_json_free) struct sk_json *array = sk_json_new_array();
	int r;

	if (!array)
		return sk_err_oom(err);
	r = each(home, NULL, visit_recover, array, err);
	*ret = sk_steal(&array);
	return r;
}

static const char *led_by(const struct finding *f)
{
	if (f->is_led)
		return "skiff";
	return f->is_known && f->fate == SK_JOB_GOES_ON ? "hosts" : "nobody";
}

static int visit_list(struct finding *f, void *arg, struct sk_err *err)
{
	static const char *const keys[] = {"guest", "mode", "phase", "started"};
	const struct sk_job_sample *job = &f->here.job;
	struct sk_json *one = sk_json_new_object();
	sk_autofree char *text = NULL;

	look(f);
	text = tell(f);
	if (!text)
		return sk_err_oom(err);
	for (size_t i = 0; i < SK_ARRAY_SIZE(keys); i++)
		sk_json_set_str(one, keys[i], text_of(f, keys[i]));
	sk_json_set_str(one, "from", text_of(f, "from_name"));
	sk_json_set_str(one, "to", text_of(f, "to_name"));
	sk_json_set_str(one, "led_by", led_by(f));
	(void)sk_json_set(one, "pid",
			  f->is_led ? sk_json_ref(sk_json_get(f->record.json, "pid"))
				    : NULL);
	(void)sk_json_set(one, "remaining_bytes",
			  f->here.has_job ? sk_json_new_uint(job->memory_remaining)
					  : NULL);
	(void)sk_json_set(one, "total_bytes",
			  f->here.has_job ? sk_json_new_uint(job->memory_total) : NULL);
	sk_json_set_str(one, "text", text);
	(void)sk_json_add(arg, one);
	return 0;
}

int sk_migration_list(const struct sk_home *home, const char *guest, struct sk_json **ret,
		      struct sk_err *err)
{
	sk_auto(sk_json_free) struct sk_json *array = sk_json_new_array();
	int r = each(home, guest, visit_list, array, err);

	if (r == 0)
		*ret = sk_steal(&array);
	return r;
}

/** struct attend - One call of sk_migration_attach() or sk_migration_abort() */
struct attend {
	const struct sk_attend_opts *opts;
	bool has_found;
};

/* Nobody leads a post-copy that does not move: connect both ends anew, and lead it. */
static int lead_on(struct finding *f, const struct sk_attend_opts *opts,
		   struct sk_err *err)
{
	sk_auto(sk_timeline_free) struct sk_timeline *timeline = sk_timeline_new();
	const struct sk_vm_ends ends = {.guest = text_of(f, "guest"),
					.from = text_of(f, "from"),
					.to = text_of(f, "to"),
					.timeline = timeline};
	sk_auto(sk_vm_close) struct sk_vm *vm = NULL;
	struct sk_session session = {.ops = &sk_vm_libvirt,
				     .strategy = &sk_post_copy,
				     .guest = ends.guest,
				     .is_resume = true,
				     .phase = opts->phase,
				     .phase_ctx = opts->phase_ctx,
				     .interrupted = opts->interrupted};
	int r;

	if (!timeline)
		return sk_err_oom(err);
	r = sk_vm_open(&ends, &vm, err);
	if (r < 0)
		return r;
	session.vm = vm;
	r = sk_session_run(&session, err);
	if (session.is_abandoned) {
		sk_vm_abandon(vm);
		(void)sk_steal(&timeline);
	}
	return r;
}

static void say_progress(const struct finding *f, const struct sk_attend_opts *opts)
{
	char left[SK_FORMAT_SIZE], text[80];

	if (!opts->phase)
		return;
	(void)sk_format_size(f->here.job.memory_remaining, left);
	(void)snprintf(text, sizeof(text), "%s to go", left);
	opts->phase(opts->phase_ctx, "migrate", text);
}

static int watch(struct finding *f, const struct sk_attend_opts *opts, struct sk_err *err)
{
	struct sk_guard guard;

	sk_guard_start(&guard, 0, 5 * SK_NS_PER_S, sk_clock_mono());
	for (;;) {
		uint64_t now = sk_clock_mono();

		if (opts->interrupted && *opts->interrupted)
			return sk_err_set(err, EINPROGRESS, "it goes on without us");
		look(f);
		if (!f->is_known)
			return sk_err_set(err, EIO, "%s", f->why);
		if (f->fate != SK_JOB_GOES_ON)
			return 0;
		sk_guard_hear(&guard, f->here.job.memory_processed,
			      f->here.job.memory_remaining, now);
		if (f->here.is_postcopy && sk_guard_look(&guard, now) == SK_GUARD_STALLED)
			return lead_on(f, opts, err);
		say_progress(f, opts);
		sk_clock_sleep_until(now + NAP_NS);
	}
}

static int visit_attach(struct finding *f, void *arg, struct sk_err *err)
{
	struct attend *attend = arg;
	sk_autofree char *text = NULL;
	int r;

	attend->has_found = true;
	if (f->is_led)
		return sk_err_set(err, EBUSY, "process %lld leads it already",
				  (long long)sk_json_int(sk_json_get(f->record.json,
								     "pid"),
							 0));
	if (attend->opts->phase)
		attend->opts->phase(attend->opts->phase_ctx, "migrate", NULL);
	r = watch(f, attend->opts, err);
	if (r < 0)
		return r;
	look(f);
	text = tell(f);
	if (!text)
		return sk_err_oom(err);
	if (f->fate != SK_JOB_ARRIVED)
		r = sk_err_set(err, f->fate == SK_JOB_ABORTED ? ECANCELED : EIO, "%s",
			       text);
	sk_jobs_end(&f->record);
	return r;
}

static int not_found(const char *guest, struct sk_err *err)
{
	int r = sk_err_set(err, ENOENT, "no migration of guest '%s' is under way", guest);

	return sk_err_hint(err, r, "see those that are: skiff migrate status");
}

int sk_migration_attach(const struct sk_home *home, const char *guest,
			const struct sk_attend_opts *opts, struct sk_err *err)
{
	struct attend attend = {.opts = opts};
	int r = each(home, guest, visit_attach, &attend, err);

	return r == 0 && !attend.has_found ? not_found(guest, err) : r;
}

static int visit_abort(struct finding *f, void *arg, struct sk_err *err)
{
	sk_auto(sk_vm_host_free) struct sk_vm_host *host = NULL;
	struct attend *attend = arg;
	int r;

	attend->has_found = true;
	look(f);
	if (!f->is_known)
		return sk_err_set(err, EIO, "%s", f->why);
	if (f->here.is_postcopy || f->there.is_postcopy) {
		r = sk_err_set(err, EBUSY,
			       "guest '%s' is in post-copy, which cannot be given up",
			       text_of(f, "guest"));
		return sk_err_hint(err, r,
				   "each host has a part of its memory; see it to its "
				   "end: skiff migrate attach %s",
				   text_of(f, "guest"));
	}
	r = sk_vm_host_open(text_of(f, "from"), &host, err);
	if (r == 0)
		r = sk_vm_host_abort(host, text_of(f, "guest"), err);
	if (r < 0 || f->is_led)
		return r;
	for (uint64_t end = sk_clock_mono() + SETTLE_NS; sk_clock_mono() < end;) {
		look(f);
		if (f->fate != SK_JOB_GOES_ON && f->there.state == SK_VM_GONE)
			break;
		sk_clock_sleep_until(sk_clock_mono() + NAP_NS);
	}
	if (f->fate == SK_JOB_GOES_ON)
		return sk_err_set(err, ETIMEDOUT, "the job has not ended yet");
	sk_jobs_end(&f->record);
	return 0;
}

int sk_migration_abort(const struct sk_home *home, const char *guest, struct sk_err *err)
{
	struct attend attend = {0};
	int r = each(home, guest, visit_abort, &attend, err);

	return r == 0 && !attend.has_found ? not_found(guest, err) : r;
}
