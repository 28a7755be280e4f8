// SPDX-License-Identifier: Apache-2.0
/* test_resources - linux.resources: read, turned into files of v1 and v2, and set on real groups */
#include "runtime/cgroup/settings.h"
#include "tests/unit/runtime/cgroup_fixture.h"

static int read_text(const char *text, struct sk_cgroup_resources **ret,
		     struct sk_err *err)
{
	sk_auto(sk_json_free) struct sk_json *json = NULL;

	if (sk_json_parse(text, strlen(text), "test", &json, err) < 0)
		fail_msg("%s: %s", text, err->msg);
	return sk_cgroup_resources_from_json(json, "linux.resources", ret, err);
}

static struct sk_cgroup_resources *must_read(const char *text)
{
	struct sk_cgroup_resources *res = NULL;
	struct sk_err err = SK_ERR_INIT;

	if (read_text(text, &res, &err) < 0)
		fail_msg("%s: %s", text, err.msg);
	return res;
}

/* "FILE=VALUE;" each; "?" before a trial, "!" for a limit that this version lacks. */
static char *plan_text(const char *text, bool is_v2)
{
	sk_auto(sk_cgroup_resources_free) struct sk_cgroup_resources *res =
		must_read(text);
	sk_auto(sk_cgroup_plan_finish) struct sk_cgroup_plan plan = {0};
	sk_auto(sk_str_finish) struct sk_str out = SK_STR_INIT;

	assert_int_equal(sk_cgroup_plan_resources(res, is_v2, &plan), 0);
	for (size_t i = 0; i < plan.nr; i++)
		sk_str_addf(&out, "%s%s=%s;",
			    plan.items[i].flags & SK_CGROUP_TRIAL ? "?" : "",
			    plan.items[i].file ? plan.items[i].file : "!",
			    plan.items[i].value);
	return sk_str_steal(&out);
}

