// SPDX-License-Identifier: Apache-2.0
/* Events of libvirt and QEMU, recorded on the time line and handed on as notes
 *
 * QEMU's own time stamps are exact; their arrival lags by up to 30 ms (event loop, RPC). So
 * QMP events keep the stamp of QEMU, and libvirt's events, which have none, get the time of
 * arrival. Callbacks run in the thread of libvirt's event loop, filtered by domain name.
 */
#include <string.h>

#include "lib/clock.h"
#include "lib/str.h"
#include "migrate/vm/internal.h"

#define RELEASE_WAIT_NS (2 * SK_NS_PER_S)

static bool is_ours(struct sk_vm_end *end, virDomainPtr domain)
{
	return sk_str_equal(virDomainGetName(domain), end->vm->ends.guest);
}

static void record(struct sk_vm_end *end, struct sk_event *event, const char *name,
		   const char *detail)
{
	event->side = end->side;
	event->arrival_ns = sk_clock_real();
	(void)snprintf(event->name, sizeof(event->name), "%s", name ? name : "");
	(void)snprintf(event->detail, sizeof(event->detail), "%s", detail ? detail : "");
	(void)sk_timeline_add(end->vm->ends.timeline, event);
}

static const char *lifecycle_name(int event, int detail)
{
	static const struct {
		int event, detail;
		const char *name;
	} names[] = {
		{VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_PAUSED,
		 "suspended/paused"},
		{VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_MIGRATED,
		 "suspended/migrated"},
		{VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_POSTCOPY,
		 "suspended/postcopy"},
		{VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_POSTCOPY_FAILED,
		 "suspended/postcopy-failed"},
		{VIR_DOMAIN_EVENT_RESUMED, VIR_DOMAIN_EVENT_RESUMED_UNPAUSED,
		 "resumed/unpaused"},
		{VIR_DOMAIN_EVENT_RESUMED, VIR_DOMAIN_EVENT_RESUMED_MIGRATED,
		 "resumed/migrated"},
		{VIR_DOMAIN_EVENT_RESUMED, VIR_DOMAIN_EVENT_RESUMED_POSTCOPY,
		 "resumed/postcopy"},
		{VIR_DOMAIN_EVENT_RESUMED, VIR_DOMAIN_EVENT_RESUMED_POSTCOPY_FAILED,
		 "resumed/postcopy-failed"},
		{VIR_DOMAIN_EVENT_STARTED, VIR_DOMAIN_EVENT_STARTED_MIGRATED,
		 "started/migrated"},
		{VIR_DOMAIN_EVENT_STOPPED, VIR_DOMAIN_EVENT_STOPPED_MIGRATED,
		 "stopped/migrated"},
		{VIR_DOMAIN_EVENT_STOPPED, VIR_DOMAIN_EVENT_STOPPED_FAILED,
		 "stopped/failed"},
		{VIR_DOMAIN_EVENT_STOPPED, VIR_DOMAIN_EVENT_STOPPED_CRASHED,
		 "stopped/crashed"},
	};

	for (size_t i = 0; i < SK_ARRAY_SIZE(names); i++)
		if (names[i].event == event && names[i].detail == detail)
			return names[i].name;
	return "other";
}

static int on_lifecycle(virConnectPtr conn, virDomainPtr domain, int what, int detail,
			void *arg)
{
	struct sk_vm_end *end = arg;
	struct sk_event event = {.kind = SK_EVENT_LIFECYCLE, .value = detail};
	const char *name = lifecycle_name(what, detail);

	(void)conn;
	if (!is_ours(end, domain))
		return 0;
	record(end, &event, name, NULL);
	if (end->side == SK_SIDE_SOURCE && sk_str_equal(name, "suspended/postcopy"))
		sk_vm_note(end->vm, &(struct sk_vm_note){.kind = SK_VM_NOTE_POSTCOPY});
	if (end->side == SK_SIDE_SOURCE && sk_str_equal(name, "stopped/migrated"))
		sk_vm_note(end->vm, &(struct sk_vm_note){.kind = SK_VM_NOTE_MOVED});
	if (sk_str_ends(name, "/postcopy-failed"))
		sk_vm_note(end->vm,
			   &(struct sk_vm_note){.kind = SK_VM_NOTE_POSTCOPY_FAILED,
						.value = end->side});
	return 0;
}

static void on_iteration(virConnectPtr conn, virDomainPtr domain, int iteration,
			 void *arg)
{
	struct sk_vm_end *end = arg;
	struct sk_event event = {.kind = SK_EVENT_ITERATION, .value = iteration};

	(void)conn;
	if (!is_ours(end, domain))
		return;
	record(end, &event, "iteration", NULL);
	if (end->side == SK_SIDE_SOURCE)
		sk_vm_note(end->vm, &(struct sk_vm_note){.kind = SK_VM_NOTE_PASS,
							 .value = iteration});
}

static void on_job_completed(virConnectPtr conn, virDomainPtr domain,
			     virTypedParameterPtr params, int nr, void *arg)
{
	struct sk_vm_end *end = arg;
	struct sk_event event = {.kind = SK_EVENT_JOB_COMPLETED};
	struct sk_job_sample sample;

	(void)conn;
	if (!is_ours(end, domain))
		return;
	sk_vm_job_sample(params, nr, &sample);
	event.value = (int64_t)sample.downtime_ms;
	record(end, &event, "migration", NULL);
	if (end->side != SK_SIDE_SOURCE)
		return;
	(void)sk_timeline_add_job(end->vm->ends.timeline, &sample);
	(void)pthread_mutex_lock(&end->vm->lock);
	end->vm->has_completed = true;
	(void)pthread_cond_broadcast(&end->vm->wake);
	(void)pthread_mutex_unlock(&end->vm->lock);
}

