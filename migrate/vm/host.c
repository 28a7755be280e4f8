// SPDX-License-Identifier: Apache-2.0
/* Connections to libvirtd: event loop, errors, domains of one host */
#include <string.h>

#include "lib/str.h"
#include "migrate/vm/internal.h"

#define KEEPALIVE_INTERVAL_S 2
#define KEEPALIVE_COUNT	     3

static pthread_once_t loop_once = PTHREAD_ONCE_INIT;
static bool loop_runs;

static void *loop_main(void *arg)
{
	(void)arg;
	for (;;)
		if (virEventRunDefaultImpl() < 0)
			return NULL;
}

/* libvirt prints each error by itself unless told not to. */
static void stay_silent(void *ctx, virErrorPtr error)
{
	(void)ctx;
	(void)error;
}

/* Runs each 100 ms so that the loop notices what other threads registered meanwhile. */
static void tick(int timer, void *ctx)
{
	(void)timer;
	(void)ctx;
}

static void start_loop(void)
{
	pthread_t thread;

	virSetErrorFunc(NULL, stay_silent);
	/* Nor warn: of a job that goes on without libvirtd it says what is not so. */
	(void)setenv("LIBVIRT_DEBUG", "4", 0);
	if (virInitialize() < 0 || virEventRegisterDefaultImpl() < 0)
		return;
	if (virEventAddTimeout(100, tick, NULL, NULL) < 0)
		return;
	if (pthread_create(&thread, NULL, loop_main, NULL) != 0)
		return;
	(void)pthread_detach(thread);
	loop_runs = true;
}

static int errno_of(int code)
{
	switch (code) {
	case VIR_ERR_NO_DOMAIN:
		return ENOENT;
	case VIR_ERR_DOM_EXIST:
		return EEXIST;
	case VIR_ERR_NO_CONNECT:
	case VIR_ERR_SYSTEM_ERROR:
		return ECONNREFUSED;
	case VIR_ERR_OPERATION_ABORTED:
		return ECANCELED;
	case VIR_ERR_OPERATION_TIMEOUT:
		return ETIMEDOUT;
	case VIR_ERR_NO_MEMORY:
		return ENOMEM;
	case VIR_ERR_NO_SUPPORT:
	case VIR_ERR_OPERATION_UNSUPPORTED:
	case VIR_ERR_CONFIG_UNSUPPORTED:
		return ENOTSUP;
	case VIR_ERR_OPERATION_INVALID:
		return EBUSY;
	default:
		return EIO;
	}
}

int sk_vm_error(struct sk_err *err, const char *what, ...)
{
	virErrorPtr last = virGetLastError();
	char text[160];
	va_list args;

	va_start(args, what);
	(void)vsnprintf(text, sizeof(text), what, args);
	va_end(args);
	if (!last || !last->message)
		return sk_err_set(err, EIO, "%s: libvirt gives no reason", text);
	return sk_err_set(err, errno_of(last->code), "%s: %s", text, last->message);
}

int sk_vm_host_open(const char *uri, struct sk_vm_host **ret, struct sk_err *err)
{
	sk_auto(sk_vm_host_free) struct sk_vm_host *host = NULL;

	(void)pthread_once(&loop_once, start_loop);
	if (!loop_runs)
		return sk_vm_error(err, "start libvirt's event loop");
	host = calloc(1, sizeof(*host));
	if (!host)
		return sk_err_oom(err);
	host->uri = strdup(uri);
	if (!host->uri)
		return sk_err_oom(err);
	host->conn = virConnectOpenAuth(uri, virConnectAuthPtrDefault, 0);
	if (!host->conn) {
		int r = sk_vm_error(err, "connect to '%s'", uri);

		return sk_err_hint(
			err, r, "is libvirtd running there? try: virsh -c '%s' version",
			uri);
	}
	/* Unix sockets of an old libvirtd have none: a dead peer closes those at once. */
	(void)virConnectSetKeepAlive(host->conn, KEEPALIVE_INTERVAL_S, KEEPALIVE_COUNT);
	*ret = sk_steal(&host);
	return 0;
}

void sk_vm_host_free(struct sk_vm_host *host)
{
	if (!host)
		return;
	if (host->conn)
		(void)virConnectClose(host->conn);
	free(host->uri);
	free(host);
}

static void free_domains(virDomainPtr *domains, int nr)
{
	for (int i = 0; i < nr; i++)
		(void)virDomainFree(domains[i]);
	free(domains);
}

