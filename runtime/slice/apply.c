// SPDX-License-Identifier: Apache-2.0
/* apply - from a definition to a running slice: check, admit, write down, let the supervisor act
 *
 * Theory of operation
 *
 * 1. Check the definition; nothing is touched.
 * 2. Take the slice's command lock, so that one command changes it at a time. Clear what a
 *    dead supervisor left.
 * 3. Under the admission lock: give addresses, weigh against all other slices, make the plan,
 *    and write want.json, which is what the other slices are weighed against from now on.
 *    A dry run ends before the writing.
 * 4. Start a supervisor when none lives, ask it to reconcile, wait for its answer.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/proc.h"
#include "lib/sock.h"
#include "lib/str.h"
#include "runtime/slice/slice.h"

#define LOCK_TIMEOUT_MS	   10000
#define REQUEST_TIMEOUT_MS 120000

struct apply {
	const struct sk_home *home;
	struct sk_slice_dir *dir;
	struct sk_slice_want want; /* new; want.def is a copy with addresses */
	struct sk_slice_want old;  /* def is NULL for a new slice */
	struct sk_json *state;
	struct sk_json *plan;
	bool is_supervised;
};

static void apply_finish(struct apply *apply)
{
	sk_slice_dir_free(apply->dir);
	sk_slice_want_finish(&apply->want);
	sk_slice_want_finish(&apply->old);
	sk_json_free(apply->state);
	sk_json_free(apply->plan);
}
SK_DEFINE_AUTO_FINISH(struct apply, apply_finish)

struct claims {
	struct sk_slice_claim *ptr;
	size_t nr;
	char **names;
};

static void claims_finish(struct claims *claims)
{
	free(claims->ptr);
	sk_strv_free(claims->names);
}
SK_DEFINE_AUTO_FINISH(struct claims, claims_finish)

/* A slice without a living supervisor holds nothing, nor does one that ends meanwhile. */
static int add_claim(const struct sk_home *home, const char *name,
		     const struct sk_slice_host *host, struct claims *claims)
{
	sk_auto(sk_slice_dir_free) struct sk_slice_dir *dir = NULL;
	sk_auto(sk_slice_want_finish) struct sk_slice_want want = {0};
	int r = sk_slice_dir_open(home, name, false, &dir, NULL);

	if (r == -ENOMEM)
		return r;
	if (r < 0 || sk_slice_want_load(dir, &want, NULL) < 0)
		return 0;
	claims->ptr[claims->nr] =
		sk_slice_claim_of(want.def, host, sk_slice_want_remaining(&want));
	claims->ptr[claims->nr++].name = name;
	return 0;
}

static bool is_alive(const struct sk_home *home, const char *name)
{
	sk_autofree char *lock = sk_strf("slices/%s/lock", name);
	sk_autofree char *command = sk_strf("slices/.locks/%s", name);

	/* Or about to be: its apply has been admitted and is starting it. */
	return (lock && sk_fs_exists(home->runroot_fd, lock) &&
		sk_fs_is_locked(home->runroot_fd, lock)) ||
	       (command && sk_fs_exists(home->runroot_fd, command) &&
		sk_fs_is_locked(home->runroot_fd, command));
}

static int admit(const struct apply *apply, struct sk_err *err)
{
	sk_auto(claims_finish) struct claims claims = {0};
	struct sk_slice_claim claim;
	struct sk_slice_host host;
	int r = sk_slice_host_read(&host, err);

	if (r == 0)
		r = sk_slice_dir_names(apply->home, &claims.names, err);
	if (r < 0)
		return r;
	claims.ptr = calloc(sk_strv_len(claims.names) + 1, sizeof(*claims.ptr));
	if (!claims.ptr)
		return sk_err_oom(err);
	for (size_t i = 0; r == 0 && claims.names && claims.names[i]; i++)
		if (strcmp(claims.names[i], apply->want.def->name) != 0 &&
		    is_alive(apply->home, claims.names[i]))
			r = add_claim(apply->home, claims.names[i], &host, &claims);
	if (r < 0)
		return sk_err_oom(err);
	claim = sk_slice_claim_of(apply->want.def, &host, 0);
	return sk_slice_admit(&host, claims.ptr, claims.nr, &claim, err);
}

