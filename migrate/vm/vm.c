// SPDX-License-Identifier: Apache-2.0
/* Two ends of a migration through libvirt: the real struct sk_vm_ops */
#include "migrate/vm/vm.h"

#include <string.h>

#include "lib/clock.h"
#include "migrate/vm/internal.h"

void sk_vm_note(struct sk_vm *vm, const struct sk_vm_note *note)
{
	(void)pthread_mutex_lock(&vm->lock);
	if (note->kind == SK_VM_NOTE_ACTIVE)
		vm->is_active = true;
	/* Full: progress is dropped, what strategies act on replaces the newest. */
	if (vm->nr_notes == SK_VM_MAX_NOTES && note->kind != SK_VM_NOTE_PROGRESS)
		vm->nr_notes--;
	if (vm->nr_notes < SK_VM_MAX_NOTES) {
		vm->notes[(vm->first + vm->nr_notes) % SK_VM_MAX_NOTES] = *note;
		vm->nr_notes++;
	}
	(void)pthread_cond_broadcast(&vm->wake);
	(void)pthread_mutex_unlock(&vm->lock);
}

static int vm_next(struct sk_vm *vm, unsigned int timeout_ms, struct sk_vm_note *ret)
{
	uint64_t end = sk_clock_real() + timeout_ms * SK_NS_PER_MS;
	struct timespec deadline = {.tv_sec = (time_t)(end / SK_NS_PER_S),
				    .tv_nsec = (long)(end % SK_NS_PER_S)};
	int r = 0;

	(void)pthread_mutex_lock(&vm->lock);
	while (vm->nr_notes == 0 && r == 0)
		r = -pthread_cond_timedwait(&vm->wake, &vm->lock, &deadline);
	if (vm->nr_notes > 0) {
		*ret = vm->notes[vm->first];
		vm->first = (vm->first + 1) % SK_VM_MAX_NOTES;
		vm->nr_notes--;
		r = 0;
	}
	(void)pthread_mutex_unlock(&vm->lock);
	return r;
}

static int vm_start_postcopy(struct sk_vm *vm, struct sk_err *err)
{
	struct sk_event event = {.kind = SK_EVENT_POSTCOPY_CALL,
				 .name = "virDomainMigrateStartPostCopy"};
	int r = 0;

	(void)sk_timeline_add(vm->ends.timeline, &event);
	if (virDomainMigrateStartPostCopy(vm->domain, 0) < 0)
		r = sk_vm_error(err, "switch to post-copy");
	event = (struct sk_event){.kind = SK_EVENT_POSTCOPY_RETURN, .value = r};
	(void)sk_timeline_add(vm->ends.timeline, &event);
	return r;
}

static int vm_abort(struct sk_vm *vm, struct sk_err *err)
{
	struct sk_event event = {.kind = SK_EVENT_NOTE, .name = "virDomainAbortJob"};

	(void)sk_timeline_add(vm->ends.timeline, &event);
	if (virDomainAbortJob(vm->domain) < 0)
		return sk_vm_error(err, "abort the migration of '%s'", vm->ends.guest);
	return 0;
}

static int vm_state(struct sk_vm *vm, enum sk_side side, enum sk_vm_state *ret,
		    struct sk_err *err)
{
	return sk_vm_host_state(vm->end[side].host, vm->ends.guest, ret, err);
}

static int vm_resume(struct sk_vm *vm, enum sk_side side, struct sk_err *err)
{
	sk_auto(sk_vm_domain_unref) virDomain *domain = NULL;
	int r = sk_vm_host_find(vm->end[side].host, vm->ends.guest, &domain, err);

	if (r < 0)
		return r;
	if (virDomainResume(domain) < 0)
		return sk_vm_error(err, "resume guest '%s'", vm->ends.guest);
	return 0;
}

const struct sk_vm_ops sk_vm_libvirt = {
	.preflight = sk_vm_preflight,
	.start = sk_vm_job_start,
	.next = vm_next,
	.start_postcopy = vm_start_postcopy,
	.abort = vm_abort,
	.state = vm_state,
	.resume = vm_resume,
};

static int open_end(struct sk_vm *vm, enum sk_side side, const char *uri,
		    struct sk_err *err)
{
	struct sk_vm_end *end = &vm->end[side];
	int r;

	r = sk_vm_host_open(uri, &end->host, err);
	if (r < 0)
		return r;
	return sk_vm_events_register(end, err);
}

int sk_vm_open(const struct sk_vm_ends *ends, struct sk_vm **ret, struct sk_err *err)
{
	sk_auto(sk_vm_close) struct sk_vm *vm = calloc(1, sizeof(*vm));
	int r;

	if (!vm)
		return sk_err_oom(err);
	vm->ends = *ends;
	(void)pthread_mutex_init(&vm->lock, NULL);
	(void)pthread_cond_init(&vm->wake, NULL);
	for (int side = SK_SIDE_SOURCE; side <= SK_SIDE_DESTINATION; side++) {
		vm->end[side] = (struct sk_vm_end){.vm = vm,
						   .side = (enum sk_side)side,
						   .callbacks = {-1, -1, -1},
						   .qmp_callback = -1};
	}
	r = open_end(vm, SK_SIDE_SOURCE, ends->from, err);
	if (r == 0)
		r = open_end(vm, SK_SIDE_DESTINATION, ends->to, err);
	if (r == 0)
		*ret = sk_steal(&vm);
	return r;
}

void sk_vm_close(struct sk_vm *vm)
{
	if (!vm)
		return;
	sk_vm_job_join(vm);
	for (int side = SK_SIDE_SOURCE; side <= SK_SIDE_DESTINATION; side++)
		sk_vm_events_deregister(&vm->end[side]);
	if (vm->domain)
		(void)virDomainFree(vm->domain);
	for (int side = SK_SIDE_SOURCE; side <= SK_SIDE_DESTINATION; side++)
		sk_vm_host_free(vm->end[side].host);
	/* Rather lose the memory than have a callback write to it. */
	if (!sk_vm_events_wait(vm))
		return;
	(void)pthread_cond_destroy(&vm->wake);
	(void)pthread_mutex_destroy(&vm->lock);
	free(vm);
}