static void test_each_member_becomes_files_of_v1_and_v2(void **state)
{
	static const struct {
		const char *json, *v1, *v2;
	} cases[] = {
		{"{}", "", ""},
		{"{\"memory\":{\"limit\":0,\"swap\":0},\"cpu\":{\"shares\":0,\"quota\":0,\"period\":0}}",
		 "", ""},
		{"{\"memory\":{\"limit\":1048576,\"swap\":3145728}}",
		 "?memory.memsw.limit_in_bytes=3145728;memory.limit_in_bytes=1048576;"
		 "memory.memsw.limit_in_bytes=3145728;",
		 "memory.max=1048576;memory.swap.max=2097152;"},
		{"{\"memory\":{\"limit\":-1}}",
		 "?memory.memsw.limit_in_bytes=-1;memory.limit_in_bytes=-1;"
		 "memory.memsw.limit_in_bytes=-1;",
		 "memory.max=max;memory.swap.max=max;"},
		{"{\"memory\":{\"reservation\":4096,\"swappiness\":0,\"disableOOMKiller\":false,\"useHierarchy\":true}}",
		 "memory.soft_limit_in_bytes=4096;memory.swappiness=0;memory.oom_control=0;"
		 "memory.use_hierarchy=1;",
		 "memory.low=4096;!=0;"},
		{"{\"memory\":{\"kernel\":4096,\"kernelTCP\":8192,\"disableOOMKiller\":true}}",
		 "memory.kmem.limit_in_bytes=4096;memory.kmem.tcp.limit_in_bytes=8192;"
		 "memory.oom_control=1;",
		 "!=4096;!=8192;!=1;"},
		{"{\"cpu\":{\"shares\":1024,\"quota\":50000,\"period\":100000,\"burst\":20000}}",
		 "cpu.shares=1024;?cpu.cfs_period_us=100000;?cpu.cfs_burst_us=20000;"
		 "cpu.cfs_quota_us=50000;cpu.cfs_period_us=100000;cpu.cfs_burst_us=20000;",
		 "cpu.weight=100;?cpu.max.burst=20000;cpu.max=50000 100000;cpu.max.burst=20000;"},
		{"{\"cpu\":{\"quota\":-1}}", "cpu.cfs_quota_us=-1;", "cpu.max=max;"},
		{"{\"cpu\":{\"period\":50000}}",
		 "?cpu.cfs_period_us=50000;cpu.cfs_period_us=50000;", "cpu.max= 50000;"},
		{"{\"cpu\":{\"shares\":2,\"idle\":0}}", "cpu.idle=0;cpu.shares=2;",
		 "cpu.idle=0;cpu.weight=1;"},
		{"{\"cpu\":{\"idle\":1,\"cpus\":\"0-1\",\"mems\":\"0\"}}",
		 "cpu.idle=1;cpuset.cpus=0-1;cpuset.mems=0;",
		 "cpu.idle=1;cpuset.cpus=0-1;cpuset.mems=0;"},
		{"{\"cpu\":{\"realtimeRuntime\":950000,\"realtimePeriod\":1000000}}",
		 "?cpu.rt_period_us=1000000;cpu.rt_runtime_us=950000;cpu.rt_period_us=1000000;",
		 "!=1000000;!=950000;"},
		{"{\"pids\":{\"limit\":32}}", "pids.max=32;", "pids.max=32;"},
		{"{\"pids\":{\"limit\":-1}}", "pids.max=max;", "pids.max=max;"},
		{"{\"pids\":{\"limit\":0}}", "pids.max=1;", "pids.max=1;"},
		{"{\"blockIO\":{\"weight\":500,\"leafWeight\":10}}",
		 "blkio.weight=500;blkio.bfq.weight=500;blkio.leaf_weight=10;blkio.bfq.leaf_weight=10;",
		 "io.bfq.weight=500;io.weight=4950;!=10;"},
		{"{\"blockIO\":{\"weightDevice\":[{\"major\":8,\"minor\":0,\"weight\":500}]}}",
		 "blkio.weight_device=8:0 500;blkio.bfq.weight_device=8:0 500;",
		 "io.bfq.weight=8:0 500;io.weight=8:0 4950;"},
		{"{\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0,\"rate\":600}],"
		 "\"throttleWriteBpsDevice\":[{\"major\":8,\"minor\":0,\"rate\":0}],"
		 "\"throttleReadIOPSDevice\":[{\"major\":8,\"minor\":1,\"rate\":7}],"
		 "\"throttleWriteIOPSDevice\":[{\"major\":8,\"minor\":1,\"rate\":8}]}}",
		 "blkio.throttle.read_bps_device=8:0 600;blkio.throttle.write_bps_device=8:0 0;"
		 "blkio.throttle.read_iops_device=8:1 7;blkio.throttle.write_iops_device=8:1 8;",
		 "io.max=8:0 rbps=600;io.max=8:0 wbps=max;io.max=8:1 riops=7;io.max=8:1 wiops=8;"},
		{"{\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":4194304}]}",
		 "hugetlb.2MB.rsvd.limit_in_bytes=4194304;hugetlb.2MB.limit_in_bytes=4194304;",
		 "hugetlb.2MB.rsvd.max=4194304;hugetlb.2MB.max=4194304;"},
		{"{\"network\":{\"classID\":1048577,\"priorities\":[{\"name\":\"eth0\",\"priority\":500}]}}",
		 "net_cls.classid=1048577;net_prio.ifpriomap=eth0 500;",
		 "!=1048577;!=eth0 500;"},
		{"{\"rdma\":{\"mlx5_1\":{\"hcaHandles\":3,\"hcaObjects\":10},\"rxe3\":{\"hcaObjects\":1}}}",
		 "rdma.max=mlx5_1 hca_handle=3 hca_object=10;rdma.max=rxe3 hca_object=1;",
		 "rdma.max=mlx5_1 hca_handle=3 hca_object=10;rdma.max=rxe3 hca_object=1;"},
		{"{\"unified\":{\"memory.high\":\"1000\"}}", "!=1000;",
		 "memory.high=1000;"},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		sk_autofree char *v1 = plan_text(cases[i].json, false);
		sk_autofree char *v2 = plan_text(cases[i].json, true);

		assert_string_equal(v1, cases[i].v1);
		assert_string_equal(v2, cases[i].v2);
	}
}

