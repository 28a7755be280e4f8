// SPDX-License-Identifier: Apache-2.0
/* What a guest and its job do at one host, for those who find a migration that nobody leads
 *
 * A host that is away is noticed late: TCP and ssh wait for minutes. So the question is asked by a
 * thread, and who asks waits only as long as it likes. The thread ends with its call, or with the
 * process.
 */
#include <string.h>

#include "lib/clock.h"
#include "migrate/vm/internal.h"

/* A backup or a save is a job, too; and at the destination so is the guest's arrival. */
static bool is_migration(virTypedParameterPtr params, int nr)
{
	int operation = VIR_DOMAIN_JOB_OPERATION_UNKNOWN;

	(void)virTypedParamsGetInt(params, nr, VIR_DOMAIN_JOB_OPERATION, &operation);
	return operation == VIR_DOMAIN_JOB_OPERATION_UNKNOWN ||
	       operation == VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT;
}

static void look_at_job(virDomainPtr domain, struct sk_vm_look *ret)
{
	virTypedParameterPtr params = NULL;
	int type = VIR_DOMAIN_JOB_NONE, nr = 0;

	if (virDomainGetJobStats(domain, &type, &params, &nr, 0) < 0)
		return;
	ret->has_job =
		(type == VIR_DOMAIN_JOB_BOUNDED || type == VIR_DOMAIN_JOB_UNBOUNDED) &&
		is_migration(params, nr);
	if (ret->has_job)
		sk_vm_job_sample(params, nr, &ret->job);
	virTypedParamsFree(params, nr);
}

int sk_vm_host_look(struct sk_vm_host *host, const char *guest, struct sk_vm_look *ret,
		    struct sk_err *err)
{
	sk_auto(sk_vm_domain_unref) virDomain *domain = NULL;
	struct sk_err ignored = SK_ERR_INIT;
	int state = 0, reason = 0;
	int r = sk_vm_host_find(host, guest, &domain, &ignored);

	*ret = (struct sk_vm_look){.state = SK_VM_GONE};
	if (r == -ENOENT)
		return 0;
	if (r < 0) {
		if (err)
			*err = ignored;
		return r;
	}
	if (virDomainGetState(domain, &state, &reason, 0) < 0)
		return 0; /* it has just ended */
	r = sk_vm_host_state(host, guest, &ret->state, err);
	if (r < 0)
		return r;
	if (state == VIR_DOMAIN_PAUSED)
		ret->is_postcopy = reason == VIR_DOMAIN_PAUSED_POSTCOPY ||
				   reason == VIR_DOMAIN_PAUSED_POSTCOPY_FAILED;
	if (state == VIR_DOMAIN_RUNNING)
		ret->is_postcopy = reason == VIR_DOMAIN_RUNNING_POSTCOPY ||
				   reason == VIR_DOMAIN_RUNNING_POSTCOPY_FAILED;
	look_at_job(domain, ret);
	return 0;
}

/** struct question - What two threads share; the last one frees it */
struct question {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	unsigned int users;
	bool is_done;
	char *uri, *guest;
	struct sk_vm_look look;
	int result;
	struct sk_err err;
};

static void question_free(struct question *q)
{
	(void)pthread_cond_destroy(&q->wake);
	(void)pthread_mutex_destroy(&q->lock);
	free(q->uri);
	free(q->guest);
	free(q);
}

static struct question *question_new(const char *uri, const char *guest)
{
	struct question *q = calloc(1, sizeof(*q));

	if (!q)
		return NULL;
	(void)pthread_mutex_init(&q->lock, NULL);
	(void)pthread_cond_init(&q->wake, NULL);
	q->users = 2;
	q->uri = strdup(uri);
	q->guest = strdup(guest);
	if (q->uri && q->guest)
		return q;
	question_free(q);
	return NULL;
}

/* Under the lock, which it gives back. */
static void question_leave(struct question *q)
{
	bool is_last = --q->users == 0;

	(void)pthread_mutex_unlock(&q->lock);
	if (is_last)
		question_free(q);
}

static void *question_main(void *arg)
{
	sk_auto(sk_vm_host_free) struct sk_vm_host *host = NULL;
	struct question *q = arg;
	struct sk_vm_look look = {.state = SK_VM_GONE};
	struct sk_err err = SK_ERR_INIT;
	int r = sk_vm_host_open(q->uri, &host, &err);

	if (r == 0)
		r = sk_vm_host_look(host, q->guest, &look, &err);
	(void)pthread_mutex_lock(&q->lock);
	q->look = look;
	q->result = r;
	q->err = err;
	q->is_done = true;
	(void)pthread_cond_broadcast(&q->wake);
	question_leave(q);
	return NULL;
}

static bool await_answer(struct question *q, unsigned int timeout_ms)
{
	uint64_t end = sk_clock_real() + timeout_ms * SK_NS_PER_MS;
	struct timespec deadline = {.tv_sec = (time_t)(end / SK_NS_PER_S),
				    .tv_nsec = (long)(end % SK_NS_PER_S)};

	while (!q->is_done)
		if (pthread_cond_timedwait(&q->wake, &q->lock, &deadline) != 0)
			break;
	return q->is_done;
}

int sk_vm_look(const char *uri, const char *guest, unsigned int timeout_ms,
	       struct sk_vm_look *ret, struct sk_err *err)
{
	struct question *q = question_new(uri, guest);
	pthread_t thread;
	int r;

	if (!q)
		return sk_err_oom(err);
	r = pthread_create(&thread, NULL, question_main, q);
	if (r != 0) {
		question_free(q);
		return sk_err_code(err, -r, "start a thread");
	}
	(void)pthread_detach(thread);
	(void)pthread_mutex_lock(&q->lock);
	if (!await_answer(q, timeout_ms))
		r = sk_err_set(err, ETIMEDOUT, "'%s' does not answer", uri);
	else
		r = q->result;
	if (q->is_done && r == 0)
		*ret = q->look;
	if (q->is_done && r < 0 && err)
		*err = q->err;
	question_leave(q);
	return r;
}

int sk_vm_host_abort(struct sk_vm_host *host, const char *guest, struct sk_err *err)
{
	sk_auto(sk_vm_domain_unref) virDomain *domain = NULL;
	int r = sk_vm_host_find(host, guest, &domain, err);

	if (r < 0)
		return r;
	if (virDomainAbortJob(domain) < 0)
		return sk_vm_error(err, "abort the migration of '%s'", guest);
	return 0;
}

int sk_vm_host_resume(struct sk_vm_host *host, const char *guest, struct sk_err *err)
{
	sk_auto(sk_vm_domain_unref) virDomain *domain = NULL;
	int r = sk_vm_host_find(host, guest, &domain, err);

	if (r < 0)
		return r;
	if (virDomainResume(domain) < 0)
		return sk_vm_error(err, "resume guest '%s'", guest);
	return 0;
}
