// SPDX-License-Identifier: Apache-2.0
/* Bring a lab up and down
 *
 * Theory of operation
 *
 * Up, under the lab's lock:
 * 1. A record says "starting" before anything is made: whoever comes after a kill -9 knows
 *    what to remove, and a new `up` does that first.
 * 2. Guest kernel and initramfs are made or found (the hosts mount their folder), then
 *    hosts start while a probe guest finds out whether KVM works.
 * 3. Each libvirtd answers (at most 20 s). The first contact makes it look at QEMU, which
 *    takes a second: all are asked at the same time.
 * 4. The guest starts on host a, and the client's namespace hears it answer.
 * 5. The record says "up".
 * A failure in between removes all of it.
 *
 * Down: the slice ends (hosts are killed with all that runs in them, QEMU too), then the
 * record goes. Nothing of a lab lives outside its slice, so this also mends a lab of which
 * any process was killed.
 */
#include <inttypes.h>
#include <pthread.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "migrate/guest/server.h"
#include "migrate/lab/lab.h"
#include "migrate/vm/vm.h"

#define LIBVIRTD_NS  (20 * SK_NS_PER_S)
#define RETRY_NS     (50 * SK_NS_PER_MS)
#define ANSWER_NS    (60 * SK_NS_PER_S) /* emulated, it fills its memory before */
#define PATIENCE_MS  1000 /* between two looks whether somebody wants to end it */
#define STATIC_BYTES (16u << 20)
#define SYSTEM_BYTES (96u << 20) /* the guest's kernel and what else runs in it */
#define GUEST_CMDLINE                                                                    \
	"console=ttyS0 quiet panic=-1 no_timer_check tsc=reliable mitigations=off"

/** struct raise - One call of sk_lab_up() */
struct raise {
	const struct sk_lab_opts *opts;
	struct sk_lab *lab;
	struct sk_guest_images images;
	struct sk_accel accel;
};

static bool is_interrupted(const struct raise *raise)
{
	return raise->opts->interrupted && *raise->opts->interrupted;
}

/* The next phase, unless somebody wants none. */
static int enter(const struct raise *raise, const char *phase, struct sk_err *err)
{
	if (is_interrupted(raise))
		return sk_err_set(err, ECANCELED,
				  "interrupted: what was made is removed");
	if (raise->opts->phase)
		raise->opts->phase(raise->opts->phase_ctx, phase, NULL);
	return 0;
}

static void *probe_accel(void *arg)
{
	struct raise *raise = arg;

	sk_accel_probe(raise->lab->home, &raise->images, &raise->accel);
	return NULL;
}

static int start_hosts(struct raise *raise, struct sk_err *err)
{
	const struct sk_home *home = raise->lab->home;
	sk_auto(sk_slice_def_free) struct sk_slice_def *def =
		sk_lab_slice_def(home, raise->lab->name, raise->opts->hosts);
	sk_autofree char *sockets = sk_strf("labs/%s", raise->lab->name);
	pthread_t thread;
	int r, failed;

	if (!def || !sockets)
		return sk_err_oom(err);
	r = sk_fs_mkdirs(home->runroot_fd, sockets, 0700, err);
	if (r < 0)
		return r;
	r = pthread_create(&thread, NULL, probe_accel, raise);
	if (r != 0)
		return sk_err_code(err, -r, "start a thread");
	failed = sk_slice_apply(home, def, false, NULL, err);
	(void)pthread_join(thread, NULL);
	return failed;
}

/** struct greeting - A thread that waits for one host's libvirtd */
struct greeting {
	const struct raise *raise;
	const char *host;
	struct sk_vm_host *conn;
	struct sk_err err;
	int result;
	pthread_t thread;
};

