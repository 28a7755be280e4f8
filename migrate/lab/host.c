// SPDX-License-Identifier: Apache-2.0
/* The hosts of a lab: slivers of @host that run a libvirtd of their own
 *
 * Theory of operation
 *
 * A host is a privileged sliver: an overlay of this machine's root, fresh /run and /tmp,
 * own pid, ipc, mount, uts and network namespaces, skiff-init as PID 1 (QEMU daemonises;
 * without a PID 1 that reaps, libvirt waits 80 s for the zombie at each destroy). Its
 * command is a shell script that
 *
 * 1. puts empty folders where libvirt keeps its state, so that nothing of a libvirt of the
 *    machine itself (networks that start by themselves!) is seen or started;
 * 2. writes the configuration: no listener but a unix socket. It is in a folder that the
 *    hosts share, so that each libvirtd reaches every other (peer-to-peer migration) while
 *    nothing in the network, guests least of all, reaches any; skiff goes through
 *    /proc/PID/root. QEMU runs as root, without cgroups, namespaces and security driver,
 *    which the sliver has;
 * 3. makes the bridge br0 around eth0 and moves the address to it: guests join the LAN;
 * 4. lets TCP repeat what was lost at least once a second, and for four minutes, where the kernel
 *    can be told: so soon a post-copy goes on when a cut network is back (the intervals double
 *    otherwise, up to two minutes);
 * 5. runs libvirtd, and starts it anew when it ends, as a machine's service manager does: its
 *    guests do not end with it.
 *
 * The destination tells the source to send to its own hostname, so every host knows all
 * others by /etc/hosts.
 */
#include <inttypes.h>
#include <string.h>

#include "lib/str.h"
#include "migrate/lab/lab.h"

/* $1 hostname, $2 address with prefix, $3 host UUID, $4 lines for /etc/hosts */
static const char script[] =
	"set -e\n"
	"echo \"$1\" > /proc/sys/kernel/hostname\n"
	"printf '127.0.0.1 localhost\\n%s\\n' \"$4\" > /run/skiff-hosts\n"
	"mount --bind /run/skiff-hosts /etc/hosts\n"
	"for d in /etc/libvirt /var/lib/libvirt /var/cache/libvirt /var/log/libvirt; do\n"
	"	mkdir -p $d\n"
	"	mount -t tmpfs -o mode=0755 skiff-host $d\n"
	"done\n"
	"mkdir -p /run/libvirt " SK_LAB_SOCKETS_DIR "/$1\n"
	"ln -s ../.." SK_LAB_SOCKETS_DIR "/$1/libvirt-sock /run/libvirt/libvirt-sock\n"
	"grep -q '^libvirt-qemu:' /etc/passwd ||\n"
	"	echo 'libvirt-qemu:x:64055:64055::/nonexistent:/usr/sbin/nologin' >> /etc/passwd\n"
	"grep -q '^libvirt-qemu:' /etc/group || echo 'libvirt-qemu:x:64055:' >> /etc/group\n"
	"grep -q '^kvm:' /etc/group || echo 'kvm:x:64056:' >> /etc/group\n"
	"cat > /etc/libvirt/libvirtd.conf <<EOF\n"
	"listen_tls = 0\n"
	"listen_tcp = 0\n"
	"auth_unix_rw = \"none\"\n"
	"unix_sock_dir = \"" SK_LAB_SOCKETS_DIR "/$1\"\n"
	"host_uuid = \"$3\"\n"
	"EOF\n"
	"cat > /etc/libvirt/qemu.conf <<EOF\n"
	"user = \"root\"\n"
	"group = \"root\"\n"
	"security_driver = \"none\"\n"
	"cgroup_controllers = []\n"
	"namespaces = []\n"
	"remember_owner = 0\n"
	"stdio_handler = \"file\"\n"
	"EOF\n"
	"ip link set lo up\n"
	"ip link add " SK_LAB_BRIDGE " type bridge\n"
	"ip address flush dev eth0\n"
	"ip link set eth0 master " SK_LAB_BRIDGE " up\n"
	"ip address add \"$2\" dev " SK_LAB_BRIDGE "\n"
	"ip link set " SK_LAB_BRIDGE " up\n"
	"if [ -e /proc/sys/net/ipv4/tcp_rto_max_ms ]; then\n"
	"	echo 1000 > /proc/sys/net/ipv4/tcp_rto_max_ms\n"
	"	echo 255 > /proc/sys/net/ipv4/tcp_retries2\n"
	"fi\n"
	"trap 'kill $!; exit 0' TERM\n"
	"while :; do\n"
	"	libvirtd &\n"
	"	wait $! || :\n"
	"	sleep 0.2\n"
	"done\n";

