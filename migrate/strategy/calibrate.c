// SPDX-License-Identifier: Apache-2.0
/* calibrate - what the model needs to know of a pair of hosts, learnt from every migration between them */
#include "migrate/strategy/calibrate.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>

#include "lib/fs.h"
#include "lib/stats.h"
#include "lib/str.h"

#define DIR	     "calibration"
#define VERSION	     2 /* 1 did not know links and caps: its runs are of another link */
#define UNKNOWN_LINK "?"
#define LIKE	     1.5 /* a factor that still makes a value like another */
#define OWN_LOW                                                                          \
	20e6 /* of QEMU's resident memory: its own, and the guest's pages of zeros */
#define OWN_MID	  90e6
#define OWN_HIGH  160e6
#define NEWEST	  9 /* runs that a median is taken of: hosts change */

#define AT(field) offsetof(struct sk_calibration_run, field)

/** struct field - A number of a run and its name in the file */
struct field {
	const char *key;
	size_t offset;
};

#define FIELD(member)                                                                    \
	{                                                                                \
#member, offsetof(struct sk_calibration_run, member)                     \
	}

static const struct field fields[] = {
	FIELD(cap_bps), FIELD(link_bps),  FIELD(floor_s),
	FIELD(extra_s), FIELD(network_s), FIELD(wait),
	FIELD(nonzero), FIELD(tail),	  FIELD(resident),
};

static double *member(struct sk_calibration_run *run, size_t offset)
{
	return (double *)(void *)((char *)run + offset);
}

static double value_of(const struct sk_calibration_run *run, size_t offset)
{
	return *(const double *)(const void *)((const char *)run + offset);
}

/* Names come from other machines, and become a file's: letters, digits, dots, dashes. */
static void make_key(const char *host, const char *other, char *ret, size_t size)
{
	bool is_first = strcmp(host, other) <= 0;

	(void)snprintf(ret, size, "%.60s--%.60s.json", is_first ? host : other,
		       is_first ? other : host);
	for (char *c = ret; *c; c++)
		if (!isalnum((unsigned char)*c) && *c != '.' && *c != '-')
			*c = '_';
	if (ret[0] == '.')
		ret[0] = '_';
}

static void load_run(const struct sk_json *json, struct sk_calibration *ret)
{
	struct sk_calibration_run run = {.cap_bps = NAN};

	if (sk_mode_parse(sk_json_str(sk_json_get(json, "mode"), ""), &run.mode, NULL) <
		    0 ||
	    run.mode >= SK_MODEL_MODES)
		return;
	(void)snprintf(run.guest, sizeof(run.guest), "%s",
		       sk_json_str(sk_json_get(json, "guest"), ""));
	(void)snprintf(run.link, sizeof(run.link), "%s",
		       sk_json_str(sk_json_get(json, "link"), UNKNOWN_LINK));
	for (size_t i = 0; i < SK_ARRAY_SIZE(fields); i++)
		*member(&run, fields[i].offset) =
			sk_json_double(sk_json_get(json, fields[i].key), NAN);
	sk_calibration_add(ret, &run);
}

int sk_calibration_load(int root_fd, const char *host, const char *other,
			struct sk_calibration *ret, struct sk_err *err)
{
	sk_auto(sk_json_free) struct sk_json *json = NULL;
	sk_autofree char *path = NULL;
	const struct sk_json *runs;
	int64_t version;
	int r;

	*ret = (struct sk_calibration){.nr = 0};
	if (root_fd < 0)
		return 0;
	make_key(host, other, ret->key, sizeof(ret->key));
	path = sk_strf(DIR "/%s", ret->key);
	if (!path)
		return sk_err_oom(err);
	if (!sk_fs_exists(root_fd, path))
		return 0;
	r = sk_json_load(root_fd, path, &json, err);
	if (r < 0)
		return r;
	version = sk_json_int(sk_json_get(json, "version"), 0);
	if (version < 1 || version > VERSION)
		return sk_err_set(err, EINVAL, "'%s' is of another version", path);
	runs = sk_json_get(json, "runs");
	for (size_t i = 0; i < sk_json_len(runs); i++)
		load_run(sk_json_at(runs, i), ret);
	return 0;
}

void sk_calibration_add(struct sk_calibration *calibration,
			const struct sk_calibration_run *run)
{
	if (calibration->nr == SK_CALIBRATION_RUNS) {
		memmove(calibration->runs, calibration->runs + 1,
			sizeof(*run) * (SK_CALIBRATION_RUNS - 1));
		calibration->nr--;
	}
	calibration->runs[calibration->nr++] = *run;
}

static struct sk_json *run_json(const struct sk_calibration_run *run)
{
	struct sk_json *json = sk_json_new_object();

