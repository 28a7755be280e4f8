// SPDX-License-Identifier: Apache-2.0
/* oci_events - figures of containers at intervals, and what happens to them
 *
 * Theory of operation
 *
 * 1. For each container: a pidfd of its first process, a watch of its group for want of
 *    memory. Nothing is locked: it may be deleted at any time.
 * 2. One poll(2) over all of them, with the time to the next figures as its time-out.
 * 3. A container that has ended is asked once more about memory, since the kernel may have
 *    killed it for that, and dropped. The last one ends the procedure.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/proc.h"
#include "lib/str.h"
#include "runtime/cgroup/stats.h"
#include "runtime/container/oci_record.h"
#include "runtime/runtime.h"

#define MAX_TEXT (1u << 20)

struct watched {
	char *id;
	pid_t pid;
	int pidfd;
	struct sk_cgroup *cg;
	struct sk_cgroup_oom_watch oom;
};

struct watch_list {
	struct watched *items;
	size_t nr;
	sk_oci_event_fn *tell;
	void *ctx;
};

static void watched_finish(struct watched *item)
{
	sk_cgroup_oom_watch_finish(&item->oom);
	sk_cgroup_free(item->cg);
	sk_close(&item->pidfd);
	free(item->id);
}

static void list_finish(struct watch_list *list)
{
	for (size_t i = 0; i < list->nr; i++)
		watched_finish(&list->items[i]);
	free(list->items);
}
SK_DEFINE_AUTO_FINISH(struct watch_list, list_finish)

static int watch(const struct sk_home *home, const char *id, struct watched *ret,
		 struct sk_err *err)
{
	sk_auto(sk_state_free) struct sk_state *state = NULL;
	int64_t start;
	int r = sk_oci_find(home, id, &state, err);

	if (r < 0)
		return r;
	ret->pid = sk_oci_pid(state);
	start = sk_json_int(sk_json_get(state->doc, "start_time"), 0);
	ret->pidfd =
		ret->pid > 0 ? sk_proc_open(ret->pid, (unsigned long long)start) : -ESRCH;
	if (ret->pidfd == -ESRCH)
		return sk_err_set(err, ESRCH, "container '%s' is not running", id);
	if (ret->pidfd < 0)
		return sk_err_code(err, ret->pidfd, "open the process of container '%s'",
				   id);
	ret->id = strdup(id);
	if (!ret->id)
		return sk_err_oom(err);
	r = sk_cgroup_reopen(sk_json_get(state->doc, "cgroups"), &ret->cg, err);
	return r < 0 ? r : sk_cgroup_oom_watch_init(ret->cg, &ret->oom, err);
}

/* All that run, when none is named: one that ends at this moment is no failure. */
static int watch_all(const struct sk_home *home, char *const *ids,
		     struct watch_list *list, struct sk_err *err)
{
	sk_auto(sk_strv_free) char **names = NULL;
	int r = ids && *ids ? 0 : sk_state_names(home, &names, err);
	char *const *from = names ? names : ids;

	list->items = calloc(sk_strv_len(from) + 1, sizeof(*list->items));
	if (!list->items)
		return sk_err_oom(err);
	for (; r == 0 && from && *from; from++) {
		struct watched item = {.pidfd = -1, .oom = {.fd = -1}};

		r = watch(home, *from, &item, names ? NULL : err);
		if (r == 0) {
			list->items[list->nr++] = item;
			continue;
		}
		watched_finish(&item);
		if (names)
			r = 0;
	}
	return r;
}

/* As the container itself sees them; its loopback is of no interest. */
static struct sk_json *read_interfaces(pid_t pid)
{
	static const struct {
		const char *key;
		unsigned int column;
	} columns[] = {
		{"RxBytes", 0}, {"RxPackets", 1}, {"RxErrors", 2},  {"RxDropped", 3},
		{"TxBytes", 8}, {"TxPackets", 9}, {"TxErrors", 10}, {"TxDropped", 11},
	};
	sk_autofree char *path = sk_strf("/proc/%d/net/dev", (int)pid);
	struct sk_json *list = sk_json_new_array();
	sk_autofree char *text = NULL;
	char *save = NULL;