static void test_a_limit_of_no_processes_depends_on_the_version(void **state)
{
	static const struct {
		const char *version;
		int64_t value;
	} cases[] = {{"", -1},
		     {"1.0.2", -1},
		     {"1.2.1", -1},
		     {"1.3.0", 0},
		     {"1.3.0-rc.1", 0}};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		sk_auto(sk_cgroup_resources_free) struct sk_cgroup_resources *res =
			must_read("{\"pids\":{\"limit\":0}}");

		sk_cgroup_resources_adapt(res, cases[i].version);
		assert_int_equal(res->pids_limit.value, cases[i].value);
	}
}

static void test_what_is_wrong_is_named(void **state)
{
	static const struct {
		const char *json, *text;
		int code;
	} cases[] = {
		{"{\"memory\":{\"limit\":\"1\"}}",
		 "linux.resources.memory.limit: expected an integer", -EINVAL},
		{"{\"memory\":{\"limit\":-2}}", "linux.resources.memory.limit", -ERANGE},
		{"{\"memory\":{\"limit\":4096,\"swap\":1024}}",
		 "linux.resources.memory: swap (1024) is memory and swap together, so not less than limit (4096)",
		 -EINVAL},
		{"{\"cpu\":{\"quota\":1000,\"burst\":2000}}",
		 "linux.resources.cpu: burst (2000) is larger than quota (1000)",
		 -EINVAL},
		{"{\"cpu\":{\"period\":1000001}}", "linux.resources.cpu.period", -ERANGE},
		{"{\"cpu\":{\"cpus\":\"a\"}}",
		 "linux.resources.cpu.cpus: 'a' is no list like '0-2,4'", -EINVAL},
		{"{\"blockIO\":{\"weight\":1001}}", "linux.resources.blockIO.weight",
		 -ERANGE},
		{"{\"blockIO\":{\"weightDevice\":[{\"major\":8,\"minor\":0}]}}",
		 "weightDevice has neither weight nor leafWeight", -EINVAL},
		{"{\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0}]}}",
		 "throttleReadBpsDevice.rate is missing", -EINVAL},
		{"{\"hugepageLimits\":[{\"pageSize\":\"../2MB\",\"limit\":1}]}",
		 "linux.resources.hugepageLimits: '../2MB' is no size of a huge page like '2MB'",
		 -EINVAL},
		{"{\"network\":{\"priorities\":[{\"name\":\"a b\",\"priority\":1}]}}",
		 "linux.resources.network.priorities: 'a b' is no network interface",
		 -EINVAL},
		{"{\"rdma\":{\"x\":{}}}",
		 "linux.resources.rdma: 'x' has neither hcaHandles nor hcaObjects",
		 -EINVAL},
		{"{\"unified\":{\"../x.y\":\"1\"}}",
		 "linux.resources.unified: '../x.y' is no file of a cgroup: it is CONTROLLER.NAME",
		 -EINVAL},
		{"{\"unified\":{\"a/memory.max\":\"1\"}}",
		 "linux.resources.unified: 'a/memory.max' is no file of a cgroup",
		 -EINVAL},
		{"{\"unified\":{\"..\":\"1\"}}", "'..' is no file of a cgroup", -EINVAL},
		{"{\"unified\":{\"cgroup.procs\":\"1\"}}",
		 "linux.resources.unified: 'cgroup.procs' is no limit", -EINVAL},
		{"{\"unified\":{\"memory.max\":1}}",
		 "linux.resources.unified.memory.max: expected a string", -EINVAL},
		{"{\"devices\":[{}]}", "linux.resources.devices.allow is missing",
		 -EINVAL},
		{"{\"devices\":[{\"allow\":true,\"access\":\"rx\"}]}",
		 "linux.resources.devices: access 'rx' is not made of r, w and m",
		 -EINVAL},
		{"{\"devices\":[{\"allow\":true,\"type\":\"p\"}]}",
		 "linux.resources.devices: type 'p' is not one of a, b, c, u", -EINVAL},
	};

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		struct sk_cgroup_resources *res = NULL;
		struct sk_err err = SK_ERR_INIT;
		int r = read_text(cases[i].json, &res, &err);

		if (r != cases[i].code || !strstr(err.msg, cases[i].text))
			fail_msg("%s: %d '%s'", cases[i].json, r, err.msg);
		assert_null(res);
	}
}

