// SPDX-License-Identifier: Apache-2.0
/* store - a folder of results: what is in it, and how runs are added to it
 *
 * Theory of operation
 *
 * 1. experiment.yaml and host.json are written before the first run, each in one step. host.json
 *    has seed and repetitions: with the file they give the design, which is not kept.
 * 2. A run's samples are written, then its line is appended to runs.jsonl and synced. A line
 *    ends in a newline: one that does not was being written when the process died.
 * 3. A reader leaves such a line out; a writer, who locks the folder before it reads, cuts it off.
 * 4. Of two lines of one run the later counts: a resumed experiment tries again what failed.
 */
#include "migrate/experiment/store.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "migrate/strategy/record.h"

#define MAX_BYTES (1u << 30)

bool sk_run_is(const struct sk_json *run, const char *status)
{
	return sk_str_equal(sk_json_str(sk_json_get(run, "status"), NULL), status);
}

static struct sk_json *describe_host(const struct sk_experiment *experiment,
				     size_t repetitions, uint64_t seed)
{
	struct sk_json *host = sk_json_new_object();
	char started[SK_CLOCK_TEXT_SIZE];
	sk_autofree char *cpu = NULL;
	struct utsname name;
	char *model;

	sk_json_set_str(host, "experiment", experiment->name);
	sk_json_set_uint(host, "seed", seed);
	sk_json_set_uint(host, "repetitions", repetitions);
	sk_json_set_str(host, "started", sk_clock_format(sk_clock_real(), started));
	sk_json_set_str(host, "skiff", SK_VERSION);
	if (uname(&name) == 0) {
		sk_json_set_str(host, "kernel", name.release);
		sk_json_set_str(host, "machine", name.machine);
		sk_json_set_str(host, "hostname", name.nodename);
	}
	sk_json_set_int(host, "cpus", sysconf(_SC_NPROCESSORS_ONLN));
	sk_json_set_uint(host, "memory_bytes",
			 (uint64_t)sysconf(_SC_PHYS_PAGES) *
				 (uint64_t)sysconf(_SC_PAGE_SIZE));
	if (sk_fs_read(AT_FDCWD, "/proc/cpuinfo", MAX_BYTES, &cpu, NULL) == 0 &&
	    (model = strstr(cpu, "model name")) && (model = strchr(model, ':'))) {
		model += strspn(model, ": ");
		model[strcspn(model, "\n")] = '\0';
		sk_json_set_str(host, "cpu", model);
	}
	return host;
}

/* Whoever keeps a file of this name in his own folder keeps it. */
static int check_copy(int dirfd, const char *dir, const struct sk_experiment *experiment,
		      struct sk_err *err)
{
	sk_autofree char *there = NULL;
	int r = sk_fs_read(dirfd, SK_STORE_FILE, MAX_BYTES, &there, NULL);

	if (r == -ENOENT || (r == 0 && strcmp(there, experiment->text) == 0))
		return 0;
	if (r < 0)
		return sk_err_code(err, r, "read '%s/%s'", dir, SK_STORE_FILE);
	r = sk_err_set(err, EEXIST, "'%s/%s' is another experiment's", dir,
		       SK_STORE_FILE);
	return sk_err_hint(err, r, "--dir takes another folder");
}

