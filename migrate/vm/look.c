// SPDX-License-Identifier: Apache-2.0
/* What a guest and its job do at one host, for those who find a migration that nobody leads */
#include "migrate/vm/internal.h"

static void look_at_job(virDomainPtr domain, struct sk_vm_look *ret)
{
	virTypedParameterPtr params = NULL;
	int type = VIR_DOMAIN_JOB_NONE, nr = 0;

	if (virDomainGetJobStats(domain, &type, &params, &nr, 0) < 0)
		return;
	ret->has_job = type == VIR_DOMAIN_JOB_BOUNDED || type == VIR_DOMAIN_JOB_UNBOUNDED;
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
