# kmemsim. Two commands matter: `make demo` and `make check`.
CC      ?= gcc
OPT     ?= -O2
SAN     ?=
BUILD   ?= build/default
WARN    := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wundef
PKGS    := libtracecmd libtraceevent yaml-0.1 sqlite3 gsl libzstd
CFLAGS  := -std=gnu11 $(OPT) -g $(WARN) $(SAN) -I. $(shell pkg-config --cflags $(PKGS))
LDLIBS  := $(shell pkg-config --libs $(PKGS)) -lm
DIRS    := lib alloc alloc/pages alloc/slab alloc/store sim workloads traces reports cmd
SRC     := $(wildcard $(DIRS:%=%/*.c))
OBJ     := $(SRC:%.c=$(BUILD)/%.o)
TESTS   := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/test_*.c))

all: kmemsim

kmemsim: $(BUILD)/kmemsim
	cp $< $@

$(BUILD)/kmemsim: $(OBJ)
	$(CC) $(CFLAGS) $^ $(LDLIBS) -o $@

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -MMD -MP -c $< -o $@

# What tests share: every file in tests/ that is no test itself.
TESTLIB := $(patsubst %.c,$(BUILD)/%.o,$(filter-out tests/test_%,$(wildcard tests/*.c)))

$(BUILD)/tests/%: $(BUILD)/tests/%.o $(TESTLIB) $(filter-out $(BUILD)/cmd/main.o,$(OBJ))
	$(CC) $(CFLAGS) $^ $(LDLIBS) -lcmocka -o $@

tests: $(TESTS)

clean:
	rm -rf build kmemsim

.SECONDARY:
.PHONY: all tests clean
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
