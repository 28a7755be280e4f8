// SPDX-License-Identifier: Apache-2.0
/* sliver - one node of a slice as a running container */
#include "runtime/slice/sliver.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "lib/fs.h"
#include "lib/log.h"
#include "lib/proc.h"
#include "lib/str.h"

static void image_finish(struct sk_slice_image *image)
{
	sk_strv_free(image->lowers);
	sk_strv_free(image->masks);
	sk_strv_free(image->env);
	sk_strv_free(image->command);
}

void sk_sliver_images_finish(struct sk_sliver_images *images)
{
	for (size_t i = 0; i < images->nr; i++)
		image_finish(&images->images[i]);
	free(images->images);
	sk_strv_free(images->names);
}

/* Ten nodes of one image ask for it once. */
static int find_image(const struct sk_home *home, struct sk_sliver_images *images,
		      const char *name, const struct sk_slice_image **ret,
		      struct sk_err *err)
{
	struct sk_slice_image *grown;
	int r;

	for (size_t i = 0; i < images->nr; i++)
		if (strcmp(images->names[i], name) == 0) {
			*ret = &images->images[i];
			return 0;
		}
	grown = reallocarray(images->images, images->nr + 1, sizeof(*grown));
	if (!grown)
		return sk_err_oom(err);
	images->images = grown;
	grown[images->nr] = (struct sk_slice_image){0};
	r = images->resolve(images->ctx, home, name, &grown[images->nr], err);
	if (r == 0 && sk_strv_add(&images->names, name) < 0)
		r = sk_err_oom(err);
	if (r < 0) {
		image_finish(&grown[images->nr]);
		return r;
	}
	*ret = &grown[images->nr++];
	return 0;
}

/* What sk_run_opts borrows, for as long as the launch takes. */
struct launch {
	char *name, *netns, *cgroup;
	char **labels, **volumes;
	int null_fd, log_fd;
};

static void launch_finish(struct launch *launch)
{
	free(launch->name);
	free(launch->netns);
	free(launch->cgroup);
	sk_strv_free(launch->labels);
	sk_strv_free(launch->volumes);
	sk_close(&launch->null_fd);
	sk_close(&launch->log_fd);
}
SK_DEFINE_AUTO_FINISH(struct launch, launch_finish)

static int fill_lists(const struct sk_slice_dir *dir, const struct sk_slice_def *def,
		      const struct sk_slice_node *node, struct launch *launch)
{
	int r = sk_strv_addf(&launch->labels, "slice=%s", def->name);

	if (r == 0)
		r = sk_strv_addf(&launch->labels, "sliver=%s", node->name);
	for (size_t i = 0; r == 0 && def->labels && def->labels[i]; i++)
		r = sk_strv_add(&launch->labels, def->labels[i]);
	for (size_t i = 0; r == 0 && node->volumes && node->volumes[i]; i++)
		r = sk_strv_add(&launch->volumes, node->volumes[i]);
	if (r == 0 && def->lan_subnet)
		r = sk_strv_addf(&launch->volumes, "%s/hosts:/etc/hosts:ro",
				 dir->run_path);
	return r;
}

static int prepare(const struct sk_slice_dir *dir, const struct sk_slice_def *def,
		   const struct sk_slice_node *node, struct launch *launch,
		   struct sk_err *err)
{
	sk_autofree char *log = sk_strf("logs/%s", node->name);
	int r = sk_fs_mkdirs(dir->fd, "logs", 0700, err);