static int64_t pass_number(const char *details)
{
	const char *colon = details ? strchr(details, ':') : NULL;

	return colon ? strtoll(colon + 1, NULL, 10) : 0;
}

static void note_sent(struct sk_vm *vm)
{
	(void)pthread_mutex_lock(&vm->lock);
	vm->has_sent = true;
	(void)pthread_cond_broadcast(&vm->wake);
	(void)pthread_mutex_unlock(&vm->lock);
}

static void on_qmp(virConnectPtr conn, virDomainPtr domain, const char *name,
		   long long seconds, unsigned int micros, const char *details, void *arg)
{
	struct sk_vm_end *end = arg;
	struct sk_event event = {.kind = SK_EVENT_QMP};

	(void)conn;
	if (!is_ours(end, domain))
		return;
	event.real_ns = (uint64_t)seconds * SK_NS_PER_S + micros * SK_NS_PER_US;
	if (sk_str_equal(name, "MIGRATION_PASS"))
		event.value = pass_number(details);
	record(end, &event, name, details);
	if (end->side == SK_SIDE_SOURCE && sk_str_equal(name, "MIGRATION") && details &&
	    strstr(details, "\"completed\""))
		note_sent(end->vm);
	if (end->side == SK_SIDE_SOURCE && sk_str_equal(name, "MIGRATION") && details &&
	    strstr(details, "\"active\""))
		sk_vm_note(end->vm, &(struct sk_vm_note){.kind = SK_VM_NOTE_ACTIVE});
}

static void on_close(virConnectPtr conn, int reason, void *arg)
{
	struct sk_vm_end *end = arg;
	struct sk_event event = {.kind = SK_EVENT_NOTE, .value = reason};

	(void)conn;
	record(end, &event, "connection closed", NULL);
	sk_vm_note(end->vm,
		   &(struct sk_vm_note){.kind = SK_VM_NOTE_CLOSED, .value = end->side});
}

/* libvirt's own word that a callback will not run again: deregistering alone does not
 * wait for one that is running in the event loop's thread. */
static void on_release(void *arg)
{
	struct sk_vm_end *end = arg;

	(void)pthread_mutex_lock(&end->vm->lock);
	end->nr_registered--;
	(void)pthread_cond_broadcast(&end->vm->wake);
	(void)pthread_mutex_unlock(&end->vm->lock);
}

static void count_registered(struct sk_vm_end *end)
{
	(void)pthread_mutex_lock(&end->vm->lock);
	end->nr_registered++;
	(void)pthread_mutex_unlock(&end->vm->lock);
}

int sk_vm_events_register(struct sk_vm_end *end, struct sk_err *err)
{
	const struct {
		int id;
		virConnectDomainEventGenericCallback callback;
	} wanted[] = {
		{VIR_DOMAIN_EVENT_ID_LIFECYCLE, VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle)},
		{VIR_DOMAIN_EVENT_ID_MIGRATION_ITERATION,
		 VIR_DOMAIN_EVENT_CALLBACK(on_iteration)},
		{VIR_DOMAIN_EVENT_ID_JOB_COMPLETED,
		 VIR_DOMAIN_EVENT_CALLBACK(on_job_completed)},
	};
	virConnectPtr conn = end->host->conn;

	for (size_t i = 0; i < SK_ARRAY_SIZE(wanted); i++) {
		end->callbacks[i] =
			virConnectDomainEventRegisterAny(conn, NULL, wanted[i].id,
							 wanted[i].callback, end,
							 on_release);
		if (end->callbacks[i] < 0)
			return sk_vm_error(err, "ask '%s' for events", end->host->uri);
		count_registered(end);
	}
	end->qmp_callback =
		virConnectDomainQemuMonitorEventRegister(conn, NULL, NULL, on_qmp, end,
							 on_release, 0);
	if (end->qmp_callback < 0)
		return sk_vm_error(err, "ask '%s' for QEMU's events", end->host->uri);
	count_registered(end);
	/* Not every transport can tell. */
	if (virConnectRegisterCloseCallback(conn, on_close, end, on_release) == 0) {
		end->has_close_callback = true;
		count_registered(end);
	}
	return 0;
}

void sk_vm_events_deregister(struct sk_vm_end *end)
{
	if (!end->host)
		return;
	for (size_t i = 0; i < SK_ARRAY_SIZE(end->callbacks); i++) {
		if (end->callbacks[i] >= 0)
			(void)virConnectDomainEventDeregisterAny(end->host->conn,
								 end->callbacks[i]);
		end->callbacks[i] = -1;
	}
	if (end->qmp_callback >= 0)
		(void)virConnectDomainQemuMonitorEventDeregister(end->host->conn,
								 end->qmp_callback);
	end->qmp_callback = -1;
	if (end->has_close_callback)
		(void)virConnectUnregisterCloseCallback(end->host->conn, on_close);
	end->has_close_callback = false;
}

bool sk_vm_events_wait(struct sk_vm *vm)
{
	uint64_t end = sk_clock_real() + RELEASE_WAIT_NS;
	struct timespec deadline = {.tv_sec = (time_t)(end / SK_NS_PER_S),
				    .tv_nsec = (long)(end % SK_NS_PER_S)};
	bool is_free;

	(void)pthread_mutex_lock(&vm->lock);
	while (vm->end[0].nr_registered + vm->end[1].nr_registered > 0)
		if (pthread_cond_timedwait(&vm->wake, &vm->lock, &deadline) != 0)
			break;
	is_free = vm->end[0].nr_registered + vm->end[1].nr_registered == 0;
	(void)pthread_mutex_unlock(&vm->lock);
	return is_free;
}
