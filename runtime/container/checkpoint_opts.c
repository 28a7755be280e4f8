// SPDX-License-Identifier: Apache-2.0
/* checkpoint_opts - folders and options that saving and restoring share */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/container/checkpoint.h"

#define DEFAULT_IMAGES "checkpoint"
#define CONFIG_FILE    "/etc/criu/runc.conf"
#define LOG_LEVEL      4
/* From then on the name of the lock is saved: https://github.com/checkpoint-restore/criu/pull/2550 */
#define LOCK_UNDONE_SINCE 40100

/* Source: enum criu_cg_mode, enum criu_network_lock_method of criu's rpc.proto. */
static const struct {
	const char *name;
	unsigned int value;
} cgroup_modes[] = {{"ignore", 0}, {"soft", 3}, {"full", 4}, {"strict", 5}},
  network_locks[] = {{"iptables", 1}, {"nftables", 2}};

static int open_folder(const char *path, bool make, struct sk_err *err)
{
	int fd;

	if (make && mkdir(path, 0700) < 0 && errno != EEXIST)
		return sk_err_errno(err, "make folder '%s'", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? sk_err_errno(err, "open folder '%s'", path) : fd;
}

int sk_checkpoint_dirs_open(const struct sk_checkpoint_opts *opts, bool make,
			    struct sk_checkpoint_dirs *ret, struct sk_err *err)
{
	sk_auto(sk_checkpoint_dirs_finish) struct sk_checkpoint_dirs dirs = {-1, -1};
	const char *images = opts->image_path ? opts->image_path : DEFAULT_IMAGES;

	dirs.images = open_folder(images, make, err);
	if (dirs.images < 0)
		return dirs.images;
	dirs.work = open_folder(opts->work_path ? opts->work_path : images, true, err);
	if (dirs.work < 0)
		return dirs.work;
	*ret = dirs;
	dirs = (struct sk_checkpoint_dirs){-1, -1};
	return 0;
}

void sk_checkpoint_dirs_finish(struct sk_checkpoint_dirs *dirs)
{
	sk_close(&dirs->images);
	sk_close(&dirs->work);
}

void sk_checkpoint_add_flag(struct sk_str *message, enum sk_criu_opt opt, bool flag)
{
	if (flag)
		sk_wire_uint(message, opt, true);
}

static void add_cgroup_mode(struct sk_str *message, const char *mode)
{
	unsigned int value = 6; /* criu's default */

	for (size_t i = 0; mode && i < SK_ARRAY_SIZE(cgroup_modes); i++)
		if (strcmp(mode, cgroup_modes[i].name) == 0)
			value = cgroup_modes[i].value;
	sk_wire_uint(message, SK_CRIU_OPT_MANAGE_CGROUPS, true);
	sk_wire_uint(message, SK_CRIU_OPT_MANAGE_CGROUPS_MODE, value);
}

static void add_network_lock(struct sk_str *message, const char *method)
{
	for (size_t i = 0; method && i < SK_ARRAY_SIZE(network_locks); i++)
		if (strcmp(method, network_locks[i].name) == 0)
			sk_wire_uint(message, SK_CRIU_OPT_NETWORK_LOCK,
				     network_locks[i].value);
}

static void add_config_file(struct sk_str *message, const struct sk_json *annotations)
{
	const char *file =
		sk_json_str(sk_json_get(annotations, "org.criu.config"), CONFIG_FILE);

	if (file[0])
		sk_wire_text(message, SK_CRIU_OPT_CONFIG_FILE, file);
}

void sk_checkpoint_common_opts(struct sk_str *message,
			       const struct sk_checkpoint_opts *opts,
			       const struct sk_checkpoint_dirs *dirs,
			       const struct sk_json *annotations, const char *log)
{
	sk_wire_uint(message, SK_CRIU_OPT_IMAGES_DIR_FD, (uint64_t)dirs->images);
	sk_wire_uint(message, SK_CRIU_OPT_WORK_DIR_FD, (uint64_t)dirs->work);
	sk_wire_uint(message, SK_CRIU_OPT_LOG_LEVEL, LOG_LEVEL);
	sk_wire_text(message, SK_CRIU_OPT_LOG_FILE, log);
	add_cgroup_mode(message, opts->manage_cgroups_mode);
	add_network_lock(message, opts->network_lock);
	add_config_file(message, annotations);
	sk_checkpoint_add_flag(message, SK_CRIU_OPT_NOTIFY_SCRIPTS, true);
	sk_checkpoint_add_flag(message, SK_CRIU_OPT_ORPHAN_PTS_MASTER, true);
	sk_checkpoint_add_flag(message, SK_CRIU_OPT_SHELL_JOB, opts->shell_job);
	sk_checkpoint_add_flag(message, SK_CRIU_OPT_TCP_ESTABLISHED,
			       opts->tcp_established);
	sk_checkpoint_add_flag(message, SK_CRIU_OPT_TCP_CLOSE, opts->tcp_close);
	sk_checkpoint_add_flag(message, SK_CRIU_OPT_EXT_UNIX_SK, opts->ext_unix_sk);
	sk_checkpoint_add_flag(message, SK_CRIU_OPT_FILE_LOCKS, opts->file_locks);
	sk_checkpoint_add_flag(message, SK_CRIU_OPT_AUTO_DEDUP, opts->auto_dedup);
	sk_checkpoint_add_flag(message, SK_CRIU_OPT_LAZY_PAGES, opts->lazy_pages);
	if (sk_str_equal(opts->empty_ns, "network"))
		sk_wire_uint(message, SK_CRIU_OPT_EMPTY_NS, CLONE_NEWNET);
}

int sk_checkpoint_check(const struct sk_checkpoint_opts *opts, const struct sk_criu *criu,
			struct sk_err *err)
{
	const struct sk_criu_call call = {.type = SK_CRIU_FEATURES};
	struct sk_criu_reply features = {0};
	int r;

	if (opts->pre_dump && opts->lazy_pages)
		return sk_err_set(err, EINVAL,
				  "--pre-dump and --lazy-pages exclude each other");
	if (sk_str_equal(opts->network_lock, "nftables") &&
	    criu->version < LOCK_UNDONE_SINCE)
		return sk_err_hint(
			err,
			sk_err_set(
				err, EOPNOTSUPP,
				"--network-lock nftables needs criu 4.1: older ones leave the network locked at a restore"),
			"take --network-lock iptables, which is the default");
	if (!opts->pre_dump && !opts->lazy_pages)
		return 0;
	r = sk_criu_call(criu, &call, &features, err);
	if (r < 0)
		return r;
	if (opts->pre_dump && !features.mem_track)
		return sk_err_set(
			err, EOPNOTSUPP,
			"--pre-dump needs to track written memory, which this kernel lacks (CONFIG_MEM_SOFT_DIRTY)");
	if (opts->lazy_pages && !features.lazy_pages)
		return sk_err_set(
			err, EOPNOTSUPP,
			"--lazy-pages needs userfaultfd with non-cooperative events, which this kernel or criu lacks");
	return 0;
}

void sk_checkpoint_add_external(struct sk_str *message, const char *kind, const char *key,
				const char *value)
{
	sk_autofree char *text = sk_strf("%s[%s]:%s", kind, key, value);

	message->failed |= text == NULL;
	sk_wire_text(message, SK_CRIU_OPT_EXTERNAL, text);
}
