// SPDX-License-Identifier: Apache-2.0
/* child - the way from clone to exec, one step after the other
 *
 * Theory of operation. The order is what keeps a container in:
 *
 *  1. ns		die with the parent, own session, enter the groups; nothing is mounted yet.
 *  2. receive	the parent has written the id maps, raised hard limits, with its privileges,
 *		and sent the idmapped layers.
 *  3. root		private mounts, uid 0 of the user namespace, overlay, own procfs. From here
 *		on the root is hostile: only descriptors beneath it, no path twice.
 *  4. mounts, devices, user, tty	still with the host's tree in reach, for sources.
 *  5. hooks	those of the parent while this waits, then createContainer's.
 *  6. masks, names, sysctls, labels.
 *  7. pivot	the old tree is gone.
 *  8. scheduler; credentials: ids and capabilities; afterwards nothing privileged may be needed.
 *  9. working folder, command: found with the ids that will execute it.
 * 10. gate; startContainer's hooks; limits; filter; exec.
 *
 * A failure is handed to the parent in one write; a successful exec closes the pipe.
 */
#include "runtime/sandbox/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "lib/sys.h"
#include "runtime/sandbox/hook.h"
#include "runtime/sandbox/target.h"

void sk_child_fail(const struct sk_child *c, const struct sk_err *err)
{
	struct sk_child_report report = {.stage = c->stage, .err = *err};

	(void)!write(c->report, &report, sizeof(report));
	_exit(125);
}

/* A copy of its mount that nobody can write to: /proc/1/exe shows it (CVE-2019-5736). */
static int open_init(struct sk_child *c, struct sk_err *err)
{
	sk_autoclose int fd = -1;
	int r;

	if (!c->spec->use_init)
		return 0;
	fd = sk_target_clone(AT_FDCWD, c->init_path, false, err);
	if (fd < 0)
		return fd;
	r = sk_target_set_attrs(fd, MOUNT_ATTR_RDONLY, 0, false, err);
	if (r < 0)
		return r;
	c->init_fd = sk_steal_fd(&fd);
	return 0;
}

static int set_names(const struct sk_spec *spec, struct sk_err *err)
{
	if (spec->hostname && sethostname(spec->hostname, strlen(spec->hostname)) < 0)
		return sk_err_errno(err, "set hostname '%s'", spec->hostname);
	if (spec->domainname &&
	    setdomainname(spec->domainname, strlen(spec->domainname)) < 0)
		return sk_err_errno(err, "set domainname '%s'", spec->domainname);
	return 0;
}

/* A new network namespace has nothing but a loopback that is down. */
static int raise_loopback(const struct sk_spec *spec, struct sk_err *err)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	sk_autoclose int fd = -1;

	if (!spec->ns[SK_NS_NET].is_new)
		return 0;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		return sk_err_errno(err, "bring up the loopback network device");
	return 0;
}

static int set_sysctls(const struct sk_child *c, struct sk_err *err)
{
	for (size_t i = 0; i < c->spec->nr_sysctls; i++) {
		const char *name = c->spec->sysctls[i].name;
		sk_autofree char *path = sk_strf("sys/%s", name);
		sk_autoclose int fd = -1;
		size_t len = strlen(c->spec->sysctls[i].value);

		if (!path)
			return sk_err_oom(err);
		/* through the private procfs, so no mount over /proc/sys can be in the way */
		fd = sk_fs_open_beneath(c->proc_fd, path, O_WRONLY | O_NOFOLLOW, 0);
		if (fd < 0)
			return sk_err_code(err, fd, "open sysctl '%s'", name);
		if (write(fd, c->spec->sysctls[i].value, len) != (ssize_t)len)
			return sk_err_errno(err, "set sysctl '%s'", name);
	}
	return 0;
}

/* As runc and crun do, while the root is not read-only yet. What is wrong with it is told by
 * whoever enters it. */
static void make_cwd(const struct sk_child *c)
{
	const char *cwd = c->spec->cwd;
	sk_autoclose int fd = -1;

	if (!c->spec->process.make_cwd)
		return;
	fd = sk_fs_open_in_root(c->root_fd, cwd, O_PATH, 0);
	if (fd == -ENOENT)
		fd = sk_target_open(c->root_fd, cwd, true, NULL);
}

