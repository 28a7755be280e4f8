# SPDX-License-Identifier: Apache-2.0
# One Makefile for everything. A new .c file, program folder or test needs no edit here:
#   <layer>/**/*.c            -> $(BUILD)/<layer>.a          (layers: lib images runtime migrate)
#   cli/*.c                   -> $(BUILD)/bin/skiff          (cli/ but for main.c, cmd_*.c is shared)
#   cli/<program>/*.c         -> the programs of PROGRAMS below (cli/static: of all static ones)
#   <the same>                -> $(BUILD)/musl/... once more, for the programs that are linked with musl
#   tests/unit/<layer>/*.c    -> one cmocka program each, linked with that layer and those below
#   tests/bench/*.c           -> the benchmark
#   tests/it/test_*.c         -> one cmocka program each that drives the built programs
#   tests/fuzz/fuzz_*.c       -> one program each that tries inputs (see tests/fuzz/fuzz.h)

BUILD   ?= build
PREFIX  ?= /usr/local
CC      ?= gcc
VERSION := 0.1.0
Q       := $(if $(V),,@)

CFLAGS  ?= -Os -g
SK_WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wundef \
	   -Wvla -Wwrite-strings -Wpointer-arith -Wconversion -Wno-sign-conversion -Werror
SK_HARD := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
# Of what is not used nothing is linked: each page of a program counts to the memory of its process.
SK_SMALL := -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables
SK_CFLAGS := -std=gnu11 -D_GNU_SOURCE -DSK_VERSION='"$(VERSION)"' -I. -include lib/banned.h \
	   -MMD -MP $(SK_WARN) $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer,$(SK_HARD) $(SK_SMALL)) $(CFLAGS)
SK_LDFLAGS := $(if $(SANITIZE),-fsanitize=$(SANITIZE),-Wl,-z,relro,-z,now,--gc-sections) -Wl,--as-needed $(LDFLAGS)
# Sanitizers cannot be linked into a static program.
STATIC  := $(if $(SANITIZE),-pie,-static-pie)

# Static where Debian has the library: fewer objects to load at each start.
FAST_LIBS  := -Wl,-Bstatic -ljson-c -lseccomp -lcap -lyaml -Wl,-Bdynamic -lmnl -ldl -lm -lpthread
IMAGE_LIBS := -larchive -lcrypto $(FAST_LIBS)
VM_LIBS    := -lvirt -lvirt-qemu $(FAST_LIBS)

