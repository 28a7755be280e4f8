// SPDX-License-Identifier: Apache-2.0
/* decompose - a client's outage cut into its causes; pure arithmetic
 *
 * Theory of operation
 *
 * 1. The outage is walked from its start to its end. A moment (STOP, RESUME, announcement) cuts off
 *    what lies before it; one outside of the outage cuts nothing. So parts cannot overlap.
 * 2. What is left after the announcement is shared out by amount. Where somebody looked at QEMU's
 *    threads, it is known how long they stood in page faults then. Else QEMU tells how long virtual
 *    CPUs did so in the whole post-copy phase: of that the outage gets its share of the pages asked
 *    for, but not more than there is room, and not less than what does not fit into the rest of
 *    the phase.
 * 3. Of the wait for pages as much is "faults" as the pages asked for would cost on an idle link:
 *    each the median response time of the probe before the migration (a round trip through the same
 *    network and emulator) and its own bytes at the bandwidth limit. The rest is "queue".
 * 4. Of what is then left as much is "busy" as the virtual CPU waited for a processor meanwhile.
 *    It cannot do so while it waits for a page.
 * 5. What is left after that, and all that was not known, is "rest".
 */
#include "migrate/measure/decompose.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"

#define DEFAULT_PAGE 4096
#define BLIND_NS     (50 * SK_NS_PER_MS) /* such a wait does not go unseen */

static const char *const names[SK_NR_PARTS] = {
	[SK_PART_BEFORE] = "before", [SK_PART_SETUP] = "setup",
	[SK_PART_STOP] = "stop",     [SK_PART_ANNOUNCE] = "announce",
	[SK_PART_FAULTS] = "faults", [SK_PART_QUEUE] = "queue",
	[SK_PART_BUSY] = "busy",     [SK_PART_REST] = "rest",
};

const char *sk_part_name(enum sk_part part)
{
	return (size_t)part < SK_NR_PARTS ? names[part] : "unknown";
}

/** struct walk - How far the outage has been shared out */
struct walk {
	const struct sk_decompose_input *in;
	struct sk_decomposition *out;
	uint64_t at_ns; /* up to here */
};

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static void __attribute__((format(printf, 4, 5)))
set_part(struct walk *w, enum sk_part part, uint64_t ns, const char *how, ...)
{
	va_list args;

	w->out->part[part].is_known = true;
	w->out->part[part].ns = ns;
	va_start(args, how);
	(void)vsnprintf(w->out->part[part].how, sizeof(w->out->part[part].how), how,
			args);
	va_end(args);
}

static void set_unknown(struct walk *w, enum sk_part part, const char *why)
{
	w->out->part[part].is_known = false;
	(void)snprintf(w->out->part[part].how, sizeof(w->out->part[part].how),
		       "not known: %s", why);
}

/* Go on to a moment, if it lies ahead; returns the time cut off. */
static uint64_t walk_to(struct walk *w, uint64_t mark_ns)
{
	uint64_t to = min_u64(mark_ns, w->out->end_ns), from = w->at_ns;

	w->at_ns = max_u64(from, to);
	return w->at_ns - from;
}

static void cut_before(struct walk *w)
{
	const struct sk_verdict *v = w->in->verdict;
	uint64_t before = 0, setting_up = 0;

	if (!v->has_vcpu) {
		set_unknown(w, SK_PART_BEFORE, "no event tells when the guest stopped");
		set_unknown(w, SK_PART_SETUP, "no event tells when the guest stopped");
		return;
	}
	if (v->setup_ns && v->active_ns > v->setup_ns && v->active_ns <= v->stop_ns) {
		before = walk_to(w, v->setup_ns);
		setting_up = walk_to(w, v->active_ns);
	}
	before += walk_to(w, v->stop_ns);
	set_part(
		w, SK_PART_SETUP, setting_up,
		"QEMU at the source prepared the transfer: from its state setup to active");
	if (w->out->start_ns >= v->stop_ns)
		set_part(w, SK_PART_BEFORE, 0, "the outage began after the stop");
	else
		set_part(w, SK_PART_BEFORE, before,
			 w->out->end_ns <= v->stop_ns
				 ? "all of the outage lies before the stop, while the "
				   "guest ran at the source"
				 : "from the first request that had to wait to STOP at "
				   "the source");
}

