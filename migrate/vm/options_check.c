// SPDX-License-Identifier: Apache-2.0
/* options_check - which options of a transfer go together, and what is too old for them
 *
 * Each option in use is a bit; three tables say what a bit needs beside it, what it excludes, and
 * since which versions it exists. The tables are facts of libvirt and QEMU: most of these
 * combinations they refuse themselves, but late, one at a time, and not by the option's name.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/parse.h"
#include "lib/str.h"
#include "migrate/measure/timeline.h"
#include "migrate/vm/options.h"

enum feature {
	STOPPED, /* stop-and-copy: no option, but options depend on it */
	POSTCOPY,
	BANDWIDTH,
	POSTCOPY_BANDWIDTH,
	MAX_DOWNTIME,
	AUTO_CONVERGE,
	AUTO_CONVERGE_STEPS,
	XBZRLE,
	PARALLEL_COMPRESSION,
	COMPRESSION_LEVEL,
	XBZRLE_CACHE,
	PARALLEL,
	ZERO_COPY,
	P2P,
	P2P_URI,
	TUNNELLED,
	TLS,
	TLS_DESTINATION,
	PLAINTEXT,
	PERSIST,
	UNDEFINE_SOURCE,
	COPY_STORAGE,
	MIGRATE_URI,
	LISTEN_ADDRESS,
	UNSAFE,
	NR_FEATURES,
};

#define BIT(feature) (1u << (feature))

static const char *const names[NR_FEATURES] = {
	[STOPPED] = "stop-and-copy",
	[POSTCOPY] = "post-copy",
	[BANDWIDTH] = "bandwidth",
	[POSTCOPY_BANDWIDTH] = "postcopy-bandwidth",
	[MAX_DOWNTIME] = "max-downtime",
	[AUTO_CONVERGE] = "auto-converge",
	[AUTO_CONVERGE_STEPS] = "a step of auto-converge",
	[XBZRLE] = "compression xbzrle",
	[PARALLEL_COMPRESSION] = "compression zlib or zstd",
	[COMPRESSION_LEVEL] = "compression-level",
	[XBZRLE_CACHE] = "xbzrle-cache",
	[PARALLEL] = "parallel",
	[ZERO_COPY] = "zero-copy",
	[P2P] = "p2p",
	[P2P_URI] = "p2p-uri",
	[TUNNELLED] = "tunnelled",
	[TLS] = "tls",
	[TLS_DESTINATION] = "tls-destination",
	[PLAINTEXT] = "insecure-plaintext",
	[PERSIST] = "persist",
	[UNDEFINE_SOURCE] = "undefine-source",
	[COPY_STORAGE] = "copy-storage",
	[MIGRATE_URI] = "migrate-uri",
	[LISTEN_ADDRESS] = "listen-address",
	[UNSAFE] = "unsafe",
};

/* The first is nothing without the second. */
static const struct {
	enum feature what, needs;
	const char *why;
} needs[] = {
	{POSTCOPY_BANDWIDTH, POSTCOPY, "no other way to migrate has such a phase"},
	{AUTO_CONVERGE_STEPS, AUTO_CONVERGE, "nobody else takes them"},
	{COMPRESSION_LEVEL, PARALLEL_COMPRESSION, "no other compression has levels"},
	{XBZRLE_CACHE, XBZRLE, "nothing else uses that cache"},
	{PARALLEL_COMPRESSION, PARALLEL,
	 "QEMU compresses so on parallel connections only"},
	{ZERO_COPY, PARALLEL, "QEMU sends so on parallel connections only"},
	{P2P_URI, P2P, "only then does the source connect to the destination"},
	{TUNNELLED, P2P, "the tunnel is the connection from libvirtd to libvirtd"},
	{TLS_DESTINATION, TLS, "without it no certificate is looked at"},
	{UNDEFINE_SOURCE, PERSIST,
	 "the guest would be defined nowhere and gone when it ends"},
};

/* The two do not go together; from this QEMU on they do, unless 0. */
static const struct {
	enum feature a, b;
	unsigned long until_qemu;
	const char *why;
} excludes[] = {
	{AUTO_CONVERGE, STOPPED, 0, "a guest that stands still cannot be slowed down"},
	{MAX_DOWNTIME, STOPPED, 0, "the guest stands still for all of the copy"},
	{XBZRLE, PARALLEL, 0,
	 "pages of parallel connections are not kept to compare with"},
	{ZERO_COPY, PARALLEL_COMPRESSION, 0, "what is compressed is a copy"},
	{ZERO_COPY, TLS, 0, "what is encrypted is a copy"},
	{POSTCOPY, PARALLEL, 10001000,
	 "QEMU before 10.1 loses the connection at the switch"},
	{TUNNELLED, POSTCOPY, 0, "a tunnel has no way back for page requests"},
	{TUNNELLED, PARALLEL, 0, "a tunnel is one stream"},
	{TUNNELLED, COPY_STORAGE, 0, "disks are copied from QEMU to QEMU"},
	{TUNNELLED, TLS, 0,
	 "the tunnel is as safe as the connection between both libvirtd"},
	{TUNNELLED, MIGRATE_URI, 0, "the memory takes libvirtd's own connection"},
	{TUNNELLED, LISTEN_ADDRESS, 0, "the memory takes libvirtd's own connection"},
	{TLS, PLAINTEXT, 0, "one of them encrypts, the other does not"},
};