# The C library of the programs that each container starts. Static glibc asks the processor some
# eighty times what it can do before main(), half a millisecond in a virtual machine; musl does not.
# Debian's libraries are for glibc: cli/static/musl has what they need besides. Without musl-gcc, for
# sanitizers and other compilers these programs are linked with glibc.
MUSL_DIR := $(if $(SANITIZE)$(filter-out gcc cc,$(CC)),,$(firstword $(wildcard /usr/lib/*-linux-musl)))
MUSL_CC  := $(if $(MUSL_DIR),$(shell command -v musl-gcc))
START    := $(BUILD)/$(if $(MUSL_CC),musl/)
archive_of = $(shell $(CC) -print-file-name=lib$(1).a)

LAYERS := lib images runtime migrate
src = $(sort $(shell find $(1) -name '*.c' 2>/dev/null))
obj = $(patsubst %.c,$(BUILD)/%.o,$(1))

CLI_COMMON := $(filter-out cli/main.c cli/cmd_%.c,$(wildcard cli/*.c))
ARCHIVES   := $(LAYERS:%=$(BUILD)/%.a) $(BUILD)/cli.a
UP_lib     := $(BUILD)/lib.a
UP_images  := $(BUILD)/images.a $(UP_lib)
UP_runtime := $(BUILD)/runtime.a $(UP_lib)
UP_migrate := $(BUILD)/migrate.a $(BUILD)/images.a $(BUILD)/runtime.a $(UP_lib)
UP_cli     := $(BUILD)/cli.a $(UP_migrate)
LIBS_lib     := $(FAST_LIBS)
LIBS_runtime := $(FAST_LIBS)
LIBS_images  := $(IMAGE_LIBS)
LIBS_migrate := $(VM_LIBS)
LIBS_cli     := $(VM_LIBS) -larchive -lcrypto

LIBEXEC  := $(BUILD)/libexec/skiff
PROGRAMS := $(BUILD)/bin/skiff $(BUILD)/bin/skiff-oci $(LIBEXEC)/skiff-vm $(LIBEXEC)/skiff-image \
	    $(LIBEXEC)/skiff-monitor $(LIBEXEC)/skiff-init $(LIBEXEC)/skiff-guest \
	    $(LIBEXEC)/skiff-probe

UNIT_SRC := $(call src,tests/unit)
UNIT_BIN := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(filter %.c,$(UNIT_SRC)))
IT_SRC   := $(filter-out tests/it/test_%.c,$(call src,tests/it))
IT_BIN   := $(patsubst tests/it/%.c,$(BUILD)/tests/it/%,$(wildcard tests/it/test_*.c))
FUZZ_BIN := $(patsubst tests/fuzz/%.c,$(BUILD)/tests/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
# The main() of libFuzzer is in the compiler.
FUZZ_MAIN := $(if $(findstring fuzzer,$(SANITIZE)),,$(BUILD)/tests/fuzz/replay.o)
MAN_SRC  := $(wildcard man/*.scd)
MAN_OUT  := $(MAN_SRC:man/%.scd=$(BUILD)/man/%)

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.PHONY: all deps quickstart check quick unit it vm asan fuzz bench lint fmt layers man install uninstall clean help

all: $(PROGRAMS) man ## build everything into build/

define layer_rule
$(BUILD)/$(1).a: $(call obj,$(call src,$(1)))
endef
$(foreach l,$(LAYERS),$(eval $(call layer_rule,$(l))))
$(BUILD)/cli.a: $(call obj,$(CLI_COMMON))
$(BUILD)/musl/lib.a: $(patsubst %.c,$(BUILD)/musl/%.o,$(call src,lib))
$(BUILD)/musl/runtime.a: $(patsubst %.c,$(BUILD)/musl/%.o,$(call src,runtime))
$(BUILD)/musl/cli.a: $(patsubst %.c,$(BUILD)/musl/%.o,$(CLI_COMMON))
$(ARCHIVES) $(BUILD)/musl/lib.a $(BUILD)/musl/runtime.a $(BUILD)/musl/cli.a:
	$(Q)rm -f $@ && $(AR) rcs $@ $(filter %.o,$^)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(if $(Q),@echo "  CC    $<")
	$(Q)$(CC) $(SK_CFLAGS) -c -o $@ $<

# Of the headers in /usr/include those of the kernel and of the libraries, none of glibc's.
$(BUILD)/musl/include:
	@mkdir -p $@/sys
	$(Q)ln -sfn $(foreach h,linux asm-generic json-c libsmartcols libmnl,/usr/include/$(h)) \
		/usr/include/seccomp.h /usr/include/seccomp-syscalls.h /usr/include/yaml.h $@/
	$(Q)ln -sfn /usr/include/$$($(CC) -print-multiarch)/asm $@/asm
	$(Q)ln -sfn /usr/include/sys/capability.h $@/sys/
$(BUILD)/musl/%.o: %.c | $(BUILD)/musl/include
	@mkdir -p $(@D)
	$(if $(Q),@echo "  CC    $< (musl)")
	$(Q)$(MUSL_CC) $(SK_CFLAGS) -isystem $(BUILD)/musl/include -c -o $@ $<

# link(libraries, kind: -pie if not given)
define link
	@mkdir -p $(@D)
	$(if $(Q),@echo "  LINK  $@")
	$(Q)$(CC) $(SK_LDFLAGS) $(or $(2),-pie) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(1)
endef

# link_start(libraries, options): a static program of objects below $(START)
define link_musl
	@mkdir -p $(@D)
	$(if $(Q),@echo "  LINK  $@ (musl)")
	$(Q)$(MUSL_CC) $(SK_LDFLAGS) -static -nostartfiles -Wl,-pie,--no-dynamic-linker,--build-id,-z,text $(2) -o $@ \
		$(MUSL_DIR)/rcrt1.o $(MUSL_DIR)/crti.o $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) \
		$(foreach l,$(1),$(call archive_of,$(l))) -Wl,--end-group -lm $(MUSL_DIR)/crtn.o
endef
link_start = $(if $(MUSL_CC),$(link_musl),$(call link,$(if $(SANITIZE),$(FAST_LIBS),$(1:%=-l%) -lm -lpthread),$(STATIC) $(2)))
start_obj = $(patsubst %.c,$(START)%.o,$(1) $(if $(MUSL_CC),$(wildcard cli/static/musl/*.c)))

$(BUILD)/bin/skiff: $(call obj,$(wildcard cli/main.c cli/cmd_*.c)) $(BUILD)/cli.a $(BUILD)/images.a $(UP_runtime)
	$(call link,$(FAST_LIBS))
# Static, it begins before the C library does, where that is written for the processor.
OCI_ENTRY := $(if $(SANITIZE),,$(wildcard cli/oci/$(firstword $(subst -, ,$(shell $(CC) -dumpmachine)))/entry.c))
$(BUILD)/bin/skiff-oci: $(call start_obj,$(wildcard cli/oci/*.c cli/static/*.c) $(OCI_ENTRY)) $(START)cli.a $(START)runtime.a $(START)lib.a
	$(call link_start,json-c seccomp cap,$(if $(OCI_ENTRY),-Xlinker --entry=sk_entry))
$(LIBEXEC)/skiff-image: $(call obj,$(wildcard cli/image/*.c)) $(BUILD)/cli.a $(UP_images)
	$(call link,$(IMAGE_LIBS))
$(LIBEXEC)/skiff-vm: $(call obj,$(wildcard cli/vm/*.c)) $(UP_cli)
	$(call link,$(VM_LIBS))
$(LIBEXEC)/skiff-monitor: $(call start_obj,$(wildcard cli/monitor/*.c)) $(START)runtime.a $(START)lib.a
	$(call link_start,json-c)
$(LIBEXEC)/skiff-init: $(call start_obj,$(wildcard cli/init/*.c)) $(START)lib.a
	$(call link_start)
$(LIBEXEC)/skiff-guest: $(call obj,$(wildcard cli/guest/*.c cli/static/*.c)) $(BUILD)/cli.a $(BUILD)/migrate.a $(UP_lib)
	$(call link,$(if $(SANITIZE),$(FAST_LIBS),-ljson-c -lm -lpthread),$(if $(SANITIZE),-pie,-static))
# Alone on another machine it needs the C library and nothing else.
$(LIBEXEC)/skiff-probe: $(call obj,$(wildcard cli/probe/*.c cli/static/*.c)) $(BUILD)/cli.a $(BUILD)/migrate.a $(UP_lib)
	$(call link,$(FAST_LIBS))

define unit_rule
$(BUILD)/tests/unit/$(1)/%: $(BUILD)/tests/unit/$(1)/%.o $(UP_$(1))
	$$(call link,-lcmocka $$(LIBS_$(1)))
endef
$(foreach l,$(LAYERS) cli,$(eval $(call unit_rule,$(l))))
$(BUILD)/tests/it/%: $(BUILD)/tests/it/%.o $(call obj,$(IT_SRC)) $(UP_lib)
	$(call link,-lcmocka $(FAST_LIBS))
$(BUILD)/tests/fuzz/%: $(BUILD)/tests/fuzz/%.o $(BUILD)/tests/fuzz/common.o $(FUZZ_MAIN) $(UP_migrate)
	$(call link,$(FAST_LIBS),-pie $(if $(FUZZ_MAIN),,-fsanitize=fuzzer))
$(BUILD)/tests/bench/helper: $(BUILD)/tests/bench/helper.o
	$(call link,,$(STATIC))
$(BUILD)/tests/bench/true: $(BUILD)/tests/bench/true.o
	$(call link,,-static -no-pie -nostartfiles)
$(BUILD)/tests/bench/bench: $(call obj,$(filter-out %/helper.c %/true.c %/probe.c,$(wildcard tests/bench/*.c))) $(UP_lib)
	$(call link,$(FAST_LIBS))
$(BUILD)/tests/bench/probe: $(BUILD)/tests/bench/probe.o $(BUILD)/migrate.a $(UP_lib)
	$(call link,$(FAST_LIBS))
# As installed: of what a linker wrote here and there, the kernel keeps each page by itself.
$(BUILD)/tests/bench/skiff-oci: $(BUILD)/bin/skiff-oci
	@mkdir -p $(@D)
	$(Q)cp $< $@
.SECONDARY: $(call obj,$(UNIT_SRC) $(wildcard tests/it/*.c tests/fuzz/*.c))

man: $(MAN_OUT)
$(BUILD)/man/%: man/%.scd
	@mkdir -p $(@D)
	$(Q)scdoc < $< > $@

deps: ## install the Debian packages that are missing (as root; otherwise print the command)
	$(Q)packages/install build run vm test callers

quickstart: ## from nothing to three measured migrations in a few minutes (as root)
	$(Q)packages/install build run vm
	@echo "building into $(BUILD)/"
	$(Q)$(MAKE) --no-print-directory -j"$$(nproc)" all $(if $(Q),> /dev/null)
	$(Q)tests/quickstart $(BUILD)

check: deps ## install what is missing and run all tests
	$(Q)$(MAKE) --no-print-directory -j"$$(nproc)" all tests-build
	$(Q)tests/run --build $(BUILD) unit fuzz it vm

.PHONY: tests-build
tests-build: $(UNIT_BIN) $(IT_BIN) $(FUZZ_BIN)
quick: all $(UNIT_BIN) ## build, unit tests
	$(Q)tests/run --build $(BUILD) unit
unit: $(UNIT_BIN) ## unit tests; T=name for one
	$(Q)tests/run --build $(BUILD) unit $(T)
it: all $(IT_BIN) ## integration tests; T=name for one
	$(Q)tests/run --build $(BUILD) it $(T)
vm: all $(IT_BIN) ## the tests that need a VM with its own kernel and pure cgroup v2
	$(Q)tests/run --build $(BUILD) vm $(T)

asan: ## unit tests and the fuzz targets' corpora under address, leak and undefined-behaviour sanitizers
	$(Q)$(MAKE) --no-print-directory BUILD=$(BUILD)-asan SANITIZE=address,undefined CFLAGS="-O1 -g" tests-unit-build
	$(Q)tests/run --build $(BUILD)-asan unit fuzz
.PHONY: tests-unit-build tests-fuzz-build
tests-unit-build: $(UNIT_BIN) $(FUZZ_BIN)
fuzz: ## search for inputs that break a parser: without end, or SECONDS=60 each; T=name for one
	$(Q)$(MAKE) --no-print-directory BUILD=$(BUILD)-fuzz CC=clang SANITIZE=fuzzer-no-link,address,undefined CFLAGS="-O1 -g" tests-fuzz-build
	$(Q)tests/fuzz/run $(BUILD)-fuzz $(or $(SECONDS),0) $(T)
tests-fuzz-build: $(FUZZ_BIN)

bench: all $(addprefix $(BUILD)/tests/bench/,bench helper true skiff-oci probe) ## speed against crun, runc and the kernel (as root); BENCH=--quick
	$(Q)$(BUILD)/tests/bench/bench --build $(BUILD) $(BENCH)
	$(Q)$(BUILD)/tests/bench/probe $(filter --quick,$(BENCH))

lint: layers ## formatting, clang-tidy, cppcheck, function and file sizes
	$(Q)tests/lint $(BUILD)
layers: ## refuse includes that go against the layers
	$(Q)tests/layers
fmt: ## format all sources
	$(Q)clang-format -i $$(git ls-files '*.c' '*.h')

install: all ## install below $(DESTDIR)$(PREFIX)
	$(Q)tests/install "$(DESTDIR)$(PREFIX)" $(BUILD)
uninstall: ## remove what install put there
	$(Q)tests/install --remove "$(DESTDIR)$(PREFIX)" $(BUILD)

clean: ## remove what was built
	$(Q)rm -rf $(BUILD) $(BUILD)-asan $(BUILD)-fuzz
help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | awk -F'\t' '{ printf "  %-11s %s\n", $$1, $$2 }'

-include $(foreach d,$(BUILD) $(BUILD)/musl,$(patsubst %.c,$(d)/%.d,$(foreach l,$(LAYERS) cli tests,$(call src,$(l)))))
