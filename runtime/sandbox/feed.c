// SPDX-License-Identifier: Apache-2.0
/* feed - what a child waits for before it mounts anything: limits, id maps, shifted layers and volumes */
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/sock.h"
#include "runtime/sandbox/child.h"
#include "runtime/sandbox/idmap.h"
#include "runtime/sandbox/mount.h"
#include "runtime/sandbox/spawn.h"

static int send_layer(int sync, char tag, const char *path, int userns,
		      struct sk_err *err)
{
	sk_autoclose int fd = sk_idmap_mount(path, userns, false, err);
	int r;

	if (fd < 0)
		return fd;
	r = sk_sock_send_fd(sync, fd, tag);
	if (r < 0)
		return sk_err_code(err, r, "send '%s' to the container", path);
	return 0;
}

static int send_layers(const struct sk_spec *spec, int sync, int userns,
		       struct sk_err *err)
{
	int r = 0;

	for (char **lower = spec->lowers; r == 0 && lower && *lower; lower++)
		r = send_layer(sync, SK_SYNC_LAYER, *lower, userns, err);
	if (r == 0 && spec->lowers)
		r = send_layer(sync, SK_SYNC_UPPER, spec->layer_dir, userns, err);
	return r;
}

int sk_spawn_feed(const struct sk_sandbox_opts *opts, const struct sk_child *c,
		  const struct sk_sandbox *sandbox, int sync, struct sk_err *err)
{
	const struct sk_spec *spec = opts->spec;
	sk_autoclose int userns = -1;
	int r = sk_limits_raise(sandbox->pid, spec, err);

	if (r == 0 && spec->ns[SK_NS_USER].is_new)
		r = sk_idmap_write(sandbox->pid, spec, err);
	if (r < 0)
		return r;
	if (sk_spec_has_userns(spec) && (spec->idmap_layers || c->volume_fds)) {
		userns = sk_idmap_userns(sandbox->pid, err);
		if (userns < 0)
			return userns;
	}
	if (spec->ns[SK_NS_USER].is_new && spec->idmap_layers) {
		r = send_layers(spec, sync, userns, err);
		if (r < 0)
			return r;
	}
	r = sk_mount_send(c, sync, userns, err);
	if (r < 0)
		return r;
	if (opts->on_cloned) {
		r = opts->on_cloned(opts->arg, sandbox->pid, err);
		if (r < 0)
			return r;
	}
	r = sk_sock_send_fd(sync, sandbox->pidfd, SK_SYNC_GO);
	if (r < 0)
		return sk_err_code(err, r, "send to the container");
	return 0;
}
