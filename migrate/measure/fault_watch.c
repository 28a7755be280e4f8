// SPDX-License-Identifier: Apache-2.0
/* fault_watch - when the threads of a guest's QEMU stand in page faults of post-copy */
#include "migrate/measure/fault_watch.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/parse.h"
#include "lib/str.h"

#define SLOW_NS	     (5 * SK_NS_PER_MS)
#define FAST_NS	     SK_NS_PER_MS
#define HOT_NS	     (200 * SK_NS_PER_MS)
#define THREADS_NS   (100 * SK_NS_PER_MS)
#define MAX_THREADS  64
#define MAX_SPANS    (1u << 17)
#define PID_MAX_TEXT 32
#define PID_LIMIT    (1u << 22)

/** struct watched - A thread of QEMU; its file is read again and again */
struct watched {
	uint64_t tid;
	int wchan_fd;
	bool is_vcpu;
};

struct sk_fault_watch {
	char *root, *guest;
	pthread_t thread;
	atomic_bool is_stopping;
	int task_fd; /* -1 until QEMU is there */
	struct watched threads[MAX_THREADS];
	size_t nr_threads;
	struct sk_fault_span *spans;
	size_t nr, max;
	bool has_looked;
};

void sk_fault_waits_finish(struct sk_fault_waits *waits)
{
	free(waits->spans);
	*waits = (struct sk_fault_waits){.is_known = false};
}

uint64_t sk_fault_waits_in(const struct sk_fault_waits *waits, uint64_t from_ns,
			   uint64_t to_ns, uint64_t *ret_vcpu)
{
	uint64_t sum = 0;

	*ret_vcpu = 0;
	for (size_t i = 0; i < waits->nr; i++) {
		const struct sk_fault_span *s = &waits->spans[i];
		uint64_t from = s->from_ns > from_ns ? s->from_ns : from_ns;
		uint64_t to = s->to_ns < to_ns ? s->to_ns : to_ns;

		if (to <= from)
			continue;
		sum += to - from;
		*ret_vcpu += s->vcpu ? to - from : 0;
	}
	return sum;
}

/* Folder of QEMU's threads; -1 while there is none. */
static int find_qemu(const struct sk_fault_watch *w)
{
	sk_autofree char *file = sk_strf("%s/run/libvirt/qemu/%s.pid", w->root, w->guest);
	sk_autofree char *text = NULL, *folder = NULL;
	uint64_t pid;

	if (!file || sk_fs_read(AT_FDCWD, file, PID_MAX_TEXT, &text, NULL) < 0)
		return -1;
	text[strcspn(text, "\n")] = '\0';
	if (sk_parse_u64(text, 2, PID_LIMIT, &pid, NULL) < 0)
		return -1;
	folder = sk_strf("%s/proc/%llu/task", w->root, (unsigned long long)pid);
	return folder ? open(folder, O_DIRECTORY | O_RDONLY | O_CLOEXEC) : -1;
}