const char *sk_lab_host_name(unsigned int index)
{
	static const char *const names[SK_LAB_MAX_HOSTS] = {"a", "b", "c", "d",
							    "e", "f", "g", "h"};

	return index < SK_LAB_MAX_HOSTS ? names[index] : NULL;
}

static char *host_lines(unsigned int nr)
{
	sk_auto(sk_str_finish) struct sk_str text = SK_STR_INIT;

	for (unsigned int i = 0; i < nr; i++)
		sk_str_addf(&text, "10.77.0.%u %s\n", i + 1, sk_lab_host_name(i));
	sk_str_add(&text, SK_LAB_CLIENT_IP " " SK_LAB_CLIENT "\n");
	sk_str_add(&text, SK_LAB_GUEST_IP " " SK_LAB_GUEST);
	return sk_str_steal(&text);
}

static int add_host(struct sk_slice_def *def, const struct sk_home *home, const char *lab,
		    unsigned int index, const char *hosts)
{
	const char *name = sk_lab_host_name(index);
	struct sk_slice_node *node = sk_slice_def_add_node(def, name);
	const char *const fixed[] = {"/bin/sh", "-c", script, "skiff-host", name};

	if (!node)
		return -ENOMEM;
	node->image = strdup("@host");
	node->address = sk_strf("10.77.0.%u/24", index + 1);
	node->privileged = true;
	node->private_tmp = true;
	node->init = true;
	for (size_t i = 0; i < SK_ARRAY_SIZE(fixed); i++)
		if (sk_strv_add(&node->command, fixed[i]) < 0)
			return -ENOMEM;
	if (sk_strv_addf(&node->command, "10.77.0.%u/24", index + 1) < 0 ||
	    sk_strv_addf(&node->command, "5b1ff000-0000-4000-8000-%012x", index + 1) <
		    0 ||
	    sk_strv_add(&node->command, hosts) < 0 ||
	    sk_strv_addf(&node->volumes, "%s/guest:" SK_LAB_IMAGES_DIR ":ro",
			 home->root) < 0 ||
	    sk_strv_addf(&node->volumes, "%s/labs/%s:" SK_LAB_SOCKETS_DIR, home->runroot,
			 lab) < 0)
		return -ENOMEM;
	return node->image && node->address ? 0 : -ENOMEM;
}

static int add_client(struct sk_slice_def *def)
{
	struct sk_slice_node *node = sk_slice_def_add_node(def, SK_LAB_CLIENT);

	if (!node)
		return -ENOMEM;
	node->image = strdup("@host");
	node->address = strdup(SK_LAB_CLIENT_IP "/24");
	node->init = true;
	return node->image && node->address ? 0 : -ENOMEM;
}

struct sk_slice_def *sk_lab_slice_def(const struct sk_home *home, const char *lab,
				      unsigned int nr)
{
	sk_autofree char *name = sk_strf("lab-%s", lab);
	sk_autofree char *hosts = host_lines(nr);
	sk_auto(sk_slice_def_free) struct sk_slice_def *def = NULL;

	if (!name || !hosts)
		return NULL;
	def = sk_slice_def_new(name);
	if (!def)
		return NULL;
	def->lan_subnet = strdup(SK_LAB_SUBNET);
	if (!def->lan_subnet || sk_strv_addf(&def->labels, "lab=%s", lab) < 0)
		return NULL;
	for (unsigned int i = 0; i < nr; i++)
		if (add_host(def, home, lab, i, hosts) < 0)
			return NULL;
	return add_client(def) < 0 ? NULL : sk_steal(&def);
}

int sk_lab_host_uri(const struct sk_lab *lab, const char *host, char **ret,
		    struct sk_err *err)
{
	char *uri;
	pid_t pid;
	int r = sk_slice_node_pid(lab->home, lab->slice, host, &pid, err);

	if (r < 0)
		return sk_err_wrap(err, r, "host '%s' of lab '%s'", host, lab->name);
	uri = sk_strf("qemu+unix:///system?socket=/proc/%d/root/run/libvirt/libvirt-sock",
		      (int)pid);
	if (!uri)
		return sk_err_oom(err);
	*ret = uri;
	return 0;
}
