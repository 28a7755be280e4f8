// SPDX-License-Identifier: Apache-2.0
/* out - what users see: lists and objects in the format they ask for, and errors */
#include "cli/out.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/out_value.h"
#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "lib/table.h"

#define MAX_CUT_CHARS 60

static const char *const formats[] = {"table", "json", "jsonl", "csv", NULL};

/* A parsed piece of a template: text, or a key to show as text or as JSON. */
struct piece {
	const char *start;
	size_t len;
	bool is_field, is_json;
	const char *next;
};

/* Read "{{.key}}" or "{{json .key}}" at @at. */
static int read_field(const char *at, struct piece *ret, struct sk_err *err)
{
	const char *end = strstr(at, "}}"), *from = at + 2, *rest;
	size_t len;

	if (!end)
		return sk_err_set(err, EINVAL, "'{{' without '}}' in the format '%s'",
				  at);
	while (from < end && isblank((unsigned char)*from))
		from++;
	rest = sk_str_starts(from, "json ");
	ret->is_json = rest != NULL;
	for (from = rest ? rest : from; from < end && isblank((unsigned char)*from);
	     from++)
		;
	len = (size_t)(end - from);
	while (len > 0 && isblank((unsigned char)from[len - 1]))
		len--;
	if (len == 0 || *from != '.' || (len == 1 && !ret->is_json))
		return sk_err_set(err, EINVAL, "'%.*s' in a format is not understood",
				  (int)(end + 2 - at), at);
	ret->is_field = true;
	ret->start = from + 1;
	ret->len = len - 1;
	ret->next = end + 2;
	return 0;
}

static int read_piece(const char *at, struct piece *ret, struct sk_err *err)
{
	const char *field = strstr(at, "{{");

	*ret = (struct piece){.start = at};
	if (field == at)
		return read_field(at, ret, err);
	ret->len = field ? (size_t)(field - at) : strlen(at);
	ret->next = at + ret->len;
	return 0;
}

static bool is_template(const char *format)
{
	return strstr(format, "{{") != NULL;
}

