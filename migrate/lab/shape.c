// SPDX-License-Identifier: Apache-2.0
/* shape - rate, delay and loss of what leaves a network device, by tc in its namespace
 *
 * Theory of operation
 *
 * 1. A host's only way to the others is its eth0. What leaves it is shaped: the stream of a
 *    migration at the source, and what its guests answer, which shares the link with the stream.
 *    So both directions between two hosts have the rate and the delay, each once.
 * 2. netem comes first, as only it may hold packets out of order, and the token bucket below it.
 *    The bucket's queue is short: a link that buffers 10 ms of traffic, not a second.
 * 3. The client's own cable is not shaped: requests come undelayed, answers pass a host's eth0.
 */
#include "migrate/lab/shape.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/parse.h"
#include "lib/proc.h"
#include "lib/str.h"
#include "migrate/lab/lab.h"

#define TIMEOUT_MS  10000
#define MIN_BURST   16384 /* more than the largest packet */
#define BURST_PER_S 500	  /* what the bucket holds: the rate of 2 ms */
#define QUEUE	    "10ms"
#define PACKETS	    "10000" /* that may be under way in netem */
#define PPM	    1000000
#define LINK	    "eth0"
#define MIN_RATE    64000
#define MAX_RATE                                                                         \
	1000000000000 /* the queue of more does not fit the 32 bits that tc has */
#define MAX_LATENCY_NS (10 * SK_NS_PER_S)

int sk_lab_loss_parse(const char *text, uint64_t *ret_ppm, struct sk_err *err)
{
	sk_autofree char *number = strdup(text);
	size_t len = strlen(text);
	double percent;
	int r;

	if (!number)
		return sk_err_oom(err);
	if (len == 0 || text[len - 1] != '%') {
		r = sk_err_set(err, EINVAL, "'%s' is no share", text);
		return sk_err_hint(err, r, "write it with a percent sign: 0.5%%");
	}
	number[len - 1] = '\0';
	r = sk_parse_double(number, 0, 100, &percent, err);
	if (r == 0)
		*ret_ppm = (uint64_t)(percent * PPM / 100 + 0.5);
	return r;
}

/* Runs `tc qdisc ...` in a namespace that the caller has open; the words have no spaces. */
__attribute__((format(printf, 3, 4))) static int run_tc(int netns_fd, struct sk_err *err,
							const char *fmt, ...)
{
	sk_autofree char *words = NULL;
	sk_autofree char *line = NULL;
	sk_auto(sk_strv_free) char **argv = NULL;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vasprintf(&words, fmt, args);
	va_end(args);
	if (n < 0) {
		words = NULL;
		return sk_err_oom(err);
	}
	line = sk_strf("nsenter --net=/proc/%d/fd/%d -- tc qdisc %s", getpid(), netns_fd,
		       words);
	argv = line ? sk_strv_split(line, ' ') : NULL;
	if (!argv)
		return sk_err_oom(err);
	return sk_proc_capture((const char *const *)argv, TIMEOUT_MS, NULL, NULL, err);
}

static bool wants_netem(const struct sk_lab_shape *shape)
{
	return shape->latency_ns > 0 || shape->loss_ppm > 0;
}

static int need_tc(struct sk_err *err)
{
	sk_autofree char *tc = NULL;

	if (sk_proc_find("tc", &tc) == 0)
		return 0;
	return sk_err_hint(err,
			   sk_err_set(err, ENOENT, "the program 'tc' is not installed"),
			   "apt-get install iproute2");
}

static int explain_netem(struct sk_err *err)
{
	if (err)
		err->code = ENOTSUP;
	(void)sk_err_wrap(err, -ENOTSUP,
			  "delay and loss of links need netem, which this kernel lacks");
	return sk_err_hint(err, -ENOTSUP,
			   "modprobe sch_netem, or a kernel with CONFIG_NET_SCH_NETEM; a "
			   "rate alone needs none");
}

int sk_shape_apply(int netns_fd, const char *device, const struct sk_lab_shape *shape,
		   struct sk_err *err)
{
	bool has_netem = wants_netem(shape);
	uint64_t burst = shape->rate_bits / 8 / BURST_PER_S;
	int r = need_tc(err);

