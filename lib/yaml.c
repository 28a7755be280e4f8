// SPDX-License-Identifier: Apache-2.0
/* yaml - YAML documents as trees of nodes that know their place in the file */

/*
 * Theory of operation
 *
 * 1. libyaml turns the text into events; it checks the syntax and the UTF-8.
 * 2. read_node() builds a node of each value and refuses what the files of skiff do not
 *    need and an attacker could use: anchors and aliases (a small file that unfolds into
 *    gigabytes), tags, further documents, NUL in a text, more than the limits.
 * 3. Keys of a map are sorted once to find duplicates, also in maps of 50,000 keys.
 */
#include "lib/yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <yaml.h>

#include "lib/fs.h"
#include "lib/str.h"
#include "lib/yaml_node.h"

#define MAX_BYTES (1u << 20)
#define MAX_DEPTH 64
#define MAX_NODES 100000

struct reader {
	yaml_parser_t parser;
	const char *where;
	unsigned int depth;
	size_t nr_nodes;
	struct sk_err *err;
};

static void finish_reader(struct reader *reader)
{
	yaml_parser_delete(&reader->parser);
}
SK_DEFINE_AUTO_FINISH(struct reader, finish_reader)
SK_DEFINE_AUTO_FINISH(yaml_event_t, yaml_event_delete)

void sk_yaml_free(struct sk_yaml *root)
{
	if (!root)
		return;
	for (size_t i = 0; i < root->len; i++) {
		sk_yaml_free(root->values[i]);
		if (root->keys)
			free(root->keys[i].text);
	}
	free(root->values);
	free(root->keys);
	free(root->text);
	if (root->owns_where)
		free((char *)root->where);
	free(root);
}

static int fail_at(struct reader *reader, yaml_mark_t mark, const char *text)
{
	return sk_err_set(reader->err, EINVAL, "%s:%zu:%zu: %s", reader->where,
			  mark.line + 1, mark.column + 1, text);
}

static int syntax_error(struct reader *reader)
{
	const yaml_parser_t *parser = &reader->parser;

	if (parser->error == YAML_MEMORY_ERROR)
		return sk_err_oom(reader->err);
	return fail_at(reader, parser->problem_mark,
		       parser->problem ? parser->problem : "not YAML");
}

static int next_event(struct reader *reader, yaml_event_t *event)
{
	return yaml_parser_parse(&reader->parser, event) ? 0 : syntax_error(reader);
}

static int new_node(struct reader *reader, enum sk_yaml_type type, yaml_mark_t mark,
		    struct sk_yaml **ret)
{
	struct sk_yaml *node;

	if (++reader->nr_nodes > MAX_NODES)
		return fail_at(reader, mark, "more than 100,000 values");
	node = calloc(1, sizeof(*node));
	if (!node)
		return sk_err_oom(reader->err);
	node->type = type;
	node->where = reader->where;
	node->line = mark.line + 1;
	node->column = mark.column + 1;
	*ret = node;
	return 0;
}

static int grow(struct reader *reader, struct sk_yaml *node)
{
	size_t size = node->size ? node->size * 2 : 8;
	struct sk_yaml **values;
	struct sk_yaml_key *keys;

	if (node->len < node->size)
		return 0;
	values = reallocarray(node->values, size, sizeof(*values));
	if (!values)
		return sk_err_oom(reader->err);
	node->values = values;
	if (node->type == SK_YAML_MAP) {
		keys = reallocarray(node->keys, size, sizeof(*keys));
		if (!keys)
			return sk_err_oom(reader->err);
		node->keys = keys;
	}
	node->size = size;
	return 0;
}

static int compare_keys(const void *a, const void *b)
{
	const struct sk_yaml_key *x = *(const struct sk_yaml_key *const *)a;
	const struct sk_yaml_key *y = *(const struct sk_yaml_key *const *)b;
	int order = strcmp(x->text, y->text);

	return order ? order : (x > y) - (x < y);
}

