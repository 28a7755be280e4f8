// SPDX-License-Identifier: Apache-2.0
/* proc_info - identify processes over pid reuse; names of signals; where programs are */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/parse.h"
#include "lib/proc.h"
#include "lib/str.h"
#include "lib/sys.h"

#define SBIN_FOLDERS "/usr/local/sbin:/usr/sbin:/sbin"
#define BIN_FOLDERS  "/usr/local/bin:/usr/bin:/bin"

/* PF_FORKNOEXEC of the kernel's include/linux/sched.h: a flag of a task that ps(1) shows too. */
#define FLAG_FORK 0x40u

struct stat_fields {
	char state;
	unsigned int flags;
	unsigned long long start;
};

/* Fields 3, 9 and 22 of /proc/PID/stat. The name before them is in parentheses and may itself
 * hold blanks and parentheses, so reading starts behind the last.
 */
static int read_stat(pid_t pid, struct stat_fields *ret)
{
	sk_autofree char *text = NULL;
	char path[64];
	const char *rest;
	int r;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	r = sk_fs_read(AT_FDCWD, path, 65536, &text, NULL);
	if (r < 0)
		return r == -ENOENT ? -ESRCH : r;
	rest = strrchr(text, ')');
	if (!rest ||
	    sscanf(rest + 1,
		   " %c %*s %*s %*s %*s %*s %u %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
		   "%*s %*s %llu",
		   &ret->state, &ret->flags, &ret->start) != 3)
		return -EBADMSG;
	return 0;
}

int sk_proc_start_time(pid_t pid, unsigned long long *ret)
{
	struct stat_fields fields;
	int r = read_stat(pid, &fields);

	if (r == 0)
		*ret = fields.start;
	return r;
}

bool sk_proc_is(pid_t pid, unsigned long long start_time)
{
	struct stat_fields fields;

	return pid > 0 && read_stat(pid, &fields) == 0 && fields.start == start_time &&
	       fields.state != 'Z' && fields.state != 'X';
}

bool sk_proc_is_fork(pid_t pid)
{
	struct stat_fields fields;

	return pid > 0 && read_stat(pid, &fields) == 0 && (fields.flags & FLAG_FORK);
}

int sk_proc_open(pid_t pid, unsigned long long start_time)
{
	sk_autoclose int pidfd = -1;

	if (pid <= 0)
		return -ESRCH;
	pidfd = sk_sys_pidfd_open(pid, 0);
	if (pidfd < 0)
		return -errno;
	/* Checked when the pidfd is there: from now on the pid cannot pass to another. */
	return sk_proc_is(pid, start_time) ? sk_steal_fd(&pidfd) : -ESRCH;
}

static const char *const signal_names[] = {
	[SIGHUP] = "HUP",	[SIGINT] = "INT",	[SIGQUIT] = "QUIT",
	[SIGILL] = "ILL",	[SIGTRAP] = "TRAP",	[SIGABRT] = "ABRT",
	[SIGBUS] = "BUS",	[SIGFPE] = "FPE",	[SIGKILL] = "KILL",
	[SIGUSR1] = "USR1",	[SIGSEGV] = "SEGV",	[SIGUSR2] = "USR2",
	[SIGPIPE] = "PIPE",	[SIGALRM] = "ALRM",	[SIGTERM] = "TERM",
	[SIGSTKFLT] = "STKFLT", [SIGCHLD] = "CHLD",	[SIGCONT] = "CONT",
	[SIGSTOP] = "STOP",	[SIGTSTP] = "TSTP",	[SIGTTIN] = "TTIN",
	[SIGTTOU] = "TTOU",	[SIGURG] = "URG",	[SIGXCPU] = "XCPU",
	[SIGXFSZ] = "XFSZ",	[SIGVTALRM] = "VTALRM", [SIGPROF] = "PROF",
	[SIGWINCH] = "WINCH",	[SIGPOLL] = "POLL",	[SIGPWR] = "PWR",
	[SIGSYS] = "SYS",
};

/* Real-time signals as glibc counts them, which keeps 32 and 33 for itself: so containers' programs
 * and their users do, whichever C library this one is linked with. */
