/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp_table - the default filter as data: every call and what happens to it
 *
 * In content what container engines allow to a container without extra capabilities, with
 * io_uring and keys taken away. To allow a call, move its name; a name in two groups is
 * found by the unit test. Calls in no group fail with ENOSYS.
 */
#include "runtime/sandbox/seccomp_table.h"

#include <stddef.h>

const struct sk_seccomp_group sk_seccomp_groups[] = {
	/* Files: open, read, write, and what is known of them */
	{SK_SECCOMP_ALLOW,
	 "open openat openat2 creat close close_range read write readv writev "
	 "pread64 pwrite64 preadv pwritev preadv2 pwritev2 lseek _llseek "
	 "sendfile sendfile64 splice tee vmsplice copy_file_range readahead"},
	{SK_SECCOMP_ALLOW,
	 "dup dup2 dup3 fcntl fcntl64 flock fsync fdatasync sync syncfs "
	 "sync_file_range sync_file_range2 arm_sync_file_range truncate "
	 "truncate64 ftruncate ftruncate64 fallocate fadvise64 fadvise64_64 "
	 "arm_fadvise64_64 cachestat"},
	{SK_SECCOMP_ALLOW,
	 "stat stat64 lstat lstat64 fstat fstat64 fstatat64 newfstatat statx "
	 "statfs statfs64 fstatfs fstatfs64 access faccessat faccessat2 "
	 "getdents getdents64 getcwd chdir fchdir umask readlink readlinkat "
	 "name_to_handle_at"},
	{SK_SECCOMP_ALLOW,
	 "chmod fchmod fchmodat fchmodat2 chown chown32 fchown fchown32 "
	 "lchown lchown32 fchownat utime utimes utimensat utimensat_time64 "
	 "futimesat"},
	{SK_SECCOMP_ALLOW,
	 "link linkat symlink symlinkat unlink unlinkat rename renameat "
	 "renameat2 mkdir mkdirat rmdir mknod mknodat"},
	{SK_SECCOMP_ALLOW,
	 "getxattr lgetxattr fgetxattr setxattr lsetxattr fsetxattr listxattr "
	 "llistxattr flistxattr removexattr lremovexattr fremovexattr "
	 "getxattrat setxattrat listxattrat removexattrat"},
	{SK_SECCOMP_ALLOW,
	 "inotify_init inotify_init1 inotify_add_watch inotify_rm_watch "
	 "fanotify_mark"},
	{SK_SECCOMP_IOCTL, "ioctl"},

	/* Waiting for events */
	{SK_SECCOMP_ALLOW,
	 "poll ppoll ppoll_time64 select _newselect pselect6 pselect6_time64 "
	 "epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_wait "
	 "epoll_wait_old epoll_pwait epoll_pwait2 eventfd eventfd2 signalfd "
	 "signalfd4 pipe pipe2 pause"},
	{SK_SECCOMP_ALLOW,
	 "io_setup io_submit io_cancel io_destroy io_getevents io_pgetevents "
	 "io_pgetevents_time64"},

	/* Memory */
	{SK_SECCOMP_ALLOW,
	 "brk mmap mmap2 munmap mremap mprotect madvise mincore msync mlock "
	 "mlock2 mlockall munlock munlockall mseal remap_file_pages "
	 "memfd_create memfd_secret membarrier pkey_alloc pkey_free "
	 "pkey_mprotect map_shadow_stack process_mrelease"},

	/* Processes and threads */
	{SK_SECCOMP_ALLOW,
	 "fork vfork execve execveat exit exit_group wait4 waitid waitpid "
	 "kill tkill tgkill getpid getppid gettid getpgid getpgrp setpgid "
	 "getsid setsid prctl arch_prctl modify_ldt set_tid_address "
	 "set_thread_area get_thread_area set_tls cacheflush breakpoint "
	 "riscv_flush_icache riscv_hwprobe swapcontext rseq restart_syscall "
	 "pidfd_open pidfd_send_signal"},
	{SK_SECCOMP_CLONE, "clone"},
	{SK_SECCOMP_UNSHARE, "unshare"},
	{SK_SECCOMP_PERSONALITY, "personality"},
	{SK_SECCOMP_ALLOW, "ptrace process_vm_readv process_vm_writev"},
	{SK_SECCOMP_ALLOW,
	 "futex futex_time64 futex_waitv futex_wait futex_wake futex_requeue "
	 "get_robust_list set_robust_list"},
	{SK_SECCOMP_ALLOW,
	 "sched_yield sched_getaffinity sched_setaffinity sched_getattr "
	 "sched_setattr sched_getparam sched_setparam sched_getscheduler "
	 "sched_setscheduler sched_get_priority_max sched_get_priority_min "
	 "sched_rr_get_interval sched_rr_get_interval_time64 getpriority "
	 "setpriority ioprio_get ioprio_set getcpu"},
	{SK_SECCOMP_ALLOW,
	 "getrlimit setrlimit ugetrlimit prlimit64 getrusage times sysinfo "
	 "uname"},

	/* Signals */
	{SK_SECCOMP_ALLOW,
	 "rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo "
	 "rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 "
	 "rt_tgsigqueueinfo sigaltstack sigprocmask sigreturn"},

	/* Time; setting it is refused by the missing capability */
	{SK_SECCOMP_ALLOW,
	 "time gettimeofday nanosleep clock_getres clock_getres_time64 "
	 "clock_gettime clock_gettime64 clock_nanosleep "
	 "clock_nanosleep_time64 adjtimex clock_adjtime clock_adjtime64 alarm "
	 "getitimer setitimer timer_create timer_delete timer_getoverrun "
	 "timer_gettime timer_gettime64 timer_settime timer_settime64 "
	 "timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime "
	 "timerfd_settime64"},

	/* Identity, capabilities, and confining oneself further */
	{SK_SECCOMP_ALLOW,
	 "getuid getuid32 geteuid geteuid32 getgid getgid32 getegid getegid32 "
	 "getresuid getresuid32 getresgid getresgid32 getgroups getgroups32 "
	 "setuid setuid32 setgid setgid32 setreuid setreuid32 setregid "
	 "setregid32 setresuid setresuid32 setresgid setresgid32 setgroups "
	 "setgroups32 setfsuid setfsuid32 setfsgid setfsgid32"},
	{SK_SECCOMP_ALLOW, "capget capset seccomp getrandom landlock_create_ruleset "
			   "landlock_add_rule landlock_restrict_self"},

	/* Sockets; socketcall hides its arguments from a filter, on 32 bits alone */
	{SK_SECCOMP_SOCKET, "socket"},
	{SK_SECCOMP_ALLOW,
	 "socketcall socketpair bind listen accept accept4 connect shutdown "
	 "getsockname getpeername getsockopt setsockopt send sendto sendmsg "
	 "sendmmsg recv recvfrom recvmsg recvmmsg recvmmsg_time64"},

	/* System V and POSIX messages; confined by the IPC namespace */
	{SK_SECCOMP_ALLOW,
	 "ipc semget semctl semop semtimedop semtimedop_time64 shmget shmctl "
	 "shmat shmdt msgget msgctl msgsnd msgrcv mq_open mq_unlink "
	 "mq_timedsend mq_timedsend_time64 mq_timedreceive "
	 "mq_timedreceive_time64 mq_notify mq_getsetattr"},

	/* Its flags lie in memory, out of a filter's sight: libc falls back to clone */
	{SK_SECCOMP_NONE, "clone3"},

	/* Mounts, roots and namespaces */
	{SK_SECCOMP_EPERM,
	 "mount umount umount2 pivot_root chroot setns fsopen fsconfig fsmount "
	 "fspick open_tree open_tree_attr move_mount mount_setattr statmount "
	 "listmount open_by_handle_at swapon swapoff quotactl quotactl_fd"},
	/* Attack surface of the kernel that its history makes too large */
	{SK_SECCOMP_EPERM,
	 "io_uring_setup io_uring_enter io_uring_register bpf userfaultfd "
	 "perf_event_open fanotify_init lookup_dcookie"},
	/* Keyrings know no namespace */
	{SK_SECCOMP_EPERM, "keyctl add_key request_key"},
	/* Other processes' memory and descriptors */
	{SK_SECCOMP_EPERM,
	 "kcmp pidfd_getfd process_madvise migrate_pages move_pages mbind "
	 "get_mempolicy set_mempolicy set_mempolicy_home_node"},
	/* The machine */
	{SK_SECCOMP_EPERM,
	 "reboot kexec_load kexec_file_load init_module finit_module "
	 "delete_module create_module query_module get_kernel_syms iopl ioperm "
	 "syslog acct sethostname setdomainname settimeofday stime "
	 "clock_settime clock_settime64 vhangup vm86 vm86old nfsservctl "
	 "_sysctl sysfs uselib ustat"},
	{SK_SECCOMP_NONE, NULL},
};