static int check_duplicates(struct reader *reader, const struct sk_yaml *map)
{
	sk_autofree const struct sk_yaml_key **sorted =
		calloc(map->len + 1, sizeof(*sorted));

	if (!sorted)
		return sk_err_oom(reader->err);
	for (size_t i = 0; i < map->len; i++)
		sorted[i] = &map->keys[i];
	qsort(sorted, map->len, sizeof(*sorted), compare_keys);
	for (size_t i = 1; i < map->len; i++)
		if (strcmp(sorted[i - 1]->text, sorted[i]->text) == 0)
			return sk_err_set(
				reader->err, EINVAL,
				"%s:%zu:%zu: key '%s' is there twice, first in line %zu",
				reader->where, sorted[i]->line, sorted[i]->column,
				sorted[i]->text, sorted[i - 1]->line);
	return 0;
}

static int read_value(struct reader *reader, yaml_event_t *event, struct sk_yaml **ret);

static int scalar_text(struct reader *reader, const yaml_event_t *event, char **ret)
{
	const char *text = (const char *)event->data.scalar.value;
	size_t len = event->data.scalar.length;

	if (memchr(text, '\0', len))
		return fail_at(reader, event->start_mark, "a NUL in a text");
	*ret = strndup(text, len);
	return *ret ? 0 : sk_err_oom(reader->err);
}

static int read_pair(struct reader *reader, yaml_event_t *key, struct sk_yaml *map)
{
	sk_auto(yaml_event_delete) yaml_event_t event = {0};
	sk_autofree char *text = NULL;
	struct sk_yaml *value = NULL;
	int r;

	if (key->type != YAML_SCALAR_EVENT)
		return fail_at(reader, key->start_mark, "a key must be a plain text");
	if (key->data.scalar.anchor || key->data.scalar.tag)
		return fail_at(reader, key->start_mark,
			       "anchors and tags are not supported");
	r = scalar_text(reader, key, &text);
	if (r < 0)
		return r;
	r = next_event(reader, &event);
	if (r < 0)
		return r;
	r = read_value(reader, &event, &value);
	if (r < 0)
		return r;
	map->keys[map->len] =
		(struct sk_yaml_key){sk_steal(&text), key->start_mark.line + 1,
				     key->start_mark.column + 1};
	map->values[map->len++] = value;
	return 0;
}

/* The rest of a list or map, up to and with its end event. */
static int read_items(struct reader *reader, struct sk_yaml *node)
{
	bool is_map = node->type == SK_YAML_MAP;
	int r;

	for (;;) {
		sk_auto(yaml_event_delete) yaml_event_t event = {0};

		r = next_event(reader, &event);
		if (r < 0)
			return r;
		if (event.type == YAML_SEQUENCE_END_EVENT ||
		    event.type == YAML_MAPPING_END_EVENT)
			return is_map ? check_duplicates(reader, node) : 0;
		r = grow(reader, node);
		if (r < 0)
			return r;
		if (is_map) {
			r = read_pair(reader, &event, node);
		} else {
			r = read_value(reader, &event, &node->values[node->len]);
			if (r == 0)
				node->len++;
		}
		if (r < 0)
			return r;
	}
}

static int check_event(struct reader *reader, const yaml_event_t *event)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;

	switch (event->type) {
	case YAML_SCALAR_EVENT:
		anchor = event->data.scalar.anchor;
		tag = event->data.scalar.tag;
		break;
	case YAML_SEQUENCE_START_EVENT:
		anchor = event->data.sequence_start.anchor;
		tag = event->data.sequence_start.tag;
		break;
	case YAML_MAPPING_START_EVENT:
		anchor = event->data.mapping_start.anchor;
		tag = event->data.mapping_start.tag;
		break;
	case YAML_ALIAS_EVENT:
		return fail_at(reader, event->start_mark,
			       "aliases ('*name') are not supported");
	default:
		return fail_at(reader, event->start_mark, "a value should stand here");
	}
	if (anchor)
		return fail_at(reader, event->start_mark,
			       "anchors ('&name') are not supported");
	if (tag)
		return fail_at(reader, event->start_mark,
			       "tags ('!name') are not supported");
	return 0;
}

