/* SPDX-License-Identifier: Apache-2.0 */
/* migrate - labs, migrations and probes: all that cli/vm may use of this layer */
#ifndef SK_MIGRATE_H
#define SK_MIGRATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/home.h"
#include "lib/json.h"
#include "migrate/experiment/experiment.h"
#include "migrate/guest/guest.h"
#include "migrate/measure/probe.h"
#include "migrate/measure/timeline.h"
#include "migrate/measure/verdict.h"
#include "migrate/strategy/slo.h"
#include "migrate/vm/options.h"

/** sk_phase_fn - Told what is going on: for progress lines. @detail is NULL when a phase starts; @phase
 *  is NULL for what is to be read, not passed by */
typedef void (*sk_phase_fn)(void *ctx, const char *phase, const char *detail);

#define SK_MIGRATE_MAX_PASSES 1000 /* more were never of use to anybody */

/** struct sk_migrate_opts - One migration; all borrowed */
struct sk_migrate_opts {
	const char *guest;     /* domain name */
	const char *from, *to; /* libvirt URIs */
	const char *from_name,
		*to_name; /* for the record: host names of a lab, else the URIs */
	const char *lab;  /* for the record: whose hosts they are; NULL: of none */
	pid_t from_pid,
		to_pid; /* of a lab's hosts, to ask for their clocks; 0: by ssh if the URI has it */
	const struct sk_home
		*home; /* keeps what is learnt of a pair of hosts; NULL: nothing is */
	uint64_t
		link_bits; /* per second, of the link between them where it is known; 0 it is not */
	const char *
		link; /* what it is like, in a few words: others tell little of it; NULL: as it is */
	enum sk_mode mode;
	struct sk_transfer_opts transfer; /* how the memory travels */
	uint64_t timeout_ns;		  /* of the job, from its start; 0 none */
	enum sk_timeout_action timeout_action;
	struct sk_slo slo;   /* any mode is judged by it; auto keeps to it */
	struct sk_risk risk; /* auto */
	bool best_effort; /* auto: migrate even when no way is predicted to keep to .slo */
	unsigned int postcopy_after; /* hybrid: whole passes before the switch; 0: 1 */
	const char *probe;	     /* URL or NULL */
	int netns_fd;		     /* the probe's namespace; -1 the caller's */
	const char *probe_from;	     /* "ssh://host": the probe runs there; NULL: here */
	const char *
		control_host; /* a skiff-guest answers there: memory is verified; NULL: cannot be */
	const char *
		to_monitor; /* socket of a monitor of the destination's QEMU beside libvirt's; NULL: none */
	uint64_t baseline_ns, tail_ns; /* probing before and after; 0: 3 s each */
	const char *dir;	       /* results folder (made); NULL: none */
	sk_phase_fn phase;
	void *phase_ctx;
	const volatile int *
		interrupted; /* number of Ctrl-C: abort (pre-copy), go on (post-copy), leave it (a second) */
};
/**
 * sk_migrate() - Probe, migrate, prove, verify, write results
 * @ret:	The published object (see sk_verdict_json() and man 7 skiff-migration-metrics)
 *
 * Return: 0 when the guest runs at the destination; -ECANCELED after an abort; -EINPROGRESS when a
 * post-copy was left, which goes on; other -errno, the guest then runs at the source unless the
 * text says otherwise
 */
int sk_migrate(const struct sk_migrate_opts *opts, struct sk_json **ret,
	       struct sk_err *err);
/**
 * sk_migrate_plan() - Tell what sk_migrate() would do; nothing is changed at either end
 * @ret:	{guest, from, to, mode, possible, checks: [{name, ok, result, hint}], transfer: {...},
 *		steps: [{call, when, flags, parameters}], prediction, other_predictions: [...]};
 *		filled when a check failed, too, but then without predictions
 *
 * For a prediction it is measured for some seconds what the guest writes.
 * Return: 0 when every check passed; else that of the first which did not
 */
int sk_migrate_plan(const struct sk_migrate_opts *opts, struct sk_json **ret,
		    struct sk_err *err);

/** struct sk_migration_which - Which of those under way are meant; NULL: any */
struct sk_migration_which {
	const char *guest;
	const char *lab;
	const char *from; /* libvirt URI of the source, or its name in a lab */
};
/**
 * sk_migration_list() - Those under way
 * @ret:	Array of {guest, lab, from, to, mode, phase, started, led_by, pid, remaining_bytes,
 *		total_bytes, text}
 *
 * A URI in @which->from is asked, too, for jobs that were not started from here: of these the
 * destination, the mode and the start are null, and led_by is "others".
 */
int sk_migration_list(const struct sk_home *home, const struct sk_migration_which *which,
		      struct sk_json **ret, struct sk_err *err);
/**
 * sk_migration_recover() - Settle those whose leader was killed: the next command's first act
 * @ret:	Array of {guest, text}, what became of them; filled in a failure, too
 *
 * A guest that stands still at the source is let run, unless its post-copy had begun. What goes on
 * without a leader is left alone.
 */
int sk_migration_recover(const struct sk_home *home, struct sk_json **ret,
			 struct sk_err *err);
