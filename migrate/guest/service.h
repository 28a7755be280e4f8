/* SPDX-License-Identifier: Apache-2.0 */
/* service - what skiff-guest offers: service, control, memory under test */
#ifndef SK_SERVICE_H
#define SK_SERVICE_H

#include <stdint.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "migrate/guest/server.h"

/** struct sk_service_opts - Where to listen and with what load to start */
struct sk_service_opts {
	struct sk_server_opts server; /* address, port and model */
	uint16_t control_port;	      /* 0 lets the kernel choose */
	uint64_t static_bytes, working_set_bytes, pages_per_s;
};

/** struct sk_service - The running service: opaque */
struct sk_service;

/**
 * sk_service_start() - The service answers from here on; control after the memory is filled
 * @ret:	Stop and free with sk_service_free()
 *
 * Return: 0; -EADDRINUSE; -ENOMEM when the load does not fit
 */
int sk_service_start(const struct sk_service_opts *opts, struct sk_service **ret,
		     struct sk_err *err);
/** sk_service_free() - Stop the threads, release all; NULL is fine */
void sk_service_free(struct sk_service *service);
SK_DEFINE_AUTO(struct sk_service, sk_service_free)
/** sk_service_server() - The service itself (borrowed), for its counters */
struct sk_server *sk_service_server(const struct sk_service *service);
/** sk_service_port() - Port of the service, as chosen by the kernel if that was asked */
uint16_t sk_service_port(const struct sk_service *service);
/** sk_service_control_port() - The same of the control service */
uint16_t sk_service_control_port(const struct sk_service *service);

#endif
