/* SPDX-License-Identifier: Apache-2.0 */
/* decl_migrate - tables of lab, migrate and probe, which skiff shows and skiff-vm runs */
#ifndef SK_DECL_MIGRATE_H
#define SK_DECL_MIGRATE_H

#include "cli/cmd.h"

/** struct sk_cli_lab_opts - Options of `lab up`, ls, status, load, link and down; each uses those of its table */
struct sk_cli_lab_opts {
	const char *name;
	const char *format;
	uint64_t hosts;
	uint64_t guest_memory_bytes;
	uint64_t working_set_bytes;
	uint64_t pages_per_s;
	const char *server;
	uint64_t rate_bits;
	uint64_t latency_ns;
	const char *loss;
};

/** struct sk_cli_migrate_opts - Options of `migrate`; SK_OPT_UNSET and NULL mean not given */
struct sk_cli_migrate_opts {
	const char *to;
	const char *from;
	const char *lab;
	const char *mode;
	const char *probe;
	const char *probe_from;
	const char *control;
	const char *dir;
	const char *format;
	uint64_t postcopy_after;
	const char *slo;
	const char *risk;
	bool best_effort;
	uint64_t timeout_ns;
	const char *timeout_action;
	bool dry_run;

	/* How the memory travels: struct sk_transfer_opts. */
	uint64_t bandwidth_bits;
	uint64_t postcopy_bandwidth_bits;
	uint64_t max_downtime_ns;
	bool auto_converge;
	uint64_t auto_converge_initial;
	uint64_t auto_converge_increment;
	const char *compression;
	uint64_t compression_level;
	uint64_t xbzrle_cache_bytes;
	uint64_t parallel;
	bool zero_copy;
	bool p2p;
	const char *p2p_uri;
	bool tunnelled;
	bool tls;
	const char *tls_destination;
	bool insecure_plaintext;
	bool persist;
	bool undefine_source;
	const char *copy_storage;
	const char *migrate_uri;
	const char *listen_address;
	bool unsafe;
	bool no_cpu_check;
};

/** struct sk_cli_attend_opts - Options of `migrate status`, attach and abort */
struct sk_cli_attend_opts {
	const char *lab;
	const char *from;
	const char *format;
};

/** struct sk_cli_probe_opts - Options of `probe`; SK_OPT_UNSET and NULL mean not given */
struct sk_cli_probe_opts {
	const char *lab;
	const char *from;
	const char *model;
	uint64_t clients;
	const char *format;
	const char *dir;
	uint64_t for_ns;
	uint64_t hz;
};

/* Defined in cli/vm/. */
SK_CMD_RUN_ELSEWHERE(sk_run_lab_up);
SK_CMD_RUN_ELSEWHERE(sk_run_lab_ls);
SK_CMD_RUN_ELSEWHERE(sk_run_lab_status);
SK_CMD_RUN_ELSEWHERE(sk_run_lab_load);
SK_CMD_RUN_ELSEWHERE(sk_run_lab_link);
SK_CMD_RUN_ELSEWHERE(sk_run_lab_down);
SK_CMD_RUN_ELSEWHERE(sk_run_migrate);
SK_CMD_RUN_ELSEWHERE(sk_run_migrate_status);
SK_CMD_RUN_ELSEWHERE(sk_run_migrate_attach);
SK_CMD_RUN_ELSEWHERE(sk_run_migrate_abort);
SK_CMD_RUN_ELSEWHERE(sk_run_probe);

extern const struct sk_cmd sk_cmd_lab;
extern const struct sk_cmd sk_cmd_migrate;
extern const struct sk_cmd sk_cmd_probe;

#endif
