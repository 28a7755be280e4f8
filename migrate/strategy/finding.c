// SPDX-License-Identifier: Apache-2.0
/* finding - a record of a migration, and what became of the guest
 *
 * What a killed leader leaves depends on how far it was (direct: libvirt's client leads):
 *
 * - pre-copy, direct: the source's libvirtd notices the closed connection, ends the job, and the
 *   destination's ends its half of the guest. The guest runs at the source.
 * - pre-copy, peer-to-peer: the source's libvirtd leads: the job goes on.
 * - post-copy: both hosts go on by themselves, and the source ends its copy when all is sent. Only
 *   a broken connection needs somebody to mend it.
 */
#include "migrate/strategy/finding.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/log.h"
#include "lib/str.h"

#define LOOK_NS (5 * SK_NS_PER_S) /* for a host to answer */

const char *sk_finding_text(const struct sk_finding *f, const char *key)
{
	return sk_json_str(sk_json_get(f->record.json, key), "");
}

static void finish_finding(struct sk_finding *f)
{
	sk_jobs_leave(&f->record);
}
SK_DEFINE_AUTO_FINISH(struct sk_finding, finish_finding)

/* A lab's host is reached through its process: without it nothing of it is left. One that has our
 * own root folder is another process of that number: its libvirtd would be this machine's. */
static bool is_host_gone(const char *uri)
{
	const char *proc = strstr(uri, "socket=/proc/");
	sk_autofree char *root = NULL;
	struct stat theirs, ours;

	if (!proc)
		return false;
	proc += strlen("socket=/proc/");
	root = sk_strf("/proc/%.*s/root/", (int)strcspn(proc, "/"), proc);
	if (!root || stat("/", &ours) < 0)
		return false;
	if (stat(root, &theirs) < 0)
		return errno == ENOENT;
	return theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino;
}

static int look_at(const struct sk_finding *f, const char *end, struct sk_vm_look *ret,
		   struct sk_err *err)
{
	uint64_t now = sk_clock_mono(), until = now + LOOK_NS;
	const char *uri = sk_finding_text(f, end);

	if (f->until_ns && f->until_ns < until)
		until = f->until_ns;
	*ret = (struct sk_vm_look){.state = SK_VM_GONE};
	return is_host_gone(uri)
		       ? 0
		       : sk_vm_look(uri, sk_finding_text(f, "guest"),
				    (unsigned int)sk_clock_remaining_ms(until), ret, err);
}

void sk_finding_look(struct sk_finding *f)
{
	struct sk_err err = SK_ERR_INIT;

	f->is_known = look_at(f, "from", &f->here, &err) == 0 &&
		      look_at(f, "to", &f->there, &err) == 0;
	(void)snprintf(f->why, sizeof(f->why), "%.159s", f->is_known ? "" : err.msg);
	f->fate = sk_jobs_judge(&f->here, &f->there,
				strcmp(sk_finding_text(f, "phase"), "post-copy") == 0);
}

/* 1 when the record is gone meanwhile. */
static int open_finding(const struct sk_home *home, const char *file,
			struct sk_finding *ret, struct sk_err *err)
{
	sk_auto(finish_finding) struct sk_finding f = {.record = SK_JOB_RECORD_INIT};
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
	f = (struct sk_finding){.record = SK_JOB_RECORD_INIT};
	return 0;
}

void sk_finding_settle(struct sk_finding *f)
{
	bool is_moving;

	do {
		sk_finding_look(f);
		is_moving = f->is_known && !f->is_led && f->fate == SK_JOB_GOES_ON &&
			    !f->here.is_postcopy && !f->there.is_postcopy &&
			    !sk_json_bool(sk_json_get(f->record.json, "p2p"), false);
		/* Its half at the destination goes a moment after the job. */
		if (f->is_known &&
		    (f->fate == SK_JOB_SPLIT ||
		     (f->fate == SK_JOB_ABORTED && f->there.state != SK_VM_GONE)))
			is_moving = true;
		if (is_moving)
			sk_clock_sleep_until(sk_clock_mono() + SK_FINDING_NAP_NS);
	} while (is_moving && sk_clock_mono() < f->until_ns);
}

char *sk_finding_tell(const struct sk_finding *f)
{
	const char *guest = sk_finding_text(f, "guest"),
		   *from = sk_finding_text(f, "from_name"),
		   *to = sk_finding_text(f, "to_name");

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

/* Each record of those that are meant. */
int sk_findings_each(const struct sk_home *home, const struct sk_migration_which *which,
		     sk_finding_fn *visit, void *arg, struct sk_err *err)
{
	sk_auto(sk_strv_free) char **files = NULL;
	int r = sk_fs_list(home->root_fd, "migrations", &files);

	if (r < 0)
		return r == -ENOENT ? 0 : sk_err_code(err, r, "list the migrations");
	for (char **file = files; file && *file; file++) {
		sk_auto(finish_finding) struct sk_finding f = {
			.record = SK_JOB_RECORD_INIT};
		struct sk_err why = SK_ERR_INIT;

		if (!sk_str_ends(*file, ".json"))
			continue;
		r = open_finding(home, *file, &f, &why);
		if (r == -ENOMEM)
			return sk_err_oom(err);
		/* One that cannot be read must not hide the others. */
		if (r < 0)
			sk_log_warn("a record of a migration: %s", why.msg);
		if (r != 0 || !sk_jobs_is_meant(f.record.json, which))
			continue;
		r = visit(&f, arg, err);
		if (r < 0)
			return r;
	}
	return 0;
}
