/* SPDX-License-Identifier: Apache-2.0 */
/* doctor_vm - what virtual machines need, found without libvirt */
#include "cli/doctor_vm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>

#include "lib/fs.h"
#include "lib/proc.h"
#include "lib/str.h"
#include "lib/trial.h"

#define ASK_TIMEOUT_MS 20000
#define DETAIL_SIZE    300
#define KERNEL_PACKAGE "linux-image-cloud-amd64"

/* Finds a program and asks for its version: the first line is the detail. */
static int ask_version(const char *program, char detail[DETAIL_SIZE], struct sk_err *err)
{
	sk_autofree char *path = NULL, *text = NULL;
	int r;

	if (sk_proc_find(program, &path) < 0)
		return sk_err_set(err, ENOENT, "the program '%s' is not installed",
				  program);
	r = sk_proc_capture((const char *const[]){path, "--version", NULL},
			    ASK_TIMEOUT_MS, &text, NULL, err);
	if (r < 0)
		return r;
	(void)snprintf(detail, DETAIL_SIZE, "%.*s", (int)strcspn(text, "\n"), text);
	return 0;
}

static int check_qemu(const struct sk_home *home, char detail[DETAIL_SIZE],
		      struct sk_err *err)
{
	(void)home;
	return ask_version("qemu-system-x86_64", detail, err);
}

static int check_tcg(const struct sk_home *home, char detail[DETAIL_SIZE],
		     struct sk_err *err)
{
	static const char *const argv[] = {"qemu-system-x86_64", "-accel", "help", NULL};
	sk_autofree char *text = NULL;
	int r = sk_proc_capture(argv, ASK_TIMEOUT_MS, &text, NULL, err);

	(void)home;
	if (r < 0)
		return r;
	if (!strstr(text, "tcg"))
		return sk_err_set(err, ENOTSUP, "this QEMU was built without TCG");
	(void)snprintf(detail, DETAIL_SIZE,
		       "guests run in software where KVM does not work");
	return 0;
}

static int check_libvirtd(const struct sk_home *home, char detail[DETAIL_SIZE],
			  struct sk_err *err)
{
	static const char *const folders[] = {"/usr/lib/x86_64-linux-gnu",
					      "/usr/lib/aarch64-linux-gnu", "/usr/lib64",
					      "/usr/lib"};
	int r = ask_version("libvirtd", detail, err);

	(void)home;
	if (r < 0)
		return r;
	for (size_t i = 0; i < SK_ARRAY_SIZE(folders); i++) {
		sk_autofree char *path =
			sk_strf("%s/libvirt/connection-driver/libvirt_driver_qemu.so",
				folders[i]);

		if (path && access(path, R_OK) == 0)
			return 0;
	}
	return sk_err_set(err, ENOENT, "libvirtd has no driver for QEMU");
}

static int check_helpers(const struct sk_home *home, char detail[DETAIL_SIZE],
			 struct sk_err *err)
{
	static const char *const names[] = {"skiff-vm", "skiff-guest"};

	(void)home;
	for (size_t i = 0; i < SK_ARRAY_SIZE(names); i++) {
		sk_autofree char *path = NULL;
		int r = sk_proc_libexec(names[i], &path, err);

		/* skiff-guest is the init of a guest: it is not to be run here */
		if (r == 0 && i == 0)
			r = sk_proc_capture((const char *const[]){path, "--version",
								  NULL},
					    ASK_TIMEOUT_MS, NULL, NULL, err);
		if (r < 0)
			return r;
	}
	(void)snprintf(detail, DETAIL_SIZE, "skiff-vm starts, with libvirt's library");
	return 0;
}

static bool find_in(int dirfd, const char *folder, const char *prefix, const char *suffix,
		    char **ret)
{
	sk_auto(sk_strv_free) char **names = NULL;

	if (sk_fs_list(dirfd, folder, &names) < 0)
		return false;
	for (char **n = names; n && *n; n++)
		if (sk_str_starts(*n, prefix) && sk_str_ends(*n, suffix)) {
			*ret = sk_strf("%s/%s", folder, *n);
			return *ret != NULL;
		}
	return false;
}

