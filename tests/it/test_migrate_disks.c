// SPDX-License-Identifier: Apache-2.0
/* test_migrate_disks - a disk that only the source has: refused, or copied with the guest */
#include <fcntl.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "tests/it/lab.h"

/* A domain that stays in its firmware, with a disk of 8 MiB. */
static const char create[] =
	"mkdir -p /srv/disks\n"
	"head -c 8M /dev/urandom > /srv/disks/d1.raw\n"
	"cat > /tmp/d1.xml <<EOF\n"
	"<domain type='qemu'><name>d1</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>\n"
	"<os><type arch='x86_64' machine='pc'>hvm</type></os>\n"
	"<devices><controller type='usb' model='none'/><memballoon model='none'/>\n"
	"<video><model type='none'/></video>\n"
	"<disk type='file' device='disk'><driver name='qemu' type='raw'/>\n"
	"<source file='/srv/disks/d1.raw'/><target dev='vda' bus='virtio'/></disk>\n"
	"</devices></domain>\n"
	"EOF\n"
	"virsh create /tmp/d1.xml\n";
static const char make_pool[] = "mkdir -p /srv/disks\n"
				"virsh pool-create-as p dir --target /srv/disks\n";

static void dry_run(struct it *it, int status, const struct it_lab_host *from,
		    const struct it_lab_host *to, const char *copy)
{
	it_expect(it, status, "migrate", "d1", "--from", from->uri, "--to", to->uri,
		  "--insecure-plaintext", "--dry-run", copy);
}

static void migrate(struct it *it, int status, const struct it_lab_host *from,
		    const struct it_lab_host *to, const char *copy)
{
	sk_autofree char *dir = sk_strf("%s/results", it->dir);

	it_expect(it, status, "migrate", "d1", "--from", from->uri, "--to", to->uri,
		  "--insecure-plaintext", "--dir", dir, "--format",
		  "{{.transfer.copy_storage}}", copy);
	assert_int_equal(sk_fs_remove_tree(AT_FDCWD, dir, NULL), 0);
}

static char *sum_of(struct it *it, const char *host)
{
	it_lab_sh(it, host, "sha256sum < /srv/disks/d1.raw");
	return strdup(it->out);
}

static void test_a_local_disk_is_refused_or_copied(void **state)
{
	struct it *it = *state;
	sk_autofree char *before = NULL, *after = NULL;
	struct it_lab_host a, b;

	it_need_root(it);
	it_lab_up(it);
	it_lab_host(it, "a", &a);
	it_lab_host(it, "b", &b);
	it_lab_sh(it, "a", create);

	/* Nothing is known of the path at b: libvirt looks when it starts. */
	dry_run(it, 0, &a, &b, "--no-cpu-check");
	it_assert_has(it->out, "vda: must be shared, libvirt looks when it starts");
	migrate(it, 1, &a, &b, "--no-cpu-check");
	it_assert_has(it->err, "guest 'd1' still runs at the source");
	it_assert_has(it->err, "a disk of the guest is a local file of the source");
	it_assert_has(it->err, "hint: copy the disks with copy-storage all");
	migrate(it, 1, &a, &b, "--copy-storage=all");
	it_assert_has(it->err, "a disk's image is missing at the destination");

	/* A pool tells what is there, and how much room. */
	it_lab_sh(it, "b", make_pool);
	dry_run(it, 1, &a, &b, "--no-cpu-check");
	it_assert_has(it->err, "disk 'vda': '/srv/disks/d1.raw' is missing");
	dry_run(it, 1, &a, &b, "--copy-storage=incremental");
	it_assert_has(it->err, "is missing at the destination");
	it_lab_sh(it, "b", "mount -t tmpfs -o size=4m small /srv/disks");
	dry_run(it, 1, &a, &b, "--copy-storage=all");
	it_assert_has(it->err,
		      "disk 'vda' holds 8 MiB, the destination has room for 4 MiB");
	it_lab_sh(it, "b", "umount /srv/disks\ntruncate -s 4M /srv/disks/d1.raw");
	dry_run(it, 1, &a, &b, "--copy-storage=all");
	it_assert_has(it->err, "at the destination only 4 MiB");
	it_lab_sh(it, "b", "rm /srv/disks/d1.raw");

	before = sum_of(it, "a");
	migrate(it, 0, &a, &b, "--copy-storage=all");
	assert_string_equal(it->out, "all\n");
	it_lab_sh(it, "b", "virsh domstate d1");
	it_assert_has(it->out, "running");
	after = sum_of(it, "b");
	assert_string_equal(before, after);
	it_expect(it, 0, "lab", "down");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT_TEST(test_a_local_disk_is_refused_or_copied),
	};

	return it_run_group(tests);
}