	sk_json_set_str(json, "mode", sk_mode_name(run->mode));
	sk_json_set_str(json, "guest", run->guest);
	sk_json_set_str(json, "link", run->link);
	for (size_t i = 0; i < SK_ARRAY_SIZE(fields); i++) {
		double value = value_of(run, fields[i].offset);

		if (isfinite(value))
			sk_json_set_double(json, fields[i].key, value);
	}
	return json;
}

int sk_calibration_save(int root_fd, const struct sk_calibration *calibration,
			struct sk_err *err)
{
	sk_auto(sk_json_free) struct sk_json *json = NULL;
	sk_autofree char *text = NULL;
	sk_autoclose int dir = -1;
	struct sk_json *runs;

	if (root_fd < 0 || !calibration->key[0])
		return 0;
	json = sk_json_new_object();
	sk_json_set_int(json, "version", VERSION);
	runs = sk_json_set(json, "runs", sk_json_new_array());
	for (size_t i = 0; i < calibration->nr; i++)
		(void)sk_json_add(runs, run_json(&calibration->runs[i]));
	text = sk_json_print(json, true);
	if (!text)
		return sk_err_oom(err);
	dir = sk_fs_open_dir(root_fd, DIR, 0755, err);
	if (dir < 0)
		return dir;
	return sk_fs_replace(dir, calibration->key, text, strlen(text), 0644, err);
}

/** struct coming - The migration that runs are compared with */
struct coming {
	enum sk_mode mode;
	const char *link;
	double cap_bps; /* 0 none */
};

/** struct wanted - Which runs count */
struct wanted {
	unsigned int modes;	     /* bits of enum sk_mode */
	const char *guest, *link;    /* NULL: any */
	double nonzero;		     /* V0 within a factor of 1.5; 0 any */
	const struct coming *coming; /* NULL: however unlike they are to it */
	unsigned int unlike;	     /* else exactly so */
};

#define BIT(mode)   (1u << (mode))
#define UNLIKE_CAP  1u /* twice that where only one of both has one */
#define UNLIKE_MODE 3u
#define UNLIKE_LINK 6u
#define UNLIKE_MOST (UNLIKE_LINK + UNLIKE_MODE + 2 * UNLIKE_CAP)

static bool is_like(double value, double other)
{
	return value <= LIKE * other && other <= LIKE * value;
}

static unsigned int unlike_cap(double cap, double coming)
{
	if (!(cap >= 0) || (cap > 0) != (coming > 0))
		return 2 * UNLIKE_CAP;
	return is_like(cap, coming) ? 0 : UNLIKE_CAP;
}

/* The link says more than the mode, the mode more than the cap. */
static unsigned int unlike(const struct sk_calibration_run *run,
			   const struct coming *coming)
{
	return unlike_cap(run->cap_bps, coming->cap_bps) +
	       (run->mode != coming->mode ? UNLIKE_MODE : 0) +
	       (strcmp(run->link, coming->link) != 0 ? UNLIKE_LINK : 0);
}

static bool is_wanted(const struct sk_calibration_run *run, const struct wanted *want)
{
	if (!(want->modes & BIT(run->mode)))
		return false;
	if (want->guest && strcmp(want->guest, run->guest) != 0)
		return false;
	if (want->link && strcmp(want->link, run->link) != 0)
		return false;
	if (want->nonzero > 0 && !is_like(run->nonzero, want->nonzero))
		return false;
	return !want->coming || unlike(run, want->coming) == want->unlike;
}

/* Where values come in clusters the median of the densest one is what comes next most likely: that of
 * most values within a factor of 1.5. In a capped post-copy the destination may need pages for the guest's
 * devices, which QEMU does not send before its next window of 100 ms once the cap of one is used up. Of
 * clusters as dense the guess votes for its own. */
static double densest(const double *sorted, size_t n, double guess)
{
	size_t first = 0, most = 0, best = 0;

	for (size_t i = 0; i < n; i++) {
		size_t j = i, votes;

		while (j < n && sorted[j] <= LIKE * sorted[i])
			j++;
		votes = 2 * (j - i) + is_like(guess, sorted[i]);
		if (votes > best) {
			best = votes;
			most = j - i;
			first = i;
		}
	}
	return sk_stats_quantile(sorted + first, most, 0.5);
}

/* The middle of the newest, and how far they spread: the fewer, the farther. @ret is the guess before, and
 * without any. */
static bool middle(const struct sk_calibration *calibration, const struct wanted *want,
		   size_t offset, struct sk_range *ret)
{
	double values[NEWEST], slack;
	size_t n = 0;

	for (size_t i = calibration->nr; i-- > 0 && n < NEWEST;) {
		double value = value_of(&calibration->runs[i], offset);

		if (isfinite(value) && is_wanted(&calibration->runs[i], want))
			values[n++] = value;
	}
	if (n == 0)
		return false;
	sk_stats_sort(values, n);
	ret->mid = values[0] > 0 ? densest(values, n, ret->mid)
				 : sk_stats_quantile(values, n, 0.5);
	slack = fabs(ret->mid) * 0.5 / (double)n;
	/* One run in ten, or the only odd one, is no bound. */
	ret->low = fmin(sk_stats_quantile(values, n, 0.1), ret->mid) - slack;
	ret->high = fmax(sk_stats_quantile(values, n, 0.9), ret->mid) + slack;
	return true;
}

