// SPDX-License-Identifier: Apache-2.0
/* devices_bpf - device rules of cgroup v2: a program made from them, and attached
 *
 * Each rule, from the last to the first, looks at those accesses that no later rule has
 * decided. A rule that denies one of them ends it; a rule that allows takes its accesses
 * off, and when none is left ends it too. So a rule for a part of the wanted access counts
 * for that part, as it does on v1.
 *
 * Source: bpf(2), the kernel's include/uapi/linux/bpf.h (struct bpf_cgroup_dev_ctx).
 */
#include <string.h>

#include "lib/sys.h"
#include "runtime/cgroup/devices.h"

#define PROGRAM_NAME "skiff_devices"
#define MAX_ATTACHED 64
/* type, major, minor; four for the access */
#define MAX_PER_RULE 7
#define FIXED_INSNS  8

enum {
	R_RESULT = BPF_REG_0,
	R_CTX = BPF_REG_1,
	R_TYPE = BPF_REG_2,
	R_ACCESS = BPF_REG_3,
	R_MAJOR = BPF_REG_4,
	R_MINOR = BPF_REG_5,
};

struct code {
	struct bpf_insn *insns;
	int nr;
};

static void emit(struct code *code, unsigned int op, unsigned int reg, int off, int imm)
{
	code->insns[code->nr++] = (struct bpf_insn){
		.code = (uint8_t)op,
		.dst_reg = (uint8_t)(reg & 0xf),
		.src_reg = op == (BPF_LDX | BPF_MEM | BPF_W) ? R_CTX : 0,
		.off = (int16_t)off,
		.imm = imm,
	};
}

static void emit_load(struct code *code, unsigned int reg, size_t offset)
{
	emit(code, BPF_LDX | BPF_MEM | BPF_W, reg, (int)offset, 0);
}

static void emit_return(struct code *code, bool allow)
{
	emit(code, BPF_ALU64 | BPF_MOV | BPF_K, R_RESULT, 0, allow);
	emit(code, BPF_JMP | BPF_EXIT, 0, 0, 0);
}

/* Jumps that leave a rule are aimed when its end is known. */
static void aim_jumps(struct code *code, int from)
{
	for (int i = from; i < code->nr; i++)
		if (code->insns[i].off == -1)
			code->insns[i].off = (int16_t)(code->nr - i - 1);
}

