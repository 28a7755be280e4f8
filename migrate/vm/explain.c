// SPDX-License-Identifier: Apache-2.0
/* explain - what libvirt and QEMU say about a failed migration, in words that help */
#include "migrate/vm/explain.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"

#define HINT_LOG      "its log at the destination says more: /var/log/libvirt/qemu/GUEST.log"
#define HINT_BROKE    "does the destination live, does the network hold? " HINT_LOG
#define HINT_SAME     "both hosts need the same machine type and devices; " HINT_LOG
#define HINT_LIBVIRTD "is it alive, does the network hold? try: virsh -c URI version"
#define HINT_FIREWALL                                                                    \
	"does a firewall stand between? ports 49152 to 49215 of the destination"
#define HINT_CPU       "start the guest with a CPU model that both hosts have"
#define BROKE	       "the connection between both QEMU broke off"
#define NOT_UNDERSTOOD "the destination's QEMU does not understand the guest's state"
#define CPU	       "the destination's CPU lacks what the guest uses"
#define HINT_TLS                                                                         \
	"each host needs ca-cert.pem, server-*.pem and client-*.pem in /etc/pki/qemu "   \
	"(qemu.conf: migrate_tls_x509_cert_dir); without TLS: insecure-plaintext"
#define HINT_PORT "leave the port out of migrate-uri, and libvirt takes a free one"
#define HINT_REACH                                                                       \
	"name an address of the destination that the source reaches: migrate-uri tcp://ADDRESS"
#define HINT_UNSHARED                                                                    \
	"copy the disks with copy-storage all; unsafe if the file is in truth shared"

