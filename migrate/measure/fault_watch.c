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
#define MAX_RECORDS  (1u << 18)
#define PID_MAX_TEXT 32
#define PID_LIMIT    (1u << 22)

/** struct watched - A thread of QEMU; its file is read again and again */
struct watched {
	uint64_t tid;
	int wchan_fd, sched_fd;
	bool is_vcpu;
	uint64_t ran_ns, waited_ns; /* at the last look; 0 before */
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
	struct sk_cpu_look *looks;
	size_t nr_looks, max_looks;
	bool has_looked;
};

void sk_fault_waits_finish(struct sk_fault_waits *waits)
{
	free(waits->spans);
	free(waits->looks);
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

/* Between two looks by a straight line; the moment must lie between the first and the last. */
static struct sk_cpu_look look_at(const struct sk_fault_waits *waits, uint64_t real_ns)
{
	const struct sk_cpu_look *a = waits->looks, *b;
	double part;

	while (a + 2 < waits->looks + waits->nr_looks && a[1].real_ns <= real_ns)
		a++;
	b = a + 1;
	if (b->real_ns <= a->real_ns)
		return *a;
	part = (double)(real_ns - a->real_ns) / (double)(b->real_ns - a->real_ns);
	return (struct sk_cpu_look){
		real_ns, a->ran_ns + (uint64_t)(part * (double)(b->ran_ns - a->ran_ns)),
		a->waited_ns + (uint64_t)(part * (double)(b->waited_ns - a->waited_ns))};
}

bool sk_fault_waits_cpu(const struct sk_fault_waits *waits, uint64_t from_ns,
			uint64_t to_ns, uint64_t *ret_ran, uint64_t *ret_waited)
{
	struct sk_cpu_look from, to;

	if (waits->nr_looks < 2 || from_ns >= to_ns ||
	    from_ns < waits->looks[0].real_ns ||
	    to_ns > waits->looks[waits->nr_looks - 1].real_ns)
		return false;
	from = look_at(waits, from_ns);
	to = look_at(waits, to_ns);
	*ret_ran = to.ran_ns - from.ran_ns;
	*ret_waited = to.waited_ns - from.waited_ns;
	return true;
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
		*t = (struct watched){.tid = tid};
		t->wchan_fd = openat(w->task_fd, path, O_RDONLY | O_CLOEXEC);
		if (t->wchan_fd < 0)
			return;
		(void)snprintf(path, sizeof(path), "%llu/schedstat",
			       (unsigned long long)tid);
		t->sched_fd = openat(w->task_fd, path, O_RDONLY | O_CLOEXEC);
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
			sk_close(&t->sched_fd);
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

/* Room for one more; false when there is none: then the rest is not recorded. */
static bool grow(void **array, size_t n, size_t *max, size_t size)
{
	size_t wanted = *max ? *max * 2 : 256;
	void *larger;

	if (*array && n < *max)
		return true;
	larger = wanted > MAX_RECORDS ? NULL : reallocarray(*array, wanted, size);
	if (!larger)
		return false;
	*array = larger;
	*max = wanted;
	return true;
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
	if (!grow((void **)&w->spans, w->nr, &w->max, sizeof(*w->spans)))
		return;
	w->spans[w->nr++] = (struct sk_fault_span){from_ns, to_ns, vcpu};
}

/* Times of one thread since its last look. Source: the kernel's scheduler/sched-stats. */
static struct sk_cpu_look read_sched(struct watched *t)
{
	struct sk_cpu_look step = {0};
	unsigned long long ran, waited;
	char text[96];
	ssize_t n = pread(t->sched_fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return step;
	text[n] = '\0';
	if (sscanf(text, "%llu %llu", &ran, &waited) != 2)
		return step;
	if (t->ran_ns || t->waited_ns) {
		step.ran_ns = ran > t->ran_ns ? ran - t->ran_ns : 0;
		step.waited_ns = waited > t->waited_ns ? waited - t->waited_ns : 0;
	}
	t->ran_ns = ran;
	t->waited_ns = waited;
	return step;
}

static void look_at_cpus(struct sk_fault_watch *w, uint64_t now)
{
	struct sk_cpu_look next = {.real_ns = now};
	bool has_vcpu = false;

	for (size_t i = 0; i < w->nr_threads; i++) {
		struct sk_cpu_look step;

		if (!w->threads[i].is_vcpu || w->threads[i].sched_fd < 0)
			continue;
		step = read_sched(&w->threads[i]);
		next.ran_ns = step.ran_ns > next.ran_ns ? step.ran_ns : next.ran_ns;
		next.waited_ns =
			step.waited_ns > next.waited_ns ? step.waited_ns : next.waited_ns;
		has_vcpu = true;
	}
	if (!has_vcpu ||
	    !grow((void **)&w->looks, w->nr_looks, &w->max_looks, sizeof(*w->looks)))
		return;
	if (w->nr_looks) {
		next.ran_ns += w->looks[w->nr_looks - 1].ran_ns;
		next.waited_ns += w->looks[w->nr_looks - 1].waited_ns;
	}
	w->looks[w->nr_looks++] = next;
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
		look_at_cpus(w, now);
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
	for (size_t i = 0; i < w->nr_threads; i++) {
		sk_close(&w->threads[i].wchan_fd);
		sk_close(&w->threads[i].sched_fd);
	}
	sk_close(&w->task_fd);
	free(w->root);
	free(w->guest);
	free(w->spans);
	free(w->looks);
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
					       .nr = w->nr,
					       .nr_looks = w->nr_looks};
		ret->spans = sk_steal(&w->spans);
		ret->looks = sk_steal(&w->looks);
		if (!ret->is_known)
			(void)snprintf(
				ret->why, sizeof(ret->why),
				"the threads of the destination's QEMU cannot be seen "
				"from here");
	}
	release(w);
}
