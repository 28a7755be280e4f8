// SPDX-License-Identifier: Apache-2.0
/* What a lab does now: asked of its slice, its libvirtd and its guest, not of its record alone */
#include <string.h>

#include "lib/fs.h"
#include "lib/str.h"
#include "migrate/lab/lab.h"
#include "migrate/vm/vm.h"

#define ANSWER_MS 500

static void add_guest(struct sk_json *guests, struct sk_lab *lab, const char *host,
		      const struct sk_json *found, int netns)
{
	struct sk_json *guest = sk_json_add(guests, sk_json_new_object());
	const char *name = sk_json_str(sk_json_get(found, "name"), "");
	struct sk_guest_status status;

	sk_json_set_str(guest, "name", name);
	sk_json_set_str(guest, "host", host);
	sk_json_set_str(guest, "state", sk_json_str(sk_json_get(found, "state"), NULL));
	if (strcmp(name, SK_LAB_GUEST) != 0)
		return;
	sk_json_set_str(guest, "address", SK_LAB_GUEST_IP);
	sk_json_set_uint(guest, "memory_bytes",
			 (uint64_t)sk_json_int(sk_json_path(lab->record,
							    "guest.memory_bytes"),
					       0));
	/* A second copy that stands still has the same address: it is not the one that answers. */
	if (netns < 0 ||
	    strcmp(sk_json_str(sk_json_get(found, "state"), ""), "running") != 0 ||
	    sk_guest_status(SK_LAB_GUEST_IP, netns, ANSWER_MS, &status, NULL) < 0) {
		sk_json_set_bool(guest, "answering", false);
		return;
	}
	sk_json_set_bool(guest, "answering", true);
	sk_json_set_uint(guest, "tick", status.tick);
	sk_json_set_uint(guest, "working_set_bytes", status.working_set_bytes);
	sk_json_set_uint(guest, "pages_per_s", status.pages_per_s);
}

static void add_host(struct sk_json *hosts, struct sk_json *guests, struct sk_lab *lab,
		     const struct sk_json *known, int netns)
{
	struct sk_json *host = sk_json_add(hosts, sk_json_new_object()), *names;
	const char *name = sk_json_str(sk_json_get(known, "name"), "");
	sk_auto(sk_json_free) struct sk_json *found = NULL;
	sk_auto(sk_vm_host_free) struct sk_vm_host *conn = NULL;
	struct sk_err err = SK_ERR_INIT;
	sk_autofree char *uri = NULL;
	pid_t pid;

	sk_json_set_str(host, "name", name);
	sk_json_set_str(host, "address",
			sk_json_str(sk_json_get(known, "address"), NULL));
	names = sk_json_set(host, "guests", sk_json_new_array());
	if (sk_slice_node_pid(lab->home, lab->slice, name, &pid, &err) < 0 ||
	    sk_lab_host_uri(lab, name, &uri, &err) < 0 ||
	    sk_vm_host_open(uri, &conn, &err) < 0 ||
	    sk_vm_host_list(conn, &found, &err) < 0) {
		sk_json_set_str(host, "status", "down");
		sk_json_set_str(host, "why", err.msg);
		return;
	}
	sk_json_set_str(host, "status", "up");
	sk_json_set_int(host, "pid", pid);
	sk_json_set_str(host, "uri", uri);
	for (size_t i = 0; i < sk_json_len(found); i++) {
		struct sk_json *one = sk_json_at(found, i);

		(void)sk_json_add(names, sk_json_ref(sk_json_get(one, "name")));
		add_guest(guests, lab, name, one, netns);
	}
}

static bool has_guest(const struct sk_json *guests)
{
	for (size_t i = 0; i < sk_json_len(guests); i++)
		if (strcmp(sk_json_str(sk_json_path(sk_json_at(guests, i), "name"), ""),
			   SK_LAB_GUEST) == 0)
			return true;
	return false;
}