static bool is_running(const struct apply *apply, const char *node)
{
	const struct sk_json *slivers = sk_json_get(apply->state, "slivers");

	for (size_t i = 0; apply->is_supervised && i < sk_json_len(slivers); i++) {
		const struct sk_json *sliver = sk_json_at(slivers, i);

		if (strcmp(sk_json_str(sk_json_get(sliver, "name"), ""), node) == 0)
			return strcmp(sk_json_str(sk_json_get(sliver, "status"), ""),
				      "running") == 0;
	}
	return false;
}

static int make_plan(struct apply *apply, struct sk_err *err)
{
	const struct sk_slice_def *old = apply->is_supervised ? apply->old.def : NULL;
	size_t nr_have = old ? old->nr_nodes : 0;
	sk_autofree struct sk_slice_have *have = calloc(nr_have + 1, sizeof(*have));
	sk_autofree struct sk_slice_change *changes = NULL;
	size_t nr = 0;

	if (!have)
		return sk_err_oom(err);
	for (size_t i = 0; i < nr_have; i++)
		have[i] = (struct sk_slice_have){&old->nodes[i],
						 is_running(apply, old->nodes[i].name)};
	if (sk_slice_diff(have, nr_have, apply->want.def, &changes, &nr) < 0)
		return sk_err_oom(err);
	apply->plan = sk_json_new_array();
	for (size_t i = 0; i < nr; i++) {
		sk_autofree char *text = sk_slice_change_text(&changes[i]);

		(void)sk_json_add(apply->plan, sk_json_new_str(text));
	}
	return 0;
}

static int copy_def(const struct sk_slice_def *def, struct sk_slice_def **ret,
		    struct sk_err *err)
{
	sk_auto(sk_json_free) struct sk_json *json = sk_slice_def_to_json(def);

	return sk_slice_def_from_json(json, ret, err);
}

static int load_old(struct apply *apply, struct sk_err *err)
{
	int r;

	if (!sk_fs_exists(apply->dir->fd, "want.json"))
		return 0;
	r = sk_slice_want_load(apply->dir, &apply->old, err);
	if (r == 0)
		r = sk_slice_state_load(apply->dir, &apply->state, err);
	if (r < 0)
		return r;
	apply->is_supervised = sk_slice_is_supervised(apply->dir);
	return apply->is_supervised
		       ? 0
		       : sk_slice_clear_remains(apply->dir, apply->state, err);
}

/* Step 3. */
static int decide(struct apply *apply, bool dry_run, struct sk_err *err)
{
	uint64_t lifetime = apply->want.def->lifetime_ns;
	sk_autoclose int lock = sk_slice_lock_admission(apply->home, err);
	int r;

	if (lock < 0)
		return lock;
	r = sk_slice_assign_addresses(apply->want.def, apply->old.def, err);
	if (r < 0)
		return sk_err_wrap(err, r, "slice '%s'", apply->want.def->name);
	r = admit(apply, err);
	if (r == 0)
		r = make_plan(apply, err);
	if (r < 0)
		return r;
	sk_slice_want_expire(&apply->want,
			     lifetime ? lifetime : SK_SLICE_DEFAULT_LIFETIME);
	apply->want.created_ns = apply->old.def ? apply->old.created_ns : sk_clock_real();
	return dry_run ? 0 : sk_slice_want_save(apply->dir, &apply->want, err);
}

/* bin/skiff, from itself or from libexec/skiff/. */
static int find_skiff(char **ret, struct sk_err *err)
{
	static const char *const places[] = {"%s/skiff", "%s/../../bin/skiff"};
	sk_autofree char *self = NULL;
	int r = sk_fs_self_dir(&self);

	if (r < 0)
		return sk_err_code(err, r, "find the folder of this program");
	for (size_t i = 0; i < SK_ARRAY_SIZE(places); i++) {
		sk_autofree char *path = sk_strf("%s%s", self, strchr(places[i], '/'));

		if (!path)
			return sk_err_oom(err);
		if (access(path, X_OK) == 0) {
			*ret = sk_steal(&path);
			return 0;
		}
	}
	(void)sk_err_set(err, ENOENT,
			 "the program 'skiff' is not beside this one in '%s'", self);
	return sk_err_hint(err, -ENOENT, "install all of skiff below one prefix");
}