static struct sk_range hull(struct sk_range range, const struct sk_range *other)
{
	range.low = fmin(range.low, other->low);
	range.high = fmax(range.high, other->high);
	return range;
}

/* The middle of those most like what comes: how unlike it they are, or more than the most. */
static unsigned int nearest(const struct sk_calibration *calibration, struct wanted want,
			    size_t offset, struct sk_range *ret)
{
	for (want.unlike = 0; want.unlike <= UNLIKE_MOST; want.unlike++)
		if (middle(calibration, &want, offset, ret))
			break;
	return want.unlike;
}

/* What is known of other links alone bounds nothing. */
static struct sk_range learn(const struct sk_calibration *calibration,
			     const struct coming *coming, size_t offset,
			     const struct sk_range *guess)
{
	static const unsigned int like[SK_MODEL_MODES] = {
		[SK_MODE_PRE_COPY] = BIT(SK_MODE_PRE_COPY),
		[SK_MODE_STOP_AND_COPY] = BIT(SK_MODE_STOP_AND_COPY),
		[SK_MODE_POST_COPY] = BIT(SK_MODE_POST_COPY) | BIT(SK_MODE_HYBRID),
		[SK_MODE_HYBRID] = BIT(SK_MODE_POST_COPY) | BIT(SK_MODE_HYBRID),
	};
	const struct wanted want = {.modes = like[coming->mode], .coming = coming};
	struct sk_range range = *guess;

	return nearest(calibration, want, offset, &range) < UNLIKE_LINK
		       ? range
		       : hull(range, guess);
}

/** struct guess - Where nothing is known */
struct guess {
	struct sk_range floor_s, extra_s, network_s, wait;
};

static const struct guess guesses[SK_MODEL_MODES] = {
	[SK_MODE_PRE_COPY] = {{0.003, 0.01, 0.15},
			      {0, 0.05, 0.5},
			      {0.002, 0.03, 0.2},
			      {0, 0, 0}},
	[SK_MODE_STOP_AND_COPY] = {{0.01, 0.08, 0.3},
				   {0, 0.05, 0.5},
				   {0.002, 0.03, 0.2},
				   {0, 0, 0}},
	[SK_MODE_POST_COPY] = {{0.005, 0.03, 0.15},
			       {0, 0.05, 0.5},
			       {0.002, 0.03, 0.2},
			       {0.05, 0.5, 1}},
	[SK_MODE_HYBRID] = {{0.005, 0.03, 0.15},
			    {0, 0.05, 0.5},
			    {0.002, 0.03, 0.2},
			    {0.02, 0.3, 1}},
};
/* Of a post-copy whose stream a cap or a link holds back, which the guest's devices need pages of. */
static const struct sk_range held_back_guess = {0.005, 0.1, 0.35};
static const struct sk_range link_guess = {100e6, 300e6, 1.2e9};

/* Where nobody shaped it the stream is as fast as both hosts are, which is so over any link; how fast a
 * shaped one is tells nothing of others. */
static struct sk_range learn_link(const struct sk_calibration *calibration,
				  unsigned int modes, const char *name, double cap_bps)
{
	struct wanted want = {.modes = modes, .link = name};
	struct sk_range link = link_guess;

	if (!middle(calibration, &want, AT(link_bps), &link)) {
		want.link = "";
		if (middle(calibration, &want, AT(link_bps), &link))
			link = hull(link, &link_guess);
	}
	link.low = fmax(link.low, link.mid / 4);
	/* A link that carried the cap is at least that fast. */
	if (cap_bps > 0 && calibration->nr > 0 && link.mid < cap_bps)
		link = (struct sk_range){link.low, cap_bps, fmax(link.high, 2 * cap_bps)};
	return link;
}

double sk_calibration_cap(const struct sk_model_input *in, enum sk_mode mode)
{
	bool is_post = mode == SK_MODE_POST_COPY || mode == SK_MODE_HYBRID;

	return is_post && in->postcopy_cap_bps > 0 ? in->postcopy_cap_bps : in->cap_bps;
}

static const struct sk_range *floor_guess(const struct coming *coming)
{
	bool is_post =
		coming->mode == SK_MODE_POST_COPY || coming->mode == SK_MODE_HYBRID;

	return is_post && (coming->cap_bps > 0 || coming->link[0])
		       ? &held_back_guess
		       : &guesses[coming->mode].floor_s;
}