static void emit_rule(struct code *code, const struct sk_cgroup_device_rule *rule)
{
	int start = code->nr;

	if (rule->type != 'a')
		emit(code, BPF_JMP | BPF_JNE | BPF_K, R_TYPE, -1,
		     rule->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
	if (rule->major != SK_CGROUP_DEVICE_ANY)
		emit(code, BPF_JMP | BPF_JNE | BPF_K, R_MAJOR, -1, (int)rule->major);
	if (rule->minor != SK_CGROUP_DEVICE_ANY)
		emit(code, BPF_JMP | BPF_JNE | BPF_K, R_MINOR, -1, (int)rule->minor);
	if (rule->allow) {
		emit(code, BPF_ALU64 | BPF_AND | BPF_K, R_ACCESS, 0,
		     (int)(SK_CGROUP_DEVICE_ALL & ~rule->access));
		emit(code, BPF_JMP | BPF_JNE | BPF_K, R_ACCESS, -1, 0);
	} else {
		emit(code, BPF_JMP | BPF_JSET | BPF_K, R_ACCESS, 1, (int)rule->access);
		emit(code, BPF_JMP | BPF_JA, 0, -1, 0);
	}
	emit_return(code, rule->allow);
	aim_jumps(code, start);
}

int sk_cgroup_device_program(const struct sk_cgroup_device_rule *rules, size_t nr,
			     struct bpf_insn **ret)
{
	struct code code = {0};
	bool fallback = true;

	code.insns = calloc(nr * MAX_PER_RULE + FIXED_INSNS, sizeof(*code.insns));
	if (!code.insns)
		return -ENOMEM;
	emit_load(&code, R_TYPE, offsetof(struct bpf_cgroup_dev_ctx, access_type));
	emit(&code, BPF_ALU64 | BPF_AND | BPF_K, R_TYPE, 0, 0xffff);
	emit_load(&code, R_ACCESS, offsetof(struct bpf_cgroup_dev_ctx, access_type));
	emit(&code, BPF_ALU64 | BPF_RSH | BPF_K, R_ACCESS, 0, 16);
	emit_load(&code, R_MAJOR, offsetof(struct bpf_cgroup_dev_ctx, major));
	emit_load(&code, R_MINOR, offsetof(struct bpf_cgroup_dev_ctx, minor));
	for (size_t i = nr; i > 0; i--) {
		const struct sk_cgroup_device_rule *rule = &rules[i - 1];

		if (rule->type == 'a' && rule->major == SK_CGROUP_DEVICE_ANY &&
		    rule->minor == SK_CGROUP_DEVICE_ANY &&
		    rule->access == SK_CGROUP_DEVICE_ALL) {
			fallback = rule->allow;
			break;
		}
		emit_rule(&code, rule);
	}
	emit_return(&code, fallback);
	*ret = code.insns;
	return code.nr;
}

static int bpf(int cmd, union bpf_attr *attr)
{
	int r = sk_sys_bpf(cmd, attr, sizeof(*attr));

	return r < 0 ? -errno : r;
}

static uint64_t address(const void *pointer)
{
	return (uint64_t)(uintptr_t)pointer;
}

static int load(const struct bpf_insn *program, int nr)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.insns = address(program);
	attr.insn_cnt = (uint32_t)nr;
	attr.license = address("Apache-2.0");
	memcpy(attr.prog_name, PROGRAM_NAME, sizeof(PROGRAM_NAME));
	return bpf(BPF_PROG_LOAD, &attr);
}

static bool is_ours(int fd)
{
	struct bpf_prog_info info;
	union bpf_attr attr;

	memset(&info, 0, sizeof(info));
	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = (uint32_t)fd;
	attr.info.info_len = sizeof(info);
	attr.info.info = address(&info);
	return bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) == 0 &&
	       strncmp(info.name, PROGRAM_NAME, sizeof(info.name)) == 0;
}

/* The program that skiff attached to this group, as a descriptor; -ENOENT when there is none. */
static int find_attached(int dirfd)
{
	uint32_t ids[MAX_ATTACHED] = {0};
	union bpf_attr attr;
	int r;

	memset(&attr, 0, sizeof(attr));
	attr.query.target_fd = (uint32_t)dirfd;
	attr.query.attach_type = BPF_CGROUP_DEVICE;
	attr.query.prog_ids = address(ids);
	attr.query.prog_cnt = MAX_ATTACHED;
	r = bpf(BPF_PROG_QUERY, &attr);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < attr.query.prog_cnt; i++) {
		union bpf_attr by_id;
		int fd;

		memset(&by_id, 0, sizeof(by_id));
		by_id.prog_id = ids[i];
		fd = bpf(BPF_PROG_GET_FD_BY_ID, &by_id);
		if (fd >= 0 && is_ours(fd))
			return fd;
		sk_close(&fd);
	}
	return -ENOENT;
}

int sk_cgroup_device_attach(int dirfd, const struct bpf_insn *program, int nr,
			    bool replace)
{
	sk_autoclose int fd = load(program, nr);
	sk_autoclose int old = fd >= 0 && replace ? find_attached(dirfd) : -ENOENT;
	union bpf_attr attr;

	if (fd < 0)
		return fd;
	if (old < 0 && old != -ENOENT)
		return old;
	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (uint32_t)dirfd;
	attr.attach_bpf_fd = (uint32_t)fd;
	attr.attach_type = BPF_CGROUP_DEVICE;
	attr.attach_flags = BPF_F_ALLOW_MULTI;
	if (old >= 0) {
		attr.attach_flags |= BPF_F_REPLACE;
		attr.replace_bpf_fd = (uint32_t)old;
	}
	return bpf(BPF_PROG_ATTACH, &attr);
}