static bool is_in_package_list(const char *package)
{
	const char *const argv[] = {"apt-cache", "show", "--no-all-versions", package,
				    NULL};

	return sk_proc_capture(argv, ASK_TIMEOUT_MS, NULL, NULL, NULL) == 0;
}

static int check_kernel(const struct sk_home *home, char detail[DETAIL_SIZE],
			struct sk_err *err)
{
	sk_auto(sk_strv_free) char **cached = NULL;
	sk_autofree char *found = NULL;

	if (find_in(AT_FDCWD, "/boot", "vmlinuz-", "-cloud-amd64", &found)) {
		(void)snprintf(detail, DETAIL_SIZE, "'%.200s' is installed", found);
		return 0;
	}
	(void)sk_fs_list(home->root_fd, "guest", &cached);
	for (char **c = cached; c && *c; c++) {
		sk_autofree char *folder = sk_strf("guest/%s", *c);

		if (folder && find_in(home->root_fd, folder, "vmlinuz", "", &found)) {
			(void)snprintf(detail, DETAIL_SIZE,
				       "'%.100s/%.150s' is in the cache", home->root,
				       found);
			return 0;
		}
	}
	if (is_in_package_list(KERNEL_PACKAGE)) {
		(void)snprintf(
			detail, DETAIL_SIZE,
			"not here yet: skiff lab up fetches the package " KERNEL_PACKAGE);
		return 0;
	}
	return sk_err_set(
		err, ENOENT,
		"no kernel for guests: not installed, not in the cache, not in apt's lists");
}

/* A vCPU that can be made proves little: guests may still hang. So this is never a failure. */
static int check_kvm(const struct sk_home *home, char detail[DETAIL_SIZE],
		     struct sk_err *err)
{
	sk_autoclose int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	sk_autoclose int machine = -1, cpu = -1;

	(void)home;
	(void)err;
	if (kvm < 0) {
		(void)snprintf(detail, DETAIL_SIZE,
			       "not here (%s): guests run in software (TCG)",
			       strerror(errno));
		return 0;
	}
	machine = ioctl(kvm, KVM_CREATE_VM, 0);
	if (machine >= 0)
		cpu = ioctl(machine, KVM_CREATE_VCPU, 0);
	if (cpu < 0)
		(void)snprintf(
			detail, DETAIL_SIZE,
			"opens but makes no CPU (%s): guests run in software (TCG)",
			strerror(errno));
	else
		(void)snprintf(
			detail, DETAIL_SIZE,
			"opens and makes a CPU; not verified until a probe guest boots: "
			"see skiff lab up");
	return 0;
}

static const struct {
	const char *name;
	int (*check)(const struct sk_home *home, char detail[DETAIL_SIZE],
		     struct sk_err *err);
	const char *fix;
} checks[] = {
	{"QEMU", check_qemu, "apt-get install qemu-system-x86"},
	{"TCG", check_tcg, "apt-get install qemu-system-x86"},
	{"KVM", check_kvm, NULL},
	{"libvirtd", check_libvirtd,
	 "apt-get install libvirt-daemon libvirt-daemon-driver-qemu"},
	{"skiff-vm", check_helpers, "apt-get install libvirt0"},
	{"guest kernel", check_kernel,
	 "apt-get update, then apt-get install " KERNEL_PACKAGE},
};

int sk_doctor_vm(const struct sk_home *home, struct sk_json *list, struct sk_err *err)
{
	(void)err;
	for (size_t i = 0; i < SK_ARRAY_SIZE(checks); i++) {
		struct sk_err why = SK_ERR_INIT;
		char detail[DETAIL_SIZE] = "";

		(void)checks[i].check(home, detail, &why);
		sk_trial_report(list, checks[i].name, detail, &why, checks[i].fix);
	}
	return 0;
}
