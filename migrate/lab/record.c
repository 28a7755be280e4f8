// SPDX-License-Identifier: Apache-2.0
/* The record of a lab: labs/NAME.json, replaced in one step under the lock labs/NAME.lock */
#include <fcntl.h>
#include <string.h>

#include "lib/fs.h"
#include "lib/parse.h"
#include "lib/str.h"
#include "migrate/lab/lab.h"

#define LOCK_TIMEOUT_MS 30000
#define MAX_NAME	60 /* its slice is called lab-NAME, which may have 64 */

static int load(struct sk_lab *lab, struct sk_err *err)
{
	sk_autofree char *file = sk_strf("%s.json", lab->name);

	if (!file)
		return sk_err_oom(err);
	if (!sk_fs_exists(lab->labs_fd, file))
		return 0;
	return sk_json_load(lab->labs_fd, file, &lab->record, err);
}

int sk_lab_open(const struct sk_home *home, const char *name, bool lock,
		struct sk_lab *ret, struct sk_err *err)
{
	sk_auto(sk_lab_finish) struct sk_lab lab = {.home = home,
						    .labs_fd = -1,
						    .lock_fd = -1};
	int r;

	r = sk_parse_name("lab", name, err);
	if (r < 0)
		return r;
	if (strlen(name) > MAX_NAME)
		return sk_err_set(
			err, ERANGE,
			"the lab name '%s' is too long: use up to %d characters", name,
			MAX_NAME);
	lab.name = strdup(name);
	lab.slice = sk_strf("lab-%s", name);
	if (!lab.name || !lab.slice)
		return sk_err_oom(err);
	lab.labs_fd = sk_fs_open_dir(home->root_fd, "labs", 0700, err);
	if (lab.labs_fd < 0)
		return lab.labs_fd;
	if (lock) {
		sk_autofree char *file = sk_strf("%s.lock", name);

		if (!file)
			return sk_err_oom(err);
		lab.lock_fd = sk_fs_lock(lab.labs_fd, file, LOCK_TIMEOUT_MS, err);
		if (lab.lock_fd < 0)
			return sk_err_wrap(err, lab.lock_fd,
					   "lab '%s' is being brought up or down", name);
	}
	r = load(&lab, err);
	/* A damaged record still names what is to be removed. */
	if (r == -EINVAL && lock) {
		lab.record = sk_json_new_object();
		r = 0;
	}
	if (r < 0)
		return sk_err_wrap(err, r, "read the record of lab '%s'", name);
	*ret = lab;
	lab = (struct sk_lab){.labs_fd = -1, .lock_fd = -1};
	return 0;
}

void sk_lab_finish(struct sk_lab *lab)
{
	free(lab->name);
	free(lab->slice);
	sk_close(&lab->labs_fd);
	sk_close(&lab->lock_fd);
	sk_json_free(lab->record);
	*lab = (struct sk_lab){.labs_fd = -1, .lock_fd = -1};
}

int sk_lab_save(struct sk_lab *lab, struct sk_err *err)
{
	sk_autofree char *file = sk_strf("%s.json", lab->name);
	sk_autofree char *text = sk_json_print(lab->record, true);

	if (!file || !text)
		return sk_err_oom(err);
	return sk_fs_replace(lab->labs_fd, file, text, strlen(text), 0600, err);
}

int sk_lab_forget(struct sk_lab *lab, struct sk_err *err)
{
	sk_autofree char *file = sk_strf("%s.json", lab->name);
	sk_autofree char *lock = sk_strf("%s.lock", lab->name);

	if (!file || !lock)
		return sk_err_oom(err);
	if (unlinkat(lab->labs_fd, file, 0) < 0 && errno != ENOENT)
		return sk_err_errno(err, "remove the record of lab '%s'", lab->name);
	(void)unlinkat(lab->labs_fd, lock, 0);
	sk_json_free(sk_steal(&lab->record));
	return 0;
}

int sk_lab_need(const struct sk_lab *lab, struct sk_err *err)
{
	int r;

	if (lab->record)
		return 0;
	r = sk_err_set(err, ENOENT, "there is no lab '%s'", lab->name);
	return sk_err_hint(err, r, "start it: skiff lab up --name %s", lab->name);
}

bool sk_lab_is_busy(const struct sk_home *home, const char *name)
{
	sk_autofree char *path = sk_strf("labs/%s.lock", name);

	return path && sk_fs_is_locked(home->root_fd, path);
}