int sk_store_create(const char *dir, const struct sk_experiment *experiment,
		    size_t repetitions, uint64_t seed, struct sk_err *err)
{
	sk_auto(sk_json_free) struct sk_json *host = NULL;
	sk_autofree char *text = NULL;
	sk_autoclose int fd = -1;
	int r;

	r = sk_fs_mkdirs(AT_FDCWD, dir, 0755, err);
	if (r < 0)
		return r;
	fd = open(dir, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return sk_err_errno(err, "open the results folder '%s'", dir);
	if (sk_fs_exists(fd, SK_STORE_HOST)) {
		r = sk_err_set(err, EEXIST, "'%s' has results already", dir);
		return sk_err_hint(
			err, r, "--resume goes on with them, --dir takes another folder");
	}
	r = check_copy(fd, dir, experiment, err);
	if (r < 0)
		return r;
	host = describe_host(experiment, repetitions, seed);
	text = sk_json_print(host, true);
	if (!text)
		return sk_err_oom(err);
	if (mkdirat(fd, SK_STORE_SAMPLES, 0755) < 0 && errno != EEXIST)
		return sk_err_errno(err, "create '%s/%s'", dir, SK_STORE_SAMPLES);
	r = sk_fs_replace(fd, SK_STORE_FILE, experiment->text, strlen(experiment->text),
			  0644, err);
	if (r == 0)
		r = sk_fs_replace(fd, SK_STORE_HOST, text, strlen(text), 0644, err);
	return r;
}

static struct sk_json *find(const struct sk_json *runs, size_t index, size_t *ret_place)
{
	for (size_t i = 0; i < sk_json_len(runs); i++) {
		struct sk_json *run = sk_json_at(runs, i);

		if ((size_t)sk_json_int(sk_json_get(run, "run"), -1) == index) {
			*ret_place = i;
			return run;
		}
	}
	return NULL;
}

struct sk_json *sk_store_run(const struct sk_store *store, size_t index)
{
	size_t place;

	return find(store->runs, index, &place);
}

/* The later line of a run takes the place of the earlier one. */
static void keep(struct sk_store *store, struct sk_json *run)
{
	size_t index = (size_t)sk_json_int(sk_json_get(run, "run"), -1), place;
	struct sk_json *runs;

	if (find(store->runs, index, &place)) {
		runs = sk_json_new_array();
		for (size_t i = 0; i < sk_json_len(store->runs); i++)
			if (i != place)
				(void)sk_json_add(runs,
						  sk_json_ref(
							  sk_json_at(store->runs, i)));
		sk_json_free(store->runs);
		store->runs = runs;
	}
	(void)sk_json_add(store->runs, run);
}

static int read_runs(struct sk_store *store, struct sk_err *err)
{
	sk_autofree char *text = NULL;
	size_t len = 0, number = 0;
	char *line, *end;
	int r;

	store->runs = sk_json_new_array();
	r = sk_fs_read(store->dirfd, SK_STORE_RUNS, MAX_BYTES, &text, &len);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return sk_err_code(err, r, "read '%s/%s'", store->dir, SK_STORE_RUNS);
	for (line = text; (end = memchr(line, '\n', (size_t)(text + len - line)));
	     line = end + 1) {
		struct sk_json *run = NULL;
		char where[64];

		(void)snprintf(where, sizeof(where), SK_STORE_RUNS ", run %zu", ++number);
		r = sk_json_parse(line, (size_t)(end - line), where, &run, err);
		if (r < 0)
			return r;
		keep(store, run);
	}
	store->was_cut = line < text + len;
	return 0;
}

static int read_host(struct sk_store *store, struct sk_err *err)
{
	uint64_t seed = 0, repetitions = 0;
	int r;

	if (!sk_fs_exists(store->dirfd, SK_STORE_HOST))
		return sk_err_set(err, ENOENT, "'%s' has no results of an experiment",
				  store->dir);
	r = sk_json_load(store->dirfd, SK_STORE_HOST, &store->host, err);
	if (r == 0)
		r = sk_json_read_u64(store->host, SK_STORE_HOST, "seed", UINT64_MAX,
				     &seed, err);
	if (r == 0)
		r = sk_json_read_u64(store->host, SK_STORE_HOST, "repetitions",
				     SK_RUNS_MAX, &repetitions, err);
	if (r == 0)
		r = sk_design_make(store->experiment, (size_t)repetitions, seed,
				   &store->design, err);
	return r;
}

int sk_store_open(const char *dir, struct sk_store *ret, struct sk_err *err)
{
	sk_auto(sk_store_finish) struct sk_store store = {.dirfd = -1};
	sk_autofree char *file = sk_strf("%s/%s", dir, SK_STORE_FILE);
	int r;

	store.dir = strdup(dir);
	if (!store.dir || !file)
		return sk_err_oom(err);
	store.dirfd = open(dir, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	if (store.dirfd < 0)
		return sk_err_errno(err, "open the results folder '%s'", dir);
	if (!sk_fs_exists(store.dirfd, SK_STORE_FILE))
		return sk_err_set(err, ENOENT, "'%s' has no results of an experiment",
				  dir);
	r = sk_experiment_load(file, &store.experiment, err);
	if (r == 0)
		r = read_host(&store, err);
	if (r == 0)
		r = read_runs(&store, err);
	if (r < 0)
		return r;
	*ret = store;
	store = (struct sk_store){.dirfd = -1};
	return 0;
}

void sk_store_finish(struct sk_store *store)
{
	free(store->dir);
	sk_close(&store->dirfd);
	sk_experiment_free(store->experiment);
	sk_design_finish(&store->design);
	sk_json_free(store->host);
	sk_json_free(store->runs);
	*store = (struct sk_store){.dirfd = -1};
}

int sk_store_lock(const char *dir, struct sk_err *err)
{
	bool is_new;
	sk_autoclose int fd = sk_record_open(dir, &is_new, err);
	int lock;

	if (fd < 0)
		return fd;
	lock = sk_fs_lock_dir(fd, ".", 0, err);
	return lock < 0 ? sk_err_wrap(err, lock, "'%s' is being written", dir) : lock;
}

/* Down to the last newline. */
int sk_store_begin(struct sk_store *store, struct sk_err *err)
{
	sk_autofree char *text = NULL;
	sk_autoclose int fd = -1;
	size_t len = 0;
	char *end;
	int r;

	if (!store->was_cut)
		return 0;
	r = sk_fs_read(store->dirfd, SK_STORE_RUNS, MAX_BYTES, &text, &len);
	if (r < 0)
		return sk_err_code(err, r, "read '%s/%s'", store->dir, SK_STORE_RUNS);
	end = memrchr(text, '\n', len);
	fd = openat(store->dirfd, SK_STORE_RUNS, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || ftruncate(fd, end ? end + 1 - text : 0) < 0 || fsync(fd) < 0)
		return sk_err_errno(err, "cut '%s/%s'", store->dir, SK_STORE_RUNS);
	store->was_cut = false;
	return 0;
}

int sk_store_append(struct sk_store *store, struct sk_json *run, struct sk_err *err)
{
	sk_autofree char *text = sk_json_print(run, false);
	sk_autofree char *line = NULL;
	sk_autoclose int fd = -1;
	int r;

	keep(store, run);
	line = text ? sk_strf("%s\n", text) : NULL;
	if (!line)
		return sk_err_oom(err);
	fd = openat(store->dirfd, SK_STORE_RUNS,
		    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return sk_err_errno(err, "open '%s/%s'", store->dir, SK_STORE_RUNS);
	r = sk_fs_write_all(fd, line, strlen(line));
	/* The folder too, where the first line made the file. */
	if (r == 0 && (fsync(fd) < 0 || fsync(store->dirfd) < 0))
		r = -errno;
	return r < 0 ? sk_err_code(err, r, "write '%s/%s'", store->dir, SK_STORE_RUNS)
		     : 0;
}

int sk_store_samples(const struct sk_store *store, const struct sk_json *run,
		     struct sk_sample **ret, size_t *ret_n, struct sk_err *err)
{
	sk_autofree char *path = NULL;
	int64_t index = sk_json_int(sk_json_get(run, "run"), -1);

	if (!sk_json_get(run, "samples"))
		return sk_err_set(err, ENOENT, "run %" PRId64 " has no samples", index);
	/* By its number: a name from the file could lead elsewhere. */
	path = sk_strf(SK_STORE_SAMPLES "/%" PRId64 ".bin", index);
	return path ? sk_samples_load(store->dirfd, path, ret, ret_n, err)
		    : sk_err_oom(err);
}
