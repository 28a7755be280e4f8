// SPDX-License-Identifier: Apache-2.0
/* jobs - records of migrations that are under way */
#include "migrate/strategy/jobs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/str.h"

#define FOLDER	"migrations"
#define LOOK_MS 5000 /* for a host to answer */

/* The guest's name, made fit for a file, and where it is: names may be the same elsewhere. */
static char *make_id(const char *guest, const char *from)
{
	sk_auto(sk_str_finish) struct sk_str id = SK_STR_INIT;
	uint64_t hash = 14695981039346656037u;

	for (const char *c = guest; *c; c++)
		sk_str_add_char(&id, (*c >= 'a' && *c <= 'z') ||
						     (*c >= 'A' && *c <= 'Z') ||
						     (*c >= '0' && *c <= '9') || *c == '-'
					     ? *c
					     : '_');
	for (int i = 0; i < 2; i++)
		for (const char *c = i ? from : guest; *c; c++)
			hash = (hash ^ (unsigned char)*c) * 1099511628211u;
	sk_str_addf(&id, "-%08" PRIx64, hash >> 32);
	return sk_str_steal(&id);
}

static void finish(struct sk_job_record *record)
{
	sk_close(&record->dir_fd);
	sk_close(&record->lock_fd);
	free(record->id);
	sk_json_free(record->json);
	*record = SK_JOB_RECORD_INIT;
}

static int save(struct sk_job_record *record, struct sk_err *err)
{
	sk_autofree char *file = sk_strf("%s.json", record->id);
	sk_autofree char *text = sk_json_print(record->json, true);

	if (!file || !text)
		return sk_err_oom(err);
	return sk_fs_replace(record->dir_fd, file, text, strlen(text), 0600, err);
}

static int refuse(const struct sk_job_record *record, const char *guest,
		  struct sk_err *err)
{
	sk_autofree char *file = sk_strf("%s.json", record->id);
	sk_auto(sk_json_free) struct sk_json *other = NULL;
	int r;

	if (file && sk_json_load(record->dir_fd, file, &other, NULL) == 0)
		r = sk_err_set(
			err, EBUSY,
			"guest '%s' is being migrated to '%s' already, by process %lld",
			guest, sk_json_str(sk_json_get(other, "to_name"), "?"),
			(long long)sk_json_int(sk_json_get(other, "pid"), 0));
	else
		r = sk_err_set(err, EBUSY, "guest '%s' is being migrated already", guest);
	return sk_err_hint(err, r, "see it with skiff migrate status");
}

/* One whose leader was killed may go on by itself: without its record nobody could attach to it. */
static int check_leftover(const struct sk_job_record *record,
			  const struct sk_migrate_opts *opts, struct sk_err *err)
{
	sk_autofree char *file = sk_strf("%s.json", record->id);
	struct sk_vm_look look;
	int r;

	if (!file)
		return sk_err_oom(err);
	if (!sk_fs_exists(record->dir_fd, file))
		return 0;
	r = sk_vm_look(opts->from, opts->guest, LOOK_MS, &look, err);
	if (r < 0 || (!look.has_job && !look.is_postcopy))
		return r;
	r = sk_err_set(err, EBUSY,
		       "guest '%s' is being migrated already, led by the hosts",
		       opts->guest);
	return sk_err_hint(err, r, "see it to its end: skiff migrate attach %s",
			   opts->guest);
}

/* What a post-copy that is connected anew must know, lest it goes on in plain text. */
static void describe_transfer(struct sk_json *json, const struct sk_transfer_opts *o)
{
	sk_json_set_bool(json, "p2p", o->p2p);
	sk_json_set_str(json, "p2p_uri", o->p2p_uri);
	sk_json_set_bool(json, "tls", o->tls);
	sk_json_set_str(json, "tls_destination", o->tls_destination);
	sk_json_set_str(json, "migrate_uri", o->migrate_uri);
	sk_json_set_str(json, "listen_address", o->listen_address);
}

static const char *text_of(const struct sk_json *record, const char *key)
{
	return sk_json_str(sk_json_get(record, key), NULL);
}

void sk_jobs_transfer(const struct sk_json *record, struct sk_transfer_opts *ret)
{
	*ret = (struct sk_transfer_opts){
		.p2p = sk_json_bool(sk_json_get(record, "p2p"), false),
		.p2p_uri = text_of(record, "p2p_uri"),
		.tls = sk_json_bool(sk_json_get(record, "tls"), false),
		.tls_destination = text_of(record, "tls_destination"),
		.migrate_uri = text_of(record, "migrate_uri"),
		.listen_address = text_of(record, "listen_address")};
}

