// SPDX-License-Identifier: Apache-2.0
/* decl_migrate - tables of lab, migrate and probe, which skiff shows and skiff-vm runs */
#include "cli/decl_migrate.h"

#include "lib/clock.h"

#define LAB(member)	offsetof(struct sk_cli_lab_opts, member)
#define MIGRATE(member) offsetof(struct sk_cli_migrate_opts, member)
#define ATTEND(member)	offsetof(struct sk_cli_attend_opts, member)
#define PROBE(member)	offsetof(struct sk_cli_probe_opts, member)

static const struct sk_cli_lab_opts lab_defaults = {
	.hosts = 2,
	.guest_memory_bytes = 256u << 20,
	.working_set_bytes = 32u << 20,
	.pages_per_s = 1000,
};

static const struct sk_opt lab_up_table[] = {
	{'n', "name", "NAME", "name of the lab; 'default' if not given", SK_OPT_STR,
	 LAB(name)},
	{0, "hosts", "N", "number of hosts, named a, b, ...; 2 if not given", SK_OPT_U64,
	 LAB(hosts)},
	{'m', "memory", "SIZE", "memory of the guest; 256m if not given", SK_OPT_SIZE,
	 LAB(guest_memory_bytes)},
	{0, "working-set", "SIZE",
	 "memory that the guest keeps writing; 32m if not given", SK_OPT_SIZE,
	 LAB(working_set_bytes)},
	{0, "pages-per-s", "N", "pages that the guest writes a second; 1000 if not given",
	 SK_OPT_U64, LAB(pages_per_s)},
	{0, "server", "SETTINGS",
	 "server model of the guest's service, as for skiff serve", SK_OPT_STR,
	 LAB(server)},
	SK_OPT_FORMAT_ROW(struct sk_cli_lab_opts, format),
	SK_OPT_END,
};

static const struct sk_opt lab_show_table[] = {
	SK_OPT_FORMAT_ROW(struct sk_cli_lab_opts, format),
	SK_OPT_END,
};

static const struct sk_cmd lab_up = {
	.name = "up",
	.summary = "start hosts, a switch, a client and a guest on this machine",
	.usage = "[OPTIONS] [NAME]",
	.opts = lab_up_table,
	.opts_size = sizeof(struct sk_cli_lab_opts),
	.defaults = &lab_defaults,
	.program = "skiff-vm",
	.max_args = 1,
	.run = sk_run_lab_up,
};

static const struct sk_cmd lab_ls = {
	.name = "ls",
	.summary = "list the labs",
	.usage = "[OPTIONS]",
	.opts = lab_show_table,
	.opts_size = sizeof(struct sk_cli_lab_opts),
	.program = "skiff-vm",
	.run = sk_run_lab_ls,
};

static const struct sk_cmd lab_status = {
	.name = "status",
	.summary = "show the hosts and guests of a lab",
	.usage = "[OPTIONS] [NAME]",
	.opts = lab_show_table,
	.opts_size = sizeof(struct sk_cli_lab_opts),
	.program = "skiff-vm",
	.max_args = 1,
	.run = sk_run_lab_status,
};

static const struct sk_opt lab_load_table[] = {
	{0, "working-set", "SIZE",
	 "memory that the guest keeps writing; as it is if not given", SK_OPT_SIZE,
	 LAB(working_set_bytes)},
	{0, "pages-per-s", "N",
	 "pages that it writes a second, 0 for none; as it is if not given", SK_OPT_U64,
	 LAB(pages_per_s)},
	SK_OPT_END,
};

static const struct sk_cmd lab_load = {
	.name = "load",
	.summary = "set what the guest of a lab writes, while it runs",
	.usage = "[OPTIONS] [NAME]",
	.opts = lab_load_table,
	.opts_size = sizeof(struct sk_cli_lab_opts),
	.defaults = &(const struct sk_cli_lab_opts){.working_set_bytes = SK_OPT_UNSET,
						    .pages_per_s = SK_OPT_UNSET},
	.program = "skiff-vm",
	.max_args = 1,
	.run = sk_run_lab_load,
};

static const struct sk_opt lab_link_table[] = {
	{0, "rate", "RATE",
	 "what leaves each host, such as 100mbit; unlimited if not given", SK_OPT_RATE,
	 LAB(rate_bits)},
	{0, "latency", "TIME", "delay of what leaves each host; none if not given",
	 SK_OPT_DURATION, LAB(latency_ns)},
	{0, "loss", "SHARE", "packets that are lost, such as 0.1%; none if not given",
	 SK_OPT_STR, LAB(loss)},
	SK_OPT_END,
};

