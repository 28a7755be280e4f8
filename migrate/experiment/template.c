// SPDX-License-Identifier: Apache-2.0
/* template - the file that `exp init` writes */
#include "lib/str.h"
#include "migrate/experiment/experiment.h"

static const char text[] =
	"description: what a client feels of three ways to migrate\n"
	"\n"
	"# Where: a lab on this machine, made for the experiment and removed after it. Or two\n"
	"# hosts, between which the guest goes back and forth:\n"
	"#   hosts: {from: qemu+ssh://h1/system, to: qemu+ssh://h2/system, guest: web,\n"
	"#           probe: \"udp://10.0.0.7:7?hz=1000\"}\n"
	"hosts: lab\n"
	"\n"
	"# What varies: every combination of levels is a cell, and runs once in each block.\n"
	"factors:\n"
	"  mode: [pre-copy, stop-and-copy, post-copy]\n"
	"\n"
	"# What does not vary. Each of these may be a factor, too.\n"
	"constants:\n"
	"  memory: 256m          # of the guest\n"
	"  working-set: 32m      # memory that the guest keeps writing\n"
	"  pages-per-s: 1000     # how fast; 0 for an idle guest\n"
	"  bandwidth: 256mbit    # cap of the migration stream, or none\n"
	"  probe-hz: 1000        # requests a second\n"
	"\n"
	"repetitions: 5          # blocks; five runs give an interval of 94 %, six one of 97 %\n"
	"baseline: 3s            # probing before each migration\n"
	"tail: 3s                # and after it\n"
	"warmup: true            # one run before all others, which is discarded\n"
	"control: true           # in each block the probe alone: the noise floor\n"
	"objective: downtime     # the metric that the report leads with\n"
	"#seed: 1                # of the order of runs; drawn and written down when left out\n";

char *sk_experiment_template(const char *name)
{
	return sk_strf(
		"# See man 5 skiff-experiment, and try: skiff exp run --dry-run FILE\n"
		"name: %s\n%s",
		name, text);
}
