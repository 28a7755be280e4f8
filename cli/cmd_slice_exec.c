// SPDX-License-Identifier: Apache-2.0
/* cmd_slice_exec - run a command on nodes of a slice, on many at the same time
 *
 * One node: as `skiff exec`. Several: a `skiff exec` each, their lines printed as they come
 * with the node's name in front; a line is never cut by another node's.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cmd_slice.h"
#include "cli/ctr.h"
#include "lib/fs.h"
#include "lib/proc.h"
#include "lib/str.h"
#include "runtime/runtime.h"

struct exec_opts {
	bool interactive, tty;
	const char *user, *workdir;
};

static const struct sk_opt exec_table[] = {
	{'i', "interactive", NULL, "hand on standard input (one node)", SK_OPT_FLAG,
	 offsetof(struct exec_opts, interactive)},
	{'t', "tty", NULL, "give it a terminal (one node)", SK_OPT_FLAG,
	 offsetof(struct exec_opts, tty)},
	{'u', "user", "USER[:GROUP]", "user by name or number", SK_OPT_STR,
	 offsetof(struct exec_opts, user)},
	{'w', "workdir", "DIR", "working folder", SK_OPT_STR,
	 offsetof(struct exec_opts, workdir)},
	SK_OPT_END,
};

/* One of the two streams of a node. */
struct stream {
	int fd;
	FILE *out;
	struct sk_str line;
};

struct node {
	const char *name;
	char *container;
	struct sk_proc proc;
	struct stream streams[2];
};

struct nodes {
	struct node *ptr;
	size_t nr;
	size_t width; /* of the longest name */
};

static void nodes_finish(struct nodes *nodes)
{
	for (size_t i = 0; i < nodes->nr; i++) {
		sk_proc_kill(&nodes->ptr[i].proc);
		free(nodes->ptr[i].container);
		for (int s = 0; s < 2; s++) {
			sk_close(&nodes->ptr[i].streams[s].fd);
			sk_str_finish(&nodes->ptr[i].streams[s].line);
		}
	}
	free(nodes->ptr);
}
SK_DEFINE_AUTO_FINISH(struct nodes, nodes_finish)

static int add_node(const struct sk_home *home, const char *slice, const char *name,
		    struct nodes *nodes, struct sk_err *err)
{
	struct node *grown = reallocarray(nodes->ptr, nodes->nr + 1, sizeof(*grown));
	struct node *node;

	if (!grown)
		return sk_err_oom(err);
	nodes->ptr = grown;
	node = &grown[nodes->nr];
	*node = (struct node){.name = name,
			      .proc = {.pidfd = -1},
			      .streams = {{.fd = -1, .out = stdout},
					  {.fd = -1, .out = stderr}}};
	nodes->nr++;
	if (strlen(name) > nodes->width)
		nodes->width = strlen(name);
	return sk_slice_container(home, slice, name, &node->container, err);
}

/* Those named before "--", or all that run. @slice keeps the names alive. */
static int find_nodes(const struct sk_home *home, char **args, int nr_named,
		      const struct sk_json *slice, struct nodes *nodes,
		      struct sk_err *err)
{
	const struct sk_json *slivers = sk_json_get(slice, "slivers");
	int r = 0;

	for (int i = 0; r == 0 && i < nr_named; i++)
		r = add_node(home, args[0], args[1 + i], nodes, err);
	for (size_t i = 0; r == 0 && nr_named == 0 && i < sk_json_len(slivers); i++)
		r = add_node(home, args[0],
			     sk_json_str(sk_json_path(sk_json_at(slivers, i), "name"),
					 ""),
			     nodes, err);
	return r;
}

static int add_words(char ***argv, const char *const *words)
{
	int r = 0;

	for (; r == 0 && *words; words++)
		r = sk_strv_add(argv, *words);
	return r;
}

static int make_argv(const struct sk_home *home, const struct exec_opts *opts,
		     const struct node *node, char **command, char ***ret)
{
	sk_autofree char *self = NULL;
	int r = sk_fs_self_dir(&self);

	if (r == 0)
		r = sk_strv_addf(ret, "%s/skiff", self);
	if (r == 0)
		r = add_words(ret,
			      (const char *const[]){"--root", home->root, "--runroot",
						    home->runroot, "exec", NULL});
	if (r == 0 && opts->user)
		r = add_words(ret, (const char *const[]){"--user", opts->user, NULL});
	if (r == 0 && opts->workdir)
		r = add_words(ret,
			      (const char *const[]){"--workdir", opts->workdir, NULL});
	if (r == 0)
		r = sk_strv_add(ret, node->container);
	return r == 0 ? add_words(ret, (const char *const *)command) : r;
}

static int start_node(const struct sk_home *home, const struct exec_opts *opts,
		      struct node *node, char **command, struct sk_err *err)
{
	sk_auto(sk_strv_free) char **argv = NULL;
	struct sk_proc_opts proc_opts = {.has_stdin = true,
					 .stdin_fd = -1,
					 .has_stdout = true,
					 .has_stderr = true,
					 .death_signal = SIGTERM};
	int out[2], errors[2];
	int r = make_argv(home, opts, node, command, &argv);

