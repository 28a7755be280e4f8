// SPDX-License-Identifier: Apache-2.0
/* callers_slurm - Slurm's controller and two of its node daemons on one machine
 *
 * No client or plugin of Slurm proves who it is (auth/none): all are in a network namespace
 * whose only link is a bridge without ports. Names of machines are only looked up where there
 * is an address besides the loopback's, hence the bridge.
 */
#include <string.h>
#include <unistd.h>

#include "lib/str.h"
#include "tests/it/callers.h"

#define ADDRESS "10.99.0.1"

/* A job goes on completing for a moment after its step has ended. */
static const char list_script[] =
	"n=0; while [ $n -lt 100 ] && squeue -h -t COMPLETING | grep -q .; do\n"
	"n=$((n + 1)); sleep 0.05; done; squeue -h -o %i";

static const char *const list[] = {"sh", "-c", list_script, NULL};
static const char *const remove_words[] = {"scancel", "--full", NULL};

static const char link_script[] =
	"ip link add skiffslurm type bridge && ip link set skiffslurm up && "
	"ip addr add " ADDRESS "/24 dev skiffslurm && "
	"mkdir -p " CALLER_DIR "/state && "
	"mkdir " CALLER_DIR "/bundle && mv " CALLER_ROOTFS " " CALLER_DIR
	"/bundle/rootfs && "
	"cd " CALLER_DIR "/bundle && \"$0\" spec";

/* One process for the fixture to end; it ends when a daemon does. */
static const char serve_script[] =
	"slurmctld -D & pids=$!; slurmd -D -N n1 & pids=\"$pids $!\"\n"
	"slurmd -D -N n2 & pids=\"$pids $!\"\n"
	"trap 'kill $pids; wait; exit 0' TERM\n"
	"wait";

static char *configuration(void)
{
	char host[256] = "";

	(void)gethostname(host, sizeof(host) - 1);
	return sk_strf("ClusterName=skiff\n"
		       "SlurmctldHost=%s(" ADDRESS ")\n"
		       "SlurmUser=root\n"
		       "AuthType=auth/none\nCredType=cred/none\n"
		       "StateSaveLocation=" CALLER_DIR "/state\n"
		       "SlurmdSpoolDir=" CALLER_DIR "/spool-%%n\n"
		       "SlurmdPidFile=" CALLER_DIR "/%%n.pid\n"
		       "SlurmctldPidFile=" CALLER_DIR "/slurmctld.pid\n"
		       "ProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\n"
		       "SlurmdParameters=config_overrides\nMpiDefault=none\n"
		       "KillWait=2\n"
		       "NodeName=n1 NodeHostname=%s NodeAddr=" ADDRESS " Port=17001\n"
		       "NodeName=n2 NodeHostname=%s NodeAddr=" ADDRESS " Port=17002\n"
		       "PartitionName=p Nodes=n1,n2 Default=YES State=UP\n",
		       host, host, host);
}

/* create's stdout is read to its end, but the container keeps it: hence the file. */
void caller_slurm_mode(bool by_steps)
{
	static const char *const names[] = {"RunTimeQuery", "RunTimeKill",
					    "RunTimeDelete"};
	static const char *const commands[] = {"state", "kill -a", "delete --force"};
	struct sk_str text = SK_STR_INIT;
	const char *runtime = caller_runtime();

	for (size_t i = 0; i < SK_ARRAY_SIZE(names); i++)
		sk_str_addf(&text,
			    "%s=\"%s --root " CALLER_DIR
			    "/oci %s %%n.%%u.%%j.%%s.%%t\"\n",
			    names[i], runtime, commands[i]);
	if (by_steps)
		sk_str_addf(&text,
			    "RunTimeCreate=\"%s --root " CALLER_DIR
			    "/oci create %%n.%%u.%%j.%%s.%%t -b %%b > " CALLER_DIR
			    "/step.out 2>&1\"\n"
			    "RunTimeStart=\"%s --root " CALLER_DIR
			    "/oci start %%n.%%u.%%j.%%s.%%t\"\n",
			    runtime, runtime);
	else
		sk_str_addf(&text,
			    "RunTimeRun=\"exec %s --root " CALLER_DIR
			    "/oci run %%n.%%u.%%j.%%s.%%t -b %%b\"\n",
			    runtime);
	caller_write_file("oci.conf", text.ptr);
	sk_str_finish(&text);
}

int caller_slurm_setup(void **state)
{
	struct caller *slurm = caller_begin(state, "slurmctld", "slurmctld");
	sk_autofree char *text = NULL;
	struct it *it = *state;

	if (!slurm)
		return 0;
	text = configuration();
	caller_write_file("slurm.conf", text);
	(void)setenv("SLURM_CONF", CALLER_DIR "/slurm.conf", 1);
	caller_slurm_mode(false);
	if (it_command(it, IT_ARGS("sh", "-c", link_script, slurm->runtime)) != 0) {
		print_error("prepare Slurm: %s\n", it->err);
		return -1;
	}
	slurm->list = list;
	slurm->remove = remove_words;
	slurm->records = caller_is_stand_in() ? CALLER_DIR "/oci/*"
					      : CALLER_DIR "/oci/containers/*";
	caller_serve(it, IT_ARGS("sh", "-c", serve_script),
		     IT_ARGS("sh", "-c", "sinfo -h -N -o %T | grep -c idle | grep 2"));
	return 0;
}