	if (!path || sk_fs_read(AT_FDCWD, path, MAX_TEXT, &text, NULL) < 0)
		return list;
	for (char *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		unsigned long long values[16] = {0};
		char *colon = strchr(line, ':');
		struct sk_json *entry;

		line += strspn(line, " ");
		if (!colon || sk_str_starts(line, "lo:"))
			continue;
		*colon++ = '\0';
		for (size_t i = 0; i < SK_ARRAY_SIZE(values); i++)
			values[i] = strtoull(colon, &colon, 10);
		entry = sk_json_add(list, sk_json_new_object());
		sk_json_set_str(entry, "Name", line);
		for (size_t i = 0; i < SK_ARRAY_SIZE(columns); i++)
			sk_json_set_uint(entry, columns[i].key,
					 values[columns[i].column]);
	}
	return list;
}

static int tell(const struct watch_list *list, const struct watched *item,
		const char *type, struct sk_json *data)
{
	sk_auto(sk_json_free) struct sk_json *event = sk_json_new_object();

	sk_json_set_str(event, "type", type);
	sk_json_set_str(event, "id", item->id);
	if (data)
		sk_json_set(event, "data", data);
	return list->tell(list->ctx, event);
}

static int tell_stats(const struct watch_list *list)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < list->nr; i++) {
		struct sk_json *data = sk_cgroup_stats_to_json(list->items[i].cg);

		sk_json_set(data, "intel_rdt", sk_json_new_object());
		sk_json_set(data, "network_interfaces",
			    read_interfaces(list->items[i].pid));
		r = tell(list, &list->items[i], "stats", data);
	}
	return r;
}

/* Steps 2 and 3 after poll(2): even numbers are pidfds, odd ones watches. */
static int handle(struct watch_list *list, const struct pollfd *fds)
{
	size_t kept = 0;
	int r = 0;

	for (size_t i = 0; i < list->nr; i++) {
		struct watched *item = &list->items[i];
		bool is_over = fds[2 * i].revents != 0;

		if (r == 0 && (is_over || fds[2 * i + 1].revents) &&
		    sk_cgroup_oom_watch_check(&item->oom))
			r = tell(list, item, "oom", NULL);
		if (is_over)
			watched_finish(item);
		else
			list->items[kept++] = *item;
	}
	list->nr = kept;
	return r;
}

static int wait_events(struct watch_list *list, uint64_t deadline, struct sk_err *err)
{
	sk_autofree struct pollfd *fds = calloc(2 * list->nr, sizeof(*fds));

	if (!fds)
		return sk_err_oom(err);
	for (size_t i = 0; i < list->nr; i++) {
		fds[2 * i] = (struct pollfd){list->items[i].pidfd, POLLIN, 0};
		fds[2 * i + 1] = (struct pollfd){list->items[i].oom.fd,
						 list->items[i].oom.events, 0};
	}
	if (poll(fds, 2 * list->nr, sk_clock_remaining_ms(deadline)) < 0)
		return errno == EINTR ? -EINTR : sk_err_errno(err, "wait for events");
	return handle(list, fds);
}

int sk_oci_events(const struct sk_home *home, char *const *ids,
		  const struct sk_oci_events_opts *opts, struct sk_err *err)
{
	sk_auto(list_finish) struct watch_list list = {.tell = opts->tell,
						       .ctx = opts->ctx};
	uint64_t next = sk_clock_mono() + opts->interval_ns;
	int r = watch_all(home, ids, &list, err);

	if (r < 0)
		return r;
	if (opts->once)
		return tell_stats(&list);
	while (r == 0 && list.nr > 0) {
		r = wait_events(&list, next, err);
		if (r == 0 && sk_clock_mono() >= next) {
			r = tell_stats(&list);
			next += opts->interval_ns;
		}
	}
	return r;
}
