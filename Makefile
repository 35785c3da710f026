# matchbox: the whole build.  `make help` lists what there is.
#
# Adding a source file needs no edit here: the directory listing is the registry.
# A file src/env/*/NAME.c must define mb_env_NAME, src/algo/*/NAME.c mb_algo_NAME, and so on (tools/registry.sh).
CC      ?= cc
CXX     ?= c++
SAN     ?=# address (with undefined) or thread: a build of its own in build-address, build-thread
B       ?= build$(addprefix -,$(SAN))
OPT     ?= $(if $(SAN),-O1 -g,-O3)
WERROR  ?=# -Werror in CI; off for newcomers, whose compiler may know warnings ours does not
PREFIX  ?= /usr/local
DESTDIR ?=
V       ?=# V=1 shows whole commands
Q       := $(if $(V),,@)
say      = $(if $(V),,@echo '  $(1)')
CHARTJS := /usr/share/javascript/chart.js/chart.min.js
VERSION := $(shell sed -n 's/^\#define MB_VERSION "\(.*\)"/\1/p' include/matchbox/core.h)
SOVER   := $(firstword $(subst ., ,$(VERSION)))

WARN := -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wdouble-promotion -Wvla -Wformat=2 -Wno-unused-parameter
# Bits are designed: no contraction behind our back and no fast-math; -fno-math-errno and -fno-trapping-math change no value.
STD  := -std=c11 -D_GNU_SOURCE -ffp-contract=off -fno-math-errno -fno-trapping-math
CODE := -fvisibility=hidden -fno-semantic-interposition -fPIC -pthread
SAN_address := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
SAN_thread  := -fsanitize=thread
SANFLAGS := $(if $(SAN),$(or $(SAN_$(SAN)),$(error SAN must be address or thread, not '$(SAN)')))
COMPILE = $(CC) $(STD) $(CODE) $(OPT) $(WARN) $(WERROR) $(SANFLAGS) $(FEATURES) -Iinclude -Isrc -I$(B) $(CFLAGS)
LIBS    = $(LDFLAGS) -Wl,--as-needed $(FEATURE_LIBS) $(YAML_LIBS) -lm -ldl -pthread $(SANFLAGS)

ARCH := $(shell $(CC) -dumpmachine | cut -d- -f1)
ISAS := $(if $(filter x86_64,$(ARCH)),avx512 avx2 plain,plain)
ISA_avx512 := -mavx512f -mavx512dq -mavx512vl -mavx512bw -mavx2 -mfma -mprefer-vector-width=512
ISA_avx2   := -mavx2 -mfma
ISA_plain  :=

