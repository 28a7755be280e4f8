// SPDX-License-Identifier: Apache-2.0
/* callers_docker - docker's daemon with a containerd of its own, driven by its client */
#include <stdlib.h>

#include "lib/str.h"
#include "tests/it/callers.h"

/* Other clients may be installed beside Debian's, which speaks the daemon's version. */
#define CLIENT "/usr/bin/docker"

static const char *const list[] = {"ps", "--all", "--format", "{{.Names}}", NULL};
static const char *const remove_words[] = {"rm", "--force", NULL};

static char *configuration(const struct caller *docker)
{
	return sk_strf("{\"data-root\": \"" CALLER_DIR "/data\",\n"
		       " \"exec-root\": \"" CALLER_DIR "/exec\",\n"
		       " \"pidfile\": \"" CALLER_DIR "/pid\",\n"
		       " \"hosts\": [\"unix://" CALLER_DIR "/sock\"],\n"
		       " \"deprecated-key-path\": \"" CALLER_DIR "/key.json\",\n"
		       " \"runtimes\": {\"rt\": {\"path\": \"%s\"}},\n"
		       " \"default-runtime\": \"rt\",\n"
		       " \"exec-opts\": [\"native.cgroupdriver=cgroupfs\"],\n"
		       " \"cgroup-parent\": \"/%s\",\n"
		       " \"default-ulimits\": {\"nofile\": {\"Name\": \"nofile\", "
		       "\"Soft\": 1024, \"Hard\": 1024}},\n"
		       " \"storage-driver\": \"overlay2\",\n"
		       " \"experimental\": true,\n" /* for checkpoints */
		       " \"userland-proxy\": false}\n",
		       docker->runtime, docker->group);
}

int caller_docker_setup(void **state)
{
	struct caller *docker = caller_begin(state, "dockerd", "docker.io");
	sk_autofree char *text = NULL;
	struct it *it = *state;

	if (!docker)
		return 0;
	text = configuration(docker);
	caller_write_file("daemon.json", text);
	(void)setenv("DOCKER_HOST", "unix://" CALLER_DIR "/sock", 1);
	(void)setenv("DOCKER_CONFIG", CALLER_DIR "/client", 1);
	assert_int_equal(sk_strv_add(&docker->command, CLIENT), 0);
	docker->list = list;
	docker->remove = remove_words;
	docker->records = caller_is_stand_in() ? CALLER_DIR "/exec/runtime-rt/*/*"
					       : CALLER_DIR
				  "/exec/runtime-rt/*/containers/*";
	caller_serve(it, IT_ARGS("dockerd", "--config-file", CALLER_DIR "/daemon.json"),
		     IT_ARGS("version"));
	caller_prepare(it, IT_ARGS("import", CALLER_TAR, "box"));
	return 0;
}