/* The folder must lie below the root: a descriptor from outside would not (CVE-2024-21626). */
static int enter_cwd(const char *cwd, struct sk_err *err)
{
	char real[PATH_MAX];

	if (chdir(cwd) < 0) {
		int r = sk_err_errno(err, "enter working folder '%s' in the container",
				     cwd);

		return sk_err_hint(err, r,
				   "it must be there in the image, or in a volume");
	}
	if (!getcwd(real, sizeof(real)) || real[0] != '/')
		return sk_err_set(err, EPERM,
				  "working folder '%s' is outside the container", cwd);
	return 0;
}

int sk_child_finish_process(struct sk_child *c, struct sk_err *err)
{
	int r = sk_child_sched(c, err);

	if (r == 0)
		r = sk_child_credentials(c, err);
	if (r == 0)
		r = enter_cwd(c->spec->cwd, err);
	if (r == 0)
		r = sk_child_find_command(c, err);
	return r < 0 ? r : sk_child_exec(c, err);
}

bool sk_child_wants_state(sk_child_state_fn *state, const struct sk_spec *spec)
{
	return state && (sk_spec_process_has_hooks(&spec->process) ||
			 (spec->seccomp_config && spec->seccomp_config->listener_path));
}

/* Both texts are made now: to make one may need files of the host, such as of names of users,
 * of which the container has its own. */
static int run_container_hooks(struct sk_child *c, struct sk_err *err)
{
	const struct sk_hook_list *lists = c->spec->process.hooks;
	sk_autofree char *state = c->hook_state(c->hook_arg, "creating", c->hook_pid);

	c->start_state = c->hook_state(c->hook_arg, "created", c->hook_pid);
	if (!state || !c->start_state)
		return sk_err_oom(err);
	return sk_hooks_run(&lists[SK_HOOK_CREATE_CONTAINER], SK_HOOK_CREATE_CONTAINER,
			    state, c->hook_cwd, err);
}

int sk_child_ask(struct sk_child *c, struct sk_err *err)
{
	char tag = SK_SYNC_HOOKS;

	if (!sk_child_wants_state(c->hook_state, c->spec))
		return 0;
	if (send(c->sync, &tag, 1, MSG_NOSIGNAL) != 1)
		return sk_err_errno(err, "ask the parent to run the hooks");
	if (recv(c->sync, &c->hook_pid, sizeof(c->hook_pid), 0) !=
	    (ssize_t)sizeof(c->hook_pid))
		_exit(1);
	return 0;
}

/* All is mounted: the parent's hooks, then those of this side, which see the same tree. */
static int run_create_hooks(struct sk_child *c, struct sk_err *err)
{
	int r;

	if (!sk_child_wants_state(c->hook_state, c->spec))
		return 0;
	r = sk_child_ask(c, err);
	return r < 0 ? r : run_container_hooks(c, err);
}

static int build(struct sk_child *c, struct sk_err *err)
{
	int r = sk_child_ns(c, err);

	if (r == 0)
		r = sk_child_receive(c, err);
	if (r == 0)
		r = open_init(c, err);
	if (r == 0)
		r = sk_child_root(c, err);
	if (r == 0)
		r = sk_child_mounts(c, err);
	if (r == 0)
		r = sk_child_devices(c, err);
	if (r == 0)
		r = sk_child_user(c, err);
	if (r == 0)
		r = c->spec->tty ? sk_child_tty(c, err) : sk_child_stdio(c, err);
	if (r == 0)
		r = run_create_hooks(c, err);
	if (r < 0)
		return r;
	make_cwd(c);
	return sk_child_masks(c, err);
}

void sk_child_main(struct sk_child *c)
{
	struct sk_err err = SK_ERR_INIT;
	int r = build(c, &err);

	if (r == 0)
		r = set_names(c->spec, &err);
	if (r == 0)
		r = raise_loopback(c->spec, &err);
	if (r == 0)
		r = set_sysctls(c, &err);
	if (r == 0)
		r = sk_child_lsm(c, &err);
	if (r == 0)
		r = sk_child_pivot(c, &err);
	if (r == 0)
		(void)sk_child_finish_process(c, &err);
	sk_child_fail(c, &err);
}
