/* SPDX-License-Identifier: Apache-2.0 */
/* internal - what the files of this room share; includes libvirt, so nobody else includes it */
#ifndef SK_VM_INTERNAL_H
#define SK_VM_INTERNAL_H

#include <libvirt/libvirt-qemu.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <pthread.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "migrate/vm/vm.h"

struct sk_vm_host {
	virConnectPtr conn;
	char *uri;
};

static inline void sk_vm_domain_unref(virDomain *domain)
{
	if (domain)
		(void)virDomainFree(domain);
}
SK_DEFINE_AUTO(virDomain, sk_vm_domain_unref)

/**
 * sk_vm_error() - Record libvirt's last error of this thread
 * @err:	Replaced; may be NULL
 * @what:	What failed
 *
 * Return: the negative errno nearest to libvirt's code; -EIO for most
 */
int sk_vm_error(struct sk_err *err, const char *what, ...)
	__attribute__((format(printf, 2, 3)));

/** sk_vm_host_find() - Domain of this name; -ENOENT with the names there are */
int sk_vm_host_find(struct sk_vm_host *host, const char *name, virDomainPtr *ret,
		    struct sk_err *err);
/** sk_vm_host_state() - What a domain does; SK_VM_GONE is no error */
int sk_vm_host_state(struct sk_vm_host *host, const char *name, enum sk_vm_state *ret,
		     struct sk_err *err);

#define SK_VM_MAX_NOTES 256

/** struct sk_vm_end - One side of a migration and its event callbacks */
struct sk_vm_end {
	struct sk_vm *vm;
	enum sk_side side;
	struct sk_vm_host *host;
	int callbacks[3]; /* of virConnectDomainEventRegisterAny; -1 none */
	int qmp_callback; /* of virConnectDomainQemuMonitorEventRegister; -1 none */
	bool has_close_callback;
	unsigned int nr_registered; /* under the lock: libvirt may still call them */
};

/** struct sk_vm_steer - A call that steers the job; under the lock */
struct sk_vm_steer {
	int (*call)(struct sk_vm *vm, uint64_t arg, struct sk_err *err);
	uint64_t arg;
	bool is_busy, is_done;
	int result;
	struct sk_err err;
};

struct sk_vm {
	struct sk_vm_ends ends;
	char *texts[5];		 /* @ends' own: a job left alone outlives the caller's */
	struct sk_vm_end end[2]; /* by enum sk_side */

	/* The job. */
	struct sk_vm_job job;
	virDomainPtr domain; /* at the source */
	pthread_t job_thread, stats_thread;
	bool is_started;
	bool is_resume;	   /* of a post-copy that broke off */
	bool is_abandoned; /* nobody waits for the job's end */
	struct sk_vm_steer steer;
	struct sk_qmp *urgent; /* to the destination, past libvirt; or NULL */

	/* Notes: a ring under the lock; the oldest progress note gives way when it is full. */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct sk_vm_note notes[SK_VM_MAX_NOTES];
	size_t first, nr_notes;
	bool is_active;	    /* the job runs: it can be told things */
	bool is_over;	    /* the API call has returned */
	bool has_completed; /* the source's JOB_COMPLETED event came */
	struct sk_err
		refusal; /* what the running job could not be told; its end is due to it */

	bool has_sent; /* the source's QEMU has sent its last byte; under the lock */
	struct sk_phase_bytes bytes; /* the statistics thread's own */
	bool has_asked_bytes;
};

/** struct sk_vm_call - The call that a job is */
struct sk_vm_call {
	const char *name; /* virDomainMigrate3, or virDomainMigrateToURI3 for p2p */
	unsigned int flags;
	virTypedParameterPtr params;
	int nr, max;
};
/** sk_vm_call_init() - Flags and parameters of a job that was checked; release with sk_vm_call_finish() */
int sk_vm_call_init(const struct sk_vm_job *job, struct sk_vm_call *ret,
		    struct sk_err *err);
/** sk_vm_call_finish() - Release it */
void sk_vm_call_finish(struct sk_vm_call *call);

/** sk_vm_note() - Hand a note to ops->next() (copied) */
void sk_vm_note(struct sk_vm *vm, const struct sk_vm_note *note);
/** sk_vm_events_register() - Record events of one end from now on */
int sk_vm_events_register(struct sk_vm_end *end, struct sk_err *err);
/** sk_vm_events_deregister() - The way back; a callback may still be running */
void sk_vm_events_deregister(struct sk_vm_end *end);
/** sk_vm_events_wait() - After closing both ends: true when no callback can run any more */
bool sk_vm_events_wait(struct sk_vm *vm);
/** sk_vm_job_sample() - libvirt's job parameters as a sample; now is its time */
void sk_vm_job_sample(const virTypedParameter *params, int nr, struct sk_job_sample *ret);
/** sk_vm_preflight() - See struct sk_vm_ops */
int sk_vm_preflight(struct sk_vm *vm, const struct sk_vm_job *job,
		    struct sk_vm_facts *ret, struct sk_err *err);
/** sk_vm_job_start() - See struct sk_vm_ops */
int sk_vm_job_start(struct sk_vm *vm, const struct sk_vm_job *job, struct sk_err *err);
/** sk_vm_phase_bytes_await() - Ask the source's QEMU as soon as it has sent its last byte, if that is before @until_ns (sk_clock_mono()); by the statistics thread */
void sk_vm_phase_bytes_await(struct sk_vm *vm, uint64_t until_ns);
/** sk_vm_job_resume() - See struct sk_vm_ops */
int sk_vm_job_resume(struct sk_vm *vm, const struct sk_vm_job *job, struct sk_err *err);
/** sk_vm_job_join() - Wait for the end of both threads, if they were started */
void sk_vm_job_join(struct sk_vm *vm);
/** sk_vm_abort() - See struct sk_vm_ops, as for the others */
int sk_vm_abort(struct sk_vm *vm, struct sk_err *err);
int sk_vm_abort_postcopy(struct sk_vm *vm, struct sk_err *err);
int sk_vm_start_postcopy(struct sk_vm *vm, struct sk_err *err);
int sk_vm_set_max_downtime(struct sk_vm *vm, uint64_t ms, struct sk_err *err);
int sk_vm_set_bandwidth(struct sk_vm *vm, uint64_t bits, struct sk_err *err);
int sk_vm_suspend(struct sk_vm *vm, struct sk_err *err);
/** sk_vm_steer() - Make a call in a thread of its own; -ETIMEDOUT when it takes long, -EALREADY
 *  while an earlier one still runs */
int sk_vm_steer(struct sk_vm *vm,
		int (*call)(struct sk_vm *vm, uint64_t arg, struct sk_err *err),
		uint64_t arg, struct sk_err *err);
/** sk_vm_rescue_open() - See struct sk_vm_ops, as for the others */
int sk_vm_rescue_open(struct sk_vm *vm, struct sk_err *err);
int sk_vm_rescue(struct sk_vm *vm, struct sk_err *err);
int sk_vm_rescue_part(struct sk_vm *vm, struct sk_err *err);
void sk_vm_rescue_close(struct sk_vm *vm);
/** sk_vm_steer_wait() - Wait a moment for the call under way; false when it goes on */
bool sk_vm_steer_wait(struct sk_vm *vm);

#endif
