// SPDX-License-Identifier: Apache-2.0
/* checkpoint - a container that is saved and restored, and shows where it stands */
#include "tests/it/checkpoint.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/str.h"

#define WAIT_NS (60 * SK_NS_PER_S)

void saved_finish(struct saved *s)
{
	free(s->bundle);
	free(s->data);
	free(s->images);
	free(s->work);
}

void saved_add_volume(const struct saved *s, const char *destination)
{
	sk_auto(sk_json_free) struct sk_json *config = oci_config(s->bundle);
	struct sk_json *mounts = NULL, *mount;

	assert_int_equal(sk_json_read_array(config, "config.json", "mounts", &mounts,
					    NULL),
			 0);
	mount = sk_json_add(mounts, sk_json_new_object());
	sk_json_set_str(mount, "destination", destination);
	sk_json_set_str(mount, "source", s->data);
	sk_json_set_str(mount, "type", "bind");
	sk_json_set_strv(mount, "options", (char *[]){(char *)"rbind", NULL});
	oci_save(s->bundle, config);
}

void saved_share_network(const struct saved *s)
{
	sk_auto(sk_json_free) struct sk_json *config = oci_config(s->bundle);
	struct sk_json *settings = sk_json_get(config, "linux");
	const struct sk_json *old = sk_json_get(settings, "namespaces");
	struct sk_json *kept = sk_json_new_array();

	for (size_t i = 0; i < sk_json_len(old); i++) {
		const char *type =
			sk_json_str(sk_json_get(sk_json_at(old, i), "type"), "");
		sk_autofree char *text = sk_strf("{\"type\":\"%s\"}", type);

		if (strcmp(type, "network") != 0)
			(void)sk_json_add(kept, oci_json(text));
	}
	sk_json_set(settings, "namespaces", kept);
	oci_save(s->bundle, config);
}

void saved_init_bundle(struct it *it, struct saved *s, const char *script)
{
	sk_auto(sk_json_free) struct sk_json *config = NULL;

	s->bundle = oci_bundle(it, "[\"sh\",\"-c\",\"\"]");
	s->data = sk_strf("%s/data", it->dir);
	s->images = sk_strf("%s/images", it->dir);
	s->work = sk_strf("%s/work", it->dir);
	(void)sk_fs_remove_tree(AT_FDCWD, s->data, NULL);
	(void)sk_fs_remove_tree(AT_FDCWD, s->images, NULL);
	(void)sk_fs_remove_tree(AT_FDCWD, s->work, NULL);
	assert_int_equal(mkdir(s->data, 0755), 0);
	config = oci_config(s->bundle);
	sk_json_set_strv(sk_json_get(config, "process"), "args",
			 (char *[]){(char *)"sh", (char *)"-c", (char *)script, NULL});
	oci_save(s->bundle, config);
	saved_add_volume(s, "/data");
}

void saved_init(struct it *it, struct saved *s, const char *script)
{
	it_need_criu(it);
	saved_init_bundle(it, s, script);
}

long saved_next(const struct saved *s)
{
	sk_autofree char *path = sk_strf("%s/n", s->data), *text = NULL;
	uint64_t end = sk_clock_mono() + WAIT_NS;
	long number;

	while (sk_fs_read(AT_FDCWD, path, 64, &text, NULL) < 0) {
		if (sk_clock_mono() > end)
			fail_msg("the container does not say anything");
		sk_clock_sleep_until(sk_clock_mono() + 5 * SK_NS_PER_MS);
	}
	number = strtol(text, NULL, 10);
	assert_int_equal(unlink(path), 0);
	return number;
}

void saved_drop(const struct saved *s)
{
	sk_autofree char *path = sk_strf("%s/n", s->data);

	(void)unlink(path);
}

/* @first, the options, the id if any. */
static char **join(const char *const *first, const char *const *options, const char *id)
{
	char **words = NULL;
	int r = 0;

	for (; *first; first++)
		r |= sk_strv_add(&words, *first);
	for (; *options; options++)
		r |= sk_strv_add(&words, *options);
	if (id)
		r |= sk_strv_add(&words, id);
	assert_int_equal(r, 0);
	return words;
}

void saved_start(struct it *it, const char *const *args)
{
	sk_autofree char *log = sk_strf("%s/oci.log", it->dir), *why = NULL;
	sk_auto(sk_strv_free) char **all = join(IT_ARGS("--log", log), args, NULL);
	sk_auto(sk_strv_free) char **words = oci_words(it, (const char *const *)all);
	sk_auto(sk_strv_free) char **line = NULL;
	int r = sk_strv_add(&line, "sh") | sk_strv_add(&line, "-c") |
		sk_strv_add(&line, "exec \"$@\" </dev/null >/dev/null 2>/dev/null") |
		sk_strv_add(&line, "sh");

	for (char **word = words; *word; word++)
		r |= sk_strv_add(&line, *word);
	assert_int_equal(r, 0);
	if (it_command(it, (const char *const *)line) == 0)
		return;
	(void)sk_fs_read(AT_FDCWD, log, 65536, &why, NULL);
	fail_msg("%s: %s", args[0], why ? why : "no log");
}

void saved_run(struct it *it, const struct saved *s, const char *id)
{
	saved_start(it, IT_ARGS("run", "--detach", "--bundle", s->bundle, id));
}

int saved_try_argv(struct it *it, const struct saved *s, const char *id,
		   const char *const *options)
{
	sk_auto(sk_strv_free) char **words =
		join(IT_ARGS("checkpoint", "--image-path", s->images, "--work-path",
			     s->work),
		     options, id);

	return oci_argv(it, (const char *const *)words);
}

void saved_checkpoint_argv(struct it *it, const struct saved *s, const char *id,
			   const char *const *options)
{
	if (saved_try_argv(it, s, id, options) != 0)
		fail_msg("checkpoint: %s", it->err);
}

void saved_restore_argv(struct it *it, const struct saved *s, const char *id,
			const char *const *options)
{
	sk_auto(sk_strv_free) char **words =
		join(IT_ARGS("restore", "--detach", "--bundle", s->bundle, "--image-path",
			     s->images, "--work-path", s->work),
		     options, id);

	saved_start(it, (const char *const *)words);
}

int saved_teardown(void **state)
{
	(void)oci(*state, "delete", "--force", "--regex", ".");
	return it_teardown(state);
}
