# kmemsim. Two commands matter: `make demo` and `make check`; each is complete by itself.
#
# make            build ./kmemsim                 make check         every test; ends in "N passed, N failed"
# make demo       a recorded load, compared       make bench         requests per second, instructions
# make setup      install what is missing         make format-check  layout of the C files
#
# Variants are built beside each other: make BUILD=build/asan OPT=-O1 SAN=-fsanitize=address
ifeq ($(origin CC),default)
CC      := gcc
endif
OPT     ?= -O2
SAN     ?=
BUILD   ?= build/default
WARN    := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wundef
PKGS    := libtracecmd libtraceevent yaml-0.1 sqlite3 libzstd gsl libarchive
# Asked for once, and not before something is compiled: on a fresh system set-up comes first.
PKG_CFLAGS = $(eval PKG_CFLAGS := $$(shell pkg-config --cflags $(PKGS)))$(PKG_CFLAGS)
PKG_LIBS   = $(eval PKG_LIBS := $$(shell pkg-config --libs $(PKGS)))$(PKG_LIBS)
# Counters that lie side by side are counted faster one by one than packed into vectors and out again.
CFLAGS   = -std=gnu11 $(OPT) -fno-tree-slp-vectorize -g $(WARN) $(SAN) -I. $(PKG_CFLAGS)
LDLIBS   = $(PKG_LIBS) -lm -pthread
# There are many tests, and gold links each in half the time. It knows clang's sanitizers badly.
TEST_LD  = $(eval TEST_LD := $$(if $$(filter gcc,$$(CC)),$$(if $$(shell command -v ld.gold),-fuse-ld=gold)))$(TEST_LD)
DIRS    := lib alloc alloc/pages alloc/slab alloc/store sim workloads traces reports cmd
SRC     := $(wildcard $(DIRS:%=%/*.c))
OBJ     := $(SRC:%.c=$(BUILD)/%.o)
TESTS   := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/test_*.c))
# What tests share: every file in tests/ that is no test itself.
TESTLIB := $(patsubst %.c,$(BUILD)/%.o,$(filter-out tests/test_%,$(wildcard tests/*.c)))
BENCHES := $(patsubst %.c,$(BUILD)/%,$(wildcard bench/*.c))
CLANG_FORMAT ?= clang-format-14
FORMAT  := $(wildcard $(addsuffix /*.[ch],$(DIRS) tests bench))
# All processors, unless the user has said how many.
JOBS     = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

all: kmemsim

kmemsim: $(BUILD)/kmemsim
	cp $< $@

$(BUILD)/kmemsim: $(OBJ) $(BUILD)/objects
	$(CC) $(CFLAGS) $(OBJ) $(LDLIBS) -o $@

# Changes when a source file comes or goes: a program without it is another one.
$(BUILD)/objects: FORCE
	@mkdir -p $(@D)
	@echo '$(OBJ)' | cmp -s - $@ || echo '$(OBJ)' >$@

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -MMD -MP -c $< -o $@

# What the assembler takes in, no compiler sees.
$(BUILD)/reports/assets.o: reports/page.css $(wildcard reports/page*.js)
$(BUILD)/cmd/record.o: cmd/record.sh

$(BUILD)/tests/%: $(BUILD)/tests/%.o $(TESTLIB) $(filter-out $(BUILD)/cmd/main.o,$(OBJ))
	$(CC) $(CFLAGS) $(TEST_LD) $^ $(LDLIBS) -lcmocka -o $@

$(BUILD)/bench/%: $(BUILD)/bench/%.o $(filter-out $(BUILD)/cmd/main.o,$(OBJ))
	$(CC) $(CFLAGS) $^ $(LDLIBS) -o $@

tests: $(TESTS)
benches: $(BENCHES)

setup:
	@tests/setup

demo: setup
	@$(MAKE) --no-print-directory -s $(JOBS) kmemsim
	@tests/demo

check:
	@tests/setup check
	@tests/run

bench:
	@tests/setup bench
	@$(MAKE) --no-print-directory -s $(JOBS) kmemsim benches
	@bench/run
	@bench/scale
	@bench/pressure

format-check:
	$(CLANG_FORMAT) --dry-run --Werror $(FORMAT)

clean:
	rm -rf build kmemsim report

.SECONDARY:
.PHONY: FORCE all tests benches setup demo check bench format-check clean
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