const struct sk_seccomp_known sk_seccomp_newer[] = {
	{"cachestat", 451},	{"fchmodat2", 452},	 {"map_shadow_stack", 453},
	{"futex_wake", 454},	{"futex_wait", 455},	 {"futex_requeue", 456},
	{"statmount", 457},	{"listmount", 458},	 {"mseal", 462},
	{"setxattrat", 463},	{"getxattrat", 464},	 {"listxattrat", 465},
	{"removexattrat", 466}, {"open_tree_attr", 467}, {NULL, 0},
};

const struct sk_seccomp_known sk_seccomp_x86_direct[] = {
	{"recvmmsg", 337},   {"sendmmsg", 345},	   {"socket", 359},
	{"socketpair", 360}, {"bind", 361},	   {"connect", 362},
	{"listen", 363},     {"accept4", 364},	   {"getsockopt", 365},
	{"setsockopt", 366}, {"getsockname", 367}, {"getpeername", 368},
	{"sendto", 369},     {"sendmsg", 370},	   {"recvfrom", 371},
	{"recvmsg", 372},    {"shutdown", 373},	   {"semget", 393},
	{"semctl", 394},     {"shmget", 395},	   {"shmctl", 396},
	{"shmat", 397},	     {"shmdt", 398},	   {"msgget", 399},
	{"msgsnd", 400},     {"msgrcv", 401},	   {"msgctl", 402},
	{NULL, 0},
};
