/* SPDX-License-Identifier: Apache-2.0 */
/* tar - raw tar archives for tests, also such as no writer would make */
#ifndef SK_TEST_TAR_H
#define SK_TEST_TAR_H

#include <stdio.h>
#include <string.h>

#include "lib/str.h"

/** struct tar_entry - One entry; zero members are the usual */
struct tar_entry {
	char type; /* '0' file, '1' hard link, '2' symlink, '3' char, '4' block, '5' folder, '6' fifo */
	const char *name, *link;
	const char *content;
	size_t len;	   /* of content; 0: strlen() */
	const char *size;  /* octal text instead of the true size */
	unsigned int mode; /* 0: 0644, folders 0755 */
	unsigned long uid, gid;
	unsigned int major, minor;
};

static inline void tar_pad(struct sk_str *tar)
{
	while (tar->len % 512)
		sk_str_add_bytes(tar, "", 1);
}

static inline void tar_add(struct sk_str *tar, const struct tar_entry *e)
{
	char head[512] = {0};
	size_t len = e->content ? (e->len ? e->len : strlen(e->content)) : 0;
	unsigned int mode = e->mode ? e->mode : e->type == '5' ? 0755 : 0644, sum = 0;

	memcpy(head, e->name, strnlen(e->name, 100));
	(void)snprintf(head + 100, 8, "%07o", mode & 07777);
	(void)snprintf(head + 108, 8, "%07lo", e->uid & 07777777);
	(void)snprintf(head + 116, 8, "%07lo", e->gid & 07777777);
	if (e->size)
		memcpy(head + 124, e->size, strnlen(e->size, 12));
	else
		(void)snprintf(head + 124, 12, "%011lo", (unsigned long)len & 0777777777);
	(void)snprintf(head + 136, 12, "%011o", 1000000000u);
	head[156] = e->type;
	if (e->link)
		memcpy(head + 157, e->link, strnlen(e->link, 100));
	memcpy(head + 257, "ustar\00000", 8);
	(void)snprintf(head + 329, 8, "%07o", e->major & 07777777);
	(void)snprintf(head + 337, 8, "%07o", e->minor & 07777777);
	memset(head + 148, ' ', 8);
	for (size_t i = 0; i < sizeof(head); i++)
		sum += (unsigned char)head[i];
	(void)snprintf(head + 148, 8, "%06o", sum & 0777777);
	sk_str_add_bytes(tar, head, sizeof(head));
	if (e->content)
		sk_str_add_bytes(tar, e->content, len);
	tar_pad(tar);
}

/* A pax record "LEN key=value\n" of the entry that follows. */
static inline void tar_pax(struct sk_str *tar, const char *key, const char *value,
			   size_t value_len)
{
	sk_auto(sk_str_finish) struct sk_str record = SK_STR_INIT;
	size_t rest = 1 + strlen(key) + 1 + value_len + 1, len = rest + 1;
	char digits[24];

	while (len != rest + (size_t)snprintf(digits, sizeof(digits), "%zu", len))
		len++;
	sk_str_add(&record, digits);
	sk_str_addf(&record, " %s=", key);
	sk_str_add_bytes(&record, value, value_len);
	sk_str_add_char(&record, '\n');
	tar_add(tar, &(struct tar_entry){.type = 'x',
					 .name = "pax",
					 .content = record.ptr,
					 .len = record.len});
}

static inline void tar_end(struct sk_str *tar)
{
	static const char zeros[1024];

	sk_str_add_bytes(tar, zeros, sizeof(zeros));
}

#endif
