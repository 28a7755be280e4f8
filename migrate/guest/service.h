/* SPDX-License-Identifier: Apache-2.0 */
/* service - what skiff-guest offers: UDP echo, control, memory under test */
#ifndef SK_SERVICE_H
#define SK_SERVICE_H

#include <stdint.h>

#include "lib/cleanup.h"
#include "lib/err.h"

/** struct sk_service_opts - Where to listen and with what load to start */
struct sk_service_opts {
	const char *address;	     /* IPv4 or IPv6 to bind; NULL for all of IPv4 */
	uint16_t port, control_port; /* 0 lets the kernel choose */
	uint64_t static_bytes, working_set_bytes, pages_per_s;
};

/** struct sk_service - The running service: three threads; opaque */
struct sk_service;

/**
 * sk_service_start() - Echo answers from here on; control after the memory is filled
 * @ret:	Stop and free with sk_service_free()
 *
 * Return: 0; -EADDRINUSE; -ENOMEM when the load does not fit
 */
int sk_service_start(const struct sk_service_opts *opts, struct sk_service **ret,
		     struct sk_err *err);
/** sk_service_free() - Stop the threads, release all; NULL is fine */
void sk_service_free(struct sk_service *service);
SK_DEFINE_AUTO(struct sk_service, sk_service_free)
/** sk_service_port() - Port of the echo, as chosen by the kernel if that was asked */
uint16_t sk_service_port(const struct sk_service *service);
/** sk_service_control_port() - The same of the control service */
uint16_t sk_service_control_port(const struct sk_service *service);

#endif
