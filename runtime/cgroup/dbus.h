/* SPDX-License-Identifier: Apache-2.0 */
/* dbus - a client of a D-Bus bus: log in, call a method, wait for a signal
 *
 *	sk_dbus_open("unix:path=/run/dbus/system_bus_socket", uid, deadline, &bus, err);
 *	struct sk_dbus_message call = {.destination = …, .path = …, .interface = …, .member = …};
 *	sk_dbus_call(bus, &call, &answer, err);
 *	sk_dbus_await_signal(bus, "JobRemoved", &signal, err);
 *
 * One call at a time, no threads, no dispatching: signals that come while an answer is
 * awaited are dropped. Each wait ends at the deadline.
 */
#ifndef SK_DBUS_H
#define SK_DBUS_H

#include <sys/types.h>

#include "lib/err.h"
#include "runtime/cgroup/dbus_message.h"

struct sk_dbus;

/**
 * sk_dbus_open() - Connect and log in
 * @address:	As in DBUS_SESSION_BUS_ADDRESS: "unix:path=…" or "unix:abstract=…", several with
 *		';' between, of which the first that answers is taken; with "private:" in front of
 *		it a peer that is no bus and greets nobody
 * @uid:	The caller's user id as the bus sees it
 * @deadline:	sk_clock_mono() time at which every wait ends
 * @ret:	Free with sk_dbus_free()
 *
 * Return: 0; -ENOENT, -ECONNREFUSED when nobody is there; -EACCES when refused; -EPROTO;
 * -ETIMEDOUT
 */
int sk_dbus_open(const char *address, uid_t uid, uint64_t deadline, struct sk_dbus **ret,
		 struct sk_err *err);
/** sk_dbus_is_bus() - Whether there is a bus between, or systemd at the other end */
bool sk_dbus_is_bus(const struct sk_dbus *bus);
void sk_dbus_free(struct sk_dbus *bus);
SK_DEFINE_AUTO(struct sk_dbus, sk_dbus_free)

/**
 * sk_dbus_call() - Call a method and wait for its answer
 * @call:	destination, path, interface, member; signature and body
 * @ret:	The answer, until the next use of @bus; may be NULL
 *
 * Return: 0; -ENOENT, -EEXIST, -EACCES, -ENOTSUP, -EREMOTEIO for an error of the other side
 * (its name ends in NoSuchUnit, UnitExists, AccessDenied or the like, UnknownMethod, another),
 * with its words in @err; -EPROTO; -EPIPE when it hung up; -ETIMEDOUT
 */
int sk_dbus_call(struct sk_dbus *bus, const struct sk_dbus_message *call,
		 struct sk_dbus_message *ret, struct sk_err *err);

/** sk_dbus_await_signal() - Wait for the next signal of that name; -errno as sk_dbus_call() */
int sk_dbus_await_signal(struct sk_dbus *bus, const char *member,
			 struct sk_dbus_message *ret, struct sk_err *err);

#endif
