// SPDX-License-Identifier: Apache-2.0
/* test_migrate_tls - memory is encrypted outside a lab, and certificates of both hosts are looked at */
#include <fcntl.h>
#include <signal.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "tests/it/lab.h"

#define PKI "/proc/%d/root/etc/pki/qemu"

/* Two authorities; of the first server and client certificates for hosts a and b, of the second a
 * client certificate for a. $1: folder. */
static const char make_certificates[] =
	"cd \"$1\"\n"
	"cat > req.cnf <<EOF\n"
	"[req]\n"
	"distinguished_name = dn\n"
	"prompt = no\n"
	"[dn]\n"
	"CN = skiff\n"
	"[ca]\n"
	"basicConstraints = critical, CA:TRUE\n"
	"keyUsage = critical, keyCertSign\n"
	"EOF\n"
	"new='openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -config req.cnf'\n"
	"ca() { $new -x509 -extensions ca -days 2 -subj /CN=$1 -keyout $1-key.pem -out $1.pem; }\n"
	"leaf() { # CA NAME server|client FILE\n"
	"	cat > ext.cnf <<EOF\n"
	"basicConstraints = critical, CA:FALSE\n"
	"keyUsage = critical, digitalSignature\n"
	"extendedKeyUsage = $3Auth\n"
	"subjectAltName = DNS:$2\n"
	"EOF\n"
	"	$new -subj /CN=$2 -keyout $4-key.pem -out $4.csr\n"
	"	openssl x509 -req -in $4.csr -CA $1.pem -CAkey $1-key.pem -CAcreateserial \\\n"
	"		-days 2 -extfile ext.cnf -out $4-cert.pem\n"
	"}\n"
	"ca good\n"
	"ca other\n"
	"for h in a b; do\n"
	"	mkdir $h\n"
	"	leaf good $h server $h/server\n"
	"	leaf good $h client $h/client\n"
	"	cp good.pem $h/ca-cert.pem\n"
	"done\n"
	"mkdir stranger\n"
	"leaf other a client stranger/client\n"
	"cat good.pem other.pem > stranger/ca-cert.pem\n";

static void sh(struct it *it, const char *script, const char *a, const char *b)
{
	const char *const argv[] = {"sh", "-ec", script, "sh", a, b, NULL};

	if (it_command(it, argv) != 0)
		fail_msg("%s: %s", script, it->err);
}

/* Put a folder of certificates on a host. */
static void install(struct it *it, const struct it_lab_host *host, const char *pki,
		    const char *name)
{
	sk_autofree char *from = sk_strf("%s/%s", pki, name);
	sk_autofree char *to = sk_strf(PKI, (int)host->pid);

	sh(it, "mkdir -p \"$2\" && cp \"$1\"/*.pem \"$2\"", from, to);
}

static void migrate(struct it *it, int status, const struct it_lab_host *from,
		    const struct it_lab_host *to, const char *option)
{
	sk_autofree char *dir = sk_strf("%s/results", it->dir);

	it_expect(it, status, "migrate", "g1", "--from", from->uri, "--to", to->uri,
		  "--dir", dir, "--format", "{{.transfer.encryption}}", option);
	assert_int_equal(sk_fs_remove_tree(AT_FDCWD, dir, NULL), 0);
}

/* While it runs QEMU has its credentials. */
static void assert_encrypted_while_it_runs(struct it *it, const struct it_lab_host *from,
					   const struct it_lab_host *to)
{
	struct it_job job;

	it_start(it, &job, -1, "migrate", "g1", "--from", from->uri, "--to", to->uri,
		 "--bandwidth", "8mbit");
	it_await_err(&job, "migrate\n");
	it_await_text(it, "\"tls-creds\":\"objlibvirt_migrate_tls0\"",
		      IT_ARGS("slice", "exec", "lab-default", "a", "--", "virsh",
			      "qemu-monitor-command", "g1",
			      "{\"execute\":\"query-migrate-parameters\"}"));
	assert_int_equal(kill(job.proc.pid, SIGINT), 0);
	assert_int_equal(it_finish(it, &job), 130);
}

static void test_outside_a_lab_memory_is_encrypted_or_it_is_said(void **state)
{
	struct it *it = *state;
	sk_autofree char *pki = sk_strf("%s/pki", it->dir);
	struct it_lab_host a, b;

	it_need_root(it);
	it_lab_up(it);
	it_lab_host(it, "a", &a);
	it_lab_host(it, "b", &b);
	assert_int_equal(sk_fs_mkdirs(AT_FDCWD, pki, 0700, NULL), 0);
	sh(it, make_certificates, pki, NULL);

	/* No certificates: not in plain text instead. */
	migrate(it, 1, &a, &b, "--no-cpu-check");
	it_assert_has(it->err, "guest 'g1' still runs at the source");
	it_assert_has(it->err, "a host has no certificate for TLS");
	it_assert_has(it->err, "without TLS: insecure-plaintext");
	it_lab_guest_on(it, "a");
	migrate(it, 0, &a, &b, "--insecure-plaintext");
	assert_string_equal(it->out, "none: asked for\n");
	migrate(it, 0, &b, &a, "--insecure-plaintext");

	install(it, &a, pki, "a");
	install(it, &b, pki, "b");
	assert_encrypted_while_it_runs(it, &a, &b);
	migrate(it, 0, &a, &b, "--no-cpu-check");
	assert_string_equal(it->out, "tls\n");
	migrate(it, 0, &b, &a, "--mode=post-copy");
	assert_string_equal(it->out, "tls\n");
	it_lab_guest_on(it, "a");

	/* The destination knows of no such client. */
	install(it, &a, pki, "stranger");
	migrate(it, 1, &a, &b, "--no-cpu-check");
	it_assert_has(it->err, "certificate");
	it_assert_has(it->err, "guest 'g1' still runs at the source");
	install(it, &a, pki, "a");

	/* The certificate says b, the memory goes to 10.77.0.2. */
	migrate(it, 1, &a, &b, "--migrate-uri=tcp://10.77.0.2");
	/* Which end tells first is a race; each text names certificates and the way out. */
	it_assert_has(it->err, "certificate");
	it_assert_has(it->err, "tls-destination NAME");
	it_assert_has(it->err, "guest 'g1' still runs at the source");
	it_lab_guest_on(it, "a");
	it_expect(it, 0, "lab", "down");
	assert_int_equal(sk_fs_remove_tree(AT_FDCWD, pki, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT_TEST(test_outside_a_lab_memory_is_encrypted_or_it_is_said),
	};

	return it_run_group(tests);
}
