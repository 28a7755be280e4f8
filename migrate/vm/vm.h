/* SPDX-License-Identifier: Apache-2.0 */
/* vm - the only room that sees libvirt: hosts, domains, and one migration between two hosts
 *
 *	sk_vm_open(&ends, &vm, err);		// connect to both, register for events
 *	ops->preflight(vm, &job, &facts, err);	// would it work? changes nothing
 *	ops->start(vm, &job, err);		// a thread of its own calls libvirt
 *	while (ops->next(vm, 100, &note) != …)	// act on what happens
 *	sk_vm_close(vm);
 *
 * Strategies see struct sk_vm_ops alone, so that tests drive them with a fake.
 */
#ifndef SK_VM_H
#define SK_VM_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/json.h"
#include "migrate/measure/timeline.h"
#include "migrate/vm/options.h"
#include "migrate/vm/xml.h"

/* ---- One host ----------------------------------------------------------------------- */

/** struct sk_vm_host - A connection to one libvirtd */
struct sk_vm_host;

/**
 * sk_vm_host_open() - Connect, with keepalive where the transport has it
 * @uri:	libvirt URI (borrowed)
 *
 * Starts libvirt's event loop in a thread of its own on first use; that thread stays.
 * Return: 0; -ECONNREFUSED with the reason libvirt gives
 */
int sk_vm_host_open(const char *uri, struct sk_vm_host **ret, struct sk_err *err);
/** sk_vm_host_free() - Close the connection; domains stay as they are */
void sk_vm_host_free(struct sk_vm_host *host);
SK_DEFINE_AUTO(struct sk_vm_host, sk_vm_host_free)
/** sk_vm_host_create() - Start a transient domain; -EEXIST when the name is taken */
int sk_vm_host_create(struct sk_vm_host *host, const struct sk_vm_domain *domain,
		      struct sk_err *err);
/** sk_vm_host_destroy() - End a domain at once; -ENOENT */
int sk_vm_host_destroy(struct sk_vm_host *host, const char *name, struct sk_err *err);
/** sk_vm_host_list() - Array of {name, state}: "running", "paused" or "other" */
int sk_vm_host_list(struct sk_vm_host *host, struct sk_json **ret, struct sk_err *err);

/* ---- One migration ------------------------------------------------------------------ */

/** enum sk_vm_state - What a domain does, as far as a migration cares */
enum sk_vm_state {
	SK_VM_GONE, /* there is no domain of this name */
	SK_VM_RUNNING,
	SK_VM_PAUSED,
	SK_VM_OTHER,
};

/** struct sk_vm_check - One check of preflight */
struct sk_vm_check {
	const char *name; /* "guest", "cpu", ... */
	int result;	  /* 0, or the negative errno of what will not work */
	char text[200];	  /* what was found, or why it will not work */
	char hint[SK_ERR_HINT_SIZE];
};

#define SK_VM_MAX_CHECKS 16

/** struct sk_vm_look - What a guest and its job do at one host */
struct sk_vm_look {
	enum sk_vm_state state;
	bool is_postcopy; /* a part of its memory is elsewhere, or was when it broke */
	bool has_job;	  /* it is being migrated from there, whoever leads it */
	struct sk_job_sample job;
};
/** sk_vm_host_look() - Look; a guest that is not there is SK_VM_GONE, no error */
int sk_vm_host_look(struct sk_vm_host *host, const char *guest, struct sk_vm_look *ret,
		    struct sk_err *err);
/** sk_vm_look() - Connect and look, within a time: -ETIMEDOUT when the host has not answered by then */
int sk_vm_look(const char *uri, const char *guest, unsigned int timeout_ms,
	       struct sk_vm_look *ret, struct sk_err *err);
/** sk_vm_host_abort() - Give its migration up, whoever leads it; -EBUSY in post-copy */
int sk_vm_host_abort(struct sk_vm_host *host, const char *guest, struct sk_err *err);
/** sk_vm_host_resume() - Let a paused guest run */
int sk_vm_host_resume(struct sk_vm_host *host, const char *guest, struct sk_err *err);

/** struct sk_vm_facts - What preflight learnt, for the record */
struct sk_vm_facts {
	struct sk_vm_check checks[SK_VM_MAX_CHECKS]; /* in the order in which they ran */
	size_t nr_checks;
	char accelerator[8];	/* "kvm", "tcg", or libvirt's domain type */
	char libvirt[2][24];	/* version of libvirtd, by enum sk_side */
	char hypervisor[2][24]; /* version of QEMU */
	char hostname[2][64];
	uint64_t memory_bytes;
	char macs[80];	       /* of its network cards: see sk_vm_xml_macs() */
	const char *cpu_check; /* "compatible", or why that is not known */
};

/** struct sk_vm_job - How to migrate */
struct sk_vm_job {
	bool live;     /* else the guest stands still while its memory is copied */
	bool postcopy; /* start_postcopy() will be allowed */
	struct sk_transfer_opts transfer; /* its texts borrowed until the job has ended */
};

/**
 * sk_vm_plan() - Tell which calls of libvirt a job will be
 * @steps:	Array that gets objects {call, when, to, flags: [...], parameters: {...}}
 */
int sk_vm_plan(const struct sk_vm_job *job, struct sk_json *steps, struct sk_err *err);