	if (r < 0)
		return r;
	launch->name = sk_slice_container_name(def->name, node->name);
	launch->netns = sk_strf("%s/ns/%s", dir->run_path, node->name);
	launch->cgroup = sk_slice_cgroup_path(dir, node->name);
	if (!log || !launch->name || !launch->netns || !launch->cgroup ||
	    fill_lists(dir, def, node, launch) < 0)
		return sk_err_oom(err);
	launch->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	launch->log_fd =
		openat(dir->fd, log,
		       O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (launch->null_fd < 0 || launch->log_fd < 0)
		return sk_err_errno(err, "open the log of node '%s'", node->name);
	return 0;
}

static int start(const struct sk_slice_dir *dir, const struct sk_slice_def *def,
		 const struct sk_slice_image *image, struct sk_sliver *sliver,
		 struct sk_err *err)
{
	static char *const idle[] = {(char *)"sleep", (char *)"infinity", NULL};
	const struct sk_slice_node *node = sliver->node;
	bool has_command = node->command && node->command[0];
	sk_auto(launch_finish) struct launch launch = {.null_fd = -1, .log_fd = -1};
	int r = prepare(dir, def, node, &launch, err);
	const int stdio[3] = {launch.null_fd, launch.log_fd, launch.log_fd};
	const struct sk_run_opts opts = {
		.name = launch.name,
		.image = node->image,
		.lowers = image->lowers,
		.masks = image->masks,
		.image_env = image->env,
		.args = has_command ? node->command : idle,
		.env = node->env,
		.volumes = launch.volumes,
		.labels = launch.labels,
		.hostname = node->name,
		.network = SK_NET_PATH,
		.netns_path = launch.netns,
		.userns = node->privileged ? SK_USERNS_HOST : SK_USERNS_AUTO,
		.limits = node->limits,
		.cgroup_path = launch.cgroup,
		.init = node->init || !has_command,
		.privileged = node->privileged,
		.private_tmp = node->private_tmp,
	};

	if (r < 0)
		return r;
	r = sk_container_launch(dir->home, &opts, stdio, &sliver->ctr, err);
	if (r < 0)
		return r;
	sliver->status = SK_SLIVER_RUNNING;
	sliver->exit = (struct sk_exit){0};
	sliver->pid = sk_container_pid(sliver->ctr);
	if (sk_proc_start_time(sliver->pid, &sliver->start_time) < 0)
		sliver->start_time = 0;
	return 0;
}

int sk_sliver_start(const struct sk_slice_dir *dir, const struct sk_slice_def *def,
		    struct sk_sliver_images *images, struct sk_sliver *sliver,
		    struct sk_err *err)
{
	const struct sk_slice_image *image = NULL;
	int r = find_image(dir->home, images, sliver->node->image, &image, err);

	if (r == 0)
		r = start(dir, def, image, sliver, err);
	return r < 0 ? sk_err_wrap(err, r, "start node '%s'", sliver->node->name) : 0;
}

void sk_sliver_stop(struct sk_sliver *sliver)
{
	sk_container_free(sliver->ctr);
	sliver->ctr = NULL;
	sliver->pid = 0;
	sliver->status = SK_SLIVER_STOPPED;
}

void sk_sliver_reap(struct sk_sliver *sliver)
{
	struct sk_err err = SK_ERR_INIT;
	int r = sk_container_finish(sliver->ctr, false, &sliver->exit, &err);

	if (r < 0)
		sk_log_warn("node '%s': %s", sliver->node->name, err.msg);
	else
		sk_log_info("node '%s' ended with status %d%s%s", sliver->node->name,
			    sliver->exit.status, *sliver->exit.why ? ": " : "",
			    sliver->exit.why);
	sk_container_free(sliver->ctr);
	sliver->ctr = NULL;
	sliver->pid = 0;
	sliver->status = SK_SLIVER_EXITED;
}

struct sk_json *sk_sliver_to_json(const struct sk_slice_dir *dir,
				  const struct sk_sliver *sliver)
{
	static const char *const names[] = {[SK_SLIVER_STOPPED] = "stopped",
					    [SK_SLIVER_RUNNING] = "running",
					    [SK_SLIVER_EXITED] = "exited"};
	sk_autofree char *container =
		sk_slice_container_name(dir->name, sliver->node->name);
	struct sk_json *json = sk_json_new_object();

	sk_json_set_str(json, "name", sliver->node->name);
	sk_json_set_str(json, "container", container);
	sk_json_set_str(json, "image", sliver->node->image);
	sk_json_set_str(json, "status", names[sliver->status]);
	sk_json_set_str(json, "address", sliver->node->address);
	if (sliver->status == SK_SLIVER_RUNNING) {
		sk_json_set_int(json, "pid", sliver->pid);
		sk_json_set_uint(json, "start_time", sliver->start_time);
	}
	if (sliver->status == SK_SLIVER_EXITED) {
		sk_json_set_int(json, "exit_code", sliver->exit.status);
		sk_json_set_str(json, "why", sliver->exit.why);
	}
	return json;
}
