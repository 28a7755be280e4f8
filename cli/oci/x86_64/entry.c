// SPDX-License-Identifier: Apache-2.0
/* entry - the first instructions of skiff-oci, before those of the C library
 *
 * sk_oci_protect_self() executes the program once more. Done there, all that came before would be
 * done twice, the start of the C library too: 5 % of an exec with musl, a third of it with glibc,
 * which asks the processor some eighty times what it can do. So the same is done here first.
 * Whatever does not work is left to that function, which main() calls in any case, and which says
 * why. It also looks after the descriptor that is kept open here.
 *
 * Nothing is relocated yet, and there is no thread: system calls alone, no function of a
 * library, no table of addresses, no guard on the stack.
 */
#include <asm/statfs.h>
#include <asm/unistd.h>
#include <linux/fcntl.h>
#include <linux/mount.h>
#include <stdbool.h>

#define SELF	      "/proc/self/exe"
#define STATFS_RDONLY 1 /* ST_RDONLY of the C library */
#define MAY_WRITE     2 /* W_OK */

void sk_entry_protect(long *stack);

/* The kernel puts argc, argv and the environment on the stack, and nothing into %rdx. */
__asm__(".text\n"
	".globl sk_entry\n"
	".type sk_entry, @function\n"
	"sk_entry:\n"
	"	xor %ebp, %ebp\n"
	"	mov %rsp, %rdi\n"
	"	call sk_entry_protect\n"
	"	xor %edx, %edx\n"
	"	jmp _start\n"
	".size sk_entry, . - sk_entry\n");

static inline long call(long nr, long a, const void *b, long c, const void *d, long e)
{
	register const void *r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	return result;
}

static inline bool is_same(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

static inline bool makes_processes(char *const *argv)
{
	for (; *argv; argv++)
		if (is_same(*argv, "run") || is_same(*argv, "create") ||
		    is_same(*argv, "exec") || is_same(*argv, "restore"))
			return true;
	return false;
}

__attribute__((no_stack_protector)) void sk_entry_protect(long *stack)
{
	char **argv = (char **)(stack + 1), **envp = argv + stack[0] + 1;
	struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY};
	struct statfs fs;
	long fd;

	fs.f_flags = 0; /* alone: a larger initialiser may become a call of memset() */
	if (!makes_processes(argv) || call(__NR_statfs, (long)SELF, &fs, 0, 0, 0) < 0 ||
	    (fs.f_flags & STATFS_RDONLY) || call(__NR_geteuid, 0, 0, 0, 0, 0) != 0 ||
	    call(__NR_faccessat, AT_FDCWD, SELF, MAY_WRITE, 0, 0) < 0)
		return;
	fd = call(__NR_open_tree, AT_FDCWD, SELF, OPEN_TREE_CLONE | AT_NO_AUTOMOUNT, 0,
		  0);
	if (fd < 0)
		return;
	if (call(__NR_mount_setattr, fd, "", AT_EMPTY_PATH, &read_only,
		 sizeof(read_only)) == 0)
		(void)call(__NR_execveat, fd, "", (long)argv, envp, AT_EMPTY_PATH);
	(void)call(__NR_close, fd, 0, 0, 0, 0);
}
