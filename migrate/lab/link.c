// SPDX-License-Identifier: Apache-2.0
/* From names in a lab to what a migration or a probe needs */
#include <inttypes.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/str.h"
#include "migrate/lab/lab.h"
#include "migrate/vm/vm.h"

#define LOAD_ANSWER_MS 2000
#define PROBE_DEFAULT  "udp?hz=1000"

int sk_lab_client_netns(const struct sk_home *home, const char *lab, struct sk_err *err)
{
	sk_auto(sk_lab_finish) struct sk_lab open = {.labs_fd = -1, .lock_fd = -1};
	int r;

	r = sk_lab_open(home, lab, false, &open, err);
	if (r == 0)
		r = sk_lab_need(&open, err);
	if (r < 0)
		return r;
	return sk_slice_open_netns(home, open.slice, SK_LAB_CLIENT, err);
}

int sk_lab_probe_url(const char *text, char **ret, struct sk_err *err)
{
	size_t kind = strcspn(text, "?#");
	bool has_port = strncmp(text, "icmp", kind) != 0;

	if (strstr(text, "://") || strchr(text, ':'))
		*ret = strdup(text);
	else
		*ret = sk_strf("%.*s://" SK_LAB_GUEST_IP "%s%s", (int)kind, text,
			       has_port ? ":7007" : "", text + kind);
	return *ret ? 0 : sk_err_oom(err);
}

/* The URL lives as long as the status that the caller holds. */
static int set_probe(struct sk_migrate_opts *opts, struct sk_json *hold,
		     struct sk_err *err)
{
	sk_autofree char *url = NULL;
	int r = sk_lab_probe_url(opts->probe ? opts->probe : PROBE_DEFAULT, &url, err);

	if (r < 0)
		return r;
	sk_json_set_str(hold, "probe", url);
	opts->probe = sk_json_str(sk_json_get(hold, "probe"), NULL);
	return opts->probe ? 0 : sk_err_oom(err);
}

static int set_monitor(struct sk_migrate_opts *opts, struct sk_json *hold,
		       struct sk_err *err)
{
	sk_autofree char *path =
		sk_strf("/proc/%d/root" SK_LAB_MONITOR, (int)opts->to_pid);

	sk_json_set_str(hold, "monitor", path);
	opts->to_monitor = sk_json_str(sk_json_get(hold, "monitor"), NULL);
	return opts->to_monitor ? 0 : sk_err_oom(err);
}

int sk_lab_load(const struct sk_home *home, const char *name, uint64_t working_set_bytes,
		uint64_t pages_per_s, struct sk_err *err)
{
	sk_autoclose int netns = sk_lab_client_netns(home, name, err);
	struct sk_guest_status now;
	int r;

	if (netns < 0)
		return netns;
	r = sk_guest_status(SK_LAB_GUEST_IP, netns, LOAD_ANSWER_MS, &now, err);
	if (r < 0)
		return sk_err_wrap(err, r, "ask guest '" SK_LAB_GUEST "' for its load");
	if (working_set_bytes == SK_LAB_KEEP)
		working_set_bytes = now.working_set_bytes;
	if (pages_per_s == SK_LAB_KEEP)
		pages_per_s = now.pages_per_s;
	r = sk_guest_load(SK_LAB_GUEST_IP, netns, working_set_bytes, pages_per_s, err);
	return r < 0 ? sk_err_wrap(err, r, "set the load of guest '" SK_LAB_GUEST "'")
		     : 0;
}

/* The host of a guest; of two copies, as a broken post-copy leaves them, the one that runs. */
static const char *host_of(const struct sk_json *status, const char *guest)
{
	struct sk_json *guests = sk_json_get(status, "guests");
	const char *host = NULL;

	for (size_t i = 0; i < sk_json_len(guests); i++) {
		const struct sk_json *one = sk_json_at(guests, i);
		bool runs = sk_str_equal(sk_json_str(sk_json_get(one, "state"), NULL),
					 "running");

		if (!sk_str_equal(sk_json_str(sk_json_get(one, "name"), NULL), guest))
			continue;
		if (runs)
			return sk_json_str(sk_json_get(one, "host"), NULL);
		if (!host)
			host = sk_json_str(sk_json_get(one, "host"), NULL);
	}
	return host;
}

static const struct sk_json *find_host(const struct sk_json *status, const char *name)
{
	struct sk_json *hosts = sk_json_get(status, "hosts");

	for (size_t i = 0; i < sk_json_len(hosts); i++) {
		const struct sk_json *one = sk_json_at(hosts, i);

		if (sk_str_equal(sk_json_str(sk_json_get(one, "name"), NULL), name))
			return one;
	}
	return NULL;
}

static int need_guest(const struct sk_json *status, const char *guest,
		      const struct sk_json **ret, struct sk_err *err)
{
	const char *host = host_of(status, guest);
	int r;

	if (host) {
		*ret = find_host(status, host);
		return 0;
	}
	r = sk_err_set(err, ENOENT, "there is no guest '%s' in lab '%s'", guest,
		       sk_json_str(sk_json_get(status, "name"), ""));
	if (strcmp(guest, SK_LAB_GUEST) == 0)
		return sk_err_hint(err, r, "it has ended: skiff lab up starts all anew");
	return sk_err_hint(err, r,
			   "the lab's guest is called " SK_LAB_GUEST
			   "; see skiff lab status");
}