static bool is_vcpu(const struct sk_fault_watch *w, uint64_t tid)
{
	char path[40], name[8] = "";
	sk_autoclose int fd = -1;

	(void)snprintf(path, sizeof(path), "%llu/comm", (unsigned long long)tid);
	fd = openat(w->task_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		(void)!read(fd, name, sizeof(name) - 1);
	return strncmp(name, "CPU ", 4) == 0; /* libvirt asks QEMU for these names */
}

/* A thread that is known is looked at again: it gets its name a moment after its start. */
static void note_thread(struct sk_fault_watch *w, uint64_t tid)
{
	struct watched *t = w->threads;
	char path[40];

	while (t < w->threads + w->nr_threads && t->tid != tid)
		t++;
	if (t == w->threads + MAX_THREADS)
		return;
	if (t == w->threads + w->nr_threads) {
		(void)snprintf(path, sizeof(path), "%llu/wchan", (unsigned long long)tid);
		t->wchan_fd = openat(w->task_fd, path, O_RDONLY | O_CLOEXEC);
		if (t->wchan_fd < 0)
			return;
		t->tid = tid;
		w->nr_threads++;
	}
	t->is_vcpu = is_vcpu(w, tid);
}

static void find_threads(struct sk_fault_watch *w)
{
	int fd = openat(w->task_fd, ".", O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	sk_auto(sk_closedir) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	uint64_t tid;

	if (!dir) {
		sk_close(&fd);
		return;
	}
	while ((entry = readdir(dir)))
		if (sk_parse_u64(entry->d_name, 1, PID_LIMIT, &tid, NULL) == 0)
			note_thread(w, tid);
}

/* True when a thread waits for a page now. Threads that ended are forgotten. */
static bool look(struct sk_fault_watch *w, bool *ret_vcpu)
{
	bool waits = false;

	*ret_vcpu = false;
	for (size_t i = 0; i < w->nr_threads;) {
		struct watched *t = &w->threads[i];
		char text[64];
		ssize_t n = pread(t->wchan_fd, text, sizeof(text) - 1, 0);

		if (n < 0) {
			sk_close(&t->wchan_fd);
			*t = w->threads[--w->nr_threads];
			continue;
		}
		text[n] = '\0';
		if (strcmp(text, "handle_userfault") == 0) {
			waits = true;
			*ret_vcpu |= t->is_vcpu;
		}
		i++;
	}
	return waits;
}

/* A span from the look before, in which a thread waited, to now. */
static void add_span(struct sk_fault_watch *w, uint64_t from_ns, uint64_t to_ns,
		     bool vcpu)
{
	struct sk_fault_span *last = w->nr ? &w->spans[w->nr - 1] : NULL;

	if (last && last->to_ns == from_ns && last->vcpu == vcpu) {
		last->to_ns = to_ns;
		return;
	}
	if (w->nr == w->max) {
		size_t max = w->max ? w->max * 2 : 256;
		struct sk_fault_span *larger =
			max > MAX_SPANS ? NULL
					: reallocarray(w->spans, max, sizeof(*larger));

		if (!larger)
			return;
		w->spans = larger;
		w->max = max;
	}
	w->spans[w->nr++] = (struct sk_fault_span){from_ns, to_ns, vcpu};
}

static void watch(struct sk_fault_watch *w)
{
	uint64_t listed = 0, hot_until = 0, last_ns = 0;
	bool waited = false, vcpu_waited = false;

	while (!atomic_load(&w->is_stopping)) {
		uint64_t mono = sk_clock_mono(), now = sk_clock_real();
		bool vcpu, waits;

		if (mono - listed > THREADS_NS) {
			find_threads(w);
			listed = mono;
		}
		waits = look(w, &vcpu);
		if (waited)
			add_span(w, last_ns, now, vcpu_waited);
		waited = waits;
		vcpu_waited = vcpu;
		last_ns = now;
		w->has_looked |= w->nr_threads > 0;
		if (waits)
			hot_until = mono + HOT_NS;
		sk_clock_sleep_until(mono + (mono < hot_until ? FAST_NS : SLOW_NS));
	}
}

static void *watch_main(void *arg)
{
	struct sk_fault_watch *w = arg;

	while (!atomic_load(&w->is_stopping)) {
		w->task_fd = find_qemu(w);
		if (w->task_fd >= 0)
			break;
		sk_clock_sleep_until(sk_clock_mono() + SLOW_NS);
	}
	if (w->task_fd >= 0)
		watch(w);
	return NULL;
}

static void release(struct sk_fault_watch *w)
{
	for (size_t i = 0; i < w->nr_threads; i++)
		sk_close(&w->threads[i].wchan_fd);
	sk_close(&w->task_fd);
	free(w->root);
	free(w->guest);
	free(w->spans);
	free(w);
}

int sk_fault_watch_start(const char *root, const char *guest, struct sk_fault_watch **ret,
			 struct sk_err *err)
{
	struct sk_fault_watch *w = calloc(1, sizeof(*w));
	int r = 0;

	if (!w)
		return sk_err_oom(err);
	w->task_fd = -1;
	w->root = strdup(root);
	w->guest = strdup(guest);
	if (!w->root || !w->guest)
		r = sk_err_oom(err);
	if (r == 0 && (r = pthread_create(&w->thread, NULL, watch_main, w)) != 0)
		r = sk_err_code(err, -r, "start a thread");
	if (r < 0) {
		release(w);
		return r;
	}
	*ret = w;
	return 0;
}

void sk_fault_watch_finish(struct sk_fault_watch *w, struct sk_fault_waits *ret)
{
	if (!w)
		return;
	atomic_store(&w->is_stopping, true);
	(void)pthread_join(w->thread, NULL);
	if (ret) {
		*ret = (struct sk_fault_waits){.is_known = w->has_looked,
					       .spans = sk_steal(&w->spans),
					       .nr = w->nr};
		if (!ret->is_known)
			(void)snprintf(
				ret->why, sizeof(ret->why),
				"the threads of the destination's QEMU cannot be seen "
				"from here");
	}
	release(w);
}
