// SPDX-License-Identifier: Apache-2.0
/* opt - options of commands as tables: one table feeds parsing, --help, completion and man checks */
#include "cli/opt.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "cli/out.h"
#include "lib/cleanup.h"
#include "lib/parse.h"
#include "lib/str.h"

/* Values that getopt_long() returns for long options: FIRST_LONG + index into the table. */
#define FIRST_LONG 0x1000
#define HELP	   0x0ffe
#define VERSION	   0x0fff

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

static int unknown_option(const struct sk_opt *opts, const char *token, int letter,
			  struct sk_err *err)
{
	sk_autofree char *name = strndup(token, strcspn(token, "="));
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

static int missing_value(const struct sk_opt *opts, int value, struct sk_err *err)
{
	const struct sk_opt *opt =
		value >= FIRST_LONG ? &opts[value - FIRST_LONG] : find_short(opts, value);

	if (value >= FIRST_LONG)
		return sk_err_set(err, EINVAL, "option '--%s' needs a value: %s",
				  opt->name, opt->metavar);
	return sk_err_set(err, EINVAL, "option '-%c' needs a value: %s", opt->short_name,
			  opt->metavar);
}

/* What getopt_long() wants to know, made from the table. */
struct getopt_input {
	char *letters;
	struct option *options;
};

static void finish_input(struct getopt_input *input)
{
	free(input->letters);
	free(input->options);
}
SK_DEFINE_AUTO_FINISH(struct getopt_input, finish_input)

static int make_input(const struct sk_opt *opts, bool options_first,
		      struct getopt_input *ret)
{
	sk_auto(sk_str_finish) struct sk_str letters = SK_STR_INIT;
	size_t n = count(opts);
	struct option *option;

	sk_str_add(&letters, options_first ? "+:" : ":");
	ret->options = option = calloc(n + 3, sizeof(*option));
	if (!option)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		bool is_flag = opts[i].kind == SK_OPT_FLAG;

		*option++ =
			(struct option){opts[i].name,
					is_flag ? optional_argument : required_argument,
					NULL, FIRST_LONG + (int)i};
		if (opts[i].short_name) {
			sk_str_add_char(&letters, opts[i].short_name);
			sk_str_add(&letters, is_flag ? "" : ":");
		}
	}
	if (!sk_opt_find(opts, "help"))
		*option++ = (struct option){"help", no_argument, NULL, HELP};
	if (!sk_opt_find(opts, "version"))
		*option++ = (struct option){"version", no_argument, NULL, VERSION};
	if (!find_short(opts, 'h'))
		sk_str_add_char(&letters, 'h');
	ret->letters = sk_str_steal(&letters);
	return ret->letters ? 0 : -ENOMEM;
}

/* The word that getopt_long() has just read a long option from. */
static const char *current_token(char **argv, bool has_value)
{
	if (has_value && optarg == argv[optind - 1])
		return argv[optind - 2];
	return argv[optind - 1];
}

static bool is_full_name(const char *token, const char *name)
{
	const char *rest = sk_str_starts(token + 2, name);

	return rest && (*rest == '\0' || *rest == '=');
}

static int take(const struct sk_opt *opts, void *object, int value, char **argv,
		struct sk_err *err)
{
	const struct sk_opt *opt;
	const char *token;

	if (value < FIRST_LONG) {
		opt = find_short(opts, value);
		return store(opt, opt->kind == SK_OPT_FLAG ? NULL : optarg, object, err);
	}
	opt = &opts[value - FIRST_LONG];
	token = current_token(argv, opt->kind != SK_OPT_FLAG);
	if (!is_full_name(token, opt->name))
		return unknown_option(opts, token, 0, err);
	return store(opt, optarg, object, err);
}

int sk_opt_parse(const struct sk_opt *opts, void *object, int argc, char **argv,
		 bool options_first, struct sk_opt_result *ret, struct sk_err *err)
{
	sk_auto(finish_input) struct getopt_input input = {0};
	int value, r;

	if (make_input(opts, options_first, &input) < 0)
		return sk_err_oom(err);
	*ret = (struct sk_opt_result){0};
	optind = 0; /* glibc starts afresh */
	opterr = 0;
	while ((value = getopt_long(argc, argv, input.letters, input.options, NULL)) !=
	       -1) {
		const char *token = argv[optind - 1];

		if (value == '?')
			return unknown_option(opts, token, optopt < HELP ? optopt : 0,
					      err);
		if (value == ':')
			return missing_value(opts, optopt, err);
		if ((value == 'h' && !find_short(opts, 'h')) ||
		    (value == HELP && is_full_name(token, "help"))) {
			ret->wants_help = true;
			return 0;
		}
		if (value == VERSION && is_full_name(token, "version")) {
			ret->wants_version = true;
			return 0;
		}
		if (value == HELP || value == VERSION)
			return unknown_option(opts, token, 0, err);
		r = take(opts, object, value, argv, err);
		if (r < 0)
			return r;
	}
	ret->first_arg = optind;
	return 0;
}
