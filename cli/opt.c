// SPDX-License-Identifier: Apache-2.0
/* opt - options of commands as tables: one table feeds parsing, --help, completion and man checks */
#include "cli/opt.h"

#include <errno.h>
#include <string.h>

#include "cli/out.h"
#include "lib/cleanup.h"
#include "lib/parse.h"
#include "lib/str.h"

static size_t count(const struct sk_opt *opts)
{
	size_t n = 0;

	while (opts && opts[n].name)
		n++;
	return n;
}

const struct sk_opt *sk_opt_find(const struct sk_opt *opts, const char *name)
{
	for (size_t i = 0; i < count(opts); i++)
		if (strcmp(opts[i].name, name) == 0)
			return &opts[i];
	return NULL;
}

static const struct sk_opt *find_short(const struct sk_opt *opts, int letter)
{
	for (size_t i = 0; i < count(opts); i++)
		if (opts[i].short_name && opts[i].short_name == letter)
			return &opts[i];
	return NULL;
}

void sk_opt_finish(const struct sk_opt *opts, void *object)
{
	for (size_t i = 0; i < count(opts); i++) {
		char ***list = (char ***)((char *)object + opts[i].offset);

		if (opts[i].kind != SK_OPT_STRV)
			continue;
		sk_strv_free(*list);
		*list = NULL;
	}
}

static int check_choice(const struct sk_opt *opt, const char *text, struct sk_err *err)
{
	sk_auto(sk_strv_free) char **words = sk_strv_split(opt->metavar, '|');
	const char *near;

	if (!words)
		return sk_err_oom(err);
	if (sk_strv_has(words, text))
		return 0;
	near = sk_str_nearest(text, (const char *const *)words);
	if (near)
		return sk_err_set(err, EINVAL,
				  "'%s' is not one of %s, did you mean '%s'?", text,
				  opt->metavar, near);
	return sk_err_set(err, EINVAL, "'%s' is not one of %s", text, opt->metavar);
}

static int read_value(const struct sk_opt *opt, const char *text, void *member,
		      struct sk_err *err)
{
	int r = 0;

	switch (opt->kind) {
	case SK_OPT_FLAG:
		if (text)
			return sk_parse_bool(text, member, err);
		*(bool *)member = true;
		return 0;
	case SK_OPT_STRV:
		return sk_strv_add(member, text) < 0 ? sk_err_oom(err) : 0;
	case SK_OPT_STR:
		break;
	case SK_OPT_CHOICE:
		r = check_choice(opt, text, err);
		break;
	case SK_OPT_FORMAT:
		r = sk_out_check_format(text, err);
		break;
	case SK_OPT_U64:
		return sk_parse_u64(text, 0, UINT64_MAX, member, err);
	case SK_OPT_SIZE:
		return sk_parse_size(text, member, err);
	case SK_OPT_RATE:
		return sk_parse_rate(text, member, err);
	case SK_OPT_DURATION:
		return sk_parse_duration(text, member, err);
	case SK_OPT_CPUS:
		return sk_parse_cpus(text, member, err);
	}
	if (r == 0)
		*(const char **)member = text;
	return r;
}

static int store(const struct sk_opt *opt, const char *text, void *object,
		 struct sk_err *err)
{
	int r = read_value(opt, text, (char *)object + opt->offset, err);

	return r < 0 ? sk_err_wrap(err, r, "--%s", opt->name) : 0;
}

/* @typed without its dashes. */
static int unknown_option(const struct sk_opt *opts, const char *typed, int letter,
			  struct sk_err *err)
{
	sk_autofree char *name = sk_strf("--%.*s", (int)strcspn(typed, "="), typed);
	sk_auto(sk_strv_free) char **known = NULL;
	const char *near;

	if (letter)
		return sk_err_set(err, EINVAL, "unknown option '-%c'", letter);
	for (size_t i = 0; i < count(opts); i++)
		if (sk_strv_addf(&known, "--%s", opts[i].name) < 0)
			return sk_err_oom(err);
	if (!name || sk_strv_add(&known, "--help") < 0)
		return sk_err_oom(err);
	/* An abbreviation is at most a hint: a later option could make it mean another. */
	for (size_t i = 0; known[i]; i++)
		if (strlen(name) > 3 && sk_str_starts(known[i], name))
			return sk_err_set(err, EINVAL,
					  "unknown option '%s', did you mean '%s'?", name,
					  known[i]);
	near = sk_str_nearest(name, (const char *const *)known);
	if (near)
		return sk_err_set(err, EINVAL, "unknown option '%s', did you mean '%s'?",
				  name, near);
	return sk_err_set(err, EINVAL, "unknown option '%s'", name);
}

/* A command line that is being read. */
struct scan {
	const struct sk_opt *opts;
	void *object;
	int argc;
	char **argv;
	int next; /* first word that was not read yet */
	unsigned int style;
	struct sk_opt_result *result;
};

static bool is_word(const char *text, size_t len, const char *word)
{
	return strlen(word) == len && strncmp(text, word, len) == 0;
}

