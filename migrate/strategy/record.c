// SPDX-License-Identifier: Apache-2.0
/* What a migration leaves behind: the published object and the folder of results */
#include "migrate/strategy/record.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "migrate/strategy/plan.h"

bool sk_memory_verify(struct sk_memory_check *check)
{
	const struct sk_guest_status *before = &check->before, *after = &check->after;

	if (!check->has_after)
		return false; /* why is known to who asked */
	check->why[0] = 0;
	if (before->static_sum != after->static_sum)
		(void)snprintf(check->why, sizeof(check->why),
			       "the checksum of %" PRIu64
			       " bytes that nobody writes changed",
			       before->static_bytes);
	else if (after->corrupt_pages)
		(void)snprintf(check->why, sizeof(check->why),
			       "%" PRIu64
			       " pages do not hold what the guest wrote to them",
			       after->corrupt_pages);
	else if (after->tick < before->tick)
		(void)snprintf(check->why, sizeof(check->why),
			       "the guest's tick went back from %" PRIu64 " to %" PRIu64,
			       before->tick, after->tick);
	return check->why[0] == 0;
}

static void set_status(struct sk_json *object, const char *key,
		       const struct sk_guest_status *status)
{
	struct sk_json *one = sk_json_set(object, key, sk_json_new_object());

	sk_json_set_uint(one, "tick", status->tick);
	sk_json_set_uint(one, "static_bytes", status->static_bytes);
	sk_json_set_uint(one, "static_sum", status->static_sum);
	sk_json_set_uint(one, "working_set_bytes", status->working_set_bytes);
	sk_json_set_uint(one, "pages_per_s", status->pages_per_s);
	sk_json_set_uint(one, "pages_written", status->pages_written);
	sk_json_set_uint(one, "corrupt_pages", status->corrupt_pages);
}

static void set_memory(struct sk_json *run, struct sk_memory_check *check)
{
	struct sk_json *object;

	if (!check->is_wanted) {
		(void)sk_json_set(run, "memory_verified", NULL);
		return;
	}
	sk_json_set_bool(run, "memory_verified", sk_memory_verify(check));
	object = sk_json_set(run, "memory_check", sk_json_new_object());
	sk_json_set_str(object, "why", check->why[0] ? check->why : NULL);
	set_status(object, "before", &check->before);
	if (check->has_after)
		set_status(object, "after", &check->after);
}

static void set_host(struct sk_json *run, const char *key, const char *name,
		     const char *uri, const struct sk_vm_facts *facts, enum sk_side side)
{
	struct sk_json *host = sk_json_set(run, key, sk_json_new_object());

	sk_json_set_str(host, "name", name ? name : uri);
	sk_json_set_str(host, "uri", uri);
	sk_json_set_str(host, "hostname", facts->hostname[side]);
	sk_json_set_str(host, "libvirt", facts->libvirt[side]);
	sk_json_set_str(host, "qemu", facts->hypervisor[side]);
}

struct sk_json *sk_record_json(const struct sk_record *record)
{
	const struct sk_migrate_opts *opts = record->opts;
	struct sk_json *run = sk_verdict_json(record->verdict);
	char started[SK_CLOCK_TEXT_SIZE];
	struct utsname host;

	sk_json_set_str(run, "guest", opts->guest);
	set_host(run, "from", opts->from_name, opts->from, record->facts, SK_SIDE_SOURCE);
	set_host(run, "to", opts->to_name, opts->to, record->facts, SK_SIDE_DESTINATION);
	set_memory(run, record->check);
	sk_json_set_uint(run, "bandwidth_bits", opts->transfer.bandwidth_bits);
	(void)sk_json_set(run, "transfer", sk_plan_transfer(opts));
	(void)sk_json_set(run, "preflight", sk_plan_checks(record->facts));
	sk_json_set_str(run, "probe_target", opts->probe);
	sk_json_set_str(run, "accelerator", record->facts->accelerator);
	sk_json_set_str(run, "cpu_check", record->facts->cpu_check);
	sk_json_set_uint(run, "guest_memory_bytes", record->facts->memory_bytes);
	sk_json_set_str(run, "started", sk_clock_format(record->started_ns, started));
	sk_json_set_str(run, "skiff", SK_VERSION);
	sk_json_set_str(run, "kernel", uname(&host) == 0 ? host.release : NULL);
	sk_json_set_str(run, "dir", opts->dir);
	return run;
}

int sk_record_open(const char *dir, bool *ret_made, struct sk_err *err)
{
	bool was_there = sk_fs_exists(AT_FDCWD, dir);
	int fd, r;

	r = sk_fs_mkdirs(AT_FDCWD, dir, 0755, err);
	if (r < 0)
		return r;
	fd = open(dir, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return sk_err_errno(err, "open the results folder '%s'", dir);
	*ret_made = !was_there;
	return fd;
}

void sk_record_drop(const char *dir)
{
	(void)rmdir(dir);
}
