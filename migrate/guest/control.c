// SPDX-License-Identifier: Apache-2.0
/* control - the guest's side of the control port */
#include "migrate/guest/control.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/parse.h"
#include "lib/str.h"

static void reply_status(struct sk_control *control, const char *id, char *reply)
{
	struct sk_memory_state s;

	sk_memory_get(control->memory, &s);
	(void)snprintf(reply, SK_CONTROL_SIZE,
		       SK_CONTROL_PREFIX "%s ok tick=%" PRIu64 " ws=%" PRIu64
					 " rate=%" PRIu64 " static=%" PRIu64
					 " written=%" PRIu64 " sum=%" PRIu64
					 " corrupt=%" PRIu64,
		       id, sk_server_tick(control->server), s.working_set_bytes,
		       s.pages_per_s, s.static_bytes, s.pages_written, s.static_sum,
		       s.corrupt_pages);
}

static int set_load(struct sk_control *control, const char *bytes, const char *rate,
		    struct sk_err *err)
{
	uint64_t working_set = 0, pages = 0;
	int r;

	if (!bytes || !rate)
		return sk_err_set(err, EINVAL, "load needs bytes and pages per second");
	r = sk_parse_u64(bytes, 0, UINT64_MAX, &working_set, err);
	if (r == 0)
		r = sk_parse_u64(rate, 0, 100000000, &pages, err);
	return r < 0 ? r : sk_memory_load(control->memory, working_set, pages, err);
}

static int reply_service(struct sk_control *control, const char *id, const char *word,
			 char *reply, struct sk_err *err)
{
	bool reset = word && strcmp(word, "reset") == 0;
	struct sk_server_stats s;

	if (word && !reset)
		return sk_err_set(err, EINVAL, "service takes nothing but reset");
	sk_server_stats(control->server, reset, &s);
	(void)snprintf(reply, SK_CONTROL_SIZE,
		       SK_CONTROL_PREFIX "%s ok model=%u served=%" PRIu64
					 " refused=%" PRIu64 " active=%" PRIu64
					 " cpu=%" PRIu64 " tlp=%" PRIu64 " peak=%" PRIu64,
		       id, (unsigned int)sk_server_opts(control->server)->model, s.served,
		       s.refused, s.active_ns, s.cpu_ns, s.tlp_milli, s.peak_threads);
	return 0;
}

static int reply_clock(const struct sk_control *control, const char *id, char *reply)
{
	(void)snprintf(reply, SK_CONTROL_SIZE,
		       SK_CONTROL_PREFIX "%s ok received=%" PRIu64 " sent=%" PRIu64, id,
		       control->received_ns, sk_clock_real());
	return 0;
}

int sk_control_answer(struct sk_control *control, char *request,
		      char reply[SK_CONTROL_SIZE])
{
	const char *id, *verb, *first, *second;
	struct sk_err err = SK_ERR_INIT;
	char *rest = NULL;
	int r = 0;

	if (!sk_str_starts(request, SK_CONTROL_PREFIX))
		return -EPROTO;
	id = strtok_r(request + strlen(SK_CONTROL_PREFIX), " \n", &rest);
	verb = strtok_r(NULL, " \n", &rest);
	first = strtok_r(NULL, " \n", &rest);
	second = strtok_r(NULL, " \n", &rest);
	if (!id || !verb || strlen(id) >= sizeof(control->last_id))
		return -EPROTO;
	if (strcmp(verb, "service") == 0)
		r = reply_service(control, id, first, reply, &err);
	else if (strcmp(verb, "clock") == 0)
		r = reply_clock(control, id, reply);
	else if (strcmp(verb, "checksum") == 0)
		sk_memory_check(control->memory);
	else if (strcmp(verb, "load") == 0)
		r = set_load(control, first, second, &err);
	else if (strcmp(verb, "status") != 0)
		r = sk_err_set(&err, EINVAL, "unknown command '%.20s'", verb);
	if (r < 0)
		(void)snprintf(reply, SK_CONTROL_SIZE,
			       SK_CONTROL_PREFIX "%s error %.400s", id, err.msg);
	else if (strcmp(verb, "service") != 0 && strcmp(verb, "clock") != 0)
		reply_status(control, id, reply);
	(void)snprintf(control->last_id, sizeof(control->last_id), "%s", id);
	return 0;
}

static bool is_repeat(const struct sk_control *control, const char *request,
		      const struct sockaddr_storage *peer)
{
	const char *id = sk_str_starts(request, SK_CONTROL_PREFIX);
	size_t len = strlen(control->last_id);

	return id && len && strncmp(id, control->last_id, len) == 0 && id[len] == ' ' &&
	       memcmp(peer, &control->last_peer, sizeof(*peer)) == 0;
}

void sk_control_run(struct sk_control *control)
{
	char request[SK_CONTROL_SIZE];

	while (!atomic_load(&control->is_stopping)) {
		struct sockaddr_storage peer = {0};
		socklen_t peer_len = sizeof(peer);
		ssize_t n = recvfrom(control->sock, request, sizeof(request) - 1, 0,
				     (struct sockaddr *)&peer, &peer_len);

		control->received_ns = sk_clock_real();
		if (n <= 0)
			continue;
		request[n] = '\0';
		if (!is_repeat(control, request, &peer)) {
			if (sk_control_answer(control, request, control->last_reply) < 0)
				continue;
			control->last_peer = peer;
		}
		(void)sendto(control->sock, control->last_reply,
			     strlen(control->last_reply), 0, (struct sockaddr *)&peer,
			     peer_len);
	}
}