/* Source: libvirt's headers ("Since"), QEMU's qapi/migration.json ("Since"). */
static const struct {
	enum feature what;
	unsigned long libvirt, hypervisor; /* 0: as old as need be */
} since[] = {
	{POSTCOPY, 1003003, 2006000},
	{BANDWIDTH, 1001000, 0},
	{POSTCOPY_BANDWIDTH, 5001000, 3000000},
	{MAX_DOWNTIME, 8000, 0},
	{AUTO_CONVERGE, 1002003, 1006000},
	{AUTO_CONVERGE_STEPS, 2000000, 2007000},
	{XBZRLE, 1003004, 1002000},
	{PARALLEL_COMPRESSION, 9004000, 5000000},
	{COMPRESSION_LEVEL, 9004000, 5000000},
	{PARALLEL, 5002000, 4000000},
	{ZERO_COPY, 8005000, 7001000},
	{P2P, 7002, 0},
	{TLS, 3002000, 2007000},
	{TLS_DESTINATION, 6000000, 2007000},
	{PERSIST, 7003, 0},
	{UNDEFINE_SOURCE, 7003, 0},
	{COPY_STORAGE, 8002, 1003000},
	{MIGRATE_URI, 1001000, 0},
	{LISTEN_ADDRESS, 1001004, 0},
	{UNSAFE, 9011, 0},
};

static unsigned int features_of(const struct sk_transfer_opts *o,
				const struct sk_transfer_facts *facts)
{
	const struct {
		bool is_used;
		enum feature feature;
	} used[] = {
		{!facts->live, STOPPED},
		{facts->postcopy, POSTCOPY},
		{o->bandwidth_bits, BANDWIDTH},
		{o->postcopy_bandwidth_bits, POSTCOPY_BANDWIDTH},
		{o->max_downtime_ms, MAX_DOWNTIME},
		{o->auto_converge, AUTO_CONVERGE},
		{o->auto_converge_initial || o->auto_converge_increment,
		 AUTO_CONVERGE_STEPS},
		{o->compression == SK_COMPRESSION_XBZRLE, XBZRLE},
		{o->compression == SK_COMPRESSION_ZLIB ||
			 o->compression == SK_COMPRESSION_ZSTD,
		 PARALLEL_COMPRESSION},
		{o->compression_level, COMPRESSION_LEVEL},
		{o->xbzrle_cache_bytes, XBZRLE_CACHE},
		{o->parallel, PARALLEL},
		{o->zero_copy, ZERO_COPY},
		{o->p2p, P2P},
		{o->p2p_uri, P2P_URI},
		{o->tunnelled, TUNNELLED},
		{o->tls, TLS},
		{o->tls_destination, TLS_DESTINATION},
		{o->insecure_plaintext, PLAINTEXT},
		{o->persist, PERSIST},
		{o->undefine_source, UNDEFINE_SOURCE},
		{o->copy_storage != SK_COPY_STORAGE_NONE, COPY_STORAGE},
		{o->migrate_uri, MIGRATE_URI},
		{o->listen_address, LISTEN_ADDRESS},
		{o->unsafe, UNSAFE},
	};
	unsigned int bits = 0;

	for (size_t i = 0; i < SK_ARRAY_SIZE(used); i++)
		if (used[i].is_used)
			bits |= BIT(used[i].feature);
	return bits;
}

static int check_range(const char *name, uint64_t value, uint64_t low, uint64_t high,
		       struct sk_err *err)
{
	if (value == 0 || (value >= low && value <= high))
		return 0;
	return sk_err_set(err, ERANGE,
			  "%s %" PRIu64 " is not within %" PRIu64 " to %" PRIu64, name,
			  value, low, high);
}

static int check_cache(uint64_t bytes, struct sk_err *err)
{
	char text[SK_FORMAT_SIZE];

	if (bytes == 0 || (bytes >= 4096 && (bytes & (bytes - 1)) == 0))
		return 0;
	return sk_err_set(err, ERANGE,
			  "xbzrle-cache %s is not a power of two of at least 4k",
			  sk_format_size(bytes, text));
}

static int check_migrate_uri(const char *uri, struct sk_err *err)
{
	const char *host = uri && strncmp(uri, "tcp://", 6) == 0 ? uri + 6 : NULL;
	int r;

	if (!uri || (host && *host && *host != ':' && *host != '/'))
		return 0;
	r = sk_err_set(err, EINVAL, "migrate-uri '%s' is not tcp://HOST[:PORT]", uri);
	return sk_err_hint(err, r,
			   "it names the destination as the source reaches it: tcp://b");
}

