/* SPDX-License-Identifier: Apache-2.0 */
/* qmp - a small client of QEMU's monitor protocol: lines of JSON over a unix socket
 *
 *	sk_qmp_open("/run/g1.qmp", deadline, &qmp, err);	// greeting, capabilities
 *	sk_qmp_call(qmp, "{\"execute\":\"query-migrate\"}", deadline, &answer, err);
 *	sk_qmp_free(qmp);
 *
 * Times and sizes are bounded: a monitor that is busy or sends nonsense ends in an error. Events
 * are passed over: libvirt hands them on with their stamps. Deadlines are sk_clock_mono() times.
 *
 * Source: QEMU, docs/interop/qmp-spec.
 */
#ifndef SK_QMP_H
#define SK_QMP_H

#include <stddef.h>
#include <stdint.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/json.h"
#include "migrate/measure/decompose.h"

#define SK_QMP_MAX_LINE (256u << 10)

/** enum sk_qmp_kind - What a line is */
enum sk_qmp_kind { SK_QMP_GREETING, SK_QMP_RETURN, SK_QMP_ERROR, SK_QMP_EVENT };

/**
 * sk_qmp_parse() - Read one line
 * @line:	Without its end (borrowed)
 * @ret:	What the line holds: all of it, of an answer its "return"; free with sk_json_free()
 *
 * Return: 0; -EPROTO for what is no message of the protocol; of SK_QMP_ERROR 0 too, see
 * sk_qmp_reason()
 */
int sk_qmp_parse(const char *line, size_t len, enum sk_qmp_kind *ret_kind,
		 struct sk_json **ret, struct sk_err *err);
/** sk_qmp_reason() - Text of an SK_QMP_ERROR (borrowed) */
const char *sk_qmp_reason(const struct sk_json *message);

/** sk_qmp_blocktime() - From an answer to query-migrate of a destination */
void sk_qmp_blocktime(const struct sk_json *answer, struct sk_blocktime *ret);

/** struct sk_qmp - An open monitor */
struct sk_qmp;
/** sk_qmp_open() - Connect and leave the negotiation mode; -ECONNREFUSED, -ENOENT, -ETIMEDOUT, -EPROTO */
int sk_qmp_open(const char *path, uint64_t deadline_ns, struct sk_qmp **ret,
		struct sk_err *err);
/** sk_qmp_open_urgent() - The same for commands with "exec-oob" in place of "execute", which QEMU
 *  carries out even when its main loop hangs */
int sk_qmp_open_urgent(const char *path, uint64_t deadline_ns, struct sk_qmp **ret,
		       struct sk_err *err);
/** sk_qmp_free() - Disconnect; NULL is fine */
void sk_qmp_free(struct sk_qmp *qmp);
SK_DEFINE_AUTO(struct sk_qmp, sk_qmp_free)
/**
 * sk_qmp_call() - One command and its answer
 * @command:	JSON in one line
 * @ret:	What it returned, or NULL if nobody wants it
 *
 * Return: 0; -EIO with QEMU's words when it refuses; -ETIMEDOUT; -EPIPE when QEMU ended; -EPROTO
 */
int sk_qmp_call(struct sk_qmp *qmp, const char *command, uint64_t deadline_ns,
		struct sk_json **ret, struct sk_err *err);

#endif