static void describe(struct sk_job_record *record, const struct sk_migrate_opts *opts)
{
	struct sk_json *json = sk_json_new_object();
	char started[SK_CLOCK_TEXT_SIZE];

	sk_json_set_str(json, "guest", opts->guest);
	sk_json_set_str(json, "lab", opts->lab);
	sk_json_set_str(json, "from", opts->from);
	sk_json_set_str(json, "to", opts->to);
	sk_json_set_str(json, "from_name",
			opts->from_name ? opts->from_name : opts->from);
	sk_json_set_str(json, "to_name", opts->to_name ? opts->to_name : opts->to);
	sk_json_set_str(json, "to_monitor", opts->to_monitor);
	describe_transfer(json, &opts->transfer);
	sk_json_set_str(json, "mode", sk_mode_name(opts->mode));
	sk_json_set_int(json, "pid", getpid());
	sk_json_set_str(json, "started", sk_clock_format(sk_clock_real(), started));
	sk_json_set_str(json, "phase", "running");
	record->json = json;
}

int sk_jobs_begin(const struct sk_migrate_opts *opts, struct sk_job_record *ret,
		  struct sk_err *err)
{
	struct sk_job_record record = SK_JOB_RECORD_INIT;
	sk_autofree char *lock = NULL;
	int r;

	if (!opts->home)
		return 0;
	record.id = make_id(opts->guest, opts->from);
	lock = record.id ? sk_strf("%s.lock", record.id) : NULL;
	if (!lock)
		r = sk_err_oom(err);
	else
		r = record.dir_fd =
			sk_fs_open_dir(opts->home->root_fd, FOLDER, 0700, err);
	if (r >= 0) {
		r = record.lock_fd = sk_fs_lock(record.dir_fd, lock, 0, err);
		if (r == -EWOULDBLOCK)
			r = refuse(&record, opts->guest, err);
	}
	if (r >= 0)
		r = check_leftover(&record, opts, err);
	if (r >= 0) {
		describe(&record, opts);
		r = save(&record, err);
	}
	if (r < 0) {
		finish(&record);
		return sk_err_wrap(err, r, "record the migration");
	}
	*ret = record;
	return 0;
}

static bool is_text(const struct sk_json *record, const char *key, const char *wanted)
{
	return sk_str_equal(text_of(record, key), wanted);
}

bool sk_jobs_is_meant(const struct sk_json *record,
		      const struct sk_migration_which *which)
{
	if (which->guest && !is_text(record, "guest", which->guest))
		return false;
	if (which->lab && !is_text(record, "lab", which->lab))
		return false;
	return !which->from || is_text(record, "from", which->from) ||
	       is_text(record, "from_name", which->from);
}

bool sk_jobs_is_at_uri(const struct sk_migration_which *which)
{
	return which->from && strchr(which->from, ':') && !which->lab;
}

void sk_jobs_claim(struct sk_job_record *record)
{
	sk_json_set_int(record->json, "pid", getpid());
	(void)save(record, NULL);
}

void sk_jobs_phase(void *ctx, const char *phase)
{
	struct sk_job_record *record = ctx;

	if (!record->json)
		return;
	sk_json_set_str(record->json, "phase", phase);
	(void)save(record, NULL);
}

void sk_jobs_end(struct sk_job_record *record)
{
	sk_autofree char *file = record->id ? sk_strf("%s.json", record->id) : NULL;
	sk_autofree char *lock = record->id ? sk_strf("%s.lock", record->id) : NULL;

	if (file && record->lock_fd >= 0) {
		(void)unlinkat(record->dir_fd, file, 0);
		(void)unlinkat(record->dir_fd, lock, 0);
	}
	finish(record);
}

void sk_jobs_leave(struct sk_job_record *record)
{
	finish(record);
}

enum sk_job_fate sk_jobs_judge(const struct sk_vm_look *here,
			       const struct sk_vm_look *there, bool was_postcopy)
{
	bool is_postcopy = was_postcopy || here->is_postcopy || there->is_postcopy;

	if (here->state == SK_VM_GONE)
		return there->state == SK_VM_GONE ? SK_JOB_ENDED : SK_JOB_ARRIVED;
	if (here->has_job && !(is_postcopy && there->state == SK_VM_GONE))
		return SK_JOB_GOES_ON;
	if (there->state == SK_VM_GONE) {
		if (is_postcopy && here->state != SK_VM_RUNNING)
			return SK_JOB_LOST;
		return here->state == SK_VM_RUNNING ? SK_JOB_ABORTED : SK_JOB_STOPPED;
	}
	if (here->state == SK_VM_RUNNING)
		return there->state == SK_VM_RUNNING ? SK_JOB_SPLIT : SK_JOB_ABORTED;
	if (there->state == SK_VM_RUNNING)
		return is_postcopy ? SK_JOB_GOES_ON : SK_JOB_LEFTOVER;
	return SK_JOB_SPLIT;
}