static const struct sk_cmd lab_link = {
	.name = "link",
	.summary = "shape the links between the hosts of a lab",
	.usage = "[OPTIONS] [NAME]",
	.opts = lab_link_table,
	.opts_size = sizeof(struct sk_cli_lab_opts),
	.program = "skiff-vm",
	.max_args = 1,
	.run = sk_run_lab_link,
};

static const struct sk_cmd lab_down = {
	.name = "down",
	.summary = "stop a lab and remove all that belongs to it",
	.usage = "[NAME]",
	.program = "skiff-vm",
	.max_args = 1,
	.run = sk_run_lab_down,
};

const struct sk_cmd sk_cmd_lab = {
	.name = "lab",
	.summary = "libvirt hosts on this machine, to migrate between",
	.sub = (const struct sk_cmd *const[]){&lab_up, &lab_ls, &lab_status, &lab_load,
					      &lab_link, &lab_down, NULL},
	.program = "skiff-vm",
};

static const struct sk_cli_migrate_opts migrate_defaults = {
	.mode = "pre-copy",
	.postcopy_after = SK_OPT_UNSET,
	.timeout_ns = SK_OPT_UNSET,
	.bandwidth_bits = SK_OPT_UNSET,
	.postcopy_bandwidth_bits = SK_OPT_UNSET,
	.max_downtime_ns = SK_OPT_UNSET,
	.auto_converge_initial = SK_OPT_UNSET,
	.auto_converge_increment = SK_OPT_UNSET,
	.compression_level = SK_OPT_UNSET,
	.xbzrle_cache_bytes = SK_OPT_UNSET,
	.parallel = SK_OPT_UNSET,
};