static int read_value(struct reader *reader, yaml_event_t *event, struct sk_yaml **ret)
{
	sk_auto(sk_yaml_free) struct sk_yaml *node = NULL;
	enum sk_yaml_type type;
	int r;

	r = check_event(reader, event);
	if (r < 0)
		return r;
	type = event->type == YAML_SCALAR_EVENT		 ? SK_YAML_SCALAR
	       : event->type == YAML_MAPPING_START_EVENT ? SK_YAML_MAP
							 : SK_YAML_LIST;
	r = new_node(reader, type, event->start_mark, &node);
	if (r < 0)
		return r;
	if (type == SK_YAML_SCALAR) {
		r = scalar_text(reader, event, &node->text);
	} else {
		if (++reader->depth > MAX_DEPTH)
			return fail_at(reader, event->start_mark,
				       "nested deeper than 64 levels");
		r = read_items(reader, node);
		reader->depth--;
	}
	if (r < 0)
		return r;
	*ret = sk_steal(&node);
	return 0;
}

/* Skip the event that must come next by the grammar of a stream. */
static int skip_event(struct reader *reader)
{
	sk_auto(yaml_event_delete) yaml_event_t event = {0};

	return next_event(reader, &event);
}

static int read_document(struct reader *reader, struct sk_yaml **ret)
{
	sk_auto(yaml_event_delete) yaml_event_t start = {0}, value = {0}, end = {0};
	sk_auto(sk_yaml_free) struct sk_yaml *root = NULL;
	int r;

	r = skip_event(reader); /* start of the stream */
	if (r < 0)
		return r;
	r = next_event(reader, &start);
	if (r < 0)
		return r;
	if (start.type == YAML_STREAM_END_EVENT)
		return sk_err_set(reader->err, EINVAL, "%s: the file is empty",
				  reader->where);
	r = next_event(reader, &value);
	if (r < 0)
		return r;
	r = read_value(reader, &value, &root);
	if (r < 0)
		return r;
	r = skip_event(reader); /* end of the document */
	if (r < 0)
		return r;
	r = next_event(reader, &end);
	if (r < 0)
		return r;
	if (end.type != YAML_STREAM_END_EVENT)
		return fail_at(reader, end.start_mark,
			       "a second document in the same file");
	*ret = sk_steal(&root);
	return 0;
}

int sk_yaml_parse(const char *text, size_t len, const char *where, struct sk_yaml **ret,
		  struct sk_err *err)
{
	sk_auto(finish_reader) struct reader reader = {.err = err};
	sk_autofree char *name = strdup(where);
	struct sk_yaml *root = NULL;
	int r;

	if (!name || !yaml_parser_initialize(&reader.parser))
		return sk_err_oom(err);
	if (len > MAX_BYTES)
		return sk_err_set(err, EFBIG, "%s: larger than 1 MiB", where);
	reader.where = name;
	yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, len);
	r = read_document(&reader, &root);
	if (r < 0)
		return r;
	root->where = sk_steal(&name);
	root->owns_where = true;
	*ret = root;
	return 0;
}

int sk_yaml_load(const char *path, struct sk_yaml **ret, struct sk_err *err)
{
	bool is_stdin = strcmp(path, "-") == 0;
	sk_autofree char *text = NULL;
	size_t len = 0;
	int r;

	if (is_stdin)
		r = sk_fs_read_fd(STDIN_FILENO, MAX_BYTES, &text, &len);
	else
		r = sk_fs_read(AT_FDCWD, path, MAX_BYTES, &text, &len);
	if (r < 0)
		return sk_err_code(err, r, "read '%s'",
				   is_stdin ? "standard input" : path);
	return sk_yaml_parse(text, len, is_stdin ? "standard input" : path, ret, err);
}
