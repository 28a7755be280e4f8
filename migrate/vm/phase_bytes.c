// SPDX-License-Identifier: Apache-2.0
/* phase_bytes - what the source's QEMU sent in which phase, by its own monitor
 *
 * libvirt's statistics have no bytes by phase. QEMU knows them from the first pass on (7.0); it is
 * asked through libvirt once the source has completed and before libvirt ends it, about a second
 * later at most: the statistics thread wakes up for it. A connection may not allow that (read-only, or a policy): then they are not known.
 */
#include <stdio.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "migrate/vm/internal.h"

#define QUERY "{\"execute\":\"query-migrate\"}"

static bool read_number(const struct sk_json *ram, const char *key, uint64_t *ret)
{
	int64_t bytes = sk_json_int(sk_json_get(ram, key), -1);

	*ret = bytes > 0 ? (uint64_t)bytes : 0;
	return bytes >= 0;
}

static void read_answer(const char *text, struct sk_phase_bytes *ret)
{
	sk_auto(sk_json_free) struct sk_json *answer = NULL;
	const struct sk_json *ram;

	if (sk_json_parse(text, strlen(text), "QEMU", &answer, NULL) < 0)
		return;
	ram = sk_json_path(answer, "return.ram");
	ret->is_known = read_number(ram, "precopy-bytes", &ret->precopy) &&
			read_number(ram, "downtime-bytes", &ret->downtime) &&
			read_number(ram, "postcopy-bytes", &ret->postcopy);
	if (!ret->is_known)
		(void)snprintf(ret->why, sizeof(ret->why),
			       "QEMU at the source does not tell (it does from 7.0 on)");
}

static void read_bytes(struct sk_vm *vm)
{
	struct sk_phase_bytes *bytes = &vm->bytes;
	char *text = NULL;

	if (virDomainQemuMonitorCommand(vm->domain, QUERY, &text, 0) < 0) {
		struct sk_err err = SK_ERR_INIT;

		(void)sk_vm_error(&err, "ask QEMU at the source");
		(void)snprintf(bytes->why, sizeof(bytes->why), "%.119s", err.msg);
	} else {
		read_answer(text, bytes);
	}
	free(text);
}

void sk_vm_phase_bytes_await(struct sk_vm *vm, uint64_t until_ns)
{
	uint64_t now = sk_clock_mono(), end;
	struct timespec deadline;
	bool has_sent;

	if (vm->has_asked_bytes || now >= until_ns)
		return;
	end = sk_clock_real() + until_ns - now;
	deadline.tv_sec = (time_t)(end / SK_NS_PER_S);
	deadline.tv_nsec = (long)(end % SK_NS_PER_S);
	(void)pthread_mutex_lock(&vm->lock);
	while (!vm->has_sent)
		if (pthread_cond_timedwait(&vm->wake, &vm->lock, &deadline) != 0)
			break;
	has_sent = vm->has_sent;
	(void)pthread_mutex_unlock(&vm->lock);
	if (!has_sent)
		return;
	vm->has_asked_bytes = true;
	read_bytes(vm);
}

void sk_vm_phase_bytes(struct sk_vm *vm, struct sk_phase_bytes *ret)
{
	sk_vm_job_join(vm);
	*ret = vm->bytes;
	if (!ret->is_known && !ret->why[0])
		(void)snprintf(ret->why, sizeof(ret->why),
			       "the source's QEMU ended before it was asked");
}
