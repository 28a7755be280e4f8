// SPDX-License-Identifier: Apache-2.0
/* A broken post-copy, connected anew past libvirt
 *
 * Theory of operation
 *
 * A guest at the destination that waits for a page may hold the lock of its hypervisor's main
 * loop (an emulated processor does so when it takes an interrupt). The monitor then answers
 * nothing, libvirt waits for it, and the page never comes: nothing that libvirt can be told ends
 * this. QEMU has commands for it that run beside the main loop ("out of band"), which libvirt
 * does not use.
 *
 * 1. A second monitor of the destination's QEMU, where the guest has one, is opened and told to
 *    take such commands before the switch to post-copy: that needs the main loop, which may hang
 *    from then on.
 * 2. A destination that has noticed that its connection is dead waits at a port for a new one.
 *    It is told to end a connection that it believes in (migrate-pause) only when the source's half
 *    has been gone for some seconds: in a run in which it was told at once, with the network cut, the
 *    destination's QEMU 7.2 ended later, and the guest with it. Why is not known.
 * 3. The source connects to that port and goes on.
 * 4. libvirt sees the job complete at both ends, and tidies up by itself.
 *
 * Source: QEMU, docs/interop/qmp-spec, "Out-of-band execution"; migrate-recover.
 */
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "migrate/vm/internal.h"
#include "migrate/vm/qmp.h"

#define ANSWER_NS  (4 * SK_NS_PER_S) /* of a QEMU that has little of its processor */
#define PORT_FIRST 49215	     /* libvirt takes from 49152 on upwards */
#define PORT_LAST  49200

static uint64_t deadline(void)
{
	return sk_clock_mono() + ANSWER_NS;
}

static int call_open(struct sk_vm *vm, uint64_t arg, struct sk_err *err)
{
	(void)arg;
	if (vm->urgent)
		return 0;
	return sk_qmp_open_urgent(vm->ends.to_monitor, deadline(), &vm->urgent, err);
}

int sk_vm_rescue_open(struct sk_vm *vm, struct sk_err *err)
{
	if (!vm->ends.to_monitor || !vm->ends.to_name)
		return sk_err_set(err, ENOTSUP, "there is no second monitor");
	return sk_vm_steer(vm, call_open, 0, err);
}

void sk_vm_rescue_close(struct sk_vm *vm)
{
	/* A call under way uses it. */
	if (sk_vm_steer_wait(vm))
		sk_qmp_free(sk_steal(&vm->urgent));
}

/* The port at which the destination waits. */
static int wait_there(struct sk_vm *vm, struct sk_err *err)
{
	int r = -EIO;

	for (int port = PORT_FIRST; port >= PORT_LAST && r == -EIO; port--) {
		struct sk_err why = SK_ERR_INIT;
		char command[160];

		(void)snprintf(command, sizeof(command),
			       "{\"exec-oob\":\"migrate-recover\",\"id\":%d,"
			       "\"arguments\":{\"uri\":\"tcp:[::]:%d\"}}",
			       port, port);
		r = sk_qmp_call(vm->urgent, command, deadline(), NULL, &why);
		if (r == 0)
			return port;
		if (err)
			*err = why;
		if (strstr(why.msg, "paused"))
			return -EAGAIN; /* it has not noticed yet */
	}
	return r;
}

static int connect_here(struct sk_vm *vm, int port, struct sk_err *err)
{
	char command[256], *answer = NULL;
	int r = 0;

	(void)snprintf(
		command, sizeof(command),
		"{\"execute\":\"migrate\",\"arguments\":{\"uri\":\"tcp:%.120s:%d\","
		"\"resume\":true}}",
		vm->ends.to_name, port);
	if (virDomainQemuMonitorCommand(vm->domain, command, &answer, 0) < 0)
		r = sk_vm_error(err, "let the source connect anew");
	else if (strstr(answer, "\"error\""))
		r = sk_err_set(err, EIO, "the source refuses: %.200s", answer);
	free(answer);
	return r;
}

static int call_rescue(struct sk_vm *vm, uint64_t arg, struct sk_err *err)
{
	int port = wait_there(vm, err);

	(void)arg;
	return port < 0 ? port : connect_here(vm, port, err);
}

/* A source whose libvirtd alone has gone still sends. */
static int check_paused_here(struct sk_vm *vm, struct sk_err *err)
{
	char *answer = NULL;
	int r = 0;

	if (virDomainQemuMonitorCommand(vm->domain, "{\"execute\":\"query-migrate\"}",
					&answer, 0) < 0)
		r = sk_vm_error(err, "ask the source for its connection");
	else if (!strstr(answer, "\"postcopy-paused\""))
		r = sk_err_set(err, EBUSY, "the source still has its connection");
	free(answer);
	return r;
}

static int call_part(struct sk_vm *vm, uint64_t arg, struct sk_err *err)
{
	int r = check_paused_here(vm, err);

	(void)arg;
	if (r < 0)
		return r;
	return sk_qmp_call(vm->urgent, "{\"exec-oob\":\"migrate-pause\",\"id\":1}",
			   deadline(), NULL, err);
}

int sk_vm_rescue_part(struct sk_vm *vm, struct sk_err *err)
{
	struct sk_event event = {.kind = SK_EVENT_NOTE, .name = "migrate-pause"};

	if (!vm->urgent)
		return sk_err_set(err, ENOTSUP,
				  "the destination has no monitor beside libvirt's");
	if (!vm->domain)
		return sk_err_set(err, ENOTCONN, "the source cannot be asked");
	(void)sk_timeline_add(vm->ends.timeline, &event);
	return sk_vm_steer(vm, call_part, 0, err);
}

int sk_vm_rescue(struct sk_vm *vm, struct sk_err *err)
{
	struct sk_event event = {.kind = SK_EVENT_NOTE, .name = "migrate-recover"};

	if (!vm->urgent)
		return sk_err_set(err, ENOTSUP,
				  "the destination has no monitor beside libvirt's");
	(void)sk_timeline_add(vm->ends.timeline, &event);
	return sk_vm_steer(vm, call_rescue, 0, err);
}
