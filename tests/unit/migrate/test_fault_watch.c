// SPDX-License-Identifier: Apache-2.0
/* test_fault_watch - a thread that really waits for a page is seen, and for how long */
#include "migrate/measure/fault_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "tests/unit/tempdir.h"

#define MS	    SK_NS_PER_MS
#define DEADLINE_NS (10 * SK_NS_PER_S)

/** struct stall - A page that does not come before somebody sends it */
struct stall {
	int fd;
	char *page;
	const char *name; /* of the thread that touches it */
	size_t size;
	pthread_t thread;
	pthread_barrier_t is_named, go;
};

static void *touch(void *arg)
{
	struct stall *s = arg;

	(void)prctl(PR_SET_NAME, s->name);
	(void)pthread_barrier_wait(&s->is_named);
	(void)pthread_barrier_wait(&s->go);
	*(volatile char *)s->page = 1;
	return NULL;
}

/* False where the kernel does not let us. */
static bool stall_init(struct stall *s, const char *name)
{
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register range;

	*s = (struct stall){.name = name, .size = (size_t)sysconf(_SC_PAGESIZE)};
	s->fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	if (s->fd < 0)
		return false;
	s->page = mmap(NULL, s->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);
	assert_true(s->page != MAP_FAILED);
	range = (struct uffdio_register){.range = {(uintptr_t)s->page, s->size},
					 .mode = UFFDIO_REGISTER_MODE_MISSING};
	assert_int_equal(pthread_barrier_init(&s->is_named, NULL, 2), 0);
	assert_int_equal(pthread_barrier_init(&s->go, NULL, 2), 0);
	assert_int_equal(ioctl(s->fd, UFFDIO_API, &api), 0);
	assert_int_equal(ioctl(s->fd, UFFDIO_REGISTER, &range), 0);
	return true;
}

static void stall_end(struct stall *s)
{
	struct uffdio_zeropage page = {.range = {(uintptr_t)s->page, s->size}};

	assert_int_equal(ioctl(s->fd, UFFDIO_ZEROPAGE, &page), 0);
	assert_int_equal(pthread_join(s->thread, NULL), 0);
	(void)pthread_barrier_destroy(&s->is_named);
	(void)pthread_barrier_destroy(&s->go);
	(void)munmap(s->page, s->size);
	(void)close(s->fd);
}

/* A host's root folder, in which we are the QEMU of guest "g1". */
static char *make_host(const struct tempdir *dir)
{
	sk_autofree char *pid = sk_strf("%d\n", (int)getpid());
	char *root = sk_strf("/proc/self/fd/%d", dir->fd);
	sk_autoclose int fd = -1;

	assert_int_equal(sk_fs_mkdirs(dir->fd, "run/libvirt/qemu", 0755, NULL), 0);
	fd = openat(dir->fd, "run/libvirt/qemu", O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	assert_return_code(fd, errno);
	assert_int_equal(sk_fs_replace(fd, "g1.pid", pid, strlen(pid), 0644, NULL), 0);
	assert_int_equal(symlinkat("/proc", dir->fd, "proc"), 0);
	return root;
}

/* The fault has come to the descriptor: whoever touched the page waits. */
static void await_fault(const struct stall *s)
{
	struct uffd_msg msg;

	assert_int_equal(read(s->fd, &msg, sizeof(msg)), sizeof(msg));
	assert_int_equal(msg.event, UFFD_EVENT_PAGEFAULT);
}

static void watch_stall(const char *name, bool is_vcpu)
{
	struct sk_fault_watch *watch = NULL;
	struct sk_fault_waits waits;
	struct sk_err err = SK_ERR_INIT;
	sk_autofree char *root = NULL;
	struct tempdir dir;
	struct stall stall;
	uint64_t begin, end, seen, vcpu;

	if (!stall_init(&stall, name)) {
		print_message("no userfaultfd here: %s\n", strerror(errno));
		skip();
	}
	assert_return_code(tempdir_make(&dir), errno);
	root = make_host(&dir);
	assert_int_equal(pthread_create(&stall.thread, NULL, touch, &stall), 0);
	(void)pthread_barrier_wait(&stall.is_named);
	assert_int_equal(sk_fault_watch_start(root, "g1", &watch, &err), 0);
	(void)pthread_barrier_wait(&stall.go);
	await_fault(&stall);
	begin = sk_clock_real();
	/* The time of the wait is what is measured. */
	sk_clock_sleep_until(sk_clock_mono() + 400 * MS);
	end = sk_clock_real();
	stall_end(&stall);
	sk_fault_watch_finish(watch, &waits);
	assert_true(waits.is_known);
	seen = sk_fault_waits_in(&waits, begin, end, &vcpu);
	/* The watch began when the thread was there: all of it but a few looks. */
	assert_true(seen >= 200 * MS && seen <= end - begin);
	assert_int_equal(vcpu, is_vcpu ? seen : 0);
	assert_int_equal(sk_fault_waits_in(&waits, 0, begin - 200 * MS, &vcpu), 0);
	sk_fault_waits_finish(&waits);
	assert_int_equal(tempdir_remove(&dir), 0);
}

static void test_a_virtual_cpu_that_waits_is_seen(void **state)
{
	(void)state;
	watch_stall("CPU 0/TCG", true);
}

static void test_other_threads_are_told_apart(void **state)
{
	(void)state;
	watch_stall("qemu-system-x86", false);
}

static void test_a_host_without_qemu_has_its_reason(void **state)
{
	struct sk_fault_watch *watch = NULL;
	struct sk_fault_waits waits;

	(void)state;
	assert_int_equal(sk_fault_watch_start("/nowhere", "g1", &watch, NULL), 0);
	sk_fault_watch_finish(watch, &waits);
	assert_false(waits.is_known);
	assert_string_equal(waits.why, "the threads of the destination's QEMU cannot be "
				       "seen from here");
	sk_fault_waits_finish(&waits);
	sk_fault_watch_finish(NULL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_virtual_cpu_that_waits_is_seen),
		cmocka_unit_test(test_other_threads_are_told_apart),
		cmocka_unit_test(test_a_host_without_qemu_has_its_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