static const struct sk_opt migrate_table[] = {
	{0, "to", "HOST", "destination: a host of the lab, or a libvirt URI", SK_OPT_STR,
	 MIGRATE(to)},
	{0, "from", "URI",
	 "libvirt URI of the source; without it the guest is one of the lab", SK_OPT_STR,
	 MIGRATE(from)},
	{0, "lab", "NAME", "name of the lab; 'default' if not given", SK_OPT_STR,
	 MIGRATE(lab)},
	{0, "mode", "pre-copy|stop-and-copy|post-copy|hybrid|auto",
	 "strategy; pre-copy if not given", SK_OPT_CHOICE, MIGRATE(mode)},
	{0, "postcopy-after", "N", "hybrid: passes before post-copy; 1 if not given",
	 SK_OPT_U64, MIGRATE(postcopy_after)},
	{0, "slo", "LIMITS",
	 "objective, such as outage=100ms,total=30s,bytes=2x; auto keeps to it",
	 SK_OPT_STR, MIGRATE(slo)},
	{0, "risk", "RISK", "auto: no-post-copy rules post-copy out; any if not given",
	 SK_OPT_STR, MIGRATE(risk)},
	{0, "best-effort", NULL,
	 "auto: migrate even when the objective is predicted to be missed", SK_OPT_FLAG,
	 MIGRATE(best_effort)},
	{0, "timeout", "TIME", "how long the job may take", SK_OPT_DURATION,
	 MIGRATE(timeout_ns)},
	{0, "timeout-action", "abort|suspend|post-copy",
	 "what then happens; abort if not given", SK_OPT_CHOICE, MIGRATE(timeout_action)},
	{0, "bandwidth", "RATE", "cap of the migration stream, such as 100mbit",
	 SK_OPT_RATE, MIGRATE(bandwidth_bits)},
	{0, "postcopy-bandwidth", "RATE",
	 "cap of the post-copy phase; as --bandwidth if not given", SK_OPT_RATE,
	 MIGRATE(postcopy_bandwidth_bits)},
	{0, "max-downtime", "TIME", "how long the guest may stand still at the end",
	 SK_OPT_DURATION, MIGRATE(max_downtime_ns)},
	{0, "auto-converge", NULL,
	 "slow the guest down when it writes faster than its memory travels", SK_OPT_FLAG,
	 MIGRATE(auto_converge)},
	{0, "auto-converge-initial", "PERCENT",
	 "of its time that is taken first; 20 if not given", SK_OPT_U64,
	 MIGRATE(auto_converge_initial)},
	{0, "auto-converge-increment", "PERCENT",
	 "of its time that is taken each time more; 10 if not given", SK_OPT_U64,
	 MIGRATE(auto_converge_increment)},
	{0, "compression", "none|xbzrle|zlib|zstd",
	 "xbzrle sends differences; zlib and zstd need --parallel", SK_OPT_CHOICE,
	 MIGRATE(compression)},
	{0, "compression-level", "N", "of zlib 1 to 9, of zstd 1 to 20; 1 if not given",
	 SK_OPT_U64, MIGRATE(compression_level)},
	{0, "xbzrle-cache", "SIZE",
	 "of the pages that were sent; 64m if not given, a power of two", SK_OPT_SIZE,
	 MIGRATE(xbzrle_cache_bytes)},
	{0, "parallel", "N", "connections that the memory travels on", SK_OPT_U64,
	 MIGRATE(parallel)},
	{0, "zero-copy", NULL, "send without a copy; needs --parallel", SK_OPT_FLAG,
	 MIGRATE(zero_copy)},
	{0, "p2p", NULL, "let the source's libvirtd lead", SK_OPT_FLAG, MIGRATE(p2p)},
	{0, "p2p-uri", "URI",
	 "destination as the source's libvirtd reaches it; as --to if not given",
	 SK_OPT_STR, MIGRATE(p2p_uri)},
	{0, "tunnelled", NULL, "through the connection of both libvirtd; needs --p2p",
	 SK_OPT_FLAG, MIGRATE(tunnelled)},
	{0, "tls", NULL,
	 "encrypt, with certificates of both hosts; outside a lab the default",
	 SK_OPT_FLAG, MIGRATE(tls)},
	{0, "tls-destination", "NAME",
	 "name in the destination's certificate, if not the host's", SK_OPT_STR,
	 MIGRATE(tls_destination)},
	{0, "insecure-plaintext", NULL,
	 "do not encrypt: who can listen between the hosts reads all of the guest's memory",
	 SK_OPT_FLAG, MIGRATE(insecure_plaintext)},
	{0, "persist", NULL, "define the guest at the destination", SK_OPT_FLAG,
	 MIGRATE(persist)},
	{0, "undefine-source", NULL, "forget the guest's definition at the source",
	 SK_OPT_FLAG, MIGRATE(undefine_source)},
	{0, "copy-storage", "all|incremental", "copy disks that the hosts do not share",
	 SK_OPT_CHOICE, MIGRATE(copy_storage)},
	{0, "migrate-uri", "URI", "where the source sends the memory: tcp://HOST[:PORT]",
	 SK_OPT_STR, MIGRATE(migrate_uri)},
	{0, "listen-address", "ADDR", "where the destination waits for the memory",
	 SK_OPT_STR, MIGRATE(listen_address)},
	{0, "unsafe", NULL, "even where libvirt fears for data on disks", SK_OPT_FLAG,
	 MIGRATE(unsafe)},
	{0, "no-cpu-check", NULL, "do not compare the CPUs before", SK_OPT_FLAG,
	 MIGRATE(no_cpu_check)},
	{0, "dry-run", NULL, "check and tell what would be done, change nothing",
	 SK_OPT_FLAG, MIGRATE(dry_run)},
	{0, "probe", "URL",
	 "what a client asks meanwhile: udp://ADDR:PORT, or tcp, http, icmp", SK_OPT_STR,
	 MIGRATE(probe)},
	{0, "probe-from", "ssh://HOST",
	 "run the probe on another machine that has skiff; needs --from", SK_OPT_STR,
	 MIGRATE(probe_from)},
	{0, "control", "ADDR",
	 "a skiff-guest answers there: its memory is verified; needs --from", SK_OPT_STR,
	 MIGRATE(control)},
	{0, "dir", "DIR", "folder for run.json, samples and report.html", SK_OPT_STR,
	 MIGRATE(dir)},
	SK_OPT_FORMAT_ROW(struct sk_cli_migrate_opts, format),
	SK_OPT_END,
};

#define ATTEND_WHICH                                                                     \
	{                                                                                \
		0,	    "lab",                                                       \
		"NAME",	    "of the hosts of this lab; of any if not given",             \
		SK_OPT_STR, ATTEND(lab)},                                                \
	{                                                                                \
		0, "from", "HOST",                                                       \
			"whose source is this: a libvirt URI, or a host of a lab",       \
			SK_OPT_STR, ATTEND(from)                                         \
	}

