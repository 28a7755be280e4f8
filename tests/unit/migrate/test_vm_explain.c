// SPDX-License-Identifier: Apache-2.0
/* test_vm_explain - libvirt's texts of real failures become clear ones, and are kept */
#include "migrate/vm/explain.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"

#define WHAT "migrate guest 'g1'"

static void test_one_failure_has_one_text(void **state)
{
	static const char *const said[] = {
		"internal error: QEMU unexpectedly failed: Bad file descriptor",
		"Unable to write to socket: Bad file descriptor",
		"internal error: unable to execute QEMU command 'migrate': Channel error: Input/output error",
		"qemu-kvm: Not a migration stream: Read section footer failed: -5",
		"qemu-system-x86_64: load of migration failed: Input/output error",
		"Unable to read from socket: Connection reset by peer",
		"Unable to write to socket: Broken pipe",
		"operation failed: job 'migration out' unexpectedly failed",
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(said); i++) {
		struct sk_err err = SK_ERR_INIT;

		(void)sk_err_set(&err, EIO, WHAT ": %s", said[i]);
		assert_int_equal(sk_vm_explain(&err, WHAT), -ECONNRESET);
		assert_int_equal(err.code, ECONNRESET);
		assert_non_null(strstr(
			err.msg,
			WHAT ": the connection between both QEMU broke off (libvirt: "));
		assert_non_null(strstr(err.msg, said[i]));
		assert_non_null(strstr(err.hint, "does the destination live"));
	}
}

static void test_causes_are_told_before_what_they_look_like(void **state)
{
	static const struct {
		const char *said;
		int code;
		const char *text, *hint;
	} cases[] = {
		{"internal error: unable to execute QEMU command 'migrate-incoming': Failed to find an available port: Address already in use",
		 EADDRINUSE, "the port for the memory is in use", "leave the port out"},
		{"internal error: Unable to find an unused port in range 'migration' (49152-49215)",
		 EADDRINUSE, "no port for the memory is free", "migration_port_min"},
		{"internal error: unable to execute QEMU command 'object-add': Unable to access credentials /etc/pki/qemu/ca-cert.pem: No such file or directory",
		 ENOKEY, "a host has no certificate for TLS", "insecure-plaintext"},
		{"operation failed: job 'migration out' failed: TLS handshake failed: The TLS connection was non-properly terminated.",
		 EKEYREJECTED, "do not accept each other's certificates", "ca-cert.pem"},
		{"operation failed: job 'migration out' failed: Certificate does not match the hostname b",
		 EKEYREJECTED, "certificate is for another name", "tls-destination"},
		{"Unsafe migration: Migration without shared storage is unsafe", EPERM,
		 "a disk of the guest is a local file of the source", "copy-storage all"},
		{"internal error: process exited while connecting to monitor: qemu-system-x86_64: -blockdev {}: Could not open '/srv/d.img': No such file or directory",
		 EIO, "the destination cannot open a file of the guest", "same path"},
		{"error creating '/srv/d.img': No space left on device", ENOSPC,
		 "a disk at the destination is full", "make room"},
		{"Storage pool not found: no storage pool with matching target path '/srv/disks'",
		 ENOENT, "a disk's image is missing", "storage pool"},
		{"operation failed: job 'migration out' failed: Cannot write to TLS channel: Input/output error",
		 ECONNRESET, "the TLS connection broke off", "tls-destination"},
		{"cannot limit locked memory of process 241 to 268435456: Operation not permitted",
		 EPERM, "may not lock memory for zero-copy", "leave zero-copy out"},
		{"operation failed: domain 'g1' is already defined with uuid 3fe74e1c-705e-4577-97a5-19176be9a9e6",
		 EEXIST, "another guest of this name", "rename or undefine"},
		{"unsupported configuration: guest and host CPU are not compatible: Host CPU does not provide required features: svm",
		 ENOTSUP, "the destination's CPU lacks",
		 "CPU model that both hosts have"},
		{"internal error: unable to execute QEMU command 'migrate-set-capabilities': Postcopy is not supported",
		 ENOTSUP, "lets QEMU do no post-copy", "unprivileged_userfaultfd"},
		{"Cannot get interface MTU on 'br7': No such device", ENOENT,
		 "a network of the guest is missing", "bridge or network"},
		{"internal error: End of file while reading data: Input/output error",
		 ECONNRESET, "a libvirtd has gone", "virsh -c URI version"},
		{"internal error: qemu unexpectedly closed the monitor: 2026-11-22T07:00:00Z qemu-system-x86_64: load of migration failed: Invalid argument",
		 EIO, "does not understand the guest's state", "same machine type"},
		{"internal error: qemu unexpectedly closed the monitor", ECONNRESET,
		 "QEMU ended at one of the hosts", "its log"},
		{"unable to connect to server at 'b:49152': Connection refused",
		 ECONNREFUSED, "nobody takes the memory", "firewall"},
		{"address resolution failed for b:49152: Name or service not known",
		 EHOSTUNREACH, "does not know the destination's name", "migrate-uri"},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		struct sk_err err = SK_ERR_INIT;

		(void)sk_err_set(&err, EIO, WHAT ": %s", cases[i].said);
		assert_int_equal(sk_vm_explain(&err, WHAT), -cases[i].code);
		if (!strstr(err.msg, cases[i].text) || !strstr(err.hint, cases[i].hint))
			fail_msg("'%s' became '%s', hint '%s'", cases[i].said, err.msg,
				 err.hint);
		assert_non_null(strstr(err.msg, cases[i].said));
	}
}

static void test_what_is_not_known_stays_as_it_is(void **state)
{
	struct sk_err err = SK_ERR_INIT;

	(void)state;
	(void)sk_err_set(&err, ENOTSUP, WHAT ": something that nobody has seen");
	(void)sk_err_hint(&err, -ENOTSUP, "think");
	assert_int_equal(sk_vm_explain(&err, WHAT), -ENOTSUP);
	assert_string_equal(err.msg, WHAT ": something that nobody has seen");
	assert_string_equal(err.hint, "think");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_failure_has_one_text),
		cmocka_unit_test(test_causes_are_told_before_what_they_look_like),
		cmocka_unit_test(test_what_is_not_known_stays_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