	if (r < 0)
		return r;
	/* Refused where nothing was shaped. */
	(void)run_tc(netns_fd, NULL, "del dev %s root", device);
	if (has_netem) {
		r = run_tc(netns_fd, err,
			   "add dev %s root handle 1: netem limit " PACKETS
			   " delay %" PRIu64 "us loss %.4f%%",
			   device, shape->latency_ns / 1000,
			   (double)shape->loss_ppm * 100 / PPM);
		if (r < 0)
			return explain_netem(err);
	}
	if (shape->rate_bits > 0)
		r = run_tc(netns_fd, err,
			   "add dev %s %s handle 10: tbf rate %" PRIu64
			   "bit burst %" PRIu64 " latency " QUEUE,
			   device, has_netem ? "parent 1:1" : "root", shape->rate_bits,
			   burst > MIN_BURST ? burst : MIN_BURST);
	return r < 0 ? sk_err_wrap(err, r, "shape '%s'", device) : 0;
}

/* What tc would refuse, or make something else of, after the old shape has gone. */
static int check_range(const struct sk_lab_shape *shape, struct sk_err *err)
{
	if (shape->rate_bits > 0 &&
	    (shape->rate_bits < MIN_RATE || shape->rate_bits > MAX_RATE))
		return sk_err_set(err, ERANGE,
				  "the rate of a link is 64 kbit/s to 1 Tbit/s");
	if (shape->latency_ns > MAX_LATENCY_NS)
		return sk_err_set(err, ERANGE, "the latency of a link is at most 10 s");
	if (shape->loss_ppm > PPM / 2)
		return sk_err_set(err, ERANGE, "a link loses at most 50 %% of packets");
	return 0;
}

int sk_lab_shape_check(const struct sk_lab_shape *shape, struct sk_err *err)
{
	static const char *const argv[] = {"unshare", "--net", "tc",  "qdisc",
					   "add",     "dev",   "lo",  "root",
					   "netem",   "delay", "1ms", NULL};
	int r = check_range(shape, err);

	if (r < 0 || !wants_netem(shape))
		return r;
	r = need_tc(err);
	if (r < 0)
		return r;
	r = sk_proc_capture(argv, TIMEOUT_MS, NULL, NULL, err);
	return r < 0 ? explain_netem(err) : 0;
}

static int shape_host(const struct sk_lab *lab, const char *host,
		      const struct sk_lab_shape *shape, struct sk_err *err)
{
	sk_autoclose int netns = sk_slice_open_netns(lab->home, lab->slice, host, err);

	if (netns < 0)
		return netns;
	return sk_shape_apply(netns, LINK, shape, err);
}

static int shape_all(const struct sk_lab *lab, const struct sk_lab_shape *shape,
		     struct sk_err *err)
{
	struct sk_json *hosts = sk_json_get(lab->record, "hosts");

	for (size_t i = 0; i < sk_json_len(hosts); i++) {
		const char *host =
			sk_json_str(sk_json_path(sk_json_at(hosts, i), "name"), "");
		int r = shape_host(lab, host, shape, err);

		if (r < 0)
			return sk_err_wrap(err, r, "link of host '%s' of lab '%s'", host,
					   lab->name);
	}
	return 0;
}

/* What the record says that links are; nothing of it in a lab whose links were left alone. */
static struct sk_lab_shape recorded(const struct sk_lab *lab)
{
	const struct sk_json *link = sk_json_get(lab->record, "link");

	return (struct sk_lab_shape){
		.rate_bits = (uint64_t)sk_json_int(sk_json_get(link, "rate_bits"), 0),
		.latency_ns = (uint64_t)sk_json_int(sk_json_get(link, "latency_ns"), 0),
		.loss_ppm = (uint64_t)sk_json_int(sk_json_get(link, "loss_ppm"), 0)};
}

static void describe(struct sk_lab *lab, const struct sk_lab_shape *shape)
{
	struct sk_json *link = sk_json_new_object();

	sk_json_set_uint(link, "rate_bits", shape->rate_bits);
	sk_json_set_uint(link, "latency_ns", shape->latency_ns);
	sk_json_set_uint(link, "loss_ppm", shape->loss_ppm);
	(void)sk_json_set(lab->record, "link", link);
}

int sk_lab_shape(const struct sk_home *home, const char *name,
		 const struct sk_lab_shape *shape, struct sk_err *err)
{
	sk_auto(sk_lab_finish) struct sk_lab lab = {.labs_fd = -1, .lock_fd = -1};
	struct sk_lab_shape old;
	int r;

	r = sk_lab_open(home, name, true, &lab, err);
	if (r == 0)
		r = sk_lab_need(&lab, err);
	if (r == 0)
		r = sk_lab_shape_check(shape, err);
	if (r < 0)
		return r;
	old = recorded(&lab);
	r = shape_all(&lab, shape, err);
	if (r < 0) {
		/* All hosts have one shape, that of the record. */
		(void)shape_all(&lab, &old, NULL);
		return r;
	}
	describe(&lab, shape);
	return sk_lab_save(&lab, err);
}