static int check_values(const struct sk_transfer_opts *o, struct sk_err *err)
{
	int r = check_range("max-downtime in ms", o->max_downtime_ms, 1, 2000000, err);

	if (r == 0)
		r = check_range("auto-converge-initial", o->auto_converge_initial, 1, 99,
				err);
	if (r == 0)
		r = check_range("auto-converge-increment", o->auto_converge_increment, 1,
				99, err);
	if (r == 0)
		r = check_range("compression-level", o->compression_level, 1,
				o->compression == SK_COMPRESSION_ZSTD ? 20 : 9, err);
	if (r == 0)
		r = check_range("parallel", o->parallel, 1, 255, err);
	if (r == 0)
		r = check_cache(o->xbzrle_cache_bytes, err);
	if (r == 0)
		r = check_migrate_uri(o->migrate_uri, err);
	return r;
}

static int check_needs(unsigned int bits, struct sk_err *err)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(needs); i++) {
		const char *what = names[needs[i].what], *need = names[needs[i].needs];
		int r;

		if (!(bits & BIT(needs[i].what)) || bits & BIT(needs[i].needs))
			continue;
		r = sk_err_set(err, EINVAL, "%s needs %s: %s", what, need, needs[i].why);
		return sk_err_hint(err, r, "add %s, or leave %s out", need, what);
	}
	return 0;
}

static bool has_qemu(const struct sk_transfer_facts *facts, unsigned long version)
{
	return version && facts->hypervisor[SK_SIDE_SOURCE] >= version &&
	       facts->hypervisor[SK_SIDE_DESTINATION] >= version;
}

static int check_excludes(unsigned int bits, const struct sk_transfer_facts *facts,
			  struct sk_err *err)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(excludes); i++) {
		const char *a = names[excludes[i].a], *b = names[excludes[i].b];
		bool has_versions = facts->hypervisor[SK_SIDE_SOURCE];
		int r;

		if (!(bits & BIT(excludes[i].a)) || !(bits & BIT(excludes[i].b)) ||
		    has_qemu(facts, excludes[i].until_qemu) ||
		    (excludes[i].until_qemu && !has_versions))
			continue;
		r = sk_err_set(err, EINVAL, "%s and %s do not go together: %s", a, b,
			       excludes[i].why);
		return sk_err_hint(err, r, "leave one of them out");
	}
	return 0;
}

static int check_since(enum feature what, enum sk_side side, const char *program,
		       unsigned long is, unsigned long needed, struct sk_err *err)
{
	int r;

	if (!is || is >= needed)
		return 0;
	r = sk_err_set(err, ENOTSUP, "%s needs %s %lu.%lu.%lu, the %s has %lu.%lu.%lu",
		       names[what], program, needed / 1000000, needed / 1000 % 1000,
		       needed % 1000, side == SK_SIDE_SOURCE ? "source" : "destination",
		       is / 1000000, is / 1000 % 1000, is % 1000);
	return sk_err_hint(err, r, "leave %s out, or upgrade %s there", names[what],
			   program);
}

static int check_versions(unsigned int bits, const struct sk_transfer_facts *facts,
			  struct sk_err *err)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(since); i++) {
		if (!(bits & BIT(since[i].what)))
			continue;
		for (int side = SK_SIDE_SOURCE; side <= SK_SIDE_DESTINATION; side++) {
			int r = check_since(since[i].what, (enum sk_side)side, "libvirt",
					    facts->libvirt[side], since[i].libvirt, err);

			if (r == 0)
				r = check_since(since[i].what, (enum sk_side)side, "QEMU",
						facts->hypervisor[side],
						since[i].hypervisor, err);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

int sk_transfer_check(const struct sk_transfer_opts *opts,
		      const struct sk_transfer_facts *facts, struct sk_err *err)
{
	unsigned int bits = features_of(opts, facts);
	int r = check_values(opts, err);

	if (r == 0)
		r = check_needs(bits, err);
	if (r == 0)
		r = check_excludes(bits, facts, err);
	if (r == 0)
		r = check_versions(bits, facts, err);
	return r;
}

void sk_transfer_listen(struct sk_transfer_opts *opts)
{
	const char *host =
		opts->migrate_uri ? sk_str_starts(opts->migrate_uri, "tcp://") : NULL;
	size_t len = host ? strspn(host, "0123456789.") : 0;

	if (!opts->listen_address && len && host[len] == ':')
		opts->listen_address = "0.0.0.0";
}

int sk_transfer_secure(struct sk_transfer_opts *opts, const char *uri, struct sk_err *err)
{
	size_t scheme = uri ? strcspn(uri, ":") : 0;
	int r;

	if (opts->insecure_plaintext)
		return 0;
	if (!opts->tunnelled) {
		opts->tls = true;
		return 0;
	}
	if (scheme < 4 || strncmp(uri + scheme - 4, "+tcp", 4) != 0)
		return 0;
	r = sk_err_set(err, EPERM, "the tunnel to '%s' is plain text", uri);
	return sk_err_hint(err, r,
			   "reach it by qemu+ssh or qemu+tls, or say insecure-plaintext");
}