/** enum sk_vm_note_kind - What strategies act on */
enum sk_vm_note_kind {
	SK_VM_NOTE_ACTIVE,   /* first byte can flow */
	SK_VM_NOTE_PASS,     /* value: number of the pass over memory that starts */
	SK_VM_NOTE_PROGRESS, /* job: statistics */
	SK_VM_NOTE_POSTCOPY, /* guest runs at the destination, memory follows */
	SK_VM_NOTE_POSTCOPY_FAILED, /* value: side that says that memory no longer follows */
	SK_VM_NOTE_MOVED, /* the source has ended its copy: all memory is at the destination */
	SK_VM_NOTE_CLOSED, /* value: side whose libvirtd no longer talks to us */
	SK_VM_NOTE_ENDED,  /* result and err of the job; the last note */
};

/** struct sk_vm_note - One thing that happened */
struct sk_vm_note {
	enum sk_vm_note_kind kind;
	int64_t value;
	int result;
	struct sk_job_sample job;
	struct sk_err err;
};

/** struct sk_vm - The two ends of one migration */
struct sk_vm;

/** struct sk_vm_ops - What a strategy may do; implemented by libvirt, and by a fake in tests */
struct sk_vm_ops {
	/** Check both ends for a job; changes nothing. All checks are run and told, in a failure too,
	 * which is the first of theirs: -ENOENT no such guest, -EEXIST name taken there, … */
	int (*preflight)(struct sk_vm *vm, const struct sk_vm_job *job,
			 struct sk_vm_facts *ret, struct sk_err *err);
	/** Start the job in a thread of its own; its end comes as a note */
	int (*start)(struct sk_vm *vm, const struct sk_vm_job *job, struct sk_err *err);
	/** Next note in order; -ETIMEDOUT after @timeout_ms without one */
	int (*next)(struct sk_vm *vm, unsigned int timeout_ms, struct sk_vm_note *ret);
	/** Switch the running job to post-copy; -ETIMEDOUT: asked for, and not yet answered */
	int (*start_postcopy)(struct sk_vm *vm, struct sk_err *err);
	/** Give the job up; its end still comes as a note. This and the other calls that steer
	 * the job return after a moment even when the hypervisor does not answer (-ETIMEDOUT) */
	int (*abort)(struct sk_vm *vm, struct sk_err *err);
	/** End a post-copy whose connection is dead, so that it can be resumed. The guest waits
	 * at the destination for the pages that it lacks; the job's end comes as a note */
	int (*abort_postcopy)(struct sk_vm *vm, struct sk_err *err);
	/** Connect both ends anew; after the ENDED note, and such a note follows. @job: of one that
	 * another process started; NULL: as it was started here */
	int (*resume_postcopy)(struct sk_vm *vm, const struct sk_vm_job *job,
			       struct sk_err *err);
	/** Allowed downtime of the last pass */
	int (*set_max_downtime)(struct sk_vm *vm, uint64_t ms, struct sk_err *err);
	/** Cap of the pre-copy phase, bits a second, rounded up to MiB/s */
	int (*set_bandwidth)(struct sk_vm *vm, uint64_t bits, struct sk_err *err);
	/** Let the guest stand still at the source until the rest is copied */
	int (*suspend)(struct sk_vm *vm, struct sk_err *err);
	/** Make ready for rescue(), before the post-copy: later the destination may hang already;
	 * or NULL, as the next three */
	int (*rescue_open)(struct sk_vm *vm, struct sk_err *err);
	/** No rescue any more: lets go of the destination's second monitor */
	void (*rescue_close)(struct sk_vm *vm);
	/** Connect both ends anew when the destination's libvirt hangs; -ENOTSUP where it cannot;
	 * -EAGAIN as long as the destination believes in the old connection */
	int (*rescue)(struct sk_vm *vm, struct sk_err *err);
	/** Let the destination end a connection that the source has lost, so that rescue() can */
	int (*rescue_part)(struct sk_vm *vm, struct sk_err *err);
	/** What the guest does at one end now */
	int (*state)(struct sk_vm *vm, enum sk_side side, enum sk_vm_state *ret,
		     struct sk_err *err);
	/** Let a paused guest run at one end */
	int (*resume)(struct sk_vm *vm, enum sk_side side, struct sk_err *err);
};

/** sk_vm_libvirt - The real one, for a struct sk_vm of sk_vm_open() */
extern const struct sk_vm_ops sk_vm_libvirt;

/** struct sk_vm_ends - What is migrated between whom; all borrowed for the life of the struct sk_vm */
struct sk_vm_ends {
	const char *guest, *from, *to;
	struct sk_timeline *timeline; /* gets events and statistics */
	const char *to_monitor; /* socket of the destination's second monitor; or NULL */
	const char
		*to_name; /* the destination as the source's QEMU reaches it; or NULL */
};

/** sk_vm_open() - Connect to both ends and record their events from now on */
int sk_vm_open(const struct sk_vm_ends *ends, struct sk_vm **ret, struct sk_err *err);
/** struct sk_phase_bytes - What the source's QEMU sent while the guest ran there, stood, and ran at the destination */
struct sk_phase_bytes {
	bool is_known;
	uint64_t precopy, downtime, postcopy;
	char why[120]; /* why they are not known */
};
/** sk_vm_phase_bytes() - After the end of the job; waits for its threads and lets go of the second monitor */
void sk_vm_phase_bytes(struct sk_vm *vm, struct sk_phase_bytes *ret);
/**
 * sk_vm_abandon() - Leave a running job alone: sk_vm_close() will not wait for its end
 *
 * Its memory, and the time line, must stay: they end with the process.
 */
void sk_vm_abandon(struct sk_vm *vm);
/** sk_vm_close() - Wait for the job's end if one runs, and disconnect */
void sk_vm_close(struct sk_vm *vm);
SK_DEFINE_AUTO(struct sk_vm, sk_vm_close)

#endif
