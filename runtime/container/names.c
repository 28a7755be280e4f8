// SPDX-License-Identifier: Apache-2.0
/* names - ids of containers: which are allowed, and made-up ones */
#include "runtime/container/names.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/str.h"

#define ID_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-."

static const char *const moods[] = {
	"agile",  "amber",  "bold",   "brave", "brisk", "calm",	 "clear", "clever",
	"cosy",	  "crisp",  "deft",   "eager", "early", "fair",	 "fleet", "fond",
	"frank",  "fresh",  "gentle", "glad",  "grand", "happy", "hardy", "honest",
	"jolly",  "keen",   "kind",   "light", "lucky", "merry", "mild",  "neat",
	"nimble", "noble",  "plain",  "proud", "quick", "quiet", "rapid", "ready",
	"sharp",  "silent", "sleek",  "smart", "spry",	"sunny", "swift", "warm",
};
static const char *const animals[] = {
	"badger", "beaver", "bison",  "crane",	"curlew",  "dipper",  "dolphin", "dove",
	"eagle",  "egret",  "falcon", "ferret", "finch",   "fox",     "gannet",	 "goose",
	"hare",	  "heron",  "ibex",   "ibis",	"jackdaw", "kestrel", "kite",	 "lark",
	"linnet", "lynx",   "marten", "merlin", "newt",	   "osprey",  "otter",	 "owl",
	"petrel", "pika",   "plover", "puffin", "raven",   "robin",   "seal",	 "shrew",
	"stoat",  "stork",  "swan",   "teal",	"tern",	   "vole",    "weasel",	 "wren",
};
#define PAIRS (SK_ARRAY_SIZE(moods) * SK_ARRAY_SIZE(animals))

char *sk_names_make(uint64_t number)
{
	uint64_t pair = number % PAIRS, round = number / PAIRS % 256;
	const char *mood = moods[pair / SK_ARRAY_SIZE(animals)];
	const char *animal = animals[pair % SK_ARRAY_SIZE(animals)];

	if (round == 0)
		return sk_strf("%s-%s", mood, animal);
	return sk_strf("%s-%s-%02x", mood, animal, (unsigned int)round);
}

int sk_names_check_id(const char *id, struct sk_err *err)
{
	if (!id[0])
		return sk_err_set(err, EINVAL, "the id of a container must not be empty");
	if (strlen(id) > NAME_MAX)
		return sk_err_set(err, ENAMETOOLONG,
				  "the container id '%.40s...' is longer than %d bytes",
				  id, NAME_MAX);
	if (id[0] == '.' || id[strspn(id, ID_CHARS)])
		return sk_err_set(
			err, EINVAL,
			"'%s' is not a container id: use letters, digits, '_', '+', '-' and, but for the first, '.'",
			id);
	return 0;
}