/* The names there are, for an error about one that is not. */
static char *list_names(struct sk_vm_host *host)
{
	sk_auto(sk_str_finish) struct sk_str names = SK_STR_INIT;
	virDomainPtr *domains = NULL;
	int nr = virConnectListAllDomains(host->conn, &domains,
					  VIR_CONNECT_LIST_DOMAINS_ACTIVE);

	for (int i = 0; i < nr && i < 8; i++) {
		if (names.len)
			sk_str_add(&names, ", ");
		sk_str_add(&names, virDomainGetName(domains[i]));
	}
	if (nr >= 0)
		free_domains(domains, nr);
	return sk_str_steal(&names);
}

int sk_vm_host_find(struct sk_vm_host *host, const char *name, virDomainPtr *ret,
		    struct sk_err *err)
{
	virDomainPtr domain = virDomainLookupByName(host->conn, name);
	sk_autofree char *names = NULL;
	int r;

	if (domain) {
		*ret = domain;
		return 0;
	}
	r = sk_vm_error(err, "find guest '%s'", name);
	if (r != -ENOENT)
		return r;
	names = list_names(host);
	r = sk_err_set(err, ENOENT, "there is no guest '%s' at '%s'", name, host->uri);
	if (names && *names)
		return sk_err_hint(err, r, "guests that run there: %s", names);
	return sk_err_hint(err, r, "no guest runs there");
}

int sk_vm_host_state(struct sk_vm_host *host, const char *name, enum sk_vm_state *ret,
		     struct sk_err *err)
{
	sk_auto(sk_vm_domain_unref) virDomain *domain = NULL;
	struct sk_err ignored = SK_ERR_INIT;
	int state, reason;
	int r = sk_vm_host_find(host, name, &domain, &ignored);

	if (r < 0 && r != -ENOENT) {
		if (err)
			*err = ignored;
		return r;
	}
	if (r == -ENOENT || virDomainGetState(domain, &state, &reason, 0) < 0) {
		*ret = SK_VM_GONE;
		return 0;
	}
	if (state == VIR_DOMAIN_RUNNING)
		*ret = SK_VM_RUNNING;
	else if (state == VIR_DOMAIN_PAUSED)
		*ret = SK_VM_PAUSED;
	else if (state == VIR_DOMAIN_SHUTOFF)
		*ret = SK_VM_GONE;
	else
		*ret = SK_VM_OTHER;
	return 0;
}

int sk_vm_host_create(struct sk_vm_host *host, const struct sk_vm_domain *domain,
		      struct sk_err *err)
{
	sk_auto(sk_vm_domain_unref) virDomain *made = NULL;
	sk_autofree char *xml = NULL;
	enum sk_vm_state state;
	int r;

	r = sk_vm_domain_xml(domain, &xml, err);
	if (r < 0)
		return r;
	r = sk_vm_host_state(host, domain->name, &state, err);
	if (r < 0)
		return r;
	if (state != SK_VM_GONE)
		return sk_err_set(err, EEXIST, "there is a guest '%s' already",
				  domain->name);
	made = virDomainCreateXML(host->conn, xml, 0);
	if (!made)
		return sk_vm_error(err, "start guest '%s'", domain->name);
	return 0;
}

int sk_vm_host_destroy(struct sk_vm_host *host, const char *name, struct sk_err *err)
{
	sk_auto(sk_vm_domain_unref) virDomain *domain = NULL;
	int r = sk_vm_host_find(host, name, &domain, err);

	if (r < 0)
		return r;
	if (virDomainDestroy(domain) < 0)
		return sk_vm_error(err, "end guest '%s'", name);
	return 0;
}

static const char *state_name(virDomainPtr domain)
{
	int state, reason;

	if (virDomainGetState(domain, &state, &reason, 0) < 0)
		return "other";
	if (state == VIR_DOMAIN_RUNNING)
		return "running";
	return state == VIR_DOMAIN_PAUSED ? "paused" : "other";
}

int sk_vm_host_list(struct sk_vm_host *host, struct sk_json **ret, struct sk_err *err)
{
	virDomainPtr *domains = NULL;
	struct sk_json *array;
	int nr = virConnectListAllDomains(host->conn, &domains,
					  VIR_CONNECT_LIST_DOMAINS_ACTIVE);

	if (nr < 0)
		return sk_vm_error(err, "list the guests at '%s'", host->uri);
	array = sk_json_new_array();
	for (int i = 0; i < nr; i++) {
		struct sk_json *one = sk_json_add(array, sk_json_new_object());

		sk_json_set_str(one, "name", virDomainGetName(domains[i]));
		sk_json_set_str(one, "state", state_name(domains[i]));
	}
	free_domains(domains, nr);
	if (!array)
		return sk_err_oom(err);
	*ret = array;
	return 0;
}