static void test_shares_and_weights_have_their_defaults_in_common(void **state)
{
	static const struct {
		uint64_t shares, weight;
	} cases[] = {{0, 1},	  {1, 1},	   {2, 1},
		     {1024, 100}, {262144, 10000}, {9999999, 10000}};
	uint64_t last = 0;

	(void)state;
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++)
		assert_int_equal(sk_cgroup_weight_of_shares(cases[i].shares),
				 cases[i].weight);
	for (uint64_t shares = 2; shares <= 262144; shares++) {
		uint64_t weight = sk_cgroup_weight_of_shares(shares);

		assert_true(weight >= last && weight <= 10000);
		last = weight;
	}
}

/* Real groups below the caller's own. */

static struct fixture *made(void **state, unsigned int controller)
{
	struct fixture *fix = controller
				      ? need(state, sk_cgroup_controller_name(controller))
				      : need_root(state);

	assert_ok(sk_cgroup_create(fix->cg, NULL, &fix->err), &fix->err);
	return fix;
}

static int set(struct fixture *fix, const char *text, enum sk_cgroup_when when)
{
	sk_auto(sk_cgroup_resources_free) struct sk_cgroup_resources *res =
		must_read(text);

	fix->err = SK_ERR_INIT;
	return sk_cgroup_set_resources(fix->cg, res, when, &fix->err);
}

static void must_set(struct fixture *fix, const char *text)
{
	if (set(fix, text, SK_CGROUP_ON_UPDATE) < 0)
		fail_msg("%s: %s", text, fix->err.msg);
}

static void assert_file(struct fixture *fix, unsigned int controller, const char *v1,
			const char *v2, const char *value)
{
	const struct sk_cgroup_hier *hier = sk_cgroup_find(fix->cg, controller);
	sk_autofree char *text = NULL;
	const char *file = hier->is_v2 ? v2 : v1;

	assert_int_equal(sk_fs_read(hier->dirfd, file, 4096, &text, NULL), 0);
	text[strcspn(text, "\n")] = '\0';
	if (strcmp(text, value) != 0)
		fail_msg("%s/%s is '%s', not '%s'", hier->dir, file, text, value);
}

static void test_memory_and_swap_rise_and_fall_together(void **state)
{
	struct fixture *fix = made(state, SK_CGROUP_MEMORY);
	static const char *const steps[] = {"67108864", "16777216", "134217728"};

	for (size_t i = 0; i < SK_ARRAY_SIZE(steps); i++) {
		sk_autofree char *json =
			sk_strf("{\"memory\":{\"limit\":%s,\"swap\":%s}}", steps[i],
				steps[i]);

		must_set(fix, json);
		assert_file(fix, SK_CGROUP_MEMORY, "memory.limit_in_bytes", "memory.max",
			    steps[i]);
	}
	must_set(fix, "{\"memory\":{\"limit\":-1}}");
	if (sk_cgroup_find(fix->cg, SK_CGROUP_MEMORY)->is_v2)
		assert_file(fix, SK_CGROUP_MEMORY, NULL, "memory.max", "max");
}

static void test_swap_alone_is_counted_from_the_limit_that_holds(void **state)
{
	struct fixture *fix = made(state, SK_CGROUP_MEMORY);

	must_set(fix, "{\"memory\":{\"limit\":16777216,\"swap\":33554432}}");
	must_set(fix, "{\"memory\":{\"swap\":50331648}}");
	assert_file(fix, SK_CGROUP_MEMORY, "memory.memsw.limit_in_bytes",
		    "memory.swap.max",
		    sk_cgroup_find(fix->cg, SK_CGROUP_MEMORY)->is_v2 ? "33554432"
								     : "50331648");
}