static const struct sk_opt *find_exact(const struct sk_opt *opts, const char *name,
				       size_t len)
{
	for (; opts && opts->name; opts++)
		if (is_word(name, len, opts->name))
			return opts;
	return NULL;
}

/* The option whose name begins so; *@ret_other is a second one, or NULL. */
static const struct sk_opt *find_beginning(const struct sk_opt *opts, const char *name,
					   size_t len, const struct sk_opt **ret_other)
{
	const struct sk_opt *found = NULL;

	*ret_other = NULL;
	for (; len > 0 && opts && opts->name; opts++) {
		if (strncmp(opts->name, name, len) != 0)
			continue;
		if (found)
			*ret_other = opts;
		else
			found = opts;
	}
	return found;
}

/* The text behind "=", else the next word. */
static int take_value(struct scan *scan, const struct sk_opt *opt, int letter,
		      const char *text, struct sk_err *err)
{
	if (!text && opt->kind != SK_OPT_FLAG) {
		if (scan->next < scan->argc)
			text = scan->argv[scan->next++];
		else if (letter)
			return sk_err_set(err, EINVAL, "option '-%c' needs a value: %s",
					  letter, opt->metavar);
		else
			return sk_err_set(err, EINVAL, "option '--%s' needs a value: %s",
					  opt->name, opt->metavar);
	}
	return store(opt, text, scan->object, err);
}

/* @name without its dashes. */
static int read_long(struct scan *scan, const char *name, struct sk_err *err)
{
	size_t len = strcspn(name, "=");
	const struct sk_opt *opt = find_exact(scan->opts, name, len), *other;

	if (!opt && is_word(name, strlen(name), "help")) {
		scan->result->wants_help = true;
		return 0;
	}
	if (!opt && is_word(name, strlen(name), "version")) {
		scan->result->wants_version = true;
		return 0;
	}
	if (!opt && scan->style & SK_OPT_ABBREVIATED) {
		opt = find_beginning(scan->opts, name, len, &other);
		if (opt && other)
			return sk_err_set(err, EINVAL,
					  "option '--%.*s' could be '--%s' and '--%s'",
					  (int)len, name, opt->name, other->name);
	}
	if (!opt)
		return unknown_option(scan->opts, name, 0, err);
	return take_value(scan, opt, 0, name[len] ? name + len + 1 : NULL, err);
}

/* One or more flags in a word, the last may be an option with its value: "-tn web", "-m64m". */
static int read_letters(struct scan *scan, const char *letters, struct sk_err *err)
{
	for (; *letters; letters++) {
		const struct sk_opt *opt = find_short(scan->opts, *letters);
		int r;

		if (!opt && *letters == 'h') {
			scan->result->wants_help = true;
			return 0;
		}
		if (!opt && *letters == 'v' && scan->style & SK_OPT_V_IS_VERSION) {
			scan->result->wants_version = true;
			return 0;
		}
		if (!opt)
			return unknown_option(scan->opts, letters, *letters, err);
		if (opt->kind != SK_OPT_FLAG)
			return take_value(scan, opt, *letters,
					  letters[1] ? letters + 1 : NULL, err);
		r = store(opt, NULL, scan->object, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Reads the option in argv[next], and its value; next is behind them afterwards. */
static int read_option(struct scan *scan, struct sk_err *err)
{
	const char *word = scan->argv[scan->next++];

	if (word[1] == '-')
		return read_long(scan, word + 2, err);
	if (word[2] && scan->style & SK_OPT_SINGLE_DASH &&
	    find_exact(scan->opts, word + 1, strcspn(word + 1, "=")))
		return read_long(scan, word + 1, err);
	return read_letters(scan, word + 1, err);
}

/* Moves the words from @from to @to before the arguments that stand from @start on. */
static void move_before(char **argv, int start, int from, int to)
{
	for (; from < to; from++, start++) {
		char *word = argv[from];

		memmove(&argv[start + 1], &argv[start],
			(size_t)(from - start) * sizeof(*argv));
		argv[start] = word;
	}
}

int sk_opt_parse(const struct sk_opt *opts, void *object, int argc, char **argv,
		 unsigned int style, struct sk_opt_result *ret, struct sk_err *err)
{
	struct scan scan = {opts, object, argc, argv, 1, style, ret};
	bool is_end = false;
	int r = 0;

	*ret = (struct sk_opt_result){.first_arg = 1};
	while (scan.next < argc && !is_end) {
		int from = scan.next;
		const char *word = argv[from];

		is_end = strcmp(word, "--") == 0;
		if (is_end) {
			scan.next++;
		} else if (word[0] == '-' && word[1]) {
			r = read_option(&scan, err);
		} else if (style & SK_OPT_FIRST) {
			break;
		} else {
			scan.next++;
			continue;
		}
		if (r < 0 || ret->wants_help || ret->wants_version)
			return r;
		move_before(argv, ret->first_arg, from, scan.next);
		ret->first_arg += scan.next - from;
	}
	return 0;
}