int sk_out_check_format(const char *format, struct sk_err *err)
{
	struct piece piece;
	const char *near;
	int r;

	for (size_t i = 0; formats[i]; i++)
		if (strcmp(format, formats[i]) == 0)
			return 0;
	if (!is_template(format)) {
		near = sk_str_nearest(format, formats);
		return sk_err_set(
			err, EINVAL,
			"'%s' is not table, json, jsonl, csv or a text with {{.key}}%s%s%s",
			format, near ? ", did you mean '" : "", near ? near : "",
			near ? "'?" : "");
	}
	for (const char *at = format; *at; at = piece.next) {
		r = read_piece(at, &piece, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Text of a template outside of fields: \t, \n and \\ as in C. */
static void add_literal(struct sk_str *out, const struct piece *piece)
{
	for (size_t i = 0; i < piece->len; i++) {
		char c = piece->start[i];

		if (c == '\\' && i + 1 < piece->len &&
		    strchr("tn\\", piece->start[i + 1])) {
			c = piece->start[++i];
			c = c == 't' ? '\t' : c == 'n' ? '\n' : '\\';
		}
		sk_str_add_char(out, c);
	}
}

static int no_such_key(const struct sk_json *object, const char *key, struct sk_err *err)
{
	sk_auto(sk_strv_free) char **keys = NULL;
	sk_autofree char *all = NULL;
	const char *near;
	int r;

	if (sk_out_value_keys(object, &keys) < 0)
		return sk_err_oom(err);
	all = sk_strv_join(keys, ", ");
	near = keys ? sk_str_nearest(key, (const char *const *)keys) : NULL;
	r = sk_err_set(err, EINVAL, "there is no key '%s'%s%s%s", key,
		       near ? ", did you mean '" : "", near ? near : "",
		       near ? "'?" : "");
	return all ? sk_err_hint(err, r, "keys: %s", all) : r;
}

static int add_field(struct sk_str *out, const struct piece *piece,
		     const struct sk_json *object, struct sk_err *err)
{
	sk_autofree char *key = strndup(piece->start, piece->len);
	sk_autofree char *text = NULL;
	const struct sk_json *value = object;

	if (!key)
		return sk_err_oom(err);
	if (*key && !sk_out_value_find(object, key, &value))
		return no_such_key(object, key, err);
	if (piece->is_json)
		text = sk_json_print(value, false);
	else
		text = sk_out_value_text(value, "");
	if (!text)
		return sk_err_oom(err);
	sk_str_add_escaped(out, text);
	return 0;
}

static int add_template(struct sk_str *out, const char *format,
			const struct sk_json *object, struct sk_err *err)
{
	struct piece piece;
	int r;

	for (const char *at = format; *at; at = piece.next) {
		r = read_piece(at, &piece, err);
		if (r < 0)
			return r;
		if (!piece.is_field) {
			add_literal(out, &piece);
			continue;
		}
		r = add_field(out, &piece, object, err);
		if (r < 0)
			return r;
	}
	sk_str_add_char(out, '\n');
	return 0;
}

static int add_csv_row(struct sk_str *out, const struct sk_out_column *columns,
		       const struct sk_json *object)
{
	for (size_t i = 0; columns[i].heading; i++) {
		sk_auto(sk_str_finish) struct sk_str cell = SK_STR_INIT;
		sk_autofree char *text = NULL;

		text = sk_out_value_text(sk_json_path(object, columns[i].key), "");
		if (!text)
			return -ENOMEM;
		sk_str_add_escaped(&cell, text);
		if (cell.failed)
			return -ENOMEM;
		if (i > 0)
			sk_str_add_char(out, ',');
		sk_str_add_csv(out, cell.ptr ? cell.ptr : "");
	}
	sk_str_add_char(out, '\n');
	return 0;
}

static int add_csv(struct sk_str *out, const struct sk_out_column *columns,
		   const struct sk_json *array, struct sk_err *err)
{
	for (size_t i = 0; columns[i].heading; i++) {
		if (i > 0)
			sk_str_add_char(out, ',');
		sk_str_add_csv(out, columns[i].key);
	}
	sk_str_add_char(out, '\n');
	for (size_t row = 0; row < sk_json_len(array); row++)
		if (add_csv_row(out, columns, sk_json_at(array, row)) < 0)
			return sk_err_oom(err);
	return 0;
}

static size_t count_columns(const struct sk_out_column *columns)
{
	size_t n = 0;

	while (columns[n].heading)
		n++;
	return n;
}

static bool is_number_column(const struct sk_out_column *column,
			     const struct sk_json *array)
{
	if (column->kind != SK_OUT_TEXT)
		return column->kind != SK_OUT_CUT && column->kind != SK_OUT_AGE;
	for (size_t i = 0; i < sk_json_len(array); i++) {
		const struct sk_json *value =
			sk_json_path(sk_json_at(array, i), column->key);
		enum sk_json_type type = sk_json_type(value);

		if (type != SK_JSON_NULL)
			return type == SK_JSON_INT || type == SK_JSON_DOUBLE;
	}
	return false;
}

/* A cell that may be cut is never longer than this, in a pipe neither: a command can hold a
 * whole script.
 */
static void shorten(char *text)
{
	size_t left = strlen(text);

	for (size_t chars = 0; left > 3; chars++) {
		size_t n = sk_str_utf8_length(text, left);

		if (chars == MAX_CUT_CHARS - 3) {
			memcpy(text, "...", sizeof("..."));
			return;
		}
		text += n ? n : 1;
		left -= n ? n : 1;
	}
}

static int print_table(const struct sk_out_column *columns, const struct sk_json *array,
		       struct sk_err *err)
{
	size_t n = count_columns(columns), rows = sk_json_len(array);
	sk_autofree struct sk_table_column *layout = calloc(n + 1, sizeof(*layout));
	sk_auto(sk_strv_free) char **cells = calloc(n * rows + 1, sizeof(*cells));

	if (!layout || !cells)
		return sk_err_oom(err);
	for (size_t i = 0; i < n; i++)
		layout[i] = (struct sk_table_column){columns[i].heading,
						     is_number_column(&columns[i], array),
						     columns[i].kind == SK_OUT_CUT};
	for (size_t i = 0; i < n * rows; i++) {
		cells[i] = sk_out_value_cell(sk_json_at(array, i / n), &columns[i % n]);
		if (!cells[i])
			return sk_err_oom(err);
		if (columns[i % n].kind == SK_OUT_CUT)
			shorten(cells[i]);
	}
	return sk_table_print(stdout, layout, n, (const char *const *)cells, rows, err);
}

static int add_lines(struct sk_str *out, const struct sk_out_column *columns,
		     const struct sk_json *object, struct sk_err *err)
{
	int width = 0;

	for (size_t i = 0; columns[i].heading; i++)
		if ((int)strlen(columns[i].heading) > width)
			width = (int)strlen(columns[i].heading);
	for (size_t i = 0; columns[i].heading; i++) {
		sk_autofree char *text = sk_out_value_cell(object, &columns[i]);

		if (!text)
			return sk_err_oom(err);
		sk_str_addf(out, "%-*s  ", width, columns[i].heading);
		sk_str_add_escaped(out, text);
		sk_str_add_char(out, '\n');
	}
	return 0;
}

static int add_json(struct sk_str *out, const struct sk_json *value, bool pretty,
		    struct sk_err *err)
{
	sk_autofree char *text = sk_json_print(value, pretty);

	if (!text)
		return sk_err_oom(err);
	sk_str_add(out, text);
	if (!pretty)
		sk_str_add_char(out, '\n');
	return 0;
}

static int print_text(struct sk_str *out, struct sk_err *err)
{
	if (out->failed)
		return sk_err_oom(err);
	if (out->len > 0 && fwrite(out->ptr, 1, out->len, stdout) != out->len)
		return sk_err_errno(err, "write to standard output");
	return 0;
}

int sk_out_list(const char *format, const struct sk_out_column *columns,
		const struct sk_json *array, struct sk_err *err)
{
	sk_auto(sk_str_finish) struct sk_str out = SK_STR_INIT;
	int r = 0;

	if (!format || strcmp(format, "table") == 0)
		return print_table(columns, array, err);
	if (strcmp(format, "json") == 0 && array)
		r = add_json(&out, array, true, err);
	else if (strcmp(format, "json") == 0)
		sk_str_add(&out, "[]\n");
	else if (strcmp(format, "csv") == 0)
		r = add_csv(&out, columns, array, err);
	else
		for (size_t i = 0; r == 0 && i < sk_json_len(array); i++)
			r = is_template(format)
				    ? add_template(&out, format, sk_json_at(array, i),
						   err)
				    : add_json(&out, sk_json_at(array, i), false, err);
	return r < 0 ? r : print_text(&out, err);
}

int sk_out_object(const char *format, const struct sk_out_column *columns,
		  const struct sk_json *object, struct sk_err *err)
{
	sk_auto(sk_str_finish) struct sk_str out = SK_STR_INIT;
	sk_auto(sk_json_free) struct sk_json *array = NULL;
	sk_auto(sk_strv_free) char **keys = NULL;
	sk_autofree struct sk_out_column *all = NULL;
	int r;

	if (!columns) {
		r = sk_out_value_keys(object, &keys);
		all = r == 0 ? calloc(sk_strv_len(keys) + 1, sizeof(*all)) : NULL;
		if (!all)
			return sk_err_oom(err);
		for (size_t i = 0; i < sk_strv_len(keys); i++)
			all[i] = (struct sk_out_column){keys[i], keys[i], SK_OUT_TEXT};
		columns = all;
	}
	if (!format || strcmp(format, "table") == 0) {
		r = add_lines(&out, columns, object, err);
	} else if (strcmp(format, "json") == 0 || strcmp(format, "jsonl") == 0) {
		r = add_json(&out, object, format[4] == '\0', err);
	} else if (strcmp(format, "csv") == 0) {
		array = sk_json_new_array();
		(void)sk_json_add(array, sk_json_ref((struct sk_json *)object));
		r = add_csv(&out, columns, array, err);
	} else {
		r = add_template(&out, format, object, err);
	}
	return r < 0 ? r : print_text(&out, err);
}

int sk_out_flush(struct sk_err *err)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	if (errno == 0)
		errno = EIO;
	return sk_err_errno(err, "write to standard output");
}

void sk_out_error(const char *program, const struct sk_err *err)
{
	sk_auto(sk_str_finish) struct sk_str text = SK_STR_INIT;

	(void)fflush(stdout);
	sk_str_add(&text, program);
	sk_str_add(&text, ": ");
	sk_str_add_escaped(&text, err->msg);
	if (err->hint[0]) {
		sk_str_add(&text, "\nhint: ");
		sk_str_add_escaped(&text, err->hint);
	}
	sk_str_add_char(&text, '\n');
	if (!text.failed)
		(void)sk_fs_write_all(STDERR_FILENO, text.ptr, text.len);
}