static void test_cpu_settings_can_be_changed_in_any_direction(void **state)
{
	struct fixture *fix = made(state, SK_CGROUP_CPU);
	bool is_v2 = sk_cgroup_find(fix->cg, SK_CGROUP_CPU)->is_v2;

	must_set(fix, "{\"cpu\":{\"quota\":100000,\"period\":100000,\"burst\":100000}}");
	must_set(fix, "{\"cpu\":{\"quota\":20000,\"period\":50000,\"burst\":10000}}");
	assert_file(fix, SK_CGROUP_CPU, "cpu.cfs_quota_us", "cpu.max",
		    is_v2 ? "20000 50000" : "20000");
	must_set(fix, "{\"cpu\":{\"quota\":400000,\"period\":200000,\"burst\":400000}}");
	assert_file(fix, SK_CGROUP_CPU, "cpu.cfs_burst_us", "cpu.max.burst", "400000");
	must_set(fix, "{\"cpu\":{\"period\":500000}}"); /* the quota stays */
	assert_file(fix, SK_CGROUP_CPU, "cpu.cfs_period_us", "cpu.max",
		    is_v2 ? "400000 500000" : "500000");
	must_set(fix, "{\"cpu\":{\"quota\":-1,\"burst\":0}}");
	assert_file(fix, SK_CGROUP_CPU, "cpu.cfs_quota_us", "cpu.max",
		    is_v2 ? "max 500000" : "-1");
	must_set(fix, "{\"cpu\":{\"idle\":1}}");
	must_set(fix, "{\"cpu\":{\"idle\":0,\"shares\":1024}}");
	assert_file(fix, SK_CGROUP_CPU, "cpu.shares", "cpu.weight",
		    is_v2 ? "100" : "1024");
}

static void test_cpus_and_processes_are_limited(void **state)
{
	struct fixture *fix = made(state, SK_CGROUP_CPUSET);

	must_set(fix, "{\"cpu\":{\"cpus\":\"0\",\"mems\":\"0\"}}");
	assert_file(fix, SK_CGROUP_CPUSET, "cpuset.cpus", "cpuset.cpus", "0");
	must_set(fix, "{\"pids\":{\"limit\":12}}");
	assert_file(fix, SK_CGROUP_PIDS, "pids.max", "pids.max", "12");
	must_set(fix, "{\"pids\":{\"limit\":-1}}");
	assert_file(fix, SK_CGROUP_PIDS, "pids.max", "pids.max", "max");
	assert_true(set(fix, "{\"cpu\":{\"cpus\":\"9999\"}}", SK_CGROUP_ON_UPDATE) < 0);
	assert_non_null(strstr(fix->err.msg, "cannot limit CPUs: write '9999' to '"));
}

/* On v2 such a controller is handed on from the root down: not without need. */
static void test_rare_controllers_are_used_only_where_a_limit_asks(void **state)
{
	sk_auto(sk_cgroup_resources_free) struct sk_cgroup_resources *res = must_read(
		"{\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":4194304}]}");
	struct fixture *fix = made(state, 0);
	sk_autofree char *path = sk_strf("skiff-test-%d/rare", getpid());
	const struct sk_cgroup_opts opts = {.path = path,
					    .is_oci = true,
					    .resources = res};
	sk_auto(sk_cgroup_free) struct sk_cgroup *cg = NULL;

	assert_int_equal(sk_cgroup_resources_controllers(NULL), 0);
	assert_int_equal(sk_cgroup_resources_controllers(res), SK_CGROUP_HUGETLB);
	for (unsigned int i = 0; i < fix->cg->nr; i++)
		assert_int_equal(fix->cg->hiers[i].controllers & SK_CGROUP_RARE, 0);
	assert_int_equal(sk_cgroup_open(&opts, &cg, &fix->err), 0);
	for (unsigned int i = 0; i < cg->nr; i++)
		assert_int_equal(cg->hiers[i].controllers & SK_CGROUP_RARE &
					 ~(unsigned int)SK_CGROUP_HUGETLB,
				 0);
}