static int greet(struct greeting *greeting)
{
	uint64_t deadline = sk_clock_mono() + LIBVIRTD_NS;
	sk_auto(sk_json_free) struct sk_json *guests = NULL;
	int r;

	for (;;) {
		sk_autofree char *uri = NULL;

		r = sk_lab_host_uri(greeting->raise->lab, greeting->host, &uri,
				    &greeting->err);
		if (r < 0)
			return r;
		r = sk_vm_host_open(uri, &greeting->conn, &greeting->err);
		if (r == 0)
			break;
		if (sk_clock_mono() > deadline || is_interrupted(greeting->raise))
			return sk_err_hint(
				&greeting->err,
				sk_err_wrap(&greeting->err, r,
					    "libvirtd of host '%s' does not answer",
					    greeting->host),
				"is it installed? skiff doctor tells what is missing");
		sk_clock_sleep_until(sk_clock_mono() + RETRY_NS);
	}
	return sk_vm_host_list(greeting->conn, &guests, &greeting->err);
}

static void *greet_main(void *arg)
{
	struct greeting *greeting = arg;

	greeting->result = greet(greeting);
	return NULL;
}

/* Returns the connection to host a. */
static int wait_hosts(struct raise *raise, struct sk_vm_host **ret, struct sk_err *err)
{
	struct greeting greetings[SK_LAB_MAX_HOSTS] = {0};
	unsigned int nr = raise->opts->hosts, started = 0;
	int r = 0;

	for (; started < nr && r == 0; started++) {
		struct greeting *one = &greetings[started];

		one->raise = raise;
		one->host = sk_lab_host_name(started);
		r = pthread_create(&one->thread, NULL, greet_main, one);
		if (r != 0) {
			r = sk_err_code(err, -r, "start a thread");
			break;
		}
	}
	for (unsigned int i = 0; i < started; i++) {
		(void)pthread_join(greetings[i].thread, NULL);
		if (r == 0 && greetings[i].result < 0) {
			r = greetings[i].result;
			if (err)
				*err = greetings[i].err;
		}
		if (i > 0 || r < 0)
			sk_vm_host_free(sk_steal(&greetings[i].conn));
	}
	if (r < 0)
		sk_vm_host_free(greetings[0].conn);
	else
		*ret = greetings[0].conn;
	return r;
}

/* Hosts see HOME->root/guest at another place. */
static char *path_in_host(const struct sk_home *home, const char *path)
{
	sk_autofree char *prefix = sk_strf("%s/guest/", home->root);
	const char *rest = prefix ? sk_str_starts(path, prefix) : NULL;

	return rest ? sk_strf(SK_LAB_IMAGES_DIR "/%s", rest) : NULL;
}

static int start_guest(struct raise *raise, struct sk_vm_host *host, struct sk_err *err)
{
	const struct sk_lab_opts *opts = raise->opts;
	sk_autofree char *kernel = path_in_host(raise->lab->home, raise->images.kernel);
	sk_autofree char *initramfs =
		path_in_host(raise->lab->home, raise->images.initramfs);
	sk_autofree char *cmdline =
		sk_strf(GUEST_CMDLINE " skiff.ip=" SK_LAB_GUEST_IP "/24 skiff.ws=%" PRIu64
				      " skiff.rate=%" PRIu64
				      " skiff.static=%u skiff.server=%s",
			opts->working_set_bytes, opts->pages_per_s, STATIC_BYTES,
			opts->server);
	const struct sk_vm_domain domain = {
		.name = SK_LAB_GUEST,
		.kvm = raise->accel.kvm,
		.memory_bytes = opts->guest_memory_bytes,
		.kernel = kernel,
		.initramfs = initramfs,
		.cmdline = cmdline,
		.bridge = SK_LAB_BRIDGE,
		.mac = SK_LAB_GUEST_MAC,
		.console = SK_LAB_CONSOLE,
		.monitor = SK_LAB_MONITOR,
	};

	if (!kernel || !initramfs || !cmdline)
		return sk_err_oom(err);
	return sk_vm_host_create(host, &domain, err);
}

static int wait_guest(struct raise *raise, struct sk_err *err)
{
	uint64_t deadline = sk_clock_mono() + ANSWER_NS;
	struct sk_guest_status status;
	sk_autoclose int netns = -1;
	int r;

	netns = sk_slice_open_netns(raise->lab->home, raise->lab->slice, SK_LAB_CLIENT,
				    err);
	if (netns < 0)
		return netns;
	do
		r = sk_guest_status(SK_LAB_GUEST_IP, netns, PATIENCE_MS, &status, err);
	while (r == -ETIMEDOUT && sk_clock_mono() < deadline && !is_interrupted(raise));
	if (r < 0)
		return sk_err_wrap(err, r, "guest '" SK_LAB_GUEST "' does not answer");
	return 0;
}

