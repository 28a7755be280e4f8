// SPDX-License-Identifier: Apache-2.0
/* callers_slurm - Slurm's controller and two of its node daemons on one machine
 *
 * No client or plugin of Slurm proves who it is (auth/none): all are in a network namespace
 * whose only link is a bridge without ports. Names of machines are only looked up where there
 * is an address besides the loopback's, hence the bridge.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fs.h"
#include "lib/str.h"
#include "tests/it/callers.h"

#define ADDRESS "10.99.0.1"

/* A job goes on completing for a moment after its step has ended. */
static const char list_script[] =
	"n=0; while [ $n -lt 100 ] && squeue -h -t COMPLETING | grep -q .; do\n"
	"n=$((n + 1)); sleep 0.05; done; squeue -h -o %i";

static const char *const list[] = {"sh", "-c", list_script, NULL};
static const char *const remove_words[] = {"scancel", "--full", NULL};

/* Each user has records of her own; step.out is for the output of steps that are created. */
static const char prepare_script[] =
	"set -e; ip link add skiffslurm type bridge; ip link set skiffslurm up\n"
	"ip addr add " ADDRESS "/24 dev skiffslurm\n"
	"cd " CALLER_DIR "; mkdir state bundle limited; mkdir -m 1777 oci\n"
	"mv " CALLER_ROOTFS " bundle/rootfs; ln -s ../bundle/rootfs limited/rootfs\n"
	"\"$0\" spec --bundle bundle; cp bundle/config.json limited/\n";

/* One process for the fixture to end; it ends when a daemon does. */
#define SERVE(then)                                                                      \
	"slurmctld -D & pids=$!; slurmd -D -N n1 & pids=\"$pids $!\"\n"                  \
	"slurmd -D -N n2 & pids=\"$pids $!\"\n"                                          \
	"trap 'kill $pids; wait; " then " exit 0' TERM; wait"

static const char serve_script[] = SERVE("");

/*
 * Slurm makes its groups at the top of each hierarchy: in a group of this program, which a cgroup
 * namespace makes the top. "main" is what the fixture does not take for left behind.
 */
static const char serve_in_groups_script[] =
	"set -e; while IFS=: read -r id names path; do\n"
	"	names=${names#name=}; own=/sys/fs/cgroup/${names:-unified}$path\n"
	"	test $own = ${own%/main} || continue\n"
	"	mkdir $own/main; for f in cpuset.cpus cpuset.mems; do\n"
	"		! test -e $own/$f || cat $own/$f > $own/main/$f; done\n"
	"	echo 0 > $own/main/cgroup.procs; done < /proc/self/cgroup\n"
	"exec unshare --cgroup --mount sh -c \"$0\"";

static const char in_groups_script[] =
	"set -e; mount -t tmpfs none /sys/fs/cgroup\n"
	"while IFS=: read -r id names path; do\n"
	"	top=/sys/fs/cgroup/${names#name=}; case $names in\n"
	"	'') top=$top/unified; mkdir -p $top; mount -t cgroup2 none $top;;\n"
	"	name=*) mkdir $top; mount -t cgroup -o none,$names none $top;;\n"
	"	*) mkdir $top; mount -t cgroup -o $names none $top;; esac\n"
	"done < /proc/self/cgroup; set +e\n" SERVE(
		"find /sys/fs/cgroup -depth -type d -path \"*/slurm_n*\" -exec rmdir {} +;");

static char *configuration(bool has_groups)
{
	char host[256] = "";

	(void)gethostname(host, sizeof(host) - 1);
	return sk_strf(
		"ClusterName=skiff\n"
		"SlurmctldHost=%s(" ADDRESS ")\n"
		"SlurmUser=root\n"
		"AuthType=auth/none\nCredType=cred/none\n"
		"StateSaveLocation=" CALLER_DIR "/state\n"
		"SlurmdSpoolDir=" CALLER_DIR "/spool-%%n\n"
		"SlurmdPidFile=" CALLER_DIR "/%%n.pid\n"
		"SlurmctldPidFile=" CALLER_DIR "/slurmctld.pid\n"
		"ProctrackType=proctrack/%s\nTaskPlugin=task/%s\n"
		"SlurmdParameters=config_overrides\nMpiDefault=none\n"
		"SelectType=select/cons_tres\nSelectTypeParameters=CR_Core_Memory\n"
		"KillWait=5\n"
		"NodeName=n1 NodeHostname=%s NodeAddr=" ADDRESS
		" Port=17001 RealMemory=1000\n"
		"NodeName=n2 NodeHostname=%s NodeAddr=" ADDRESS
		" Port=17002 RealMemory=1000\n"
		"PartitionName=p Nodes=n1,n2 Default=YES State=UP\n",
		host, has_groups ? "cgroup" : "linuxproc", has_groups ? "cgroup" : "none",
		host, host);
}

