/* SPDX-License-Identifier: Apache-2.0 */
/* jobs - records of migrations that are under way: HOME->root/migrations/ID.json
 *
 * A record is written before the job starts, and locked as long as the process lives that leads
 * it. One that is not locked has lost its leader: what became of the guest is asked at both ends.
 */
#ifndef SK_JOBS_H
#define SK_JOBS_H

#include <stdbool.h>

#include "lib/err.h"
#include "lib/home.h"
#include "lib/json.h"
#include "migrate/migrate.h"
#include "migrate/vm/vm.h"

/** struct sk_job_record - An open record under its lock */
struct sk_job_record {
	int dir_fd, lock_fd;
	char *id;
	struct sk_json *json;
};
#define SK_JOB_RECORD_INIT ((struct sk_job_record){.dir_fd = -1, .lock_fd = -1})

/**
 * sk_jobs_begin() - Write the record of a migration that is about to start
 * @opts:	opts->home NULL: no record is kept, and @ret stays empty
 *
 * Return: 0; -EBUSY when another process migrates this guest, with who does, or when it goes on
 * without one; -ETIMEDOUT, -ECONNREFUSED when that cannot be asked
 */
int sk_jobs_begin(const struct sk_migrate_opts *opts, struct sk_job_record *ret,
		  struct sk_err *err);
/** sk_jobs_transfer() - How the memory travels, as a post-copy that is connected anew needs it; texts borrowed */
void sk_jobs_transfer(const struct sk_json *record, struct sk_transfer_opts *ret);
/** sk_jobs_is_meant() - Whether a record is one of those; pure */
bool sk_jobs_is_meant(const struct sk_json *record,
		      const struct sk_migration_which *which);
/** sk_jobs_is_at_uri() - Whether a source is named that can tell of jobs without a record; pure */
bool sk_jobs_is_at_uri(const struct sk_migration_which *which);
/** sk_jobs_claim() - This process leads it from now on */
void sk_jobs_claim(struct sk_job_record *record);
/** sk_jobs_phase() - A sk_session's on_change(): note how far the job is; @ctx is the record */
void sk_jobs_phase(void *ctx, const char *phase);
/** sk_jobs_end() - Forget the record, and let go of it */
void sk_jobs_end(struct sk_job_record *record);
/** sk_jobs_leave() - Let go of it without forgetting: the job goes on */
void sk_jobs_leave(struct sk_job_record *record);

/** enum sk_job_fate - What became of a migration without a leader */
enum sk_job_fate {
	SK_JOB_ABORTED, /* the guest is at the source, as if nothing had been */
	SK_JOB_STOPPED, /* the same, but it stands still there */
	SK_JOB_ARRIVED, /* it runs at the destination, and only there */
	SK_JOB_LEFTOVER, /* the same, but for a paused copy at the source that nobody needs */
	SK_JOB_GOES_ON, /* the hosts lead it to its end by themselves */
	SK_JOB_SPLIT, /* two copies, and it is not known which one is right: left alone */
	SK_JOB_LOST,  /* it ended at the destination in the middle of post-copy */
	SK_JOB_ENDED, /* there is no such guest any more */
};
/**
 * sk_jobs_judge() - Tell from what both ends do; pure
 * @was_postcopy: The record says that post-copy had begun
 */
enum sk_job_fate sk_jobs_judge(const struct sk_vm_look *here,
			       const struct sk_vm_look *there, bool was_postcopy);

#endif