static void cut_stop(struct walk *w)
{
	const struct sk_verdict *v = w->in->verdict;
	char reported[80] = "";

	if (!v->has_vcpu) {
		set_unknown(w, SK_PART_STOP,
			    "no event tells when the guest stopped and ran again");
		return;
	}
	if (v->has_reported)
		(void)snprintf(reported, sizeof(reported),
			       "; the hypervisor reports %llu ms of downtime",
			       (unsigned long long)(v->downtime_reported_ns /
						    SK_NS_PER_MS));
	set_part(w, SK_PART_STOP, walk_to(w, v->resume_ns),
		 "from STOP at the source to RESUME at the destination%s", reported);
}

static bool is_of_guest(const struct sk_event *event, const char *macs)
{
	char mac[18];

	(void)snprintf(mac, sizeof(mac), "%.17s", event->detail);
	return !macs || !*macs || (strlen(mac) == sizeof(mac) - 1 && strstr(macs, mac));
}

/* The guest's first: other machines announce themselves, too. 0 when there is none. */
static uint64_t find_announcement(const struct sk_decompose_input *in)
{
	uint64_t from = in->verdict->stop_ns;
	const struct sk_event *event;

	while ((event = sk_timeline_find(in->timeline, SK_EVENT_NOTE, SK_SIDE_CLIENT,
					 SK_ANNOUNCE_EVENT, from))) {
		if (is_of_guest(event, in->announcements->macs))
			return event->real_ns;
		from = event->real_ns + 1;
	}
	return 0;
}

static void cut_announce(struct walk *w)
{
	const struct sk_verdict *v = w->in->verdict;
	uint64_t announced;

	if (!w->in->announcements || !w->in->announcements->is_known) {
		set_unknown(w, SK_PART_ANNOUNCE,
			    w->in->announcements ? w->in->announcements->why
						 : "nobody listened for announcements");
		return;
	}
	if (!v->has_vcpu) {
		set_unknown(w, SK_PART_ANNOUNCE,
			    "no event tells when the guest ran again");
		return;
	}
	if (w->out->end_ns <= v->resume_ns) {
		set_part(w, SK_PART_ANNOUNCE, 0,
			 "the outage was over before the guest ran again");
		return;
	}
	announced = find_announcement(w->in);
	if (!announced || announced > w->out->end_ns) {
		set_unknown(w, SK_PART_ANNOUNCE,
			    "no announcement was seen before the reply");
		return;
	}
	set_part(w, SK_PART_ANNOUNCE, walk_to(w, announced),
		 "from RESUME to the first frame in the client's network that announces "
		 "the new place");
}

/* Pages asked for until a moment, between two statistics by a straight line. */
static double requests_at(struct sk_timeline *timeline, uint64_t real_ns)
{
	double before = 0;
	uint64_t before_ns = 0;
	size_t n;
	const struct sk_job_sample *jobs = sk_timeline_jobs(timeline, &n);

	for (size_t i = 0; i < n; i++) {
		double now = (double)jobs[i].postcopy_requests;

		if (now < before || jobs[i].real_ns < before_ns)
			continue;
		if (jobs[i].real_ns >= real_ns) {
			if (!before_ns || jobs[i].real_ns == before_ns)
				return before;
			return before + (now - before) * (double)(real_ns - before_ns) /
						(double)(jobs[i].real_ns - before_ns);
		}
		before = now;
		before_ns = jobs[i].real_ns;
	}
	return before;
}

static uint64_t page_size(struct sk_timeline *timeline)
{
	size_t n;
	const struct sk_job_sample *jobs = sk_timeline_jobs(timeline, &n);

	for (size_t i = 0; i < n; i++)
		if (jobs[i].page_size)
			return jobs[i].page_size;
	return DEFAULT_PAGE;
}

/** struct fault_wait - The wait for pages within what is left of the outage */
struct fault_wait {
	uint64_t ns;
	uint64_t from_ns,
		to_ns;	  /* what is left of the outage, within the post-copy phase */
	double requests;  /* pages asked for in it */
	double all;	  /* in the whole phase; 0 not known */
	char source[140]; /* where ns is from */
};

