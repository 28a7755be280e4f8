// SPDX-License-Identifier: Apache-2.0
/* params - a job as libvirt's flags and typed parameters, for the call and for a plan of it */
#include <inttypes.h>
#include <string.h>

#include "migrate/vm/internal.h"

/* libvirt 9.4.0 has names for them; older headers do not. */
#define PARAM_ZLIB_LEVEL "compression.zlib.level"
#define PARAM_ZSTD_LEVEL "compression.zstd.level"

static unsigned int flags_of(const struct sk_vm_job *job)
{
	const struct sk_transfer_opts *o = &job->transfer;

	return (job->live ? VIR_MIGRATE_LIVE : 0) |
	       (job->postcopy ? VIR_MIGRATE_POSTCOPY : 0) |
	       (o->p2p ? VIR_MIGRATE_PEER2PEER : 0) |
	       (o->tunnelled ? VIR_MIGRATE_TUNNELLED : 0) |
	       (o->tls ? VIR_MIGRATE_TLS : 0) |
	       (o->auto_converge ? VIR_MIGRATE_AUTO_CONVERGE : 0) |
	       (o->compression ? VIR_MIGRATE_COMPRESSED : 0) |
	       (o->parallel ? VIR_MIGRATE_PARALLEL : 0) |
	       (o->zero_copy ? VIR_MIGRATE_ZEROCOPY : 0) |
	       (o->persist ? VIR_MIGRATE_PERSIST_DEST : 0) |
	       (o->undefine_source ? VIR_MIGRATE_UNDEFINE_SOURCE : 0) |
	       (o->copy_storage == SK_COPY_STORAGE_ALL ? VIR_MIGRATE_NON_SHARED_DISK
						       : 0) |
	       (o->copy_storage == SK_COPY_STORAGE_INCREMENTAL
			? VIR_MIGRATE_NON_SHARED_INC
			: 0) |
	       (o->unsafe ? VIR_MIGRATE_UNSAFE : 0);
}

static int add_ull(struct sk_vm_call *call, const char *name, unsigned long long value)
{
	return value ? virTypedParamsAddULLong(&call->params, &call->nr, &call->max, name,
					       value)
		     : 0;
}

static int add_int(struct sk_vm_call *call, const char *name, unsigned int value)
{
	return value ? virTypedParamsAddInt(&call->params, &call->nr, &call->max, name,
					    (int)value)
		     : 0;
}

static int add_text(struct sk_vm_call *call, const char *name, const char *value)
{
	return value ? virTypedParamsAddString(&call->params, &call->nr, &call->max, name,
					       value)
		     : 0;
}

static unsigned long long mib_of(uint64_t bits)
{
	const uint64_t mib_bits = 8u << 20;

	return bits / mib_bits + (bits % mib_bits != 0);
}

static int add_bandwidth(struct sk_vm_call *call, const struct sk_vm_job *job)
{
	const struct sk_transfer_opts *o = &job->transfer;
	uint64_t postcopy = o->postcopy_bandwidth_bits ? o->postcopy_bandwidth_bits
						       : o->bandwidth_bits;

	if (add_ull(call, VIR_MIGRATE_PARAM_BANDWIDTH, mib_of(o->bandwidth_bits)) < 0)
		return -1;
	/* Without this the post-copy phase would run without the limit. */
	return job->postcopy ? add_ull(call, VIR_MIGRATE_PARAM_BANDWIDTH_POSTCOPY,
				       mib_of(postcopy))
			     : 0;
}

static int add_compression(struct sk_vm_call *call, const struct sk_transfer_opts *o)
{
	if (o->compression == SK_COMPRESSION_NONE)
		return 0;
	if (add_text(call, VIR_MIGRATE_PARAM_COMPRESSION,
		     sk_compression_name(o->compression)) < 0)
		return -1;
	if (o->compression == SK_COMPRESSION_XBZRLE)
		return add_ull(call, VIR_MIGRATE_PARAM_COMPRESSION_XBZRLE_CACHE,
			       o->xbzrle_cache_bytes);
	return add_int(call,
		       o->compression == SK_COMPRESSION_ZLIB ? PARAM_ZLIB_LEVEL
							     : PARAM_ZSTD_LEVEL,
		       o->compression_level);
}

