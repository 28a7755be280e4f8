// SPDX-License-Identifier: Apache-2.0
/* Two ends of a migration through libvirt: the real struct sk_vm_ops */
#include "migrate/vm/vm.h"

#include <string.h>

#include "lib/clock.h"
#include "migrate/vm/internal.h"

#define LOOK_MS 5000 /* for a libvirtd to answer */

static struct sk_vm_note *nth_note(struct sk_vm *vm, size_t n)
{
	return &vm->notes[(vm->first + n) % SK_VM_MAX_NOTES];
}

/* Progress gives way to what strategies act on: all others together never fill the ring. */
static void make_room(struct sk_vm *vm)
{
	size_t n = 0;

	while (n < vm->nr_notes && nth_note(vm, n)->kind != SK_VM_NOTE_PROGRESS)
		n++;
	if (n == vm->nr_notes)
		return;
	for (; n + 1 < vm->nr_notes; n++)
		*nth_note(vm, n) = *nth_note(vm, n + 1);
	vm->nr_notes--;
}

void sk_vm_note(struct sk_vm *vm, const struct sk_vm_note *note)
{
	(void)pthread_mutex_lock(&vm->lock);
	if (note->kind == SK_VM_NOTE_ACTIVE)
		vm->is_active = true;
	if (vm->nr_notes == SK_VM_MAX_NOTES && note->kind != SK_VM_NOTE_PROGRESS)
		make_room(vm);
	if (vm->nr_notes < SK_VM_MAX_NOTES) {
		*nth_note(vm, vm->nr_notes) = *note;
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

static int vm_state(struct sk_vm *vm, enum sk_side side, enum sk_vm_state *ret,
		    struct sk_err *err)
{
	struct sk_vm_host *host = vm->end[side].host;
	struct sk_vm_look look;
	int r;

	if (virConnectIsAlive(host->conn) == 1)
		return sk_vm_host_state(host, vm->ends.guest, ret, err);
	/* By a second connection where the first one broke: libvirtd may have been started anew. */
	r = sk_vm_look(host->uri, vm->ends.guest, LOOK_MS, &look, err);
	if (r == 0)
		*ret = look.state;
	return r;
}

static int vm_resume(struct sk_vm *vm, enum sk_side side, struct sk_err *err)
{
	sk_auto(sk_vm_host_free) struct sk_vm_host *second = NULL;
	struct sk_vm_host *host = vm->end[side].host;
	int r = 0;

	if (virConnectIsAlive(host->conn) != 1) {
		r = sk_vm_host_open(host->uri, &second, err);
		host = second;
	}
	return r < 0 ? r : sk_vm_host_resume(host, vm->ends.guest, err);
}

const struct sk_vm_ops sk_vm_libvirt = {
	.preflight = sk_vm_preflight,
	.start = sk_vm_job_start,
	.next = vm_next,
	.start_postcopy = sk_vm_start_postcopy,
	.abort = sk_vm_abort,
	.abort_postcopy = sk_vm_abort_postcopy,
	.resume_postcopy = sk_vm_job_resume,
	.set_max_downtime = sk_vm_set_max_downtime,
	.set_bandwidth = sk_vm_set_bandwidth,
	.suspend = sk_vm_suspend,
	.rescue_open = sk_vm_rescue_open,
	.rescue = sk_vm_rescue,
	.rescue_part = sk_vm_rescue_part,
	.rescue_close = sk_vm_rescue_close,
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

static int copy_texts(struct sk_vm *vm, struct sk_err *err)
{
	const char **texts[] = {&vm->ends.guest, &vm->ends.from, &vm->ends.to,
				&vm->ends.to_monitor, &vm->ends.to_name};

	for (size_t i = 0; i < SK_ARRAY_SIZE(texts); i++) {
		if (!*texts[i])
			continue;
		vm->texts[i] = strdup(*texts[i]);
		if (!vm->texts[i])
			return sk_err_oom(err);
		*texts[i] = vm->texts[i];
	}
	return 0;
}

int sk_vm_open(const struct sk_vm_ends *ends, struct sk_vm **ret, struct sk_err *err)
{
	sk_auto(sk_vm_close) struct sk_vm *vm = calloc(1, sizeof(*vm));
	int r;

	if (!vm)
		return sk_err_oom(err);
	vm->ends = *ends;
	r = copy_texts(vm, err);
	(void)pthread_mutex_init(&vm->lock, NULL);
	(void)pthread_cond_init(&vm->wake, NULL);
	for (int side = SK_SIDE_SOURCE; side <= SK_SIDE_DESTINATION; side++) {
		vm->end[side] = (struct sk_vm_end){.vm = vm,
						   .side = (enum sk_side)side,
						   .callbacks = {-1, -1, -1},
						   .qmp_callback = -1};
	}
	if (r == 0)
		r = open_end(vm, SK_SIDE_SOURCE, ends->from, err);
	if (r == 0)
		r = open_end(vm, SK_SIDE_DESTINATION, ends->to, err);
	if (r == 0)
		*ret = sk_steal(&vm);
	return r;
}

static void free_vm(struct sk_vm *vm)
{
	(void)pthread_cond_destroy(&vm->wake);
	(void)pthread_mutex_destroy(&vm->lock);
	for (size_t i = 0; i < SK_ARRAY_SIZE(vm->texts); i++)
		free(vm->texts[i]);
	free(vm);
}

void sk_vm_abandon(struct sk_vm *vm)
{
	vm->is_abandoned = true;
}

void sk_vm_close(struct sk_vm *vm)
{
	/* Its threads are in libvirt's calls, and use all of this. */
	if (!vm || vm->is_abandoned || !sk_vm_steer_wait(vm))
		return;
	sk_vm_job_join(vm);
	sk_vm_rescue_close(vm);
	for (int side = SK_SIDE_SOURCE; side <= SK_SIDE_DESTINATION; side++)
		sk_vm_events_deregister(&vm->end[side]);
	if (vm->domain)
		(void)virDomainFree(vm->domain);
	for (int side = SK_SIDE_SOURCE; side <= SK_SIDE_DESTINATION; side++)
		sk_vm_host_free(vm->end[side].host);
	/* Rather lose the memory than have a callback write to it. */
	if (sk_vm_events_wait(vm))
		free_vm(vm);
}
