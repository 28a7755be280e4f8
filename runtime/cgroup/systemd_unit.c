// SPDX-License-Identifier: Apache-2.0
/* systemd_unit - names and properties of scopes, as systemd wants them; pure */
#include "runtime/cgroup/systemd.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "lib/parse.h"
#include "lib/str.h"

#define UNIT_CHARS    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@"
#define MAX_UNIT      255
#define NO_LIMIT      UINT64_MAX
#define V1_NO_LIMIT   (1ull << 62)
#define MAX_CPU	      8191
#define US_PER_S      1000000ull
#define QUOTA_STEP_US 10000ull /* systemd counts in hundredths of a CPU */

void sk_systemd_free(struct sk_systemd *systemd)
{
	if (!systemd)
		return;
	sk_systemd_settle(systemd);
	free(systemd->unit);
	free(systemd->slice);
	sk_strv_free(systemd->properties);
	free(systemd);
}

/* "a-b.slice" lies in "a.slice". */
char *sk_systemd_slice_path(const char *slice)
{
	size_t len = strlen(slice);
	sk_autofree char *path = strdup("");

	if (!path || !sk_str_ends(slice, ".slice") || strchr(slice, '/'))
		return NULL;
	if (strcmp(slice, "-.slice") == 0)
		return sk_steal(&path);
	len -= strlen(".slice");
	if (!len || slice[0] == '-' || slice[len - 1] == '-' || strstr(slice, "--"))
		return NULL;
	for (size_t i = 1; i <= len; i++) {
		char *longer;

		if (i < len && slice[i] != '-')
			continue;
		longer = sk_strf("%s/%.*s.slice", path, (int)i, slice);
		free(path);
		path = longer;
		if (!path)
			return NULL;
	}
	return sk_steal(&path);
}

static bool is_unit(const char *name)
{
	return *name && strlen(name) <= MAX_UNIT && !name[strspn(name, UNIT_CHARS)];
}

int sk_systemd_from_path(const char *path, const char *id, bool is_user,
			 struct sk_systemd **ret, struct sk_err *err)
{
	sk_auto(sk_systemd_free) struct sk_systemd *systemd = calloc(1, sizeof(*systemd));
	sk_auto(sk_strv_free) char **parts =
		sk_strv_split(path && *path ? path : "::", ':');
	sk_autofree char *place = NULL;
	const char *name;

	if (!systemd || !parts)
		return sk_err_oom(err);
	if (sk_strv_len(parts) != 3)
		return sk_err_set(
			err, EINVAL,
			"'%s' is no path of a cgroup for systemd: it must be of the form SLICE:PREFIX:NAME",
			path);
	name = *parts[2] ? parts[2] : id;
	systemd->is_user = is_user;
	systemd->slice = strdup(*parts[0] ? parts[0]
				: is_user ? "user.slice"
					  : "system.slice");
	systemd->unit = *parts[1] ? sk_strf("%s-%s.scope", parts[1], name)
				  : sk_strf("%s.scope", name);
	if (!systemd->slice || !systemd->unit)
		return sk_err_oom(err);
	place = sk_systemd_slice_path(systemd->slice);
	if (!place || !is_unit(systemd->slice) || !is_unit(systemd->unit))
		return sk_err_set(err, EINVAL, "'%s' in '%s' can be no unit of systemd",
				  place && is_unit(systemd->slice) ? systemd->unit
								   : systemd->slice,
				  path ? path : "");
	*ret = sk_steal(&systemd);
	return 0;
}

static void begin_property(struct sk_dbus_writer *w, const char *name, const char *type)
{
	sk_dbus_put_align(w, 8);
	sk_dbus_put_str(w, name);
	sk_dbus_put_sig(w, type);
}

/* A quoted word at *@at, which goes behind it; false when there is none. */
static bool take_quoted(char **at, const char **ret)
{
	char quote = **at, *end;

	if (quote != '\'' && quote != '"')
		return false;
	end = strchr(*at + 1, quote);
	if (!end)
		return false;
	*end = '\0';
	*ret = *at + 1;
	*at = end + 1;
	return true;
}

