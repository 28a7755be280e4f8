// SPDX-License-Identifier: Apache-2.0
/* oci_life - how an OCI container begins, from its bundle to its record, and how its process is left or awaited */
#include "runtime/container/oci_life.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/log.h"
#include "lib/str.h"
#include "lib/sys.h"
#include "runtime/container/oci_group.h"
#include "runtime/container/oci_io.h"
#include "runtime/container/oci_record.h"
#include "runtime/spec/idrange.h"

void sk_oci_bundle_finish(struct sk_oci_bundle *bundle)
{
	free(bundle->path);
	free(bundle->text);
	sk_spec_free(bundle->spec);
}

static int read_config(struct sk_oci_bundle *bundle, const char *name,
		       struct sk_json **ret, struct sk_err *err)
{
	sk_autoclose int dir_fd = open(bundle->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r = dir_fd < 0 ? -errno
			   : sk_fs_read(dir_fd, name, SK_JSON_MAX_BYTES, &bundle->text,
					&bundle->len);

	if (r < 0)
		return sk_err_code(err, r, "read '%s' of bundle '%s'", name,
				   bundle->path);
	r = sk_json_parse(bundle->text, bundle->len, name, ret, err);
	return r < 0 ? sk_err_wrap(err, r, "bundle '%s'", bundle->path) : 0;
}

static int load_bundle(const struct sk_home *home, const char *id,
		       const struct sk_oci_opts *opts, struct sk_oci_bundle *bundle,
		       struct sk_err *err)
{
	const char *path = opts->bundle ? opts->bundle : ".";
	/* systemd names the group itself */
	sk_autofree char *group = opts->cgroup_manager == SK_CGROUP_MANAGER_SYSTEMD
					  ? strdup("")
					  : sk_oci_default_group(home, id);
	sk_auto(sk_json_free) struct sk_json *config = NULL;
	int r;

	if (!group)
		return sk_err_oom(err);
	bundle->path = realpath(path, NULL);
	if (!bundle->path)
		return sk_err_errno(err, "open bundle '%s'", path);
	r = read_config(bundle, opts->config ? opts->config : "config.json", &config,
			err);
	if (r == 0)
		r = sk_spec_from_config(config, bundle->path, group, &bundle->spec, err);
	if (r == 0)
		r = sk_oci_io_notify(bundle->spec, err);
	if (r < 0)
		return r;
	sk_idrange_adapt(bundle->spec, id);
	return sk_spec_check(bundle->spec, err);
}

static int save_config(const struct sk_state *state, const struct sk_oci_bundle *bundle,
		       struct sk_err *err)
{
	sk_autoclose int fd = openat(state->dir_fd, "config.json",
				     O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : sk_fs_write_all(fd, bundle->text, bundle->len);

	return r < 0 ? sk_err_code(err, r, "write 'config.json' of the record") : 0;
}

/* All that delete needs to know, before the first thing is made. */
static int write_intent(struct sk_container *ctr, const struct sk_oci_bundle *bundle,
			enum sk_cgroup_manager manager, struct sk_err *err)
{
	const struct sk_spec *spec = bundle->spec;
	struct sk_json *doc = ctr->state->doc;
	char now[SK_CLOCK_TEXT_SIZE];
	int r = sk_oci_group_open(spec, ctr->state->id, manager, &ctr->cgroup, err);

	if (r == 0)
		r = save_config(ctr->state, bundle, err);
	if (r < 0)
		return r;
	sk_json_set_str(doc, "owner", "oci");
	sk_json_set_str(doc, "bundle", bundle->path);
	sk_json_set_str(doc, "rootfs", spec->rootfs);
	sk_json_set_str(doc, "created", sk_clock_format(sk_clock_real(), now));
	if (spec->args)
		sk_json_set_strv(doc, "command", spec->args);
	sk_json_set(doc, "annotations", sk_json_ref(spec->annotations));
	sk_json_set(doc, "cgroups", sk_cgroup_paths(ctr->cgroup));
	for (int i = SK_HOOK_POSTSTART; i <= SK_HOOK_POSTSTOP; i++)
		if (spec->process.hooks[i].nr)
			sk_json_set_bool(doc, sk_hook_name((enum sk_hook_kind)i), true);
	return sk_state_save(ctr->state, err);
}

int sk_oci_begin(const struct sk_home *home, const char *id,
		 const struct sk_oci_opts *opts, struct sk_oci_bundle *bundle,
		 struct sk_container **ret, struct sk_err *err)
{
	const struct sk_oci_io io = sk_oci_io_of(opts);
	sk_auto(sk_container_free) struct sk_container *ctr = NULL;
	struct sk_state *state = NULL;
	int r = load_bundle(home, id, opts, bundle, err);

	if (r < 0)
		return r;
	bundle->spec->no_pivot = opts->no_pivot;
	r = sk_oci_io_check(&io, bundle->spec->tty, !opts->detach, err);
	if (r == 0)
		r = sk_state_claim(home, id, &state, err);
	if (r < 0)
		return r;
	ctr = sk_handle_new(state);
	if (!ctr)
		return sk_err_oom(err);
	r = write_intent(ctr, bundle, opts->cgroup_manager, err);
	if (r == 0)
		*ret = sk_steal(&ctr);
	return r;
}

void sk_oci_release(struct sk_container *ctr)
{
	sk_state_unlock(ctr->state);
	ctr->pid = -1;
	ctr->is_over = true;
	sk_container_free(ctr);
}

void sk_oci_give_up(struct sk_container *ctr)
{
	struct sk_err why = SK_ERR_INIT;
	struct sk_exit end = {0};

	if (ctr->pid > 0) {
		(void)sk_sys_pidfd_send_signal(ctr->pidfd, SIGKILL);
		(void)sk_handle_wait(ctr, &end, NULL);
	}
	ctr->is_over = true;
	if (sk_oci_destroy(ctr->state, ctr->cgroup, &why) < 0)
		sk_log_warn("container '%s' is left behind: %s", ctr->state->id, why.msg);
}

/* Another may have deleted it since it ended: then there is nothing left to do. */
static int clean_up(struct sk_container *ctr, bool keep, struct sk_err *err)
{
	struct sk_err why = SK_ERR_INIT;
	int r;

	ctr->is_over = true;
	if (keep)
		return 0;
	r = sk_state_lock(ctr->state, SK_OCI_LOCK_WAIT_MS, &why);
	if (r == -ENOENT)
		return 0;
	if (r < 0) {
		*(err ? err : &why) = why;
		return r;
	}
	return sk_oci_destroy(ctr->state, ctr->cgroup, err);
}

int sk_oci_stay(struct sk_attach *attach, struct sk_container *ctr,
		const struct sk_oci_opts *opts, int *ret_status, struct sk_err *err)
{
	struct sk_exit end = {0};
	int r;

	sk_state_unlock(ctr->state);
	r = sk_attach_wait(attach, ctr->pidfd, opts->console_socket ? -1 : ctr->pty, true,
			   true, err);

	if (r == 0)
		r = sk_handle_wait(ctr, &end, err);
	if (r == 0)
		r = clean_up(ctr, opts->keep, err);
	if (r < 0)
		return r;
	if (attach->forced && end.status == 128 + SIGKILL && !end.oom)
		end.status = 128 + attach->forced;
	if (end.why[0])
		sk_log_warn("container '%s': %s", end.id, end.why);
	*ret_status = end.status;
	return 0;
}
