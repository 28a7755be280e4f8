/* SPDX-License-Identifier: Apache-2.0 */
/* unpack_path - names of an archive: cleaned, and opened beneath the layer */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>

#include "images/unpack_internal.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "lib/sys.h"

static bool is_utf8(const char *text)
{
	size_t n;

	for (; *text; text += n) {
		n = sk_str_utf8_length(text, SIZE_MAX);
		if (n == 0)
			return false;
	}
	return true;
}

static int add_part(struct sk_str *clean, const char *part, size_t len,
		    unsigned int *depth, struct sk_err *err)
{
	if (len == 0 || (len == 1 && part[0] == '.'))
		return 0;
	if (len == 2 && part[0] == '.' && part[1] == '.')
		return sk_err_set(err, EINVAL,
				  "its name leads out of its folder with '..'");
	if (len > SK_UNPACK_MAX_NAME)
		return sk_err_set(err, EINVAL,
				  "a part of its name is longer than %d bytes",
				  SK_UNPACK_MAX_NAME);
	if (++*depth > SK_UNPACK_MAX_DEPTH)
		return sk_err_set(err, EINVAL, "its name is deeper than %d folders",
				  SK_UNPACK_MAX_DEPTH);
	if (clean->len > 0)
		sk_str_add_char(clean, '/');
	sk_str_add_bytes(clean, part, len);
	return 0;
}

int sk_unpack_clean_path(const char *path, char **ret, struct sk_err *err)
{
	sk_auto(sk_str_finish) struct sk_str clean = SK_STR_INIT;
	unsigned int depth = 0;
	size_t len;
	char *text;
	int r;

	if (strlen(path) > SK_UNPACK_MAX_PATH)
		return sk_err_set(err, EINVAL, "its name is longer than %d bytes",
				  SK_UNPACK_MAX_PATH);
	if (!is_utf8(path))
		return sk_err_set(err, EINVAL, "its name is not UTF-8");
	for (const char *p = path; *p; p += len + (p[len] == '/')) {
		len = strcspn(p, "/");
		r = add_part(&clean, p, len, &depth, err);
		if (r < 0)
			return r;
	}
	text = sk_str_steal(&clean);
	if (!text)
		return sk_err_oom(err);
	*ret = text;
	return 0;
}

int sk_unpack_open_folder(int layer_fd, const char *path)
{
	const struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
	};
	int fd = sk_sys_openat2(layer_fd, path, &how);

	return fd < 0 ? -errno : fd;
}

/* One part more: opened when it is there, made when it is missing. */
static int open_or_make(int layer_fd, const char *path, struct sk_err *err)
{
	const char *slash = strrchr(path, '/');
	sk_autofree char *above =
		slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
	sk_autoclose int above_fd = -1;
	int fd = sk_unpack_open_folder(layer_fd, path);

	if (fd >= 0)
		return fd;
	if (fd != -ENOENT)
		return sk_err_code(err, fd, "open its folder '%s'", path);
	if (!above)
		return sk_err_oom(err);
	above_fd = sk_unpack_open_folder(layer_fd, above);
	if (above_fd < 0)
		return sk_err_code(err, above_fd, "open its folder '%s'", above);
	if (mkdirat(above_fd, slash ? slash + 1 : path, 0755) < 0) {
		if (errno != EEXIST)
			return sk_err_errno(err, "make its folder '%s'", path);
		return sk_err_set(err, EINVAL,
				  "its folder '%s' is a link that leads nowhere", path);
	}
	/* the mode is not the umask's business */
	if (fchmodat(above_fd, slash ? slash + 1 : path, 0755, 0) < 0)
		return sk_err_errno(err, "make its folder '%s'", path);
	fd = sk_unpack_open_folder(layer_fd, path);
	return fd < 0 ? sk_err_code(err, fd, "open its folder '%s'", path) : fd;
}

static int make_parents(int layer_fd, char *path, struct sk_err *err)
{
	sk_autoclose int fd = -1;

	for (char *slash = strchr(path, '/');; slash = strchr(slash + 1, '/')) {
		sk_close(&fd);
		if (slash)
			*slash = '\0';
		fd = open_or_make(layer_fd, path, err);
		if (slash)
			*slash = '/';
		if (fd < 0 || !slash)
			return fd < 0 ? fd : sk_steal_fd(&fd);
	}
}

int sk_unpack_open_parent(struct sk_unpack *unpack, const char *path,
			  const char **ret_name, struct sk_err *err)
{
	const char *slash = strrchr(path, '/');
	sk_autofree char *parent =
		slash ? strndup(path, (size_t)(slash - path)) : strdup(".");

	if (!parent)
		return sk_err_oom(err);
	if (!unpack->parent || strcmp(unpack->parent, parent) != 0) {
		free(unpack->parent);
		unpack->parent = NULL;
		sk_close(&unpack->parent_fd);
		unpack->parent_fd = sk_unpack_open_folder(unpack->layer_fd, parent);
		if (unpack->parent_fd == -ENOENT)
			unpack->parent_fd = make_parents(unpack->layer_fd, parent, err);
		else if (unpack->parent_fd < 0)
			(void)sk_err_code(err, unpack->parent_fd, "open its folder '%s'",
					  parent);
		if (unpack->parent_fd < 0)
			return unpack->parent_fd;
		unpack->parent = sk_steal(&parent);
	}
	*ret_name = path[0] ? (slash ? slash + 1 : path) : NULL;
	return unpack->parent_fd;
}
