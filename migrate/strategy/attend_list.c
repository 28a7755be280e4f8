// SPDX-License-Identifier: Apache-2.0
/* List of the migrations that are under way: those of the records, and what a source tells of others */
#include <string.h>

#include "lib/str.h"
#include "migrate/strategy/finding.h"

static const char *led_by(const struct sk_finding *f)
{
	if (f->is_led)
		return "skiff";
	return f->is_known && f->fate == SK_JOB_GOES_ON ? "hosts" : "nobody";
}

/** struct listing - One call of sk_migration_list() */
struct listing {
	struct sk_json *array;
	const struct sk_migration_which *which;
	char **recorded; /* guests that are listed, of this source */
};

static void set_job(struct sk_json *one, const struct sk_vm_look *look)
{
	(void)sk_json_set(one, "remaining_bytes",
			  look->has_job ? sk_json_new_uint(look->job.memory_remaining)
					: NULL);
	(void)sk_json_set(one, "total_bytes",
			  look->has_job ? sk_json_new_uint(look->job.memory_total)
					: NULL);
}

static int visit_list(struct sk_finding *f, void *arg, struct sk_err *err)
{
	static const char *const keys[] = {"guest", "lab", "mode", "phase", "started"};
	struct listing *listing = arg;
	struct sk_json *one = sk_json_add(listing->array, sk_json_new_object());
	sk_autofree char *text = NULL;

	sk_finding_look(f);
	text = sk_finding_tell(f);
	if (!text || sk_strv_add(&listing->recorded, sk_finding_text(f, "guest")) < 0)
		return sk_err_oom(err);
	for (size_t i = 0; i < SK_ARRAY_SIZE(keys); i++)
		(void)sk_json_set(one, keys[i],
				  sk_json_ref(sk_json_get(f->record.json, keys[i])));
	sk_json_set_str(one, "from", sk_finding_text(f, "from_name"));
	sk_json_set_str(one, "to", sk_finding_text(f, "to_name"));
	sk_json_set_str(one, "led_by", led_by(f));
	(void)sk_json_set(one, "pid",
			  f->is_led ? sk_json_ref(sk_json_get(f->record.json, "pid"))
				    : NULL);
	set_job(one, &f->here);
	sk_json_set_str(one, "text", text);
	return 0;
}

/* Started by somebody else: only the source can tell of it. */
static void list_foreign(struct listing *listing, const char *guest,
			 const struct sk_vm_look *look)
{
	static const char *const unknown[] = {"lab", "to", "mode", "started", "pid"};
	struct sk_json *one = sk_json_add(listing->array, sk_json_new_object());
	const char *from = listing->which->from;
	sk_autofree char *text =
		sk_strf("guest '%s' moves from '%s', started by others", guest, from);

	sk_json_set_str(one, "guest", guest);
	sk_json_set_str(one, "from", from);
	for (size_t i = 0; i < SK_ARRAY_SIZE(unknown); i++)
		(void)sk_json_set(one, unknown[i], NULL);
	sk_json_set_str(one, "phase", look->is_postcopy ? "post-copy" : "running");
	sk_json_set_str(one, "led_by", "others");
	set_job(one, look);
	sk_json_set_str(one, "text", text);
}

static bool is_listed(const struct listing *listing, const char *guest)
{
	for (char **one = listing->recorded; one && *one; one++)
		if (strcmp(*one, guest) == 0)
			return true;
	return false;
}

static int ask_source(struct listing *listing, struct sk_err *err)
{
	const struct sk_migration_which *which = listing->which;
	sk_auto(sk_vm_host_free) struct sk_vm_host *host = NULL;
	sk_auto(sk_json_free) struct sk_json *guests = NULL;
	int r = sk_vm_host_open(which->from, &host, err);

	if (r == 0)
		r = sk_vm_host_list(host, &guests, err);
	for (size_t i = 0; r == 0 && i < sk_json_len(guests); i++) {
		const char *guest =
			sk_json_str(sk_json_get(sk_json_at(guests, i), "name"), "");
		struct sk_vm_look look;

		if ((which->guest && strcmp(which->guest, guest) != 0) ||
		    is_listed(listing, guest))
			continue;
		r = sk_vm_host_look(host, guest, &look, err);
		if (r == 0 && look.has_job)
			list_foreign(listing, guest, &look);
	}
	return r;
}

int sk_migration_list(const struct sk_home *home, const struct sk_migration_which *which,
		      struct sk_json **ret, struct sk_err *err)
{
	sk_auto(sk_json_free) struct sk_json *array = sk_json_new_array();
	struct listing listing = {.array = array, .which = which};
	int r = array ? sk_findings_each(home, which, visit_list, &listing, err)
		      : sk_err_oom(err);

	if (r == 0 && sk_jobs_is_at_uri(which))
		r = ask_source(&listing, err);
	sk_strv_free(listing.recorded);
	if (r == 0)
		*ret = sk_steal(&array);
	return r;
}
