// SPDX-License-Identifier: Apache-2.0
/* preflight_disks - whether the guest's disks are, or can be copied to, where they are needed
 *
 * What libvirt can tell from afar: of the source each disk's size, of the destination what is
 * in its storage pools. A path that is in no pool of the destination is not known: libvirtd
 * itself looks at it when the job starts, before the guest notices anything. So does the
 * source's whether a disk is on a file system that only it has.
 */
#include <inttypes.h>
#include <string.h>

#include "lib/parse.h"
#include "lib/str.h"
#include "migrate/vm/preflight.h"
#include "migrate/vm/xml_read.h"

/** struct place - What the destination has at a disk's path */
struct place {
	enum { UNKNOWN, THERE, MISSING } is;
	uint64_t size_bytes; /* THERE: of the image */
	uint64_t free_bytes; /* MISSING: in the pool that it would be made in */
};

static void look_for_volume(virConnectPtr conn, const char *path, struct place *ret)
{
	virStorageVolPtr vol = virStorageVolLookupByPath(conn, path);
	virStorageVolInfo info;

	if (!vol)
		return;
	/* One that a pool still lists may be gone. */
	if (virStorageVolGetInfo(vol, &info) == 0) {
		ret->is = THERE;
		ret->size_bytes = info.capacity;
	}
	(void)virStorageVolFree(vol);
}

static void look(virConnectPtr conn, const char *path, struct place *ret)
{
	sk_autofree char *folder = strdup(path);
	char *slash = folder ? strrchr(folder, '/') : NULL;
	virStoragePoolPtr pool = NULL;
	virStoragePoolInfo info;

	*ret = (struct place){.is = UNKNOWN};
	look_for_volume(conn, path, ret);
	if (ret->is == THERE || !slash || slash == folder)
		return;
	*slash = '\0';
	pool = virStoragePoolLookupByTargetPath(conn, folder);
	if (!pool)
		return;
	/* A pool's list is as old as its last refresh. */
	(void)virStoragePoolRefresh(pool, 0);
	look_for_volume(conn, path, ret);
	if (ret->is != THERE && virStoragePoolGetInfo(pool, &info) == 0) {
		ret->is = MISSING;
		ret->free_bytes = info.available;
	}
	(void)virStoragePoolFree(pool);
}

/* One that the guest may write to and that is a file or device here. */
static int check_copied(struct sk_vm_inspection *in, const struct sk_vm_disk *disk,
			const struct place *there, struct sk_str *found,
			struct sk_err *err)
{
	bool is_incremental =
		in->job->transfer.copy_storage == SK_COPY_STORAGE_INCREMENTAL;
	char need[SK_FORMAT_SIZE], has[SK_FORMAT_SIZE];
	virDomainBlockInfo info = {0};

	if (virDomainGetBlockInfo(in->domain, disk->target, &info, 0) < 0)
		return sk_vm_error(err, "size of disk '%s'", disk->target);
	(void)sk_format_size(info.capacity, need);
	if (there->is == THERE && there->size_bytes && there->size_bytes < info.capacity)
		return sk_err_set(
			err, ENOSPC,
			"disk '%s' has %s, the image '%s' at the destination only %s",
			disk->target, need, disk->path,
			sk_format_size(there->size_bytes, has));
	if (there->is == MISSING && is_incremental) {
		int r = sk_err_set(err, ENOENT,
				   "disk '%s': '%s' is missing at the destination",
				   disk->target, disk->path);

		return sk_err_hint(
			err, r,
			"make it there on the same backing file, or say copy-storage all");
	}
	if (there->is == MISSING && there->free_bytes < info.allocation) {
		(void)sk_format_size(info.allocation, need);
		return sk_err_set(
			err, ENOSPC,
			"disk '%s' holds %s, the destination has room for %s only",
			disk->target, need, sk_format_size(there->free_bytes, has));
	}
	sk_str_addf(found, "%s%s: %s is copied%s", found->len ? "; " : "", disk->target,
		    need,
		    there->is == UNKNOWN ? ", must be there unless libvirt can make it"
					 : "");
	return 0;
}

static int check_present(const struct sk_vm_disk *disk, const struct place *there,
			 struct sk_str *found, struct sk_err *err)
{
	int r;

	if (there->is == MISSING) {
		r = sk_err_set(err, ENOENT,
			       "disk '%s': '%s' is missing at the destination",
			       disk->target, disk->path);
		return sk_err_hint(err, r,
				   "share it between the hosts, or say copy-storage all");
	}
	sk_str_addf(found, "%s%s: %s", found->len ? "; " : "", disk->target,
		    there->is == THERE ? "there"
				       : "must be shared, libvirt looks when it starts");
	return 0;
}

static int check_disk(struct sk_vm_inspection *in, const struct sk_vm_disk *disk,
		      struct sk_str *found, struct sk_err *err)
{
	struct place there;

	if (disk->is_empty)
		return 0;
	if (disk->is_network || !disk->path) {
		sk_str_addf(found, "%s%s: by network", found->len ? "; " : "",
			    disk->target);
		return 0;
	}
	look(sk_vm_peer(in, SK_SIDE_DESTINATION), disk->path, &there);
	if (in->job->transfer.copy_storage != SK_COPY_STORAGE_NONE &&
	    !disk->is_readonly && !disk->is_shareable)
		return check_copied(in, disk, &there, found, err);
	return check_present(disk, &there, found, err);
}

int sk_vm_check_disks(struct sk_vm_inspection *in, struct sk_err *err)
{
	sk_auto(sk_vm_disks_finish) struct sk_vm_disks disks = {.nr = 0};
	sk_auto(sk_str_finish) struct sk_str found = SK_STR_INIT;
	int r = sk_vm_disks_read(in->xml, &disks, err);

	for (size_t i = 0; i < disks.nr && r == 0; i++)
		r = check_disk(in, &disks.disk[i], &found, err);
	if (r == 0 && found.failed)
		r = sk_err_oom(err);
	if (r == 0)
		sk_vm_found(in, "%s", found.len ? found.ptr : "none");
	return r;
}
