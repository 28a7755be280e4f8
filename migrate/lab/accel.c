// SPDX-License-Identifier: Apache-2.0
/* Does KVM work here? Asked of a guest, not of /dev/kvm */
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/types.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/log.h"
#include "lib/proc.h"
#include "lib/str.h"
#include "migrate/lab/lab.h"

#define PROBE_MS 3000
#define CACHE	 "accel.json"
#define CMDLINE	 "console=ttyS0 quiet panic=-1"
#define GREETING "skiff-guest: echo on"

static int boot_id(char **ret)
{
	return sk_fs_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 64, ret, NULL);
}

static bool read_cache(const struct sk_home *home, struct sk_accel *ret)
{
	sk_auto(sk_json_free) struct sk_json *cache = NULL;
	sk_autofree char *boot = NULL;

	if (sk_json_load(home->runroot_fd, CACHE, &cache, NULL) < 0 || boot_id(&boot) < 0)
		return false;
	if (!sk_str_equal(sk_json_str(sk_json_get(cache, "boot"), NULL), boot))
		return false;
	ret->kvm = sk_json_bool(sk_json_get(cache, "kvm"), false);
	(void)snprintf(ret->why, sizeof(ret->why), "%s",
		       sk_json_str(sk_json_get(cache, "why"), ""));
	return true;
}

static void write_cache(const struct sk_home *home, const struct sk_accel *accel)
{
	sk_auto(sk_json_free) struct sk_json *cache = sk_json_new_object();
	sk_autofree char *boot = NULL, *text = NULL;

	if (boot_id(&boot) < 0)
		return;
	sk_json_set_str(cache, "boot", boot);
	sk_json_set_bool(cache, "kvm", accel->kvm);
	sk_json_set_str(cache, "why", accel->why);
	text = sk_json_print(cache, false);
	if (text)
		(void)sk_fs_replace_volatile(home->runroot_fd, CACHE, text, strlen(text),
					     0600, NULL);
}

/* True when the greeting is read before the deadline; ends early when QEMU ends. */
static bool wait_greeting(int fd, uint64_t deadline)
{
	char text[4096];
	size_t len = 0;

	while (sk_clock_mono() < deadline) {
		struct pollfd poller = {.fd = fd, .events = POLLIN};
		ssize_t n;

		if (poll(&poller, 1, sk_clock_remaining_ms(deadline)) <= 0)
			continue;
		/* A console that talks more than this has lost the greeting anyway. */
		if (len == sizeof(text) - 1)
			len = 0;
		n = read(fd, text + len, sizeof(text) - 1 - len);
		if (n <= 0)
			return false;
		len += (size_t)n;
		if (memmem(text, len, GREETING, strlen(GREETING)))
			return true;
	}
	return false;
}

static bool boot_guest(const struct sk_guest_images *images, struct sk_accel *ret)
{
	const char *argv[] = {"qemu-system-x86_64",
			      "-accel",
			      "kvm",
			      "-cpu",
			      "qemu64",
			      "-m",
			      "128",
			      "-nodefaults",
			      "-no-user-config",
			      "-display",
			      "none",
			      "-no-reboot",
			      "-serial",
			      "stdio",
			      "-kernel",
			      images->kernel,
			      "-initrd",
			      images->initramfs,
			      "-append",
			      CMDLINE,
			      NULL};
	struct sk_proc_opts opts = {.has_stdin = true,
				    .stdin_fd = -1,
				    .has_stdout = true,
				    .has_stderr = true,
				    .stderr_fd = -1};
	struct sk_err err = SK_ERR_INIT;
	struct sk_proc proc = {0};
	int pipe_fd[2];
	bool works;

	if (pipe2(pipe_fd, O_CLOEXEC) < 0)
		return false;
	opts.stdout_fd = pipe_fd[1];
	if (sk_proc_spawn(argv, &opts, &proc, &err) < 0) {
		(void)snprintf(ret->why, sizeof(ret->why), "%.100s", err.msg);
		sk_close(&pipe_fd[0]);
		sk_close(&pipe_fd[1]);
		return false;
	}
	sk_close(&pipe_fd[1]);
	works = wait_greeting(pipe_fd[0], sk_clock_mono() + PROBE_MS * SK_NS_PER_MS);
	sk_proc_kill(&proc);
	sk_close(&pipe_fd[0]);
	if (!works)
		(void)snprintf(
			ret->why, sizeof(ret->why),
			"KVM is there, but its probe guest did not boot within %d s",
			PROBE_MS / 1000);
	return works;
}

void sk_accel_probe(const struct sk_home *home, const struct sk_guest_images *images,
		    struct sk_accel *ret)
{
	struct sk_accel accel = {.kvm = false};

	if (read_cache(home, ret))
		return;
	if (access("/dev/kvm", R_OK | W_OK) < 0)
		(void)snprintf(accel.why, sizeof(accel.why), "there is no /dev/kvm here");
	else
		accel.kvm = boot_guest(images, &accel);
	write_cache(home, &accel);
	*ret = accel;
}
