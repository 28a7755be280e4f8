// SPDX-License-Identifier: Apache-2.0
/* callers_podman - podman without systemd, all of its files in CALLER_DIR */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/str.h"
#include "tests/it/callers.h"

/* Where it puts what has no --cgroup-parent, and conmon. */
#define OWN_GROUPS "/sys/fs/cgroup{,/*}/libpod_parent{,/*}/"

static const char *const list[] = {"ps",       "--all",	     "--external",
				   "--format", "{{.Names}}", NULL};
static const char *const remove_words[] = {"rm", "--force", "--time", "0", NULL};

/* Limits that no root without CAP_SYS_RESOURCE has to raise; no network unless asked for. */
static char *configuration(const char *runtime)
{
	return sk_strf("[containers]\n"
		       "default_ulimits = [\"nofile=1024:1024\", \"nproc=1024:1024\"]\n"
		       "netns = \"none\"\n"
		       "[engine]\n"
		       "cgroup_manager = \"cgroupfs\"\n"
		       "events_logger = \"file\"\n"
		       "lock_type = \"file\"\n"
		       "runtime = \"rt\"\n"
		       "runtime_supports_nocgroup = [\"rt\"]\n"
		       "runtime_supports_json = [\"rt\"]\n"
		       "[engine.runtimes]\n"
		       "rt = [\"%s\"]\n"
		       "[network]\n"
		       "network_backend = \"netavark\"\n"
		       "network_config_dir = \"" CALLER_DIR "/store/networks\"\n",
		       runtime);
}

static void configure(struct caller *podman)
{
	static const char *const files[][2] = {
		{"CONTAINERS_CONF", CALLER_DIR "/containers.conf"},
		{"CONTAINERS_STORAGE_CONF", CALLER_DIR "/storage.conf"},
		{"CONTAINERS_REGISTRIES_CONF", CALLER_DIR "/registries.conf"},
	};
	static const char *const words[] = {
		"podman",
		"--root",
		CALLER_DIR "/store/root",
		"--runroot",
		CALLER_DIR "/store/run",
		"--tmpdir",
		CALLER_DIR "/store/tmp",
	};
	sk_autofree char *text = configuration(podman->runtime);

	(void)mkdir(CALLER_DIR "/store", 0755);
	caller_write_file("containers.conf", text);
	caller_write_file("storage.conf", "[storage]\ndriver = \"overlay\"\n"
					  "graphroot = \"" CALLER_DIR "/store/root\"\n"
					  "runroot = \"" CALLER_DIR "/store/run\"\n");
	caller_write_file("registries.conf", "");
	for (size_t i = 0; i < SK_ARRAY_SIZE(files); i++)
		(void)setenv(files[i][0], files[i][1], 1);
	for (size_t i = 0; i < SK_ARRAY_SIZE(words); i++)
		assert_int_equal(sk_strv_add(&podman->command, words[i]), 0);
	podman->list = list;
	podman->remove = remove_words;
	podman->mount = CALLER_DIR "/store/root/overlay";
	caller_own_groups(OWN_GROUPS);
}

int caller_podman_setup(void **state)
{
	struct caller *podman = caller_begin(state, "podman", "podman");

	if (!podman)
		return 0;
	configure(podman);
	assert_int_equal(sk_strv_add(&podman->run_words, "--cgroup-parent"), 0);
	assert_int_equal(sk_strv_addf(&podman->run_words, "/%s", podman->group), 0);
	podman->records = "{/run/skiff/oci/containers,/run/runc,/run/crun}/*";
	caller_prepare(*state, IT_ARGS("import", "--quiet", CALLER_TAR, "box"));
	return 0;
}

int caller_podman_user_setup(void **state)
{
	static const char *const settle[] = {"system", "migrate", NULL};
	static const char *const store[] = {"install",		 "--directory",
					    "--owner",		 CALLER_USER_ID,
					    "--group",		 CALLER_USER_ID,
					    CALLER_DIR "/store", NULL};
	static const char *const words[] = {"setpriv", "--reuid",   CALLER_USER,
					    "--regid", CALLER_USER, "--init-groups"};
	struct caller *podman = caller_begin(state, "podman", "podman");

	if (!podman)
		return 0;
	caller_make_user(*state);
	if (it_command(*state, store) != 0) {
		print_error("make a folder: %s\n", ((struct it *)*state)->err);
		return -1;
	}
	(void)setenv("XDG_RUNTIME_DIR", "/run/user/" CALLER_USER_ID, 1);
	for (size_t i = 0; i < SK_ARRAY_SIZE(words); i++)
		assert_int_equal(sk_strv_add(&podman->command, words[i]), 0);
	configure(podman);
	podman->settle = settle;
	podman->records =
		"/run/user/" CALLER_USER_ID "/{skiff/oci/containers,runc,crun}/*";
	caller_prepare(*state, IT_ARGS("import", "--quiet", CALLER_TAR, "box"));
	caller_prepare(*state, settle);
	return 0;
}
