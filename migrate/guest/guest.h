/* SPDX-License-Identifier: Apache-2.0 */
/* guest - the lab's tiny VM: what runs in it, what it boots from, how to talk to it
 *
 * Its kernel is Debian's cloud kernel, its initramfs holds skiff-guest (static) and the
 * virtio modules. Kernel command line: skiff.ip=10.77.0.10/24 skiff.gw=10.77.0.1
 * skiff.ws=BYTES skiff.rate=PAGES_PER_S skiff.static=BYTES (default 16 MiB)
 * skiff.server=SETTINGS (as for sk_server_parse())
 * console=ttyS0 quiet panic=-1 mitigations=off. When it serves it prints one line on the
 * console, "skiff-guest: echo on ..."; when it cannot, the reason, and switches itself off.
 *
 * Ports: 7007, UDP, TCP and HTTP: the service (see server.h), UDP 7008 control (text).
 */
#ifndef SK_GUEST_H
#define SK_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/home.h"
#include "migrate/guest/server.h"

#define SK_GUEST_ECHO_PORT    7007
#define SK_GUEST_CONTROL_PORT 7008
#define SK_GUEST_MAGIC	      0x42504b53u /* "SKPB" */

/** struct sk_echo - Packet of the echo service, little endian; the guest fills tick and returns the rest as it came */
struct sk_echo {
	uint32_t magic;
	uint32_t run; /* of the probe: stray packets of an earlier one are ignored */
	uint64_t seq;
	uint64_t intended_ns;
	uint64_t
		tick; /* in requests sk_echo_arg(); guest: ticks of 1 ms of its life, never decreases */
} __attribute__((packed));

/* In place of the tick: the service has no room for this request. */
#define SK_ECHO_REFUSED UINT64_MAX
/** sk_echo_arg() - What a request says in place of the tick: urgency 0 (first) to 7, and its object */
static inline uint64_t sk_echo_arg(unsigned int urgency, uint64_t object)
{
	return object << 3 | ((urgency ^ 3) & 7); /* 0: urgency 3, object 0 */
}
/** sk_echo_urgency() - Urgency of a sk_echo_arg() */
static inline unsigned int sk_echo_urgency(uint64_t arg)
{
	return (unsigned int)(arg & 7) ^ 3;
}
/** sk_echo_object() - Object of a sk_echo_arg() */
static inline uint64_t sk_echo_object(uint64_t arg)
{
	return arg >> 3;
}

/** struct sk_guest_images - What a guest boots from */
struct sk_guest_images {
	char *kernel, *initramfs, *kernel_version; /* absolute paths */
};
/**
 * sk_guest_prepare() - Find or make kernel and initramfs, cached below HOME->root/guest/
 *
 * Kernel: /boot/vmlinuz-*-cloud-amd64 with its modules when installed, else the package is fetched
 * (apt-get download) and unpacked (dpkg-deb -x) into the cache. The initramfs is rebuilt when
 * skiff-guest or the kernel changed. Concurrent callers wait for each other.
 * Return: 0; -ENOENT with what to install or run
 */
int sk_guest_prepare(const struct sk_home *home, struct sk_guest_images *ret,
		     struct sk_err *err);
/** sk_guest_images_finish() - Release the paths */
void sk_guest_images_finish(struct sk_guest_images *images);
SK_DEFINE_AUTO_FINISH(struct sk_guest_images, sk_guest_images_finish)

/** struct sk_guest_status - Answer of the control port */
struct sk_guest_status {
	uint64_t tick, working_set_bytes, pages_per_s, static_bytes, pages_written;
	uint64_t static_sum; /* checksum over the static region */
	uint64_t
		corrupt_pages; /* pages of the written region that do not hold what was written there */
};
/**
 * sk_guest_status() - Ask a guest; repeats the request until it answers
 * @host:	Address, or ADDRESS:PORT where the control service has another port
 * @netns_fd:	Ask from this network namespace (borrowed); -1 the caller's
 *
 * Return: 0; -ETIMEDOUT; -EINVAL with what the guest said; other -errno. @ret is untouched on failure
 */
int sk_guest_status(const char *host, int netns_fd, unsigned int timeout_ms,
		    struct sk_guest_status *ret, struct sk_err *err);
/** sk_guest_checksum() - The same, with the checksums computed now (takes a moment: memory is read) */
int sk_guest_checksum(const char *host, int netns_fd, unsigned int timeout_ms,
		      struct sk_guest_status *ret, struct sk_err *err);
/** struct sk_guest_service - What its service did */
struct sk_guest_service {
	enum sk_server_model model;
	struct sk_server_stats stats;
};
/** sk_guest_service() - Ask for that; @reset begins anew with the figures of parallelism */
int sk_guest_service(const char *host, int netns_fd, unsigned int timeout_ms, bool reset,
		     struct sk_guest_service *ret, struct sk_err *err);
/** struct sk_guest_clock - CLOCK_REALTIME in ns: ours when asking and answered, the guest's in between */
struct sk_guest_clock {
	uint64_t asked_ns, received_ns, sent_ns, answered_ns;
};
/** sk_guest_clock() - One exchange; offset.h makes an offset of several */
int sk_guest_clock(const char *host, int netns_fd, unsigned int timeout_ms,
		   struct sk_guest_clock *ret, struct sk_err *err);
/** sk_guest_load() - Set working set and write rate; 0 pages/s stops writing */
int sk_guest_load(const char *host, int netns_fd, uint64_t working_set_bytes,
		  uint64_t pages_per_s, struct sk_err *err);

#endif
