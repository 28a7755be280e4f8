/* SPDX-License-Identifier: Apache-2.0 */
/* options - how the memory of a guest travels: all that libvirt can be told about it; pure */
#ifndef SK_VM_OPTIONS_H
#define SK_VM_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"

/** enum sk_compression - What the stream is compressed with */
enum sk_compression {
	SK_COMPRESSION_NONE,
	SK_COMPRESSION_XBZRLE, /* differences to what was sent before; not with parallel */
	SK_COMPRESSION_ZLIB,   /* of parallel connections */
	SK_COMPRESSION_ZSTD,   /* of parallel connections */
	SK_COMPRESSION_NR,
};
/** sk_compression_name() - "none", "xbzrle", "zlib", "zstd" */
const char *sk_compression_name(enum sk_compression compression);
/** sk_compression_parse() - The way back; -EINVAL with the choices, @ret then untouched */
int sk_compression_parse(const char *text, enum sk_compression *ret, struct sk_err *err);

/** enum sk_copy_storage - What of the guest's own (not shared) disks is copied along */
enum sk_copy_storage {
	SK_COPY_STORAGE_NONE,
	SK_COPY_STORAGE_ALL,
	SK_COPY_STORAGE_INCREMENTAL, /* the top image; the backing file is at both hosts */
	SK_COPY_STORAGE_NR,
};
/** sk_copy_storage_name() - "none", "all", "incremental" */
const char *sk_copy_storage_name(enum sk_copy_storage copy);
/** sk_copy_storage_parse() - The way back; -EINVAL with the choices, @ret then untouched */
int sk_copy_storage_parse(const char *text, enum sk_copy_storage *ret,
			  struct sk_err *err);

/** enum sk_timeout_action - What happens to a migration that takes too long */
enum sk_timeout_action {
	SK_TIMEOUT_ABORT,     /* the guest stays at the source */
	SK_TIMEOUT_SUSPEND,   /* the guest stands still until the rest is copied */
	SK_TIMEOUT_POST_COPY, /* the guest goes over, the rest follows */
	SK_TIMEOUT_NR,
};
/** sk_timeout_action_name() - "abort", "suspend", "post-copy" */
const char *sk_timeout_action_name(enum sk_timeout_action action);
/** sk_timeout_action_parse() - The way back; -EINVAL with the choices, @ret then untouched */
int sk_timeout_action_parse(const char *text, enum sk_timeout_action *ret,
			    struct sk_err *err);

/** struct sk_transfer_opts - How the memory travels; zero means the hypervisor's default; texts borrowed */
struct sk_transfer_opts {
	uint64_t bandwidth_bits; /* per second, of all phases; 0 unlimited */
	uint64_t
		postcopy_bandwidth_bits; /* of the post-copy phase; 0 as bandwidth_bits */
	uint64_t max_downtime_ms;	 /* of the last pass; 0 the hypervisor's (300) */

	/* Slow the guest down when it writes faster than its memory travels. */
	bool auto_converge;
	unsigned int auto_converge_initial,
		auto_converge_increment; /* percent of its time; 0 the hypervisor's */

	enum sk_compression compression;
	unsigned int compression_level; /* of zlib 1 to 9, of zstd 1 to 20 */
	uint64_t xbzrle_cache_bytes;

	unsigned int parallel; /* connections; 0 one stream */
	bool zero_copy;	       /* of parallel connections, without TLS */

	bool p2p; /* the source's libvirtd leads, not this process */
	const char
		*p2p_uri; /* the destination as the source reaches it; NULL: as we do */
	bool tunnelled;	  /* memory goes from libvirtd to libvirtd; needs p2p */

	bool tls; /* both ends show certificates */
	const char *
		tls_destination; /* name in the destination's certificate; NULL: its host name */
	bool insecure_plaintext; /* the user knows that anybody between may read it */

	bool persist;	      /* define it at the destination, too */
	bool undefine_source; /* forget it at the source */

	enum sk_copy_storage copy_storage;
	const char *migrate_uri;    /* where the memory is sent to: tcp://HOST[:PORT] */
	const char *listen_address; /* where the destination waits for it */
	bool unsafe; /* even where libvirt fears for data on disks that are cached */
	bool no_cpu_check; /* do not compare CPUs before */
};

/** struct sk_transfer_facts - What options are checked against */
struct sk_transfer_facts {
	bool live;     /* the guest runs meanwhile */
	bool postcopy; /* the job may switch to post-copy */
	/* major * 1,000,000 + minor * 1,000 + release, by enum sk_side; 0 not known, not checked */
	unsigned long libvirt[2], hypervisor[2];
};

/**
 * sk_transfer_check() - Tell whether options go together, and what is too old for them; pure
 * @opts:	Options
 * @facts:	How the guest moves, and versions
 *
 * Each refusal names the option, why, and what to do. Limits of numbers are QEMU's.
 * Return: 0; -EINVAL for options that contradict each other or one that needs another; -ERANGE
 * for a number out of range; -ENOTSUP for a version that is too old
 */
int sk_transfer_check(const struct sk_transfer_opts *opts,
		      const struct sk_transfer_facts *facts, struct sk_err *err);

/**
 * sk_transfer_listen() - Let the destination notice that a port is in use
 * @opts:	.listen_address becomes "0.0.0.0" where .migrate_uri has an IPv4 address and a port
 *		and nothing is said of listening; a constant
 *
 * QEMU listens on "::" by itself. Where another process has that port of IPv4, it takes the one of
 * IPv6 alone without a word, and the guest's memory goes to the other process.
 */
void sk_transfer_listen(struct sk_transfer_opts *opts);

/**
 * sk_transfer_secure() - Encrypt unless told otherwise
 * @opts:	.tls is set where neither it, nor .insecure_plaintext, nor .tunnelled is
 * @uri:	The destination as the leading libvirtd reaches it: a tunnel's connection; NULL in a lab,
 *		whose hosts are not up yet
 *
 * The stream holds all of the guest's memory. A tunnel is as safe as the connection that it is in.
 * Return: 0; -EPERM for a tunnel in plain text without .insecure_plaintext
 */
int sk_transfer_secure(struct sk_transfer_opts *opts, const char *uri,
		       struct sk_err *err);

#endif