static int raise_all(struct raise *raise, struct sk_err *err)
{
	sk_auto(sk_vm_host_free) struct sk_vm_host *host = NULL;
	int r;

	r = enter(raise, "guest kernel and initramfs", err);
	if (r == 0)
		r = sk_guest_prepare(raise->lab->home, &raise->images, err);
	if (r == 0)
		r = enter(raise, "hosts, switch and client", err);
	if (r == 0)
		r = start_hosts(raise, err);
	if (r == 0)
		r = enter(raise, "libvirtd on each host", err);
	if (r == 0)
		r = wait_hosts(raise, &host, err);
	if (r == 0)
		r = enter(raise,
			  raise->accel.kvm ? "guest g1 on host a (KVM)"
					   : "guest g1 on host a (TCG, emulated CPU)",
			  err);
	if (r == 0)
		r = start_guest(raise, host, err);
	return r == 0 ? wait_guest(raise, err) : r;
}

static void describe(struct raise *raise)
{
	const struct sk_lab_opts *opts = raise->opts;
	struct sk_json *record = sk_json_new_object(), *hosts, *guest;

	sk_json_set_str(record, "name", raise->lab->name);
	sk_json_set_str(record, "slice", raise->lab->slice);
	sk_json_set_str(record, "status", "starting");
	hosts = sk_json_set(record, "hosts", sk_json_new_array());
	for (unsigned int i = 0; i < opts->hosts; i++) {
		struct sk_json *host = sk_json_add(hosts, sk_json_new_object());
		char address[32];

		(void)snprintf(address, sizeof(address), "10.77.0.%u", i + 1);
		sk_json_set_str(host, "name", sk_lab_host_name(i));
		sk_json_set_str(host, "address", address);
	}
	guest = sk_json_set(record, "guest", sk_json_new_object());
	sk_json_set_str(guest, "name", SK_LAB_GUEST);
	sk_json_set_str(guest, "address", SK_LAB_GUEST_IP);
	sk_json_set_uint(guest, "memory_bytes", opts->guest_memory_bytes);
	sk_json_set_str(guest, "server", opts->server);
	raise->lab->record = record;
}

static int take_down(struct sk_lab *lab, struct sk_err *err)
{
	sk_autofree char *sockets = sk_strf("labs/%s", lab->name);
	struct sk_err failure = SK_ERR_INIT;
	int r = sk_slice_remove(lab->home, lab->slice, &failure);

	if (r < 0 && r != -ENOENT) {
		if (err)
			*err = failure;
		return sk_err_wrap(err, r, "end the hosts of lab '%s'", lab->name);
	}
	if (!sockets)
		return sk_err_oom(err);
	r = sk_fs_remove_tree(lab->home->runroot_fd, sockets, err);
	return r < 0 ? r : sk_lab_forget(lab, err);
}

/* Without a record nothing of a lab is there: a slice of its name is somebody's own. */
static int refuse_foreign(const struct sk_lab *lab, struct sk_err *err)
{
	sk_auto(sk_json_free) struct sk_json *slice = NULL;
	int r;

	if (sk_slice_show(lab->home, lab->slice, &slice, NULL) < 0)
		return 0;
	r = sk_err_set(err, EEXIST, "there is a slice '%s', which is no lab's",
		       lab->slice);
	return sk_err_hint(err, r, "take another name for the lab: skiff lab up NAME");
}

/* A lab that is up is refused; what is left of one that is not is removed. */
static int clear_old(struct sk_lab *lab, struct sk_err *err)
{
	sk_auto(sk_json_free) struct sk_json *now = NULL;
	int r;

	if (!lab->record)
		return refuse_foreign(lab, err);
	if (sk_lab_status(lab->home, lab->name, &now, NULL) == 0 &&
	    strcmp(sk_json_str(sk_json_get(now, "status"), ""), "up") == 0) {
		r = sk_err_set(err, EEXIST, "lab '%s' is up already", lab->name);
		return sk_err_hint(
			err, r,
			"see it with skiff lab status, end it with skiff lab down");
	}
	return take_down(lab, err);
}