static const char *status_of(const struct sk_lab *lab, const struct sk_json *hosts,
			     const struct sk_json *guests)
{
	const char *recorded = sk_json_str(sk_json_get(lab->record, "status"), "");

	if (strcmp(recorded, "up") != 0)
		return sk_lab_is_busy(lab->home, lab->name) ? "starting" : "broken";
	for (size_t i = 0; i < sk_json_len(hosts); i++)
		if (strcmp(sk_json_str(sk_json_path(sk_json_at(hosts, i), "status"), ""),
			   "up") != 0)
			return "broken";
	return has_guest(guests) ? "up" : "broken";
}

int sk_lab_status(const struct sk_home *home, const char *name, struct sk_json **ret,
		  struct sk_err *err)
{
	sk_auto(sk_lab_finish) struct sk_lab lab = {.labs_fd = -1, .lock_fd = -1};
	struct sk_json *object, *hosts, *guests, *client, *known;
	sk_autoclose int netns = -1;
	int r;

	r = sk_lab_open(home, name, false, &lab, err);
	if (r == 0)
		r = sk_lab_need(&lab, err);
	if (r < 0)
		return r;
	netns = sk_slice_open_netns(home, lab.slice, SK_LAB_CLIENT, NULL);
	object = sk_json_new_object();
	sk_json_set_str(object, "name", lab.name);
	sk_json_set_str(object, "slice", lab.slice);
	for (const char *const *key =
		     (const char *const[]){"accelerator", "accelerator_why", NULL};
	     *key; key++)
		sk_json_set_str(object, *key,
				sk_json_str(sk_json_get(lab.record, *key), NULL));
	if (sk_json_get(lab.record, "link"))
		(void)sk_json_set(object, "link",
				  sk_json_ref(sk_json_get(lab.record, "link")));
	hosts = sk_json_set(object, "hosts", sk_json_new_array());
	guests = sk_json_set(object, "guests", sk_json_new_array());
	known = sk_json_get(lab.record, "hosts");
	for (size_t i = 0; i < sk_json_len(known); i++)
		add_host(hosts, guests, &lab, sk_json_at(known, i), netns);
	client = sk_json_set(object, "client", sk_json_new_object());
	sk_json_set_str(client, "name", SK_LAB_CLIENT);
	sk_json_set_str(client, "address", SK_LAB_CLIENT_IP);
	sk_json_set_str(object, "status", status_of(&lab, hosts, guests));
	*ret = object;
	return 0;
}

/* One whose record is damaged does not hide the others. */
static void add_lab(struct sk_json *array, const struct sk_home *home, const char *name)
{
	sk_auto(sk_json_free) struct sk_json *status = NULL;
	struct sk_err why = SK_ERR_INIT;
	struct sk_json *one, *guests;
	int r = sk_lab_status(home, name, &status, &why);

	if (r == -ENOENT) /* went away meanwhile */
		return;
	one = sk_json_add(array, sk_json_new_object());
	sk_json_set_str(one, "name", name);
	if (r < 0) {
		sk_json_set_str(one, "status", "broken");
		sk_json_set_str(one, "why", why.msg);
		return;
	}
	sk_json_set_uint(one, "hosts", sk_json_len(sk_json_get(status, "hosts")));
	guests = sk_json_get(status, "guests");
	sk_json_set_uint(one, "guests", sk_json_len(guests));
	sk_json_set_str(one, "accelerator",
			sk_json_str(sk_json_get(status, "accelerator"), NULL));
	sk_json_set_str(one, "status", sk_json_str(sk_json_get(status, "status"), NULL));
}

int sk_lab_list(const struct sk_home *home, struct sk_json **ret, struct sk_err *err)
{
	sk_auto(sk_json_free) struct sk_json *array = sk_json_new_array();
	sk_auto(sk_strv_free) char **files = NULL;
	int r = sk_fs_list(home->root_fd, "labs", &files);

	if (r < 0 && r != -ENOENT)
		return sk_err_code(err, r, "list the labs");
	for (char **file = files; file && *file; file++) {
		sk_autofree char *name = NULL;

		if (!sk_str_ends(*file, ".json"))
			continue;
		name = strndup(*file, strlen(*file) - strlen(".json"));
		if (!name)
			return sk_err_oom(err);
		add_lab(array, home, name);
	}
	*ret = sk_steal(&array);
	return 0;
}