/*
 * By steps: create's stdout is read to its end, but the container keeps it, hence the file. And
 * Slurm signals neither such a container, which is no child of its own, nor its own process
 * that asks for the state again and again: hence a shell that waits and hands the signal on.
 */
static const char by_steps[] =
	"RunTimeCreate=\"exec @ create I -b %b >> " CALLER_DIR "/step.out 2>&1\"\n"
	"RunTimeStart=\"id=I rt='@'; trap '$rt kill $id; sleep 1; $rt kill --all $id KILL' "
	"TERM; $rt start $id && while $rt state $id | grep -q running; do sleep 0.1; "
	"done\"\n";

static const char by_run[] = "RunTimeRun=\"exec @ run I -b %b\"\n";

/* As the step's user, but when it has ended as root, whom another's records do not concern. */
#define AS_USER                                                                          \
	"as=; test $(id -u) != 0 || "                                                    \
	"as='setpriv --reuid %u --regid '$(id -g %u)' --init-groups'; $as "

static const char always[] = "RunTimeQuery=\"" AS_USER "@ state I\"\n"
			     "RunTimeKill=\"" AS_USER "@ kill --all I; sleep 1; "
			     "$as @ kill --all I KILL\"\n"
			     "RunTimeDelete=\"" AS_USER "@ delete --force I\"\n";

/* @ is the runtime with its folder of records, I the container's id. */
static void add_filled(struct sk_str *text, const char *pattern)
{
	for (; *pattern; pattern++)
		if (*pattern == '@')
			sk_str_addf(text, "%s --root " CALLER_DIR "/oci/%%u",
				    caller_runtime());
		else if (*pattern == 'I' && strchr(" =", pattern[-1]))
			sk_str_addf(text, "%%n.%%j.%%s.%%t");
		else
			sk_str_addf(text, "%c", *pattern);
}

void caller_slurm_mode(bool has_steps)
{
	sk_auto(sk_str_finish) struct sk_str text = SK_STR_INIT;

	add_filled(&text, always);
	add_filled(&text, has_steps ? by_steps : by_run);
	caller_write_file("oci.conf", text.ptr);
	caller_write_file("step.out", "");
	assert_int_equal(chmod(CALLER_DIR "/step.out", 0666), 0);
}

static int setup(void **state, bool has_groups)
{
	struct caller *slurm = caller_begin(state, "slurmctld", "slurmctld");
	sk_autofree char *text = NULL;
	struct it *it = *state;

	if (!slurm)
		return 0;
	text = configuration(has_groups);
	caller_write_file("slurm.conf", text);
	caller_write_file("cgroup.conf", "CgroupPlugin=cgroup/v1\nCgroupAutomount=no\n"
					 "CgroupMountpoint=/sys/fs/cgroup\n"
					 "ConstrainCores=yes\nConstrainRAMSpace=yes\n");
	(void)setenv("SLURM_CONF", CALLER_DIR "/slurm.conf", 1);
	caller_make_user(it);
	caller_slurm_mode(false);
	if (it_command(it, IT_ARGS("sh", "-c", prepare_script, slurm->runtime)) != 0) {
		print_error("prepare Slurm: %s\n", it->err);
		return -1;
	}
	slurm->list = list;
	slurm->remove = remove_words;
	slurm->records = caller_is_stand_in() ? CALLER_DIR "/oci/*/*"
					      : CALLER_DIR "/oci/*/containers/*";
	caller_serve(it,
		     has_groups ? IT_ARGS("sh", "-c", serve_in_groups_script,
					  in_groups_script)
				: IT_ARGS("sh", "-c", serve_script),
		     IT_ARGS("sh", "-c", "sinfo -h -N -o %T | grep -c idle | grep 2"));
	return 0;
}

int caller_slurm_setup(void **state)
{
	return setup(state, false);
}

int caller_slurm_groups_setup(void **state)
{
	return setup(state, sk_fs_exists(AT_FDCWD, "/sys/fs/cgroup/freezer"));
}