static void test_unified_is_for_v2_and_says_so(void **state)
{
	struct fixture *fix = made(state, SK_CGROUP_MEMORY);

	if (sk_cgroup_find(fix->cg, SK_CGROUP_MEMORY)->is_v2) {
		must_set(fix, "{\"unified\":{\"memory.high\":\"16777216\"}}");
		assert_file(fix, SK_CGROUP_MEMORY, NULL, "memory.high", "16777216");
		assert_int_equal(set(fix, "{\"unified\":{\"memory.nope\":\"1\"}}",
				     SK_CGROUP_ON_CREATE),
				 -ENOENT);
	} else {
		assert_int_equal(set(fix, "{\"unified\":{\"memory.high\":\"1\"}}",
				     SK_CGROUP_ON_CREATE),
				 -ENOTSUP);
		assert_non_null(strstr(
			fix->err.msg,
			"the cgroup controller 'memory' is on cgroup v1 here, which has no such limit"));
	}
}

static void test_a_missing_controller_is_named_only_when_a_limit_asks_for_it(void **state)
{
	struct fixture *fix = made(state, SK_CGROUP_MEMORY);

	assert_true(set(fix, "{\"rdma\":{\"x\":{\"hcaObjects\":1}}}",
			SK_CGROUP_ON_CREATE) < 0);
	assert_non_null(strstr(
		fix->err.msg,
		sk_cgroup_find(fix->cg, SK_CGROUP_RDMA)
			? "cannot limit RDMA: write 'x hca_object=1' to '"
			: "cannot limit RDMA: the cgroup controller 'rdma' is not available"));
}

static void test_a_limit_below_the_use_is_refused_where_that_was_asked(void **state)
{
	struct fixture *fix = made(state, SK_CGROUP_MEMORY);
	sk_auto(sk_cgroup_resources_free) struct sk_cgroup_resources *res =
		must_read("{\"memory\":{\"limit\":4096,\"checkBeforeUpdate\":true}}");
	size_t len = 1 << 20;
	pid_t pid;
	int ready[2];
	char byte;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		char *block = malloc(len);

		if (!block || sk_cgroup_enter(fix->cg, true, NULL) < 0)
			_exit(1);
		memset(block, 1, len);
		(void)!write(ready[1], block, 1);
		for (;;)
			(void)pause();
	}
	(void)close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	(void)close(ready[0]);
	assert_int_equal(sk_cgroup_set_resources(fix->cg, res, SK_CGROUP_ON_UPDATE,
						 &fix->err),
			 -EBUSY);
	assert_non_null(strstr(fix->err.msg, "cannot limit memory to 4096 bytes: "));
	assert_non_null(strstr(fix->err.msg, "are in use"));
	assert_int_equal(sk_cgroup_kill(fix->cg, 5000, &fix->err), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_member_becomes_files_of_v1_and_v2),
		cmocka_unit_test(test_a_limit_of_no_processes_depends_on_the_version),
		cmocka_unit_test(test_what_is_wrong_is_named),
		cmocka_unit_test(test_shares_and_weights_have_their_defaults_in_common),
		T_OCI(test_memory_and_swap_rise_and_fall_together),
		T_OCI(test_swap_alone_is_counted_from_the_limit_that_holds),
		T_OCI(test_cpu_settings_can_be_changed_in_any_direction),
		T_OCI(test_cpus_and_processes_are_limited),
		T_OCI(test_rare_controllers_are_used_only_where_a_limit_asks),
		T_OCI(test_unified_is_for_v2_and_says_so),
		T_OCI(test_a_missing_controller_is_named_only_when_a_limit_asks_for_it),
		T_OCI(test_a_limit_below_the_use_is_refused_where_that_was_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