/* "['a', 'b']" */
static bool put_list(struct sk_dbus_writer *w, const char *name, char *text)
{
	size_t mark;
	char *at = text + 1;
	const char *word;

	begin_property(w, name, "as");
	mark = sk_dbus_open_array(w, 4);
	for (;;) {
		at += strspn(at, " ,");
		if (!take_quoted(&at, &word))
			break;
		sk_dbus_put_str(w, word);
	}
	sk_dbus_close_array(w, mark, 4);
	return strcmp(at, "]") == 0;
}

static bool put_number(struct sk_dbus_writer *w, const char *name, const char *text)
{
	static const struct {
		const char *prefix, *type;
	} types[] = {
		{"uint32 ", "u"}, {"uint64 ", "t"}, {"int32 ", "i"},
		{"int64 ", "x"},  {"", "i"},
	};
	const char *digits = NULL, *type = NULL;
	char *end;
	long long value;

	for (size_t i = 0; !digits && i < SK_ARRAY_SIZE(types); i++) {
		digits = sk_str_starts(text, types[i].prefix);
		type = types[i].type;
	}
	errno = 0;
	value = type[0] == 't' ? (long long)strtoull(digits, &end, 10)
			       : strtoll(digits, &end, 10);
	if (errno || end == digits || *end ||
	    ((type[0] == 'u' || type[0] == 't') && digits[0] == '-') ||
	    (type[0] == 'u' && value > UINT32_MAX) ||
	    (type[0] == 'i' && (value > INT32_MAX || value < INT32_MIN)))
		return false;
	begin_property(w, name, type);
	if (type[0] == 't' || type[0] == 'x')
		sk_dbus_put_u64(w, (uint64_t)value);
	else
		sk_dbus_put_u32(w, (uint32_t)value);
	return true;
}

/* "TimeoutStopSec" is for people; over the bus it is "TimeoutStopUSec". */
static bool put_seconds(struct sk_dbus_writer *w, const char *name, const char *text)
{
	sk_autofree char *micro = sk_strf("%.*sUSec", (int)strlen(name) - 3, name);
	const char *space = strrchr(text, ' '), *digits = space ? space + 1 : text;
	char *end;
	double value = strtod(digits, &end);

	if (!micro || end == digits || *end || !(value >= 0 && value < 1e12))
		return false;
	begin_property(w, micro, "t");
	sk_dbus_put_u64(w, (uint64_t)(value * (double)US_PER_S));
	return true;
}

static bool put_annotation(struct sk_dbus_writer *w, const char *name, char *text)
{
	const char *word;
	char *at = text;

	if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
		begin_property(w, name, "b");
		sk_dbus_put_u32(w, text[0] == 't');
		return true;
	}
	if (text[0] == '[')
		return put_list(w, name, text);
	if (take_quoted(&at, &word)) {
		begin_property(w, name, "s");
		sk_dbus_put_str(w, word);
		return !*at;
	}
	if (sk_str_ends(name, "Sec") && !sk_str_ends(name, "USec"))
		return put_seconds(w, name, text);
	return put_number(w, name, text);
}

int sk_systemd_put_annotation(struct sk_dbus_writer *w, const char *name,
			      const char *value, struct sk_err *err)
{
	sk_autofree char *copy = strdup(value);
	bool is_name = strlen(name) >= 3;

	if (!copy)
		return sk_err_oom(err);
	for (const char *at = name; *at; at++)
		is_name = is_name && isalpha(*at);
	if (!is_name)
		return sk_err_set(err, EINVAL,
				  "'%s' can be no property of a unit of systemd", name);
	if (!put_annotation(w, name, copy))
		return sk_err_set(
			err, EINVAL,
			"annotation 'org.systemd.property.%s': '%s' is no value: true, 5, uint64 5, 'text' or ['a', 'b']",
			name, value);
	return 0;
}

static void put_u64_property(struct sk_dbus_writer *w, const char *name, uint64_t value)
{
	begin_property(w, name, "t");
	sk_dbus_put_u64(w, value);
}