static void find_room(const struct walk *w, struct fault_wait *ret)
{
	const struct sk_verdict *v = w->in->verdict;

	*ret = (struct fault_wait){.from_ns = max_u64(w->at_ns, v->resume_ns),
				   .to_ns = min_u64(w->out->end_ns,
						    max_u64(v->completed_ns,
							    v->resume_ns)),
				   .all = (double)v->postcopy_requests};
	if (ret->to_ns > ret->from_ns)
		ret->requests = fmin(requests_at(w->in->timeline, ret->to_ns) -
					     requests_at(w->in->timeline, ret->from_ns),
				     ret->all);
}

/* What QEMU tells of the whole phase, shared out. */
static void share_blocktime(const struct walk *w, struct fault_wait *wait)
{
	const struct sk_verdict *v = w->in->verdict;
	uint64_t total = w->in->blocktime->total_ns, room = wait->to_ns - wait->from_ns;
	uint64_t phase = max_u64(v->completed_ns, v->resume_ns) - v->resume_ns;
	uint64_t high = min_u64(total, room), outside = phase - room;
	uint64_t low = total > outside ? min_u64(total - outside, high) : 0;

	wait->ns = high;
	if (wait->all > 0)
		wait->ns = (uint64_t)((double)total * wait->requests / wait->all);
	wait->ns = min_u64(max_u64(wait->ns, low), high);
	(void)snprintf(
		wait->source, sizeof(wait->source),
		"%.0f of %.0f ms of QEMU's postcopy-blocktime fall into the outage",
		(double)wait->ns / 1e6, (double)total / 1e6);
}

/* What was seen of QEMU's threads; false when QEMU itself tells of waits, and none was seen. */
static bool take_seen(const struct walk *w, struct fault_wait *wait)
{
	const struct sk_fault_waits *seen = w->in->waits;
	const struct sk_blocktime *told = w->in->blocktime;
	char total[60] = "";
	uint64_t vcpu, all;

	if (!seen || !seen->is_known)
		return false;
	all = sk_fault_waits_in(seen, w->in->verdict->resume_ns, UINT64_MAX, &vcpu);
	if (all == 0 && told && told->is_known && told->total_ns > BLIND_NS)
		return false;
	if (told && told->is_known)
		(void)snprintf(total, sizeof(total), "; blocktime of the phase %.0f ms",
			       (double)told->total_ns / 1e6);
	wait->ns = min_u64(sk_fault_waits_in(seen, wait->from_ns, wait->to_ns, &vcpu),
			   wait->to_ns - wait->from_ns);
	(void)snprintf(
		wait->source, sizeof(wait->source),
		"QEMU's threads stood in faults for %.0f ms of the outage, a virtual "
		"CPU for %.0f%s",
		(double)wait->ns / 1e6, (double)vcpu / 1e6, total);
	return true;
}

/* What one page costs on an idle link; NaN without a baseline. */
static double fault_cost_ns(const struct walk *w)
{
	double cost = w->in->verdict->before.p50_us * 1e3;

	if (w->in->bandwidth_bits)
		cost += (double)page_size(w->in->timeline) * 8e9 /
			(double)w->in->bandwidth_bits;
	return cost;
}

static void cut_queue(struct walk *w, const struct fault_wait *wait)
{
	double cost = fault_cost_ns(w);
	uint64_t faults;

	if (!isfinite(cost) || wait->all <= 0) {
		set_part(w, SK_PART_FAULTS, wait->ns, "%s", wait->source);
		set_unknown(w, SK_PART_QUEUE,
			    wait->all <= 0
				    ? "the number of pages asked for is not known"
				    : "no reply before the migration shows what a page "
				      "costs on an idle link");
		return;
	}
	faults = (uint64_t)fmin(wait->requests * cost, (double)wait->ns);
	set_part(w, SK_PART_FAULTS, faults,
		 "%s; on an idle link %.0f of %.0f pages cost %.2f ms each", wait->source,
		 wait->requests, wait->all, cost / 1e6);
	set_part(
		w, SK_PART_QUEUE, wait->ns - faults,
		"the rest of that wait: pages asked for stood behind the stream of others");
}

static void set_no_wait(struct walk *w, const char *how)
{
	set_part(w, SK_PART_FAULTS, 0, "%s", how);
	set_part(w, SK_PART_QUEUE, 0, "%s", how);
}

