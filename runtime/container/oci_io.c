// SPDX-License-Identifier: Apache-2.0
/* oci_io - what a caller of create, run and exec wants to be handed */
#include "runtime/container/oci_io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/parse.h"
#include "lib/sock.h"
#include "lib/str.h"
#include "lib/sys.h"
#include "runtime/runtime.h"

#define MAX_FDS 1024

struct sk_oci_io sk_oci_io_of(const struct sk_oci_opts *opts)
{
	return (struct sk_oci_io){opts->pid_file, opts->console_socket,
				  opts->pidfd_socket};
}

int sk_oci_io_check(const struct sk_oci_io *io, bool tty, bool has_terminal,
		    struct sk_err *err)
{
	if (tty && !io->console_socket && !has_terminal)
		return sk_err_set(
			err, EINVAL,
			"process.terminal is set: a detached container needs --console-socket");
	if (!tty && io->console_socket)
		return sk_err_set(
			err, EINVAL,
			"--console-socket is given, but process.terminal is not set");
	return 0;
}

static int send_over(const char *path, const char *what, int fd, char tag,
		     struct sk_err *err)
{
	sk_autoclose int sock = sk_sock_connect(path, err);
	int r;

	if (sock < 0)
		return sk_err_wrap(err, sock, "hand over the %s", what);
	r = sk_sock_send_fd(sock, fd, tag);
	return r < 0 ? sk_err_code(err, r, "send the %s to '%s'", what, path) : 0;
}

static int write_pid_file(const char *path, pid_t pid, struct sk_err *err)
{
	const char *slash = strrchr(path, '/');
	sk_autofree char *dir =
		slash ? strndup(path, (size_t)(slash - path + 1)) : strdup(".");
	sk_autoclose int dir_fd = -1;
	char text[16];
	int n = snprintf(text, sizeof(text), "%d", (int)pid);

	if (!dir)
		return sk_err_oom(err);
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return sk_err_errno(err, "open folder '%s' of the pid file", dir);
	return sk_fs_replace_volatile(dir_fd, slash ? slash + 1 : path, text, (size_t)n,
				      0644, err);
}

int sk_oci_io_hand_over(const struct sk_oci_io *io, int pty, int pidfd, pid_t pid,
			struct sk_err *err)
{
	int r = 0;

	if (io->console_socket)
		r = send_over(io->console_socket, "terminal", pty, 'p', err);
	if (r == 0 && io->pidfd_socket)
		r = send_over(io->pidfd_socket, "process descriptor", pidfd, 'i', err);
	if (r == 0 && io->pid_file)
		r = write_pid_file(io->pid_file, pid, err);
	return r;
}

/* Source: sd_listen_fds(3). Callers such as podman set no LISTEN_PID. */
unsigned int sk_oci_io_listen_fds(void)
{
	const char *count = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
	uint64_t nr = 0, meant_for = 0;

	if (!count || sk_parse_u64(count, 0, MAX_FDS, &nr, NULL) < 0)
		return 0;
	if (pid && *pid &&
	    (sk_parse_u64(pid, 0, UINT32_MAX, &meant_for, NULL) < 0 ||
	     meant_for != (uint64_t)getpid()))
		return 0;
	return (unsigned int)nr;
}

int sk_oci_check_fds(uint64_t preserve_fds, struct sk_err *err)
{
	if (preserve_fds > MAX_FDS)
		return sk_err_set(err, EINVAL, "--preserve-fds: more than %d", MAX_FDS);
	preserve_fds += sk_oci_io_listen_fds();
	for (unsigned int i = 0; i < preserve_fds; i++) {
		int flags = fcntl(3 + (int)i, F_GETFD);

		/* one that is to be closed was not inherited: it is the program's own */
		if (flags < 0 || (flags & FD_CLOEXEC))
			return sk_err_set(
				err, EBADF,
				"--preserve-fds, LISTEN_FDS: descriptor %u is not open",
				3 + i);
	}
	return 0;
}

static bool has_notify_socket(const struct sk_spec *spec)
{
	for (char **variable = spec->env; variable && *variable; variable++)
		if (sk_str_starts(*variable, "NOTIFY_SOCKET="))
			return true;
	return false;
}

int sk_oci_io_notify(struct sk_spec *spec, struct sk_err *err)
{
	static const char inside[] = "/run/notify/notify.sock";
	const char *socket = getenv("NOTIFY_SOCKET");
	struct stat st;

	if (!socket || spec->no_process || has_notify_socket(spec))
		return 0;
	/* an abstract one belongs to a network namespace, not to the file system */
	if (socket[0] == '@') {
		if (spec->ns[SK_NS_NET].is_new || spec->ns[SK_NS_NET].path)
			return 0;
		return sk_strv_addf(&spec->env, "NOTIFY_SOCKET=%s", socket) < 0
			       ? sk_err_oom(err)
			       : 0;
	}
	if (socket[0] != '/' || stat(socket, &st) < 0 || !S_ISSOCK(st.st_mode))
		return 0;
	if (!sk_spec_add_mount(spec, socket, inside, NULL,
			       MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
				       MOUNT_ATTR_NOEXEC) ||
	    sk_strv_addf(&spec->env, "NOTIFY_SOCKET=%s", inside) < 0)
		return sk_err_oom(err);
	return 0;
}
