// SPDX-License-Identifier: Apache-2.0
/* service - what skiff-guest offers: service, control, memory under test */
#include "migrate/guest/service.h"

#include <pthread.h>
#include <stdbool.h>

#include "migrate/guest/control.h"
#include "migrate/guest/memory.h"
#include "migrate/guest/udp.h"

struct sk_service {
	struct sk_server *server;
	struct sk_control control;
	struct sk_memory *memory;
	pthread_t control_thread;
	bool has_control;
};

static void *control_main(void *arg)
{
	sk_control_run(arg);
	return NULL;
}

static int start(struct sk_service *service, const struct sk_service_opts *opts,
		 struct sk_err *err)
{
	int r;

	r = sk_udp_bind(opts->server.address, opts->control_port, &service->control.sock,
			err);
	if (r == 0)
		r = sk_server_start(&opts->server, &service->server, err);
	if (r < 0)
		return r;
	r = sk_memory_new(opts->static_bytes, &service->memory, err);
	if (r == 0)
		r = sk_memory_load(service->memory, opts->working_set_bytes,
				   opts->pages_per_s, err);
	if (r < 0)
		return r;
	service->control.memory = service->memory;
	service->control.server = service->server;
	r = -pthread_create(&service->control_thread, NULL, control_main,
			    &service->control);
	if (r < 0)
		return sk_err_code(err, r, "start the control service");
	service->has_control = true;
	return 0;
}

int sk_service_start(const struct sk_service_opts *opts, struct sk_service **ret,
		     struct sk_err *err)
{
	sk_auto(sk_service_free) struct sk_service *service = calloc(1, sizeof(*service));
	int r;

	if (!service)
		return sk_err_oom(err);
	service->control.sock = -1;
	r = start(service, opts, err);
	if (r < 0)
		return r;
	*ret = sk_steal(&service);
	return 0;
}

void sk_service_free(struct sk_service *service)
{
	if (!service)
		return;
	if (service->has_control) {
		sk_udp_stop(service->control.sock, &service->control.is_stopping);
		(void)pthread_join(service->control_thread, NULL);
	}
	sk_close(&service->control.sock);
	sk_server_free(service->server);
	sk_memory_free(service->memory);
	free(service);
}

uint16_t sk_service_port(const struct sk_service *service)
{
	return sk_server_port(service->server);
}

uint16_t sk_service_control_port(const struct sk_service *service)
{
	return sk_udp_port(service->control.sock);
}

struct sk_server *sk_service_server(const struct sk_service *service)
{
	return service->server;
}