static int add_params(struct sk_vm_call *call, const struct sk_vm_job *job)
{
	const struct sk_transfer_opts *o = &job->transfer;

	if (add_bandwidth(call, job) < 0 || add_compression(call, o) < 0 ||
	    add_int(call, VIR_MIGRATE_PARAM_AUTO_CONVERGE_INITIAL,
		    o->auto_converge_initial) < 0 ||
	    add_int(call, VIR_MIGRATE_PARAM_AUTO_CONVERGE_INCREMENT,
		    o->auto_converge_increment) < 0 ||
	    add_int(call, VIR_MIGRATE_PARAM_PARALLEL_CONNECTIONS, o->parallel) < 0 ||
	    add_text(call, VIR_MIGRATE_PARAM_TLS_DESTINATION, o->tls_destination) < 0 ||
	    add_text(call, VIR_MIGRATE_PARAM_URI, o->migrate_uri) < 0)
		return -1;
	return add_text(call, VIR_MIGRATE_PARAM_LISTEN_ADDRESS, o->listen_address);
}

int sk_vm_call_init(const struct sk_vm_job *job, struct sk_vm_call *ret,
		    struct sk_err *err)
{
	*ret = (struct sk_vm_call){
		.name = job->transfer.p2p ? "virDomainMigrateToURI3"
					  : "virDomainMigrate3",
		.flags = flags_of(job),
	};
	if (add_params(ret, job) == 0)
		return 0;
	sk_vm_call_finish(ret);
	return sk_vm_error(err, "set the parameters of the migration");
}

void sk_vm_call_finish(struct sk_vm_call *call)
{
	virTypedParamsFree(call->params, call->nr);
	*call = (struct sk_vm_call){.name = NULL};
}

static struct sk_json *flags_json(unsigned int flags)
{
	static const struct {
		unsigned int flag;
		const char *name;
	} names[] = {
		{VIR_MIGRATE_LIVE, "live"},
		{VIR_MIGRATE_POSTCOPY, "postcopy"},
		{VIR_MIGRATE_PEER2PEER, "peer2peer"},
		{VIR_MIGRATE_TUNNELLED, "tunnelled"},
		{VIR_MIGRATE_TLS, "tls"},
		{VIR_MIGRATE_AUTO_CONVERGE, "auto-converge"},
		{VIR_MIGRATE_COMPRESSED, "compressed"},
		{VIR_MIGRATE_PARALLEL, "parallel"},
		{VIR_MIGRATE_ZEROCOPY, "zerocopy"},
		{VIR_MIGRATE_PERSIST_DEST, "persist-dest"},
		{VIR_MIGRATE_UNDEFINE_SOURCE, "undefine-source"},
		{VIR_MIGRATE_NON_SHARED_DISK, "non-shared-disk"},
		{VIR_MIGRATE_NON_SHARED_INC, "non-shared-inc"},
		{VIR_MIGRATE_UNSAFE, "unsafe"},
	};
	struct sk_json *array = sk_json_new_array();

	for (size_t i = 0; i < SK_ARRAY_SIZE(names); i++)
		if (flags & names[i].flag)
			(void)sk_json_add(array, sk_json_new_str(names[i].name));
	return array;
}

static struct sk_json *params_json(const struct sk_vm_call *call)
{
	struct sk_json *object = sk_json_new_object();

	for (int i = 0; i < call->nr; i++) {
		const virTypedParameter *p = &call->params[i];

		if (p->type == VIR_TYPED_PARAM_STRING)
			sk_json_set_str(object, p->field, p->value.s);
		else if (p->type == VIR_TYPED_PARAM_INT)
			sk_json_set_int(object, p->field, p->value.i);
		else
			sk_json_set_uint(object, p->field, p->value.ul);
	}
	return object;
}

int sk_vm_plan(const struct sk_vm_job *job, struct sk_json *steps, struct sk_err *err)
{
	struct sk_vm_call call;
	struct sk_json *step, *params;
	int r = sk_vm_call_init(job, &call, err);

	if (r < 0)
		return r;
	step = sk_json_add(steps, sk_json_new_object());
	sk_json_set_str(step, "call", call.name);
	sk_json_set_str(step, "when", "at once");
	if (job->transfer.p2p_uri)
		sk_json_set_str(step, "to", job->transfer.p2p_uri);
	(void)sk_json_set(step, "flags", flags_json(call.flags));
	(void)sk_json_set(step, "parameters", params_json(&call));
	sk_vm_call_finish(&call);
	if (!job->transfer.max_downtime_ms)
		return 0;
	step = sk_json_add(steps, sk_json_new_object());
	sk_json_set_str(step, "call", "virDomainMigrateSetMaxDowntime");
	sk_json_set_str(step, "when", "the job is active");
	params = sk_json_set(step, "parameters", sk_json_new_object());
	sk_json_set_uint(params, "downtime_ms", job->transfer.max_downtime_ms);
	return 0;
}