/* QUOTA and PERIOD in microseconds, as cpu.max and cfs_quota_us, cfs_period_us have them */
static void put_cpu_max(struct sk_dbus_writer *w, const char *text)
{
	char *end;
	bool is_limited = isdigit(text[0]);
	uint64_t quota = strtoull(text, &end, 10), per_s = NO_LIMIT, period;

	period = strtoull(end + strcspn(end, " "), NULL, 10);
	if (!is_limited)
		period = strtoull(text + strcspn(text, " "), NULL, 10);
	if (is_limited && period && quota < NO_LIMIT / US_PER_S) {
		per_s = quota * US_PER_S / period;
		per_s = (per_s + QUOTA_STEP_US - 1) / QUOTA_STEP_US * QUOTA_STEP_US;
	}
	put_u64_property(w, "CPUQuotaPerSecUSec", per_s);
	if (period)
		put_u64_property(w, "CPUQuotaPeriodUSec", period);
}

/* "0-3,7" as bits, the first byte's lowest first; an empty list says nothing. */
static void put_bitmap(struct sk_dbus_writer *w, const char *name, const char *text)
{
	unsigned char bits[(MAX_CPU + 1) / 8] = {0};
	size_t len = 0;

	while (isdigit(*text)) {
		char *end;
		unsigned long first = strtoul(text, &end, 10), last = first;

		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		for (unsigned long i = first; i <= last && i <= MAX_CPU; i++) {
			bits[i / 8] |= (unsigned char)(1u << (i % 8));
			len = i / 8 + 1 > len ? i / 8 + 1 : len;
		}
		text = *end == ',' ? end + 1 : end;
	}
	if (!len)
		return;
	begin_property(w, name, "ay");
	sk_dbus_put_bytes(w, bits, len);
}

/* A number or "max"; @min to @max are what systemd takes, others say nothing. */
static void put_plain(struct sk_dbus_writer *w, const char *name, const char *text,
		      uint64_t min, uint64_t max)
{
	uint64_t value;

	text += strncmp(text, "default ", 8) == 0 ? 8 : 0;
	value = isdigit(*text) ? strtoull(text, NULL, 10) : NO_LIMIT;
	if (max == V1_NO_LIMIT && value >= V1_NO_LIMIT)
		value = NO_LIMIT;
	if (value >= min && (value <= max || value == NO_LIMIT))
		put_u64_property(w, name, value);
}

void sk_systemd_put_file(struct sk_dbus_writer *w, const char *file, const char *text)
{
	static const struct {
		const char *file, *property;
		uint64_t min, max;
	} plain[] = {
		{"memory.max", "MemoryMax", 0, NO_LIMIT},
		{"memory.high", "MemoryHigh", 0, NO_LIMIT},
		{"memory.low", "MemoryLow", 0, NO_LIMIT},
		{"memory.min", "MemoryMin", 0, NO_LIMIT},
		{"memory.swap.max", "MemorySwapMax", 0, NO_LIMIT},
		{"cpu.weight", "CPUWeight", 1, 10000},
		{"io.weight", "IOWeight", 1, 10000},
		{"pids.max", "TasksMax", 1, NO_LIMIT},
		{"memory.limit_in_bytes", "MemoryLimit", 0, V1_NO_LIMIT},
		{"cpu.shares", "CPUShares", 2, 262144},
		{"blkio.weight", "BlockIOWeight", 10, 1000},
	};

	if (strcmp(file, "cpu.max") == 0 || strcmp(file, "cpu.cfs_quota_us") == 0)
		put_cpu_max(w, text);
	else if (strcmp(file, "cpuset.cpus") == 0)
		put_bitmap(w, "AllowedCPUs", text);
	else if (strcmp(file, "cpuset.mems") == 0)
		put_bitmap(w, "AllowedMemoryNodes", text);
	for (size_t i = 0; i < SK_ARRAY_SIZE(plain); i++)
		if (strcmp(file, plain[i].file) == 0)
			put_plain(w, plain[i].property, text, plain[i].min, plain[i].max);
}
