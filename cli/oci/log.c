// SPDX-License-Identifier: Apache-2.0
/* log - where --log wants errors and warnings to go: a file, the journal, syslog
 *
 * "FILE" or "file:FILE", "journald:TAG", "syslog:TAG", as crun takes them. Errors are printed
 * on stderr as well; warnings only without --log.
 */
#include "cli/oci/log.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fs.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/str.h"

#define JOURNAL	    "/run/systemd/journal/socket"
#define DEFAULT_TAG "skiff-oci"

/* What the callback of lib/log.h, which has no argument, works with. */
static const struct sk_oci_globals *target;

static const char *level_name(enum sk_log_level level)
{
	static const char *const names[] = {
		[SK_LOG_ERROR] = "error",
		[SK_LOG_WARN] = "warning",
		[SK_LOG_INFO] = "info",
		[SK_LOG_DEBUG] = "debug",
	};

	return names[level];
}

static int priority(enum sk_log_level level)
{
	static const int priorities[] = {
		[SK_LOG_ERROR] = LOG_ERR,
		[SK_LOG_WARN] = LOG_WARNING,
		[SK_LOG_INFO] = LOG_INFO,
		[SK_LOG_DEBUG] = LOG_DEBUG,
	};

	return priorities[level];
}

/* The text is quoted as JSON quotes, so that a line stays a line. */
static char *format_line(enum sk_log_level level, const char *text)
{
	bool is_json = sk_str_equal(target->log_format, "json");
	sk_auto(sk_json_free) struct sk_json *value =
		is_json ? sk_json_new_object() : sk_json_new_str(text);
	sk_autofree char *printed = NULL;
	char now[SK_CLOCK_TEXT_SIZE];

	(void)sk_clock_format(sk_clock_real(), now);
	if (is_json) {
		sk_json_set_str(value, "level", level_name(level));
		sk_json_set_str(value, "msg", text);
		sk_json_set_str(value, "time", now);
	}
	printed = sk_json_print(value, false);
	if (!printed)
		return NULL;
	return is_json ? sk_strf("%s\n", printed)
		       : sk_strf("time=\"%s\" level=%s msg=%s\n", now, level_name(level),
				 printed);
}

static void to_file(const char *path, enum sk_log_level level, const char *text)
{
	sk_autofree char *line = format_line(level, text);
	sk_autoclose int fd =
		open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY | O_CLOEXEC, 0644);

	if (line && fd >= 0)
		(void)sk_fs_write_all(fd, line, strlen(line));
}

/* Source: systemd's "Native Journal Protocol". A newline would end the field. */
static void to_journal(const char *tag, enum sk_log_level level, const char *text)
{
	const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = JOURNAL};
	sk_autofree char *line =
		sk_strf("PRIORITY=%d\nSYSLOG_IDENTIFIER=%s\nMESSAGE=%s\n",
			priority(level), *tag ? tag : DEFAULT_TAG, text);
	sk_autoclose int sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	for (char *c = line ? strstr(line, "MESSAGE=") : NULL; c && c[1]; c++)
		if (*c == '\n')
			*c = ' ';
	if (line && sock >= 0)
		(void)sendto(sock, line, strlen(line), MSG_NOSIGNAL | MSG_DONTWAIT,
			     (const struct sockaddr *)&address, sizeof(address));
}

static void write_entry(enum sk_log_level level, const char *text)
{
	const char *rest;

	if ((rest = sk_str_starts(target->log, "journald:"))) {
		to_journal(rest, level, text);
	} else if ((rest = sk_str_starts(target->log, "syslog:"))) {
		openlog(*rest ? rest : DEFAULT_TAG, LOG_PID, LOG_DAEMON);
		syslog(priority(level), "%s", text);
		closelog();
	} else {
		rest = sk_str_starts(target->log, "file:");
		to_file(rest ? rest : target->log, level, text);
	}
}

/* The names of runc's, crun's and youki's levels. */
static void set_level(const char *name)
{
	static const struct {
		const char *name;
		enum sk_log_level level;
	} levels[] = {{"panic", SK_LOG_ERROR},	{"fatal", SK_LOG_ERROR},
		      {"error", SK_LOG_ERROR},	{"warn", SK_LOG_WARN},
		      {"warning", SK_LOG_WARN}, {"info", SK_LOG_INFO},
		      {"debug", SK_LOG_DEBUG},	{"trace", SK_LOG_DEBUG}};

	for (size_t i = 0; i < SK_ARRAY_SIZE(levels); i++)
		if (sk_str_equal(name, levels[i].name))
			sk_log_set_level(levels[i].level);
}

void sk_oci_log_init(const struct sk_oci_globals *globals)
{
	target = globals;
	if (globals->log_level && !globals->common.debug)
		set_level(globals->log_level);
	if (globals->log)
		sk_log_set_writer(write_entry);
}

void sk_oci_log_error(const struct sk_cmd_globals *globals, const struct sk_err *err)
{
	target = (const struct sk_oci_globals *)globals;
	if (target->log)
		write_entry(SK_LOG_ERROR, err->msg);
}
