// SPDX-License-Identifier: Apache-2.0
/* What QEMU's monitor and the client's network send: QMP lines, blocktime in them, announcements */
#include <errno.h>
#include <string.h>

#include "migrate/measure/announce.h"
#include "migrate/vm/qmp.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	sk_autofree char *text = fuzz_text(data, size);
	sk_auto(sk_json_free) struct sk_json *message = NULL;
	struct sk_err err = SK_ERR_INIT;
	struct sk_blocktime blocktime;
	enum sk_qmp_kind kind = SK_QMP_EVENT;
	char mac[18] = "untouched";
	int r;

	r = sk_qmp_parse(text, size, &kind, &message, &err);
	fuzz_must(r == 0 || r == -EPROTO);
	fuzz_must((r == 0) == (message != NULL) && (r == 0) == (err.msg[0] == '\0'));
	fuzz_must(sk_qmp_reason(message) != NULL);
	sk_qmp_blocktime(message, &blocktime);
	fuzz_must(blocktime.is_known == (blocktime.why[0] == '\0'));
	fuzz_must(blocktime.nr_vcpus <= SK_ARRAY_SIZE(blocktime.vcpu_ns));
	fuzz_must(blocktime.is_known || blocktime.total_ns == 0);
	if (sk_announce_parse(data, size, mac))
		fuzz_must(size >= 42 && strlen(mac) == 17);
	else
		fuzz_must(strcmp(mac, "untouched") == 0);
	return 0;
}
