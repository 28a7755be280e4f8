// SPDX-License-Identifier: Apache-2.0
/* table - tables for people, from libsmartcols, loaded when first needed */
#include "lib/table.h"

#include <dlfcn.h>
#include <errno.h>
#include <libsmartcols/libsmartcols.h>
#include <locale.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/str.h"

/* The functions used, by the prototypes of the library's own header. */
struct smartcols {
	__typeof__(scols_new_table) *new_table;
	__typeof__(scols_unref_table) *unref_table;
	__typeof__(scols_table_new_column) *new_column;
	__typeof__(scols_table_new_line) *new_line;
	__typeof__(scols_line_set_data) *set_data;
	__typeof__(scols_table_set_stream) *set_stream;
	__typeof__(scols_table_set_termforce) *set_termforce;
	__typeof__(scols_table_set_termwidth) *set_termwidth;
	__typeof__(scols_table_enable_noencoding) *enable_noencoding;
	__typeof__(scols_print_table) *print_table;
};

/* What is printed: the cells escaped. */
struct content {
	FILE *out;
	const struct sk_table_column *columns;
	size_t nr_columns, nr_rows;
	char *const *cells;
};

/* NULL without the library. Never unloaded: the next table comes faster. */
static const struct smartcols *load(void)
{
	static struct smartcols lib;
	static bool is_loaded;
	const struct {
		const char *name;
		void **fn;
	} symbols[] = {
		{"scols_new_table", (void **)&lib.new_table},
		{"scols_unref_table", (void **)&lib.unref_table},
		{"scols_table_new_column", (void **)&lib.new_column},
		{"scols_table_new_line", (void **)&lib.new_line},
		{"scols_line_set_data", (void **)&lib.set_data},
		{"scols_table_set_stream", (void **)&lib.set_stream},
		{"scols_table_set_termforce", (void **)&lib.set_termforce},
		{"scols_table_set_termwidth", (void **)&lib.set_termwidth},
		{"scols_table_enable_noencoding", (void **)&lib.enable_noencoding},
		{"scols_print_table", (void **)&lib.print_table},
	};
	void *handle;

	if (is_loaded)
		return &lib;
	handle = sk_table_library();
	if (!handle)
		return NULL;
	for (size_t i = 0; i < SK_ARRAY_SIZE(symbols); i++) {
		*symbols[i].fn = dlsym(handle, symbols[i].name);
		if (!*symbols[i].fn) {
			(void)dlclose(handle);
			return NULL;
		}
	}
	is_loaded = true;
	return &lib;
}

static int fill(const struct smartcols *lib, struct libscols_table *table,
		const struct content *content)
{
	for (size_t i = 0; i < content->nr_columns; i++) {
		const struct sk_table_column *column = &content->columns[i];
		int flags = (column->right ? SCOLS_FL_RIGHT : 0) |
			    (column->truncate ? SCOLS_FL_TRUNC : 0);

		/* A hint of 1 column: as wide as its text, narrower only when it may be cut. */
		if (!lib->new_column(table, column->heading, 1, flags))
			return -ENOMEM;
	}
	for (size_t row = 0; row < content->nr_rows; row++) {
		struct libscols_line *line = lib->new_line(table, NULL);

		if (!line)
			return -ENOMEM;
		for (size_t i = 0; i < content->nr_columns; i++) {
			const char *text = content->cells[row * content->nr_columns + i];

			if (lib->set_data(line, i, text) < 0)
				return -ENOMEM;
		}
	}
	return 0;
}

static int print_smart(const struct smartcols *lib, const struct content *content)
{
	struct libscols_table *table = lib->new_table();
	bool is_terminal = isatty(fileno(content->out));
	struct winsize size;
	int r;

	if (!table)
		return -ENOMEM;
	(void)lib->set_stream(table, content->out);
	(void)lib->enable_noencoding(table, 1);
	(void)lib->set_termforce(table, is_terminal ? SCOLS_TERMFORCE_ALWAYS
						    : SCOLS_TERMFORCE_NEVER);
	if (is_terminal && ioctl(fileno(content->out), TIOCGWINSZ, &size) == 0 &&
	    size.ws_col)
		(void)lib->set_termwidth(table, size.ws_col);
	r = fill(lib, table, content);
	if (r == 0)
		r = lib->print_table(table);
	lib->unref_table(table);
	return r;
}

/* Characters, taking each as one column wide. */
static size_t width_of(const char *text)
{
	size_t n = 0;

	for (; text && *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static size_t column_width(const struct content *content, size_t column)
{
	size_t widest = width_of(content->columns[column].heading);

	for (size_t row = 0; row < content->nr_rows; row++) {
		size_t width =
			width_of(content->cells[row * content->nr_columns + column]);

		if (width > widest)
			widest = width;
	}
	return widest;
}

static int print_plain(const struct content *content)
{
	sk_autofree size_t *widths = calloc(content->nr_columns + 1, sizeof(*widths));

	if (!widths)
		return -ENOMEM;
	for (size_t i = 0; i < content->nr_columns; i++)
		widths[i] = column_width(content, i);
	for (size_t row = 0; row <= content->nr_rows; row++) {
		for (size_t i = 0; i < content->nr_columns; i++) {
			bool is_last = i + 1 == content->nr_columns;
			bool right = content->columns[i].right;
			const char *text =
				row == 0
					? content->columns[i].heading
					: content->cells[(row - 1) * content->nr_columns +
							 i];
			int pad = (int)(widths[i] - width_of(text));

			(void)fprintf(content->out, "%*s%s%*s", right ? pad : 0, "", text,
				      right || is_last ? 0 : pad, "");
			(void)fputc(is_last ? '\n' : ' ', content->out);
		}
	}
	return 0;
}

static char **escape_cells(const char *const *cells, size_t n)
{
	sk_auto(sk_strv_free) char **list = calloc(n + 1, sizeof(*list));

	for (size_t i = 0; list && i < n; i++) {
		sk_auto(sk_str_finish) struct sk_str text = SK_STR_INIT;

		if (cells[i])
			sk_str_add_escaped(&text, cells[i]);
		list[i] = sk_str_steal(&text);
		if (!list[i])
			return NULL;
	}
	return sk_steal(&list);
}

int sk_table_print(FILE *out, const struct sk_table_column *columns, size_t nr_columns,
		   const char *const *cells, size_t nr_rows, struct sk_err *err)
{
	sk_auto(sk_strv_free) char **escaped = escape_cells(cells, nr_rows * nr_columns);
	struct content content = {out, columns, nr_columns, nr_rows, escaped};
	/* smartcols prints nothing at all for a table without rows. */
	const struct smartcols *lib = nr_rows > 0 ? load() : NULL;
	locale_t utf8, old;
	int r;

	if (!escaped)
		return sk_err_oom(err);
	if (!lib) {
		r = print_plain(&content);
	} else {
		/* It measures text by the locale of the thread; skiff's texts are UTF-8. */
		utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
		old = uselocale(utf8);
		r = print_smart(lib, &content);
		(void)uselocale(old);
		if (utf8)
			freelocale(utf8);
	}
	if (r < 0)
		return sk_err_code(err, r, "print a table");
	if (ferror(out))
		return sk_err_set(err, EIO,
				  "print a table: the output cannot be written");
	return 0;
}