static int spawn_supervisor(const struct apply *apply, struct sk_err *err)
{
	sk_autofree char *skiff = NULL;
	sk_autofree char *path = sk_strf("%s/sock", apply->dir->run_path);
	sk_autoclose int log = -1;
	sk_autoclose int sock = -1;
	struct sk_proc proc = {.pidfd = -1};
	struct sk_proc_opts opts = {.has_stdin = true,
				    .has_stdout = true,
				    .has_stderr = true,
				    .new_session = true,
				    /* not the caller's, which would stay in use */
				    .has_cwd = true,
				    .cwd_fd = apply->home->root_fd};
	int r = find_skiff(&skiff, err);

	if (r < 0)
		return r;
	if (!path)
		return sk_err_oom(err);
	sock = sk_sock_listen(path, err);
	if (sock < 0)
		return sock;
	log = openat(apply->dir->fd, "log",
		     O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (log < 0)
		return sk_err_errno(err, "open the supervisor's log");
	opts.stdin_fd = sock;
	opts.stdout_fd = opts.stderr_fd = log;
	r = sk_proc_spawn((const char *const[]){skiff, "--root", apply->home->root,
						"--runroot", apply->home->runroot,
						"slice", "supervise", apply->dir->name,
						NULL},
			  &opts, &proc, err);
	sk_close(&proc.pidfd);
	return r < 0 ? sk_err_wrap(err, r, "start the supervisor") : 0;
}

/* Step 4. */
static int carry_out(struct apply *apply, struct sk_err *err)
{
	int r = 0;

	if (!apply->is_supervised)
		r = spawn_supervisor(apply, err);
	if (r == 0)
		r = sk_slice_request(apply->dir, SK_SLICE_REQUEST_RECONCILE,
				     REQUEST_TIMEOUT_MS, NULL, err);
	return r;
}

static struct sk_json *result(struct apply *apply, bool dry_run, uint64_t start)
{
	struct sk_json *json = sk_json_new_object();
	char text[SK_CLOCK_TEXT_SIZE];

	sk_json_set_str(json, "name", apply->want.def->name);
	(void)sk_json_set(json, "plan", sk_steal(&apply->plan));
	if (!dry_run)
		sk_json_set_double(json, "ready_ms",
				   (double)(sk_clock_mono() - start) / SK_NS_PER_MS);
	sk_json_set_str(json, "expires", sk_clock_format(apply->want.expires_ns, text));
	return json;
}

static int apply_locked(struct apply *apply, bool dry_run, struct sk_err *err)
{
	bool is_new = false;
	int r = sk_slice_dir_open(apply->home, apply->want.def->name, true, &apply->dir,
				  err);

	if (r == 0)
		r = load_old(apply, err);
	is_new = r == 0 && !apply->old.def;
	if (r == 0)
		r = decide(apply, dry_run, err);
	if (r == 0 && !dry_run)
		r = carry_out(apply, err);
	if (is_new && (r < 0 || dry_run) && !sk_slice_is_supervised(apply->dir)) {
		(void)sk_slice_dir_remove(apply->home, apply->want.def->name, NULL);
		sk_slice_lock_forget(apply->home, apply->want.def->name);
	}
	return r;
}

int sk_slice_apply(const struct sk_home *home, const struct sk_slice_def *def,
		   bool dry_run, struct sk_json **ret, struct sk_err *err)
{
	sk_auto(apply_finish) struct apply apply = {.home = home};
	uint64_t start = sk_clock_mono();
	sk_autoclose int lock = -1;
	int r = sk_slice_check(def, err);

	if (r == 0)
		r = copy_def(def, &apply.want.def, err);
	if (r != 0)
		return r;
	lock = sk_slice_lock(home, def->name, LOCK_TIMEOUT_MS, err);
	if (lock < 0)
		return lock;
	r = apply_locked(&apply, dry_run, err);
	if (r == 0 && ret)
		*ret = result(&apply, dry_run, start);
	return r;
}