	if (r < 0)
		return sk_err_code(err, r, "run a command on node '%s'", node->name);
	if (pipe2(out, O_CLOEXEC) < 0)
		return sk_err_errno(err, "make a pipe");
	node->streams[0].fd = out[0];
	if (pipe2(errors, O_CLOEXEC) < 0) {
		(void)close(out[1]);
		return sk_err_errno(err, "make a pipe");
	}
	node->streams[1].fd = errors[0];
	proc_opts.stdout_fd = out[1];
	proc_opts.stderr_fd = errors[1];
	r = sk_proc_spawn((const char *const *)argv, &proc_opts, &node->proc, err);
	(void)close(out[1]);
	(void)close(errors[1]);
	return r;
}

static void print_line(const struct nodes *nodes, const struct node *node,
		       struct stream *stream)
{
	(void)fprintf(stream->out, "%-*s| ", (int)nodes->width + 1, node->name);
	(void)fwrite(stream->line.ptr, 1, stream->line.len, stream->out);
	(void)putc('\n', stream->out);
	(void)fflush(stream->out);
	sk_str_clear(&stream->line);
}

/* What has come; whole lines are printed. */
static void read_stream(const struct nodes *nodes, const struct node *node,
			struct stream *stream)
{
	char buf[8192];
	ssize_t n = read(stream->fd, buf, sizeof(buf));

	if (n < 0 && errno == EINTR)
		return;
	for (ssize_t i = 0; i < n; i++)
		if (buf[i] == '\n')
			print_line(nodes, node, stream);
		else
			sk_str_add_char(&stream->line, buf[i]);
	if (n <= 0) {
		if (stream->line.len > 0)
			print_line(nodes, node, stream);
		sk_close(&stream->fd);
	}
}

static int copy_output(const struct nodes *nodes, struct sk_err *err)
{
	sk_autofree struct pollfd *fds = calloc(nodes->nr * 2 + 1, sizeof(*fds));

	if (!fds)
		return sk_err_oom(err);
	for (;;) {
		bool open = false;

		for (size_t i = 0; i < nodes->nr * 2; i++) {
			fds[i].fd = nodes->ptr[i / 2].streams[i % 2].fd;
			fds[i].events = POLLIN;
			open = open || fds[i].fd >= 0;
		}
		if (!open)
			return 0;
		if (poll(fds, nodes->nr * 2, -1) < 0 && errno != EINTR)
			return sk_err_errno(err, "wait for output");
		for (size_t i = 0; i < nodes->nr * 2; i++)
			if (fds[i].revents)
				read_stream(nodes, &nodes->ptr[i / 2],
					    &nodes->ptr[i / 2].streams[i % 2]);
	}
}

static int exec_many(const struct sk_home *home, const struct exec_opts *opts,
		     struct nodes *nodes, char **command, struct sk_err *err)
{
	int worst = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < nodes->nr; i++)
		r = start_node(home, opts, &nodes->ptr[i], command, err);
	if (r == 0)
		r = copy_output(nodes, err);
	for (size_t i = 0; r == 0 && i < nodes->nr; i++) {
		int status = 0;

		r = sk_proc_wait(&nodes->ptr[i].proc, -1, &status, err);
		if (status > worst)
			worst = status;
	}
	return r < 0 ? r : worst;
}

static int exec_one(const struct sk_home *home, const struct exec_opts *opts,
		    const struct node *node, char **command, struct sk_err *err)
{
	const struct sk_exec_opts wanted = {
		.args = command,
		.user = opts->user,
		.workdir = opts->workdir,
		.interactive = opts->interactive,
		.tty = opts->tty,
	};
	int status = 0;
	int r = sk_container_exec(home, node->container, &wanted, &status, err);

	return r < 0 ? sk_ctr_start_status(r) : status;
}

static int exec_run(const struct sk_cmd_ctx *ctx, void *options, int nargs, char **args,
		    struct sk_err *err)
{
	const struct exec_opts *opts = options;
	sk_auto(sk_home_free) struct sk_home *home = NULL;
	sk_auto(sk_json_free) struct sk_json *slice = NULL;
	sk_auto(nodes_finish) struct nodes nodes = {0};
	int dashes = 1;
	int r;

	while (dashes < nargs && strcmp(args[dashes], "--") != 0)
		dashes++;
	if (dashes >= nargs - 1)
		return sk_cmd_usage(err, "a command is missing: put it behind '--'");
	r = sk_slice_cmd_open(ctx, &home, err);
	if (r == 0)
		r = sk_slice_show(home, args[0], &slice, err);
	if (r == 0)
		r = find_nodes(home, args, dashes - 1, slice, &nodes, err);
	if (r != 0)
		return r;
	if (nodes.nr == 1)
		return exec_one(home, opts, &nodes.ptr[0], args + dashes + 1, err);
	if (opts->interactive || opts->tty)
		return sk_cmd_usage(err, "-i and -t need one node");
	return exec_many(home, opts, &nodes, args + dashes + 1, err);
}

const struct sk_cmd sk_cmd_slice_exec = {
	.name = "exec",
	.summary =
		"run a command on nodes of a slice, on all that run when none is named",
	.usage = "[OPTIONS] SLICE [NODE...] -- COMMAND [ARG...]",
	.details =
		"On several nodes it runs at the same time, each line of output with its "
		"node in front;\nthe exit status is the largest.\n",
	.opts = exec_table,
	.opts_size = sizeof(struct exec_opts),
	.min_args = 3,
	.max_args = SK_CMD_ANY,
	.fail_status = SK_EXIT_RUN_FAILED,
	.options_first = true,
	.run = exec_run,
};
