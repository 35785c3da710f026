# matchbox: the whole build.  `make help` lists what there is.
CC      ?= cc
OPT     ?= -O3
B       ?= build
PREFIX  ?= /usr/local
WERROR  ?=
SAN     ?=
WARN := -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wdouble-promotion -Wvla -Wformat=2 -Wno-unused-parameter
# bits are designed: no contraction behind our back, no fast-math; -fno-math-errno and -fno-trapping-math change no value
STD  := -std=c11 -D_GNU_SOURCE -ffp-contract=off -fno-math-errno -fno-trapping-math -fvisibility=hidden -fPIC
CFLAGS_ALL = $(STD) $(OPT) $(WARN) $(WERROR) $(SAN) -Iinclude -Isrc -MMD -MP $(CFLAGS)
LIBS := -lyaml -lm -lpthread $(SAN)

ARCH := $(shell $(CC) -dumpmachine | cut -d- -f1)
ifeq ($(ARCH),x86_64)
ISAS := avx512 avx2 plain
else
ISAS := plain
endif
ISA_avx512 := -mavx512f -mavx512dq -mavx512vl -mavx512bw -mavx2 -mfma -mprefer-vector-width=512
ISA_avx2   := -mavx2 -mfma
ISA_plain  :=

ENVS   := $(sort $(basename $(notdir $(wildcard src/env/*/*.c))))
ALGOS  := $(sort $(basename $(notdir $(wildcard src/algo/*/*.c))))
MODELS := $(sort $(basename $(notdir $(wildcard src/nn/model/*.c))))
CMDS   := $(sort $(patsubst cmd_%,%,$(basename $(notdir $(wildcard src/cli/cmd_*.c)))))

ONCE_SRC := $(wildcard src/core/*.c src/graph/*.c src/graph/ops/*.c src/env/*.c src/nn/*.c src/nn/model/*.c src/rl/*.c src/algo/*/*.c src/run/*.c)
ISA_SRC  := $(wildcard src/graph/kernels/*.c src/env/*/*.c)
CLI_SRC  := $(wildcard src/cli/*.c)
ONCE_OBJ := $(patsubst src/%.c,$(B)/%.o,$(ONCE_SRC))
ISA_OBJ  := $(foreach i,$(ISAS),$(patsubst src/%.c,$(B)/%.$(i).o,$(ISA_SRC)))
CLI_OBJ  := $(patsubst src/%.c,$(B)/%.o,$(CLI_SRC))
LIB := $(B)/libmatchbox.a
TESTS := $(sort $(wildcard tests/*/*.c))
TEST_BIN := $(patsubst tests/%.c,$(B)/tests/%,$(TESTS))

all: $(B)/matchbox
$(B)/matchbox: $(CLI_OBJ) $(B)/commands.o $(LIB)
	$(CC) -o $@ $^ $(LIBS)
$(LIB): $(ONCE_OBJ) $(ISA_OBJ) $(B)/registry.o
	@rm -f $@ && ar rcs $@ $^
$(B)/%.o: src/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -c $< -o $@
define isa_rule
$(B)/%.$(1).o: src/%.c
	@mkdir -p $$(@D)
	$(CC) $(CFLAGS_ALL) $(ISA_$(1)) -DMB_ISA=_$(1) -c $$< -o $$@
endef
$(foreach i,$(ISAS),$(eval $(call isa_rule,$(i))))

# the directory listing is the registry: file ppo.c must define mb_algo_ppo, and so on
$(B)/%.o: $(B)/%.c
	$(CC) $(CFLAGS_ALL) -c $< -o $@
$(B)/registry.c: tools/registry.sh force
	@mkdir -p $(B) && sh tools/registry.sh "$(ISAS)" "$(ENVS)" "$(ALGOS)" "$(MODELS)" > $@.tmp; cmp -s $@.tmp $@ || mv $@.tmp $@; rm -f $@.tmp
$(B)/commands.c: tools/registry.sh force
	@mkdir -p $(B) && sh tools/registry.sh commands "$(CMDS)" > $@.tmp; cmp -s $@.tmp $@ || mv $@.tmp $@; rm -f $@.tmp
force: ;

$(B)/tests/%: tests/%.c tests/mb_test.h $(LIB)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -Itests -o $@ $< $(LIB) $(LIBS)
test: $(TEST_BIN) $(B)/matchbox
	@sh tools/runtests.sh $(B) $(TEST_BIN)

clean:
	rm -rf $(B)
.PHONY: all test check bench install clean force help
.SECONDARY:
-include $(ONCE_OBJ:.o=.d) $(ISA_OBJ:.o=.d) $(CLI_OBJ:.o=.d)