/* Returns how much of what is left they take. */
static uint64_t cut_faults(struct walk *w)
{
	const struct sk_blocktime *told = w->in->blocktime;
	struct fault_wait wait;

	if (!w->in->verdict->postcopy_ns || !w->in->verdict->has_vcpu) {
		set_no_wait(w, "no post-copy phase: all memory was there");
		return 0;
	}
	find_room(w, &wait);
	if (wait.to_ns <= wait.from_ns) {
		set_no_wait(w, "the outage has no time in the post-copy phase");
		return 0;
	}
	if (!take_seen(w, &wait)) {
		if (!told || !told->is_known) {
			const char *why =
				told ? told->why : "nobody asked the destination";

			set_unknown(w, SK_PART_FAULTS, why);
			set_unknown(w, SK_PART_QUEUE, why);
			return 0;
		}
		share_blocktime(w, &wait);
	}
	cut_queue(w, &wait);
	return wait.ns;
}

/* Returns how much of what is left it takes. */
static uint64_t cut_busy(struct walk *w, uint64_t left, uint64_t *ret_ran)
{
	const struct sk_fault_waits *seen = w->in->waits;
	uint64_t waited = 0;

	*ret_ran = 0;
	if (w->at_ns >= w->out->end_ns) {
		set_part(w, SK_PART_BUSY, 0,
			 "the outage was over before the guest ran again");
		return 0;
	}
	if (!seen || !seen->is_known) {
		set_unknown(w, SK_PART_BUSY,
			    seen ? seen->why : "nobody looked at the threads of QEMU");
		return 0;
	}
	if (!w->in->verdict->has_vcpu ||
	    !sk_fault_waits_cpu(seen, w->at_ns, w->out->end_ns, ret_ran, &waited)) {
		set_unknown(w, SK_PART_BUSY,
			    "the virtual CPU was not looked at all the time");
		return 0;
	}
	set_part(
		w, SK_PART_BUSY, min_u64(waited, left),
		"the virtual CPU was ready for %.0f ms and had no processor: the machine was "
		"busy with something else",
		(double)waited / 1e6);
	return w->out->part[SK_PART_BUSY].ns;
}

static void cut_rest(struct walk *w, uint64_t left, uint64_t ran)
{
	if (ran)
		set_part(
			w, SK_PART_REST, left,
			"none of the others; since it was let run the virtual CPU computed "
			"for %.0f ms",
			(double)ran / 1e6);
	else
		set_part(w, SK_PART_REST, left, "none of the others");
}

void sk_decompose(const struct sk_decompose_input *input, struct sk_decomposition *ret)
{
	const struct sk_verdict *v = input->verdict;
	struct walk w = {.in = input, .out = ret, .at_ns = v->outage_start_ns};
	uint64_t left, ran;

	*ret = (struct sk_decomposition){.is_known = v->has_client};
	if (!v->has_client)
		return;
	ret->start_ns = v->outage_start_ns;
	ret->end_ns = v->outage_start_ns + v->downtime_client_ns;
	cut_before(&w);
	cut_stop(&w);
	cut_announce(&w);
	left = ret->end_ns - w.at_ns;
	left -= cut_faults(&w);
	left -= cut_busy(&w, left, &ran);
	cut_rest(&w, left, ran);
}

struct sk_json *sk_decomposition_json(const struct sk_decomposition *decomposition)
{
	struct sk_json *array;

	if (!decomposition->is_known)
		return NULL;
	array = sk_json_new_array();
	for (size_t i = 0; i < SK_NR_PARTS; i++) {
		struct sk_json *one = sk_json_add(array, sk_json_new_object());

		sk_json_set_str(one, "part", names[i]);
		(void)sk_json_set(one, "ms",
				  decomposition->part[i].is_known
					  ? sk_json_new_double(
						    (double)decomposition->part[i].ns /
						    1e6)
					  : NULL);
		sk_json_set_str(one, "how", decomposition->part[i].how);
	}
	return array;
}

const struct sk_json *sk_part_find(const struct sk_json *run, const char *part)
{
	const struct sk_json *array = sk_json_get(run, "decomposition");

	for (size_t i = 0; i < sk_json_len(array); i++) {
		const struct sk_json *one = sk_json_at(array, i);

		if (strcmp(sk_json_str(sk_json_get(one, "part"), ""), part) == 0)
			return one;
	}
	return NULL;
}

double sk_part_ms(const struct sk_json *run, const char *part)
{
	return sk_json_double(sk_json_get(sk_part_find(run, part), "ms"), NAN);
}