ENVS   := $(sort $(basename $(notdir $(wildcard src/env/*/*.c))))
ALGOS  := $(sort $(basename $(notdir $(filter-out src/algo/lm/%,$(wildcard src/algo/*/*.c)))))
LMS    := $(sort $(basename $(notdir $(wildcard src/algo/lm/*.c))))
TASKS  := $(sort $(basename $(notdir $(wildcard src/task/*/*.c))))
MODELS := $(sort $(basename $(notdir $(wildcard src/nn/model/*.c))))
CMDS   := $(sort $(patsubst cmd_%,%,$(basename $(notdir $(wildcard src/cli/cmd_*.c)))))

# kernels and environments are compiled once per instruction set and chosen at run time, everything else once
ONCE_SRC := $(wildcard src/core/*.c src/task/*.c src/task/*/*.c src/graph/*.c src/graph/ops/*.c src/env/*.c src/nn/*.c src/nn/model/*.c src/rl/*.c src/lm/*.c src/algo/*/*.c src/run/*.c)
ISA_SRC  := $(wildcard src/graph/kernels/*.c src/env/*/*.c)
CLI_SRC  := $(wildcard src/cli/*.c)
LIB_OBJ  := $(patsubst src/%.c,$(B)/%.o,$(ONCE_SRC)) $(foreach i,$(ISAS),$(patsubst src/%.c,$(B)/%.$(i).o,$(ISA_SRC))) $(B)/registry.o $(B)/lm_registry.o $(B)/portable_text.o
CLI_OBJ  := $(patsubst src/%.c,$(B)/%.o,$(CLI_SRC)) $(B)/commands.o $(B)/page.o
LIB      := $(B)/libmatchbox.a
SOLIB    := $(B)/libmatchbox.so.$(SOVER)
TESTS    := $(sort $(wildcard tests/*/*.c))
TEST_BIN := $(patsubst tests/%.c,$(B)/tests/%,$(TESTS))
TEST_SH  := $(sort $(filter-out %/lib.sh,$(wildcard tests/*/*.sh)))

PROGRAM := $(if $(wildcard src/cli/main.c),$(B)/matchbox)
# C++ libraries behind C functions, each a shared library that is loaded on first use; found beside the program or in ../lib
SHIMS   = $(if $(findstring MB_HAVE_BOX2D,$(FEATURES)),$(B)/libmatchbox-box2d.so.$(SOVER))
FIND_SHIMS := -Wl,-rpath,'$$ORIGIN:$$ORIGIN/../lib'
all: $(PROGRAM) $(LIB) shims ## the program build/matchbox and build/libmatchbox.a (default)

# linked beside its place and moved there, so that whoever runs it meanwhile never meets half a file;
# the program carries and exports the whole library: an environment loaded from a user's file finds every public function
$(B)/matchbox: $(CLI_OBJ) $(LIB)
	$(call say,link $@)
	$(Q)$(CC) -o $@.tmp $(CLI_OBJ) $(FIND_SHIMS) -rdynamic -Wl,--whole-archive $(LIB) -Wl,--no-whole-archive $(LIBS) && mv -f $@.tmp $@
$(LIB): $(LIB_OBJ)
	$(call say,ar $@)
	$(Q)rm -f $@.tmp && $(AR) qcs $@.tmp $^ && mv -f $@.tmp $@
$(SOLIB): $(LIB_OBJ)
	$(call say,link $@)
	$(Q)$(CC) -shared -Wl,-soname,$(@F) -Wl,-z,defs $(FIND_SHIMS) -o $@.tmp $^ $(LIBS) && mv -f $@.tmp $@

# -MMD notes the headers of each object; $(B)/flags changes when the compiler or its flags do
NEEDS := $(B)/flags | $(B)/build_info.h
$(B)/%.o: src/%.c $(NEEDS)
	@mkdir -p $(@D)
	$(call say,cc $<)
	$(Q)$(COMPILE) -MMD -MP -c $< -o $@
$(B)/libmatchbox-%.so.$(SOVER): src/env/%_shim.cpp src/env/%_shim.h $(NEEDS)
	$(call say,c++ $<)
	$(Q)$(CXX) -std=c++11 -O2 -fPIC -fvisibility=hidden -fno-exceptions -fno-rtti -Wall -Wextra -Wno-unused-parameter $(WERROR) $(filter-out -std=%,$(FEATURES)) -Iinclude -Isrc \
	    -shared -Wl,-soname,$(@F) -o $@.tmp $< $(LDFLAGS) -l$* && mv -f $@.tmp $@
define isa_rule
$(B)/%.$(1).o: src/%.c $$(NEEDS)
	@mkdir -p $$(@D)
	$$(call say,cc $$< [$(1)])
	$$(Q)$$(COMPILE) $(ISA_$(1)) -DMB_ISA=_$(1) -MMD -MP -c $$< -o $$@
endef
$(foreach i,$(ISAS),$(eval $(call isa_rule,$(i))))
$(B)/registry.o $(B)/lm_registry.o $(B)/portable_text.o $(B)/commands.o $(B)/page.o: $(B)/%.o: $(B)/%.c $(NEEDS)
	$(call say,cc $<)
	$(Q)$(COMPILE) -MMD -MP -c $< -o $@

# ---- generated files: written anew each time, replaced only when they differ ----
define replace
@mkdir -p $(@D) && { $(1); } > $@.tmp && if cmp -s $@.tmp $@; then rm $@.tmp; else mv $@.tmp $@; fi
endef
$(B)/registry.c: force
	$(call replace,sh tools/registry.sh "$(ISAS)" "$(ENVS)" "$(ALGOS)" "$(MODELS)" "$(TASKS)")
$(B)/lm_registry.c: force
	$(call replace,sh tools/registry.sh lms "$(LMS)")
$(B)/commands.c: force
	$(call replace,sh tools/registry.sh commands "$(CMDS)")
# the page of `matchbox serve`
$(B)/page.c: $(wildcard web/*) tools/page.sh $(B)/features.mk
	@mkdir -p $(@D) && sh tools/page.sh $(if $(findstring MB_HAVE_CHARTJS,$(FEATURES)),$(CHARTJS)) > $@.tmp && mv $@.tmp $@
# functions that exported C files carry
$(B)/portable_text.c: force
	$(call replace,sh tools/embed.sh include/matchbox/math.h src/nn/portable.h)
$(B)/flags: force
	$(call replace,echo '$(subst ','\'',$(COMPILE))')
# what system.json says of the build: MB_BUILD_COMMIT, MB_BUILD_COMPILER, MB_BUILD_FLAGS, MB_BUILD_PREFIX, MB_BUILD_FEATURES
$(B)/build_info.h: force
	$(call replace,sh tools/buildinfo.sh "$(CC)" "$(OPT) $(STD) $(SANFLAGS)" "$(PREFIX)" "$(FEATURE_NAMES)")
# optional libraries: detected once per build folder, reported in one summary (`make detect` looks again)
$(B)/features.mk: tools/features.sh
	@mkdir -p $(@D) && sh tools/features.sh "$(CC)" "$(CXX)" > $@.tmp && mv $@.tmp $@
force: ;

# ---- tests ----
CHOSEN = $(foreach t,$(TEST_BIN) $(TEST_SH),$(if $(ONLY),$(if $(strip $(foreach w,$(ONLY),$(findstring $(w),$(t)))),$(t)),$(t)))
$(B)/tests/%.o: tests/%.c $(NEEDS)
	@mkdir -p $(@D)
	$(call say,cc $<)
	$(Q)$(COMPILE) -Itests -MMD -MP -c $< -o $@
$(B)/tests/%: $(B)/tests/%.o $(LIB)
	$(Q)$(CC) -o $@ $< $(LIB) $(LIBS) -Wl,-rpath,$(abspath $(B))
test: $(PROGRAM) shims $(filter-out %.sh,$(CHOSEN)) ## build and run every test; ONLY='pool vec' runs those whose path contains a word
	@CC='$(CC)' MAKE='$(MAKE)' sh tools/runtests.sh $(B) $(CHOSEN)
tests: $(PROGRAM) $(filter-out %.sh,$(CHOSEN)) ## build the tests without running them

PYTHON ?= python3
test-onnx: $(B)/tests/run/export_onnx ## run exported ONNX files in onnxruntime (PYTHON=: one that has onnx and onnxruntime)
	@rm -rf $(B)/onnx && mkdir -p $(B)/onnx && EXPORT_ONNX_DIR=$(B)/onnx $< >/dev/null; \
	$(PYTHON) tests/reference/onnx_check.py $(B)/onnx >$(B)/onnx/listing && cmp $(B)/onnx/listing tests/reference/data/onnx.txt

check: $(PROGRAM) $(LIB) $(SOLIB) ## the rules of the house: layers, symbols, calls, headers, lengths, warnings, docs
	@CC='$(CC)' CXX='$(CXX)' WARN='$(STD) $(WARN) $(FEATURES) -Iinclude -Isrc -I$(B)' sh tools/check.sh $(B)

$(B)/bench/%: bench/%.c $(LIB) $(NEEDS)
	@mkdir -p $(@D)
	$(call say,cc $<)
	$(Q)$(COMPILE) -MMD -MP -MF $@.d -o $@ $< $(LIB) $(LIBS)
bench-kernels: $(B)/bench/kernels ## measure the kernels one by one
	$(B)/bench/kernels
ROWS := $(patsubst %.c,$(B)/%,$(wildcard bench/rows/*.c))
rows: $(ROWS) ## programs that print the tables of docs/results: build/bench/rows/a108 and so on
bench: $(B)/matchbox ## measure speed, with the fraction of the machine's arithmetic peak
	$(B)/matchbox bench

numbers: $(B)/matchbox ## measure speed and fill the table in README.md (on an idle machine)
	@sh tools/numbers.sh $(B)/matchbox

docs: $(B)/matchbox $(B)/matchbox.1 ## fill the option tables in docs/ and write the man page
	@sh tools/docs.sh write $(B)/matchbox
$(B)/matchbox.1: $(B)/matchbox tools/man.sh
	@sh tools/man.sh $(B)/matchbox $(VERSION) > $@.tmp && mv $@.tmp $@

# ---- the Python package ----
WHEEL_LIB := $(B)/wheel/libmatchbox.so
$(WHEEL_LIB): $(LIB_OBJ)
	@mkdir -p $(@D)
	$(call say,link $@)
	$(Q)$(CC) -shared -Wl,-soname,$(@F) -Wl,-z,defs -Wl,-rpath,'$$ORIGIN' -o $@.tmp $^ $(LIBS) && strip $@.tmp && mv -f $@.tmp $@
# the program lives on the public interface, so it runs on the library that lies beside it
$(B)/wheel/matchbox: $(CLI_OBJ) $(WHEEL_LIB)
	$(call say,link $@)
	$(Q)$(CC) -o $@.tmp $(CLI_OBJ) $(WHEEL_LIB) -Wl,-rpath,'$$ORIGIN' $(LIBS) && strip $@.tmp && mv -f $@.tmp $@
wheel: $(WHEEL_LIB) $(B)/wheel/matchbox $(SHIMS) ## the Python package as one file, build/matchbox-*.whl; installing it needs no compiler
	@rm -f $(B)/matchbox-*.whl && python3 python/wheel.py $(WHEEL_LIB) $(B)/wheel/matchbox $(VERSION) $(B) $(SHIMS)
test-python: $(PROGRAM) ## the Python package against gymnasium, PettingZoo and stable-baselines3 from PyPI, in build/venv-python
	@BUILD='$(CURDIR)/$(B)' MATCHBOX='$(CURDIR)/$(B)/matchbox' MAKE='$(MAKE)' sh tests/python/all.inc

# ---- install ----
BIN_DIR := $(DESTDIR)$(PREFIX)/bin
LIB_DIR := $(DESTDIR)$(PREFIX)/lib
INC_DIR := $(DESTDIR)$(PREFIX)/include
SHARE   := $(DESTDIR)$(PREFIX)/share
install: $(B)/matchbox $(LIB) $(SOLIB) shims $(B)/matchbox.1 ## PREFIX=/usr/local DESTDIR=: program, libraries, headers, matchbox.pc, man page, presets, pages
	install -d '$(BIN_DIR)' '$(LIB_DIR)/pkgconfig' '$(INC_DIR)/matchbox' '$(SHARE)/man/man1'
	install -m 755 $(B)/matchbox '$(BIN_DIR)/'
	install -m 644 $(LIB) '$(LIB_DIR)/'
	install -m 755 $(SOLIB) $(SHIMS) '$(LIB_DIR)/'
	ln -sf $(notdir $(SOLIB)) '$(LIB_DIR)/libmatchbox.so'
	install -m 644 include/matchbox.h '$(INC_DIR)/'
	install -m 644 include/matchbox/*.h '$(INC_DIR)/matchbox/'
	sed -e 's|@VERSION@|$(VERSION)|' -e 's|@LIBS@|$(strip $(YAML_LIBS))|' tools/matchbox.pc.in > '$(LIB_DIR)/pkgconfig/matchbox.pc'
	install -m 644 $(B)/matchbox.1 '$(SHARE)/man/man1/'
	rm -rf '$(SHARE)/matchbox'
	install -d '$(SHARE)/matchbox/docs'
	for d in docs/algo docs/env docs/task presets experiments zoo; do [ ! -d $$d ] || cp -R $$d '$(SHARE)/matchbox/'$$d; done
	install -d '$(SHARE)/matchbox/python/matchbox/worker'
	install -m 644 python/matchbox/worker/*.py '$(SHARE)/matchbox/python/matchbox/worker/'
uninstall: ## remove what install wrote
	rm -f '$(BIN_DIR)/matchbox' '$(LIB_DIR)/libmatchbox.a' '$(LIB_DIR)/libmatchbox.so' '$(LIB_DIR)/$(notdir $(SOLIB))' '$(LIB_DIR)'/libmatchbox-*.so.$(SOVER)
	rm -f '$(LIB_DIR)/pkgconfig/matchbox.pc' '$(INC_DIR)/matchbox.h' '$(SHARE)/man/man1/matchbox.1'
	rm -rf '$(INC_DIR)/matchbox' '$(SHARE)/matchbox'

# ---- ways to hand it on ----
# one file that needs nothing around it; libraries loaded on use (PNG curves and the like) are out of its reach
$(B)/matchbox-static: $(CLI_OBJ) $(LIB)
	$(call say,link $@)
	$(Q)$(CC) -static -o $@.tmp $(CLI_OBJ) -Wl,--whole-archive $(LIB) -Wl,--no-whole-archive $(LIBS) 2> $@.log || { cat $@.log >&2; exit 1; }
	$(Q)mv -f $@.tmp $@
static: $(B)/matchbox-static ## build/matchbox-static: the program as one file without shared libraries
image: $(B)/matchbox-static ## build/image/: the file tree of a container (Containerfile), or of a chroot
	rm -rf $(B)/image && install -d $(B)/image$(PREFIX)/bin $(B)/image$(PREFIX)/share/matchbox/docs $(B)/image/tmp $(B)/image/runs
	install -m 755 -s $(B)/matchbox-static $(B)/image$(PREFIX)/bin/matchbox
	for d in docs/algo docs/env docs/task presets experiments zoo; do [ ! -d $$d ] || cp -R $$d $(B)/image$(PREFIX)/share/matchbox/$$d; done
dist: ## build/matchbox-VERSION.tar.gz: the committed tree, with the commit's name inside
	@mkdir -p $(B)
	git archive --prefix=matchbox-$(VERSION)/ -o $(B)/matchbox-$(VERSION).tar HEAD
	git describe --always > $(B)/COMMIT
	tar -rf $(B)/matchbox-$(VERSION).tar --owner=0 --group=0 --mtime=@$$(git log -1 --format=%ct) --transform 's|.*|matchbox-$(VERSION)/COMMIT|' $(B)/COMMIT
	gzip -9 -n -f $(B)/matchbox-$(VERSION).tar

# local names of the files would clash in one file: tools/amalgam.py tells them apart
amalgam: $(B)/registry.c $(B)/portable_text.c $(B)/build_info.h ## build/amalgam/: the library as matchbox.c and matchbox.h, for a compiler alone
	@mkdir -p $(B)/amalgam
	$(call say,write $(B)/amalgam/matchbox.c)
	$(Q)python3 tools/amalgam.py '$(CC)' $(B) $(B)/amalgam '$(ISAS)' '$(ONCE_SRC)' '$(ISA_SRC)'
detect: ## look for optional libraries again
	@rm -f $(B)/features.mk && $(MAKE) --no-print-directory $(B)/features.mk
clean: ## remove every build folder
	rm -rf build build-address build-thread $(B)
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1: /p' Makefile | awk '{ name = $$1; sub(/:$$/, "", name); sub(/^[^ ]* /, ""); printf "make %-10s %s\n", name, $$0 }'
	@echo; echo 'variables: CC CFLAGS LDFLAGS OPT=-O3 SAN=address|thread WERROR=-Werror B=build PREFIX DESTDIR'

.PHONY: shims amalgam wheel test-python all test test-onnx tests check bench numbers bench-kernels rows docs install uninstall static image dist detect clean force help
.SECONDARY:
.DELETE_ON_ERROR:
ifneq ($(filter-out help clean uninstall detect,$(or $(MAKECMDGOALS),all)),)
include $(B)/features.mk
shims: $(SHIMS)
-include $(patsubst %.o,%.d,$(LIB_OBJ) $(CLI_OBJ)) $(addsuffix .d,$(TEST_BIN))
endif