/* @data_bytes: that requests go over. */
static int check_room(const struct sk_lab_opts *opts, uint64_t data_bytes,
		      struct sk_err *err)
{
	uint64_t room = opts->guest_memory_bytes;
	const uint64_t needs[] = {STATIC_BYTES, SYSTEM_BYTES, data_bytes,
				  opts->working_set_bytes};
	int r;

	for (size_t i = 0; i < SK_ARRAY_SIZE(needs); i++) {
		if (needs[i] > room) {
			r = sk_err_set(err, ERANGE,
				       "the working set does not fit the guest's memory");
			return sk_err_hint(err, r,
					   "the guest needs 112 MiB beside it, and what "
					   "requests touch: more memory, or a smaller "
					   "working set");
		}
		room -= needs[i];
	}
	return 0;
}

static int fill_defaults(const struct sk_lab_opts *opts, struct sk_lab_opts *ret,
			 struct sk_err *err)
{
	struct sk_server_opts server = SK_SERVER_OPTS_INIT;
	int r;

	*ret = *opts;
	if (!ret->name)
		ret->name = "default";
	if (!ret->hosts)
		ret->hosts = 2;
	if (!ret->guest_memory_bytes)
		ret->guest_memory_bytes = 256u << 20;
	if (!ret->server)
		ret->server = "iterative";
	r = sk_server_parse(ret->server, &server, err);
	if (r < 0)
		return r;
	if (ret->hosts < 2 || ret->hosts > SK_LAB_MAX_HOSTS)
		return sk_err_set(err, ERANGE, "a lab has 2 to %d hosts, not %u",
				  SK_LAB_MAX_HOSTS, ret->hosts);
	return check_room(ret, server.touch_bytes ? server.data_bytes : 0, err);
}

int sk_lab_check(const struct sk_lab_opts *opts, struct sk_err *err)
{
	struct sk_lab_opts unused;

	return fill_defaults(opts, &unused, err);
}

int sk_lab_up(const struct sk_home *home, const struct sk_lab_opts *opts,
	      struct sk_json **ret, struct sk_err *err)
{
	sk_auto(sk_lab_finish) struct sk_lab lab = {.labs_fd = -1, .lock_fd = -1};
	struct sk_lab_opts full;
	struct raise raise = {.opts = &full, .lab = &lab};
	int r;

	if (home->is_rootless)
		return sk_err_hint(err, sk_err_set(err, EPERM, "a lab needs root"),
				   "its hosts make bridges and run libvirtd: use sudo");
	r = fill_defaults(opts, &full, err);
	if (r == 0)
		r = sk_lab_open(home, full.name, true, &lab, err);
	if (r == 0)
		r = clear_old(&lab, err);
	if (r < 0)
		return r;
	describe(&raise);
	r = sk_lab_save(&lab, err);
	if (r < 0)
		return r;
	r = raise_all(&raise, err);
	sk_guest_images_finish(&raise.images);
	if (r < 0 && is_interrupted(&raise)) {
		r = -ECANCELED;
		(void)sk_err_set(err, ECANCELED, "interrupted: what was made is removed");
	}
	if (r < 0)
		goto undo_lab;
	sk_json_set_str(lab.record, "status", "up");
	sk_json_set_str(lab.record, "accelerator", raise.accel.kvm ? "kvm" : "tcg");
	sk_json_set_str(lab.record, "accelerator_why", raise.accel.why);
	r = sk_lab_save(&lab, err);
	if (r < 0)
		goto undo_lab;
	return ret ? sk_lab_status(home, full.name, ret, err) : 0;

undo_lab:
	(void)take_down(&lab, NULL);
	return sk_err_wrap(err, r, "lab '%s'", full.name);
}

int sk_lab_down(const struct sk_home *home, const char *name, struct sk_err *err)
{
	sk_auto(sk_lab_finish) struct sk_lab lab = {.labs_fd = -1, .lock_fd = -1};
	int r = sk_lab_open(home, name, true, &lab, err);

	if (r < 0)
		return r;
	r = sk_lab_need(&lab, err);
	if (r < 0) {
		(void)sk_lab_forget(&lab, NULL);
		return r;
	}
	return take_down(&lab, err);
}
