// SPDX-License-Identifier: Apache-2.0
/* callers_containerd - containerd without its Kubernetes half, driven by ctr */
#include "lib/str.h"
#include "tests/it/callers.h"

#define SOCKET CALLER_DIR "/sock"

static const char *const list[] = {"containers", "list", "--quiet", NULL};
static const char *const stop_words[] = {"tasks", "delete", "--force", NULL};
static const char *const remove_words[] = {"containers", "rm", NULL};

static const char config[] =
	"version = 2\n"
	"root = \"" CALLER_DIR "/root\"\n"
	"state = \"" CALLER_DIR "/state\"\n"
	"temp = \"" CALLER_DIR "/tmp\"\n"
	"disabled_plugins = [\"io.containerd.grpc.v1.cri\", "
	"\"io.containerd.internal.v1.opt\", \"io.containerd.snapshotter.v1.btrfs\", "
	"\"io.containerd.snapshotter.v1.zfs\", \"io.containerd.snapshotter.v1.aufs\", "
	"\"io.containerd.snapshotter.v1.devmapper\"]\n"
	"[grpc]\n"
	"address = \"" SOCKET "\"\n";

/* An image of one layer in the form of docker's archives. */
static const char make_image[] =
	"set -e; mkdir \"$0/image\"; cd \"$0/image\"; cp \"$1\" layer.tar\n"
	"sum=$(sha256sum < layer.tar); sum=${sum%% *}\n"
	"printf '{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":"
	"{\"Cmd\":[\"/bin/sh\"],\"Env\":[\"PATH=/bin\"]},\"rootfs\":"
	"{\"type\":\"layers\",\"diff_ids\":[\"sha256:%s\"]}}' \"$sum\" > config.json\n"
	"printf '[{\"Config\":\"config.json\",\"RepoTags\":"
	"[\"docker.io/library/box:latest\"],\"Layers\":[\"layer.tar\"]}]' > manifest.json\n"
	"tar -cf ../image.tar layer.tar config.json manifest.json\n";

int caller_containerd_setup(void **state)
{
	struct caller *ctr = caller_begin(state, "containerd", "containerd");
	struct it *it = *state;
	int r = 0;

	if (!ctr)
		return 0;
	caller_write_file("config.toml", config);
	r |= sk_strv_add(&ctr->command, "ctr");
	r |= sk_strv_add(&ctr->command, "--address");
	r |= sk_strv_add(&ctr->command, SOCKET);
	r |= sk_strv_add(&ctr->command, "--namespace");
	r |= sk_strv_add(&ctr->command, ctr->group);
	r |= sk_strv_add(&ctr->run_words, "--runc-binary");
	r |= sk_strv_add(&ctr->run_words, ctr->runtime);
	assert_int_equal(r, 0);
	ctr->list = list;
	ctr->stop = stop_words;
	ctr->remove = remove_words;
	ctr->records = caller_is_stand_in() ? "/run/containerd/runc/*/*"
					    : "/run/containerd/runc/*/containers/*";
	caller_serve(it, IT_ARGS("containerd", "--config", CALLER_DIR "/config.toml"),
		     IT_ARGS("version"));
	assert_int_equal(it_command(it, IT_ARGS("sh", "-c", make_image, CALLER_DIR,
						CALLER_TAR)),
			 0);
	caller_prepare(it, IT_ARGS("images", "import", CALLER_DIR "/image.tar"));
	return 0;
}