/* The first row whose part is in the text counts: causes first, then what they look like. */
static const struct {
	const char *part;
	int code; /* 0: as it was */
	const char *text, *hint;
} texts[] = {
	/* Where the memory goes. */
	{"Address already in use", EADDRINUSE,
	 "the port for the memory is in use at the destination", HINT_PORT},
	{"Unable to find an unused port", EADDRINUSE,
	 "no port for the memory is free at the destination",
	 "widen migration_port_min to migration_port_max in its qemu.conf"},
	{"Cannot assign requested address", EADDRNOTAVAIL,
	 "the destination has no such address to listen on",
	 "listen-address must be an address of the destination itself"},
	{"resolved to localhost", EHOSTUNREACH,
	 "the destination's own name is not known beyond itself", HINT_REACH},
	{"Name or service not known", EHOSTUNREACH,
	 "the source does not know the destination's name", HINT_REACH},
	{"Temporary failure in name resolution", EHOSTUNREACH,
	 "the source does not know the destination's name", HINT_REACH},
	{"ddress resolution failed", EHOSTUNREACH,
	 "the source does not know the destination's name", HINT_REACH},
	{"No route to host", EHOSTUNREACH, "the source does not reach the destination",
	 HINT_REACH},
	{"Network is unreachable", EHOSTUNREACH,
	 "the source does not reach the destination", HINT_REACH},

	/* TLS. */
	{"ccess credentials", ENOKEY, "a host has no certificate for TLS", HINT_TLS},
	{"TLS directory not configured", ENOKEY, "a host has no certificate for TLS",
	 HINT_TLS},
	{"TLS handshake failed", EKEYREJECTED,
	 "the hosts do not accept each other's certificates", HINT_TLS},
	{"ertificate does not match the hostname", EKEYREJECTED,
	 "the destination's certificate is for another name",
	 "name it as the certificate does: tls-destination NAME"},
	{"ertificate", EKEYREJECTED, "the hosts do not accept each other's certificates",
	 HINT_TLS},
	{"TLS channel", ECONNRESET,
	 "the TLS connection broke off, as it does when a certificate is refused",
	 "are the certificates of one authority, and the destination's for the name that "
	 "memory is sent to? if not: tls-destination NAME"},
	{"only with VIR_MIGRATE_TLS", EPERM, "this host migrates with TLS only",
	 "leave insecure-plaintext out, or say tls"},

	/* Disks. */
	{"without shared storage is unsafe", EPERM,
	 "a disk of the guest is a local file of the source", HINT_UNSHARED},
	{"may lead to data corruption", EPERM,
	 "a disk of the guest is cached by the source",
	 "give the disk cache='none', or say unsafe if both hosts see the same cache"},
	{"No space left on device", ENOSPC, "a disk at the destination is full",
	 "make room there, or choose another host"},
	{"pre-creation of storage targets for incremental", ENOENT,
	 "a disk's image is missing at the destination",
	 "make it there first, on the same backing file, or say copy-storage all"},
	{"Could not open", 0, "the destination cannot open a file of the guest",
	 "disks, kernel and firmware must be there under the same path; disks can be "
	 "copied with copy-storage"},
	{"no storage pool with matching target path", ENOENT,
	 "a disk's image is missing at the destination",
	 "make it there, or make its folder a storage pool: libvirt then makes the image"},
	{"Cannot access storage file", ENOENT,
	 "a disk's image is missing at the destination",
	 "copy it with copy-storage, or share it between the hosts"},

	/* What the destination is not, or has not. */
	{"is not compatible with host CPU", ENOTSUP, CPU, HINT_CPU},
	{"guest CPU doesn't match", ENOTSUP, CPU, HINT_CPU},
	{"guest and host CPU are not compatible", ENOTSUP, CPU, HINT_CPU},
	{"does not support machine type", ENOTSUP,
	 "the destination's QEMU does not know the guest's machine type",
	 "upgrade QEMU there, or start the guest with an older machine type"},
	{"serfaultfd", ENOTSUP, "the destination's kernel lets QEMU do no post-copy",
	 "there: sysctl vm.unprivileged_userfaultfd=1; or another mode"},
	{"Postcopy is not supported", ENOTSUP,
	 "the destination's kernel lets QEMU do no post-copy",
	 "there: sysctl vm.unprivileged_userfaultfd=1; or another mode"},
	{"MSG_ZEROCOPY", ENOBUFS, "the source may not lock enough memory for zero-copy",
	 "leave zero-copy out, or raise the guest's hard_limit"},
	{"annot limit locked memory", EPERM,
	 "the source's libvirtd may not lock memory for zero-copy",
	 "leave zero-copy out"},
	{"already defined with uuid", EEXIST,
	 "the destination has another guest of this name or identity",
	 "rename or undefine one of them, or choose another host"},
	{"already exists with uuid", EEXIST,
	 "the destination has another guest of this name or identity",
	 "rename or undefine one of them, or choose another host"},
	{"already active", EEXIST, "the destination has a guest of this name or identity",
	 "end that one, or choose another host"},
	{"annot get interface MTU", ENOENT,
	 "a network of the guest is missing at the destination",
	 "make the bridge or network there under the same name"},
	{"network not found", ENOENT,
	 "a network of the guest is missing at the destination",
	 "make the bridge or network there under the same name"},
	{"nother migration job is already running", EBUSY,
	 "another migration of this guest is under way", "wait for its end, or abort it"},
	{"annot acquire state change lock", EBUSY,
	 "another job on this guest is under way", "wait for its end, or abort it"},

	/* The stream was read, and not understood. */
	{"load of migration failed: Invalid argument", 0, NOT_UNDERSTOOD, HINT_SAME},
	{"rror while loading state", 0, NOT_UNDERSTOOD, HINT_SAME},
	{"nknown savevm section", 0, NOT_UNDERSTOOD, HINT_SAME},

	/* libvirtd's own connection, before what QEMU's looks like. */
	{"due to keepalive timeout", ECONNRESET, "a libvirtd no longer answers",
	 HINT_LIBVIRTD},
	{"End of file while reading data", ECONNRESET, "a libvirtd has gone",
	 HINT_LIBVIRTD},
	{"client socket is closed", ECONNRESET, "a libvirtd has gone", HINT_LIBVIRTD},
	{"annot recv data", ECONNRESET, "a libvirtd has gone", HINT_LIBVIRTD},

	/* One failure under many texts. */
	{"onnection refused", ECONNREFUSED, "nobody takes the memory at the destination",
	 HINT_FIREWALL},
	{"onnection timed out", ETIMEDOUT, "the source does not reach the destination",
	 HINT_FIREWALL},
	{"closed the monitor", ECONNRESET, "QEMU ended at one of the hosts", HINT_LOG},
	{"process exited while connecting", ECONNRESET,
	 "the destination's QEMU did not start", HINT_LOG},
	{"ection footer", ECONNRESET, BROKE, HINT_BROKE},
	{"load of migration failed", ECONNRESET, BROKE, HINT_BROKE},
	{"Bad file descriptor", ECONNRESET, BROKE, HINT_BROKE},
	{"hannel error", ECONNRESET, BROKE, HINT_BROKE},
	{"Connection reset", ECONNRESET, BROKE, HINT_BROKE},
	{"Broken pipe", ECONNRESET, BROKE, HINT_BROKE},
	{"nable to write to socket", ECONNRESET, BROKE, HINT_BROKE},
	{"nable to read from socket", ECONNRESET, BROKE, HINT_BROKE},
	{"unexpectedly failed", ECONNRESET, BROKE, HINT_BROKE},
};

int sk_vm_explain(struct sk_err *err, const char *what)
{
	size_t skip = strlen(what);
	struct sk_err old;
	const char *said;

	old = *err;
	said = old.msg;
	if (strncmp(said, what, skip) == 0 && strncmp(said + skip, ": ", 2) == 0)
		said += skip + 2;
	for (size_t i = 0; i < SK_ARRAY_SIZE(texts); i++) {
		int r;

		if (!strstr(said, texts[i].part))
			continue;
		r = sk_err_set(err, texts[i].code ? texts[i].code : old.code,
			       "%s: %s (libvirt: %s)", what, texts[i].text, said);
		return sk_err_hint(err, r, "%s", texts[i].hint);
	}
	return -old.code;
}