#define FIRST_REALTIME 34
static const char *const realtime_names[] = {
	"RTMIN",    "RTMIN+1",	"RTMIN+2",  "RTMIN+3",	"RTMIN+4",  "RTMIN+5",
	"RTMIN+6",  "RTMIN+7",	"RTMIN+8",  "RTMIN+9",	"RTMIN+10", "RTMIN+11",
	"RTMIN+12", "RTMIN+13", "RTMIN+14", "RTMIN+15", "RTMAX-14", "RTMAX-13",
	"RTMAX-12", "RTMAX-11", "RTMAX-10", "RTMAX-9",	"RTMAX-8",  "RTMAX-7",
	"RTMAX-6",  "RTMAX-5",	"RTMAX-4",  "RTMAX-3",	"RTMAX-2",  "RTMAX-1",
	"RTMAX",
};

const char *sk_proc_signal_name(int sig)
{
	size_t realtime = (size_t)(sig - FIRST_REALTIME);

	if (sig >= FIRST_REALTIME)
		return realtime < SK_ARRAY_SIZE(realtime_names) ? realtime_names[realtime]
								: NULL;
	return sig > 0 && (size_t)sig < SK_ARRAY_SIZE(signal_names) ? signal_names[sig]
								    : NULL;
}

int sk_proc_signal_number(const char *name)
{
	static const struct {
		const char *name;
		int sig;
	} aliases[] = {{"IOT", SIGIOT}, {"CLD", SIGCHLD}, {"IO", SIGIO}};
	uint64_t number;

	if (sk_parse_u64(name, 1, NSIG - 1, &number, NULL) == 0)
		return (int)number;
	if (strncasecmp(name, "SIG", 3) == 0)
		name += 3;
	for (int sig = 1; sig < NSIG; sig++) {
		const char *known = sk_proc_signal_name(sig);

		if (known && strcasecmp(known, name) == 0)
			return sig;
	}
	for (size_t i = 0; i < SK_ARRAY_SIZE(aliases); i++)
		if (strcasecmp(aliases[i].name, name) == 0)
			return aliases[i].sig;
	return -EINVAL;
}

static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	       faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0;
}

/* Relative folders of PATH are left out: what runs must not depend on where we stand. */
static int find_in(const char *folders, const char *program, char **ret)
{
	sk_auto(sk_strv_free) char **list = sk_strv_split(folders, ':');

	if (!list)
		return -ENOMEM;
	for (size_t i = 0; list[i]; i++) {
		sk_autofree char *path = NULL;

		if (list[i][0] != '/')
			continue;
		path = sk_strf("%s/%s", list[i], program);
		if (!path)
			return -ENOMEM;
		if (is_program(path)) {
			*ret = sk_steal(&path);
			return 0;
		}
	}
	return -ENOENT;
}

int sk_proc_find(const char *program, char **ret)
{
	const char *folders = getenv("PATH");
	int r;

	if (*program == '\0')
		return -ENOENT;
	if (strchr(program, '/')) {
		char *path = is_program(program) ? realpath(program, NULL) : NULL;

		if (!path)
			return -ENOENT;
		*ret = path;
		return 0;
	}
	r = find_in(folders ? folders : BIN_FOLDERS, program, ret);
	return r == -ENOENT ? find_in(SBIN_FOLDERS, program, ret) : r;
}

/* @dir without its last part; "" for a name below "/". */
static char *folder_above(const char *dir)
{
	const char *slash = strrchr(dir, '/');

	return strndup(dir, slash ? (size_t)(slash - dir) : 0);
}

int sk_proc_libexec(const char *name, char **ret, struct sk_err *err)
{
	sk_autofree char *self = NULL, *above = NULL, *top = NULL;
	sk_auto(sk_strv_free) char **places = NULL;
	int r;

	r = sk_fs_self_dir(&self);
	if (r < 0)
		return sk_err_code(err, r, "find the folder of this program");
	above = folder_above(self);
	top = above ? folder_above(above) : NULL;
	if (!top || sk_strv_addf(&places, "%s/libexec/skiff/%s", above, name) < 0 ||
	    sk_strv_addf(&places, "%s/%s", self, name) < 0 ||
	    sk_strv_addf(&places, "%s/bin/%s", top, name) < 0)
		return sk_err_oom(err);
	for (size_t i = 0; places[i]; i++) {
		if (!is_program(places[i]))
			continue;
		*ret = strdup(places[i]);
		return *ret ? 0 : sk_err_oom(err);
	}
	(void)sk_err_set(err, ENOENT,
			 "skiff's program '%s' is not installed: looked for '%s'", name,
			 places[0]);
	return sk_err_hint(err, -ENOENT, "build it with 'make', or install all of skiff");
}