static int need_host(const struct sk_json *status, const char *name,
		     const struct sk_json **ret, struct sk_err *err)
{
	struct sk_json *hosts = sk_json_get(status, "hosts");
	sk_auto(sk_str_finish) struct sk_str names = SK_STR_INIT;
	int r;

	*ret = find_host(status, name);
	if (*ret)
		return 0;
	for (size_t i = 0; i < sk_json_len(hosts); i++)
		sk_str_addf(&names, "%s%s", i ? ", " : "",
			    sk_json_str(sk_json_path(sk_json_at(hosts, i), "name"), ""));
	r = sk_err_set(err, ENOENT, "there is no host '%s' in lab '%s'", name,
		       sk_json_str(sk_json_get(status, "name"), ""));
	return sk_err_hint(err, r, "its hosts are %s", names.ptr ? names.ptr : "none");
}

static int need_up(const struct sk_json *host, struct sk_err *err)
{
	int r;

	if (sk_json_get(host, "uri"))
		return 0;
	r = sk_err_set(err, ECONNREFUSED, "host '%s' is down: %s",
		       sk_json_str(sk_json_get(host, "name"), ""),
		       sk_json_str(sk_json_get(host, "why"), "no reason known"));
	return sk_err_hint(err, r, "skiff lab down, then skiff lab up");
}

/* What was learnt over a link that is shaped otherwise is not to be mistaken for this one's. */
static int set_link(struct sk_migrate_opts *opts, struct sk_json *status,
		    struct sk_err *err)
{
	const struct sk_json *link = sk_json_get(status, "link");
	int64_t rate = sk_json_int(sk_json_get(link, "rate_bits"), 0);
	int64_t latency = sk_json_int(sk_json_get(link, "latency_ns"), 0);
	int64_t loss = sk_json_int(sk_json_get(link, "loss_ppm"), 0);
	sk_auto(sk_str_finish) struct sk_str text = SK_STR_INIT;

	opts->link_bits = (uint64_t)rate;
	if (rate)
		sk_str_addf(&text, "%" PRId64 " bit/s", rate);
	if (latency)
		sk_str_addf(&text, "%s%" PRId64 " us", text.len ? " " : "",
			    latency / 1000);
	if (loss)
		sk_str_addf(&text, "%s%" PRId64 " ppm lost", text.len ? " " : "", loss);
	sk_json_set_str(status, "link_text", text.ptr ? text.ptr : "");
	opts->link = sk_json_str(sk_json_get(status, "link_text"), NULL);
	return opts->link ? 0 : sk_err_oom(err);
}

/* How the source's libvirtd reaches the destination's: by the folder that they share. */
static void set_p2p(struct sk_migrate_opts *opts, struct sk_json *status)
{
	char uri[96];

	if (!opts->transfer.p2p || opts->transfer.p2p_uri)
		return;
	(void)snprintf(uri, sizeof(uri),
		       "qemu+unix:///system?socket=" SK_LAB_SOCKETS_DIR
		       "/%s/libvirt-sock",
		       opts->to_name);
	sk_json_set_str(status, "p2p_uri", uri);
	opts->transfer.p2p_uri = sk_json_str(sk_json_get(status, "p2p_uri"), NULL);
}

int sk_lab_migrate_opts(const struct sk_home *home, const char *lab, const char *guest,
			const char *to_host, struct sk_migrate_opts *opts,
			struct sk_json **ret_hold, struct sk_err *err)
{
	sk_auto(sk_json_free) struct sk_json *status = NULL;
	const struct sk_json *from = NULL, *to = NULL;
	int netns, r;

	r = sk_lab_status(home, lab, &status, err);
	if (r == 0)
		r = need_host(status, to_host, &to, err);
	if (r == 0)
		r = need_up(to, err);
	if (r == 0)
		r = need_guest(status, guest, &from, err);
	if (r < 0)
		return r;
	if (from == to)
		return sk_err_set(err, EINVAL, "guest '%s' runs on host '%s' already",
				  guest, to_host);
	netns = sk_lab_client_netns(home, lab, err);
	if (netns < 0)
		return netns;
	opts->guest = guest;
	opts->lab = sk_json_str(sk_json_get(status, "name"), NULL);
	opts->from = sk_json_str(sk_json_get(from, "uri"), NULL);
	opts->to = sk_json_str(sk_json_get(to, "uri"), NULL);
	opts->from_pid = (pid_t)sk_json_int(sk_json_get(from, "pid"), 0);
	opts->to_pid = (pid_t)sk_json_int(sk_json_get(to, "pid"), 0);
	opts->from_name = sk_json_str(sk_json_get(from, "name"), NULL);
	opts->to_name = sk_json_str(sk_json_get(to, "name"), NULL);
	opts->netns_fd = netns;
	set_p2p(opts, status);
	/* Nobody but the lab is in its network. */
	opts->transfer.insecure_plaintext = !opts->transfer.tls;
	r = set_link(opts, status, err);
	if (r == 0 && strcmp(guest, SK_LAB_GUEST) == 0) {
		opts->control_host = SK_LAB_GUEST_IP;
		r = set_monitor(opts, status, err);
		if (r == 0)
			r = set_probe(opts, status, err);
	}
	if (r < 0) {
		sk_close(&opts->netns_fd);
		return r;
	}
	*ret_hold = sk_steal(&status);
	return 0;
}