static const struct sk_opt migrate_attend_table[] = {
	ATTEND_WHICH,
	SK_OPT_END,
};

static const struct sk_opt migrate_status_table[] = {
	ATTEND_WHICH,
	SK_OPT_FORMAT_ROW(struct sk_cli_attend_opts, format),
	SK_OPT_END,
};

static const struct sk_cmd migrate_status = {
	.name = "status",
	.summary = "show the migrations that are under way, and who leads them",
	.usage = "[OPTIONS] [GUEST]",
	.opts = migrate_status_table,
	.opts_size = sizeof(struct sk_cli_attend_opts),
	.program = "skiff-vm",
	.max_args = 1,
	.run = sk_run_migrate_status,
};

static const struct sk_cmd migrate_attach = {
	.name = "attach",
	.summary = "see a migration that nobody leads to its end",
	.usage = "[OPTIONS] GUEST",
	.opts = migrate_attend_table,
	.opts_size = sizeof(struct sk_cli_attend_opts),
	.program = "skiff-vm",
	.min_args = 1,
	.max_args = 1,
	.run = sk_run_migrate_attach,
};

static const struct sk_cmd migrate_abort = {
	.name = "abort",
	.summary = "give a migration up, whoever leads it",
	.usage = "[OPTIONS] GUEST",
	.opts = migrate_attend_table,
	.opts_size = sizeof(struct sk_cli_attend_opts),
	.program = "skiff-vm",
	.min_args = 1,
	.max_args = 1,
	.run = sk_run_migrate_abort,
};

const struct sk_cmd sk_cmd_migrate = {
	.name = "migrate",
	.summary = "migrate a running guest and measure what its clients feel",
	.usage = "[OPTIONS] GUEST --to HOST",
	.details =
		"Examples:\n"
		"  skiff migrate g1 --to b --mode post-copy\n"
		"  skiff migrate web --from qemu:///system --to qemu+ssh://h2/system \\\n"
		"      --probe udp://10.0.0.7:7?hz=1000 --dir results/\n",
	.opts = migrate_table,
	.opts_size = sizeof(struct sk_cli_migrate_opts),
	.defaults = &migrate_defaults,
	.program = "skiff-vm",
	.sub = (const struct sk_cmd *const[]){&migrate_status, &migrate_attach,
					      &migrate_abort, NULL},
	.is_also_command = true,
	.min_args = 1,
	.max_args = 1,
	.run = sk_run_migrate,
};

static const struct sk_opt probe_table[] = {
	{0, "for", "TIME", "how long; 10s if not given", SK_OPT_DURATION, PROBE(for_ns)},
	{0, "hz", "N", "requests per second, over the target's own hz", SK_OPT_U64,
	 PROBE(hz)},
	{0, "clients", "N", "sources that ask in turns, at most 256", SK_OPT_U64,
	 PROBE(clients)},
	{0, "model", "open|single|threads|dispatcher|callbacks",
	 "open loop if not given; the others wait for answers, for comparison",
	 SK_OPT_CHOICE, PROBE(model)},
	{0, "dir", "DIR", "folder for probe.json and samples.bin", SK_OPT_STR,
	 PROBE(dir)},
	{0, "lab", "NAME", "probe from the network of this lab's client", SK_OPT_STR,
	 PROBE(lab)},
	{0, "from", "ssh://HOST", "probe from another machine that has skiff", SK_OPT_STR,
	 PROBE(from)},
	SK_OPT_FORMAT_ROW(struct sk_cli_probe_opts, format),
	SK_OPT_END,
};

const struct sk_cmd sk_cmd_probe = {
	.name = "probe",
	.summary = "measure the response times of a service",
	.usage = "[OPTIONS] udp|tcp|http|icmp://ADDR[:PORT][?hz=N]",
	.opts = probe_table,
	.opts_size = sizeof(struct sk_cli_probe_opts),
	.defaults = &(const struct sk_cli_probe_opts){.for_ns = 10 * SK_NS_PER_S,
						      .hz = SK_OPT_UNSET,
						      .clients = SK_OPT_UNSET},
	.program = "skiff-vm",
	.min_args = 1,
	.max_args = 1,
	.run = sk_run_probe,
};