/** struct sk_attend_opts - Whom sk_migration_attach() tells; as in struct sk_migrate_opts */
struct sk_attend_opts {
	sk_phase_fn phase;
	void *phase_ctx;
	const volatile int *interrupted;
};
/**
 * sk_migration_attach() - See one that nobody leads to its end; mend its post-copy if it broke
 *
 * Return: 0 when the guest has arrived; -ENOENT without such a migration; -EBUSY when another
 * process leads it; -ECANCELED when it was aborted; -EINPROGRESS after Ctrl-C: it goes on
 */
int sk_migration_attach(const struct sk_home *home,
			const struct sk_migration_which *which,
			const struct sk_attend_opts *opts, struct sk_err *err);
/**
 * sk_migration_abort() - Give one up, whoever leads it
 *
 * Return: 0; -ENOENT; -EBUSY in post-copy; -ENOTUNIQ, as sk_migration_attach(), when several are meant
 */
int sk_migration_abort(const struct sk_home *home, const struct sk_migration_which *which,
		       struct sk_err *err);

/** struct sk_lab_opts - A lab */
struct sk_lab_opts {
	const char *name;	     /* NULL: "default" */
	unsigned int hosts;	     /* 0: 2; named a, b, c, ... */
	uint64_t guest_memory_bytes; /* 0: 256 MiB */
	uint64_t working_set_bytes;  /* that the guest goes over */
	uint64_t pages_per_s;	     /* that it writes */
	const char *
		server; /* of the guest's service, as for sk_server_parse(); NULL iterative */
	sk_phase_fn phase;
	void *phase_ctx;
	const volatile int *interrupted; /* number of Ctrl-C; NULL: not asked */
};
/** sk_lab_check() - Whether such a lab can be: hosts, server, room in the guest; -EINVAL, -ERANGE */
int sk_lab_check(const struct sk_lab_opts *opts, struct sk_err *err);
/** sk_lab_up() - Hosts, switch, client, guest g1 answering on host a. All or nothing; -EEXIST when it is up; -ECANCELED */
int sk_lab_up(const struct sk_home *home, const struct sk_lab_opts *opts,
	      struct sk_json **ret, struct sk_err *err);
/** sk_lab_down() - Nothing is left; also mends a lab whose processes were killed. -ENOENT */
int sk_lab_down(const struct sk_home *home, const char *name, struct sk_err *err);
/** sk_lab_status() - {name, accelerator, hosts: [{name, pid, uri, address, guests: [...]}], guests: [{name, host, address, answering, …}], client} */
int sk_lab_status(const struct sk_home *home, const char *name, struct sk_json **ret,
		  struct sk_err *err);
/** sk_lab_list() - Array of {name, hosts, guests, accelerator, status}; {name, status, why} where the record is damaged */
int sk_lab_list(const struct sk_home *home, struct sk_json **ret, struct sk_err *err);
/** sk_lab_migrate_opts() - Fill from, to, probe, netns, control host of a migration inside a lab; strings owned by @ret_hold (free as JSON) */
int sk_lab_migrate_opts(const struct sk_home *home, const char *lab, const char *guest,
			const char *to_host, struct sk_migrate_opts *opts,
			struct sk_json **ret_hold, struct sk_err *err);
#define SK_LAB_KEEP UINT64_MAX /* leave this part of the load as it is */
/**
 * sk_lab_load() - Set what the lab's guest writes, while it runs
 * @working_set_bytes:	Memory that it goes over; SK_LAB_KEEP
 * @pages_per_s:	0 stops writing; SK_LAB_KEEP
 *
 * Return: 0; -ENOENT without such a lab; -ETIMEDOUT when the guest does not answer; -EINVAL
 * for more than its memory
 */
int sk_lab_load(const struct sk_home *home, const char *name, uint64_t working_set_bytes,
		uint64_t pages_per_s, struct sk_err *err);
/** struct sk_lab_shape - What leaves each host of a lab; 0 is not limited, not delayed, not lost */
struct sk_lab_shape {
	uint64_t rate_bits; /* per second */
	uint64_t latency_ns;
	uint64_t loss_ppm; /* packets of a million that are lost */
};
/**
 * sk_lab_shape() - Shape the links of a lab's hosts; what was shaped before is forgotten
 *
 * On failure links are what they were, as far as that can be had.
 * Return: 0; -ENOENT without such a lab; as sk_lab_shape_check()
 */
int sk_lab_shape(const struct sk_home *home, const char *name,
		 const struct sk_lab_shape *shape, struct sk_err *err);
/** sk_lab_shape_check() - Whether links can be so: -ERANGE; -ENOTSUP for delay or loss in a kernel without netem */
int sk_lab_shape_check(const struct sk_lab_shape *shape, struct sk_err *err);
/** sk_lab_loss_parse() - "0.5%" as 5,000 of a million; -EINVAL, -ERANGE */
int sk_lab_loss_parse(const char *text, uint64_t *ret_ppm, struct sk_err *err);
/**
 * sk_lab_probe_url() - A probe's target in a lab
 * @text:	A URL; or a kind with settings ("tcp", "http#clients=4"), for the guest's own service
 * @ret:	Heap text
 */
int sk_lab_probe_url(const char *text, char **ret, struct sk_err *err);
/** sk_lab_client_netns() - Descriptor of the lab's client namespace */
int sk_lab_client_netns(const struct sk_home *home, const char *lab, struct sk_err *err);

#endif