/* Where the memory ends is the guest's, but how much of that is left when the first pass ends is the
 * link's, too. */
static struct sk_range learn_tail(const struct sk_calibration *calibration,
				  const char *guest, const char *link,
				  const struct sk_model_input *in)
{
	const struct coming coming = {SK_MODE_PRE_COPY, link, in->cap_bps};
	struct wanted want = {.modes = BIT(SK_MODE_PRE_COPY),
			      .guest = guest,
			      .nonzero = in->nonzero.mid,
			      .coming = &coming};
	struct sk_range tail = {0, in->nonzero.mid * 0.05, in->nonzero.high};

	if (nearest(calibration, want, AT(tail), &tail) > UNLIKE_MOST) {
		want.nonzero = 0;
		(void)nearest(calibration, want, AT(tail), &tail);
	}
	tail.low = fmax(0, tail.low);
	return tail;
}

void sk_calibration_apply(const struct sk_calibration *calibration, const char *guest,
			  const char *link, struct sk_model_input *in)
{
	const unsigned int pre = BIT(SK_MODE_PRE_COPY) | BIT(SK_MODE_STOP_AND_COPY),
			   post = BIT(SK_MODE_POST_COPY) | BIT(SK_MODE_HYBRID);

	in->link_bps = learn_link(calibration, pre, link, in->cap_bps);
	in->postcopy_link_bps = learn_link(calibration, post, link,
					   sk_calibration_cap(in, SK_MODE_POST_COPY));
	in->tail = learn_tail(calibration, guest, link, in);
	for (int mode = 0; mode < SK_MODEL_MODES; mode++) {
		const struct guess *g = &guesses[mode];
		const struct coming c = {(enum sk_mode)mode, link,
					 sk_calibration_cap(in, (enum sk_mode)mode)};

		in->mode[mode] = (struct sk_model_mode){
			.floor_s = learn(calibration, &c, AT(floor_s), floor_guess(&c)),
			.extra_s = learn(calibration, &c, AT(extra_s), &g->extra_s),
			.network_s = learn(calibration, &c, AT(network_s), &g->network_s),
			.wait = learn(calibration, &c, AT(wait), &g->wait),
		};
		in->mode[mode].wait.low = fmax(0, in->mode[mode].wait.low);
	}
}

size_t sk_calibration_nr(const struct sk_calibration *calibration, enum sk_mode mode,
			 const char *link)
{
	size_t n = 0;

	for (size_t i = 0; i < calibration->nr; i++)
		n += calibration->runs[i].mode == mode &&
		     strcmp(calibration->runs[i].link, link) == 0;
	return n;
}

static struct sk_range within(struct sk_range range, double most)
{
	const double least = fmin(most, 1 << 20);

	return (struct sk_range){fmin(fmax(range.low, least), most),
				 fmin(fmax(range.mid, least), most),
				 fmin(fmax(range.high, least), most)};
}

/* The run before which QEMU was most like it is now: resident memory holds pages of zeros and QEMU's
 * own, less of both once the guest has moved. */
static const struct sk_calibration_run *most_like(
	const struct sk_calibration *calibration, const char *guest, double resident)
{
	const struct sk_calibration_run *best = NULL;

	for (size_t i = calibration->nr; i-- > 0;) {
		const struct sk_calibration_run *run = &calibration->runs[i];

		if (strcmp(run->guest, guest) != 0 || !isfinite(run->nonzero) ||
		    !isfinite(run->resident))
			continue;
		if (!best ||
		    fabs(run->resident - resident) < fabs(best->resident - resident))
			best = run;
	}
	return best;
}

const char *sk_calibration_nonzero(const struct sk_calibration *calibration,
				   const char *guest, double resident,
				   double memory_bytes, struct sk_range *ret)
{
	const struct sk_calibration_run *like = most_like(calibration, guest, resident);
	double more, slack, guess;

	if (resident <= 0) {
		*ret = (struct sk_range){memory_bytes * 0.1, memory_bytes * 0.6,
					 memory_bytes};
		return "a guess: nothing is known of the guest's memory";
	}
	if (!like) {
		*ret = within((struct sk_range){resident - OWN_HIGH, resident - OWN_MID,
						resident - OWN_LOW},
			      memory_bytes);
		return "resident memory of QEMU less a guess of what is its own";
	}
	/* Less than then is QEMU's own, which does not come along; guests seldom give memory back. */
	more = resident - like->resident;
	slack = fabs(more) + 0.05 * like->nonzero;
	guess = fmin(like->nonzero + fmax(more, 0), resident - OWN_LOW);
	*ret = within((struct sk_range){guess - slack, guess, guess + slack},
		      memory_bytes);
	return "pages that were not zero in an earlier run, and what QEMU's memory grew by";
}
