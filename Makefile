# nstats: two programs, one folder each, and what both share in proto/.
#   make, make test, make run, make bench, make lint, make format, make clean; CC=clang works too.
#   SANITIZE=address,undefined (or thread) builds into a folder of its own.

VERSION := 0.1.0

comma := ,
SANITIZE ?=
BUILD := build$(if $(SANITIZE),/$(subst $(comma),-,$(SANITIZE)))
OBJ := $(BUILD)/obj

PKG_CONFIG ?= pkg-config
PROBE_LIBS := libpcap libprotobuf-c
COLLECTOR_LIBS := libprotobuf-c libcares libcurl libmicrohttpd sqlite3 libdeflate json-c

WARN := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 \
	$(if $(WERROR),-Werror)
HARDEN := -fstack-protector-strong -fPIE $(if $(SANITIZE),,-D_FORTIFY_SOURCE=2)
OPTIMISE := $(if $(SANITIZE),-O1 -g -fno-omit-frame-pointer -fsanitize=$(SANITIZE) -fno-sanitize-recover=all,-O2 -g)

CFLAGS ?= $(OPTIMISE)
CPPFLAGS += -D_GNU_SOURCE -DNSTATS_VERSION='"$(VERSION)"' -Iproto -Iprobe -Icollector -I$(OBJ)/proto
ALL_CFLAGS := -std=gnu17 $(WARN) $(HARDEN) $(CFLAGS) -MMD -MP
ALL_LDFLAGS := -pie -Wl,-z,relro,-z,now $(if $(SANITIZE),-fsanitize=$(SANITIZE)) $(LDFLAGS)

# What runs, in a word; V=1 shows the whole command.
say = @$(if $(V),,echo '  $(1) $@' &&)

objects = $(patsubst %.c,$(OBJ)/%.o,$(wildcard $(1)/*.c))
PROTO_OBJ := $(call objects,proto) $(OBJ)/proto/nstats.pb-c.o
PROBE_OBJ := $(call objects,probe)
COLLECTOR_OBJ := $(call objects,collector)
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(wildcard tests/unit/test_*.c))

all: $(BUILD)/nstats-probe $(BUILD)/nstats-collector

$(BUILD)/nstats-probe: $(PROBE_OBJ) $(PROTO_OBJ)
	$(call say,LD) $(CC) $(ALL_LDFLAGS) -o $@ $^ $$($(PKG_CONFIG) --libs $(PROBE_LIBS))

$(BUILD)/nstats-collector: $(COLLECTOR_OBJ) $(PROTO_OBJ)
	$(call say,LD) $(CC) $(ALL_LDFLAGS) -pthread -o $@ $^ $$($(PKG_CONFIG) --libs $(COLLECTOR_LIBS))

$(OBJ)/%.o: %.c $(OBJ)/proto/nstats.pb-c.h | deps-hint
	@mkdir -p $(@D)
	$(call say,CC) $(CC) $(CPPFLAGS) $(ALL_CFLAGS) -c -o $@ $<

# Generated code is built, never committed, and not held to our warnings.
$(OBJ)/proto/nstats.pb-c.h $(OBJ)/proto/nstats.pb-c.c &: proto/nstats.proto | deps-hint
	@mkdir -p $(OBJ)/proto
	$(call say,PB) protoc-c --c_out=$(OBJ)/proto -Iproto nstats.proto

$(OBJ)/proto/nstats.pb-c.o: $(OBJ)/proto/nstats.pb-c.c
	$(call say,CC) $(CC) $(CPPFLAGS) -std=gnu17 $(HARDEN) $(CFLAGS) -MMD -MP -w -c -o $@ $<

# A unit test is one file; it links the modules that it tests, which `// uses:` on its first lines names.
$(BUILD)/unit/%: $(OBJ)/tests/unit/%.o $(filter-out %/main.o,$(PROBE_OBJ) $(COLLECTOR_OBJ)) $(PROTO_OBJ)
	@mkdir -p $(@D)
	$(call say,LD) $(CC) $(ALL_LDFLAGS) -pthread -o $@ $< \
		$$(tests/unit/uses.sh tests/unit/$*.c $(OBJ)) $(PROTO_OBJ) \
		-lcmocka $$($(PKG_CONFIG) --libs $(PROBE_LIBS) $(COLLECTOR_LIBS))

# The simulator: the product's objects as they are, and its own instead of what is beneath them.
SIM_PRODUCT := proto/addr proto/arena proto/hash proto/record proto/usage proto/wire_columns proto/wire_encode \
	proto/wire_decode proto/wire_ack proto/nstats.pb-c \
	$(addprefix probe/,deliver outbox resend ring) \
	$(addprefix collector/,acks batch bisect cut fold intake kube_workload ledger ledger_boot ledger_forget ledger_runs ledger_table ledger_touches \
	line live live_out live_text pipeline probes retry rows scope series series_slots ship ship_auth ship_body ship_create ship_health \
	ship_settle ship_turn ship_url secret spool_account strbuf tags waiting line_own bodies figures losses)
# Their allocations are the simulator's to refuse: the collector's, since the probe allocates at its start alone.
SIM_MEMORY := malloc calloc realloc reallocarray strdup strndup
SIM_OBJ := $(call objects,tests/sim) $(SIM_PRODUCT:%=$(OBJ)/%.o)
SIM_OBJ := $(patsubst $(OBJ)/collector/%,$(OBJ)/sim/collector/%,$(SIM_OBJ))
SIM_WRAP := clock_gettime getrandom poll ledger_batch_k ledger_table_remove

$(OBJ)/sim/collector/%.o: $(OBJ)/collector/%.o
	@mkdir -p $(@D)
	$(call say,CP) objcopy $(foreach f,$(SIM_MEMORY),--redefine-sym $(f)=fake_$(f)) $< $@

$(BUILD)/nstats-sim: $(SIM_OBJ)
	$(call say,LD) $(CC) $(ALL_LDFLAGS) $(SIM_WRAP:%=-Wl,--wrap=%) -o $@ $^ $$($(PKG_CONFIG) --libs libprotobuf-c)

# make sim N=1000000 SEED=1
sim: N ?= 100000
sim: SEED ?= 1
sim: $(BUILD)/nstats-sim
	$(BUILD)/nstats-sim --regressions tests/sim/regressions.txt
	$(BUILD)/nstats-sim --schedules $(N) --seed $(SEED)

sim-build: $(BUILD)/nstats-sim

check-sim: $(BUILD)/nstats-sim
	tests/run.sh sim $(BUILD)

# Preloaded into a program, makes what it asks of the C library fail.
$(BUILD)/fault.so: tests/fault/fault.c
	@mkdir -p $(@D)
	$(call say,LD) $(CC) -std=gnu17 $(WARN) -O2 -g -fPIC -shared -D_GNU_SOURCE -o $@ $<

deps-hint:
	@command -v protoc-c >/dev/null || { echo "protoc-c is missing: run 'make deps'" >&2; exit 1; }

deps:
	@tests/deps.sh build

# The probe as one static file: build/static/nstats-probe; ARCH=arm64 for build/static-arm64/nstats-probe.
static:
	@tests/deps.sh build static
	@tests/static.sh "$(ARCH)" $(BUILD)

unit-tests: $(UNIT_TESTS) $(BUILD)/fault.so

check-unit: unit-tests
	tests/run.sh unit $(BUILD)

check-golden: all
	tests/run.sh golden $(BUILD)

check-e2e: all $(BUILD)/fault.so $(BUILD)/unit/test_random_names
	tests/run.sh e2e $(BUILD)

check-manifests: all
	tests/run.sh manifests $(BUILD)

# Builds the images and runs them, a pod and the compose file with podman; needs root.
check-containers:
	@tests/deps.sh build test static containers
	@$(MAKE) --no-print-directory all
	@tests/run.sh containers $(BUILD)

# make fuzz T=600: each fuzzer for so many seconds.
fuzz: T ?= 10
fuzz:
	@tests/deps.sh build test
	@$(MAKE) --no-print-directory all
	@tests/fuzz/run.sh $(BUILD) $(T)

lint:
	tests/run.sh lint $(BUILD)

test:
	@tests/deps.sh build test
	@$(MAKE) --no-print-directory -j$$(nproc) all unit-tests $(BUILD)/nstats-sim
	@tests/run.sh all $(BUILD)

bench:
	@tests/deps.sh build test
	@$(MAKE) --no-print-directory all
	@tests/bench/run.sh $(BUILD)

run: deps
	@$(MAKE) --no-print-directory -j$$(nproc) all
	@tests/demo.sh $(BUILD)

format:
	@clang-format -i $(wildcard proto/*.[ch] probe/*.[ch] collector/*.[ch] tests/*/*.[ch])

clean:
	rm -rf build

-include $(wildcard $(OBJ)/*/*.d $(OBJ)/tests/*/*.d)

.PHONY: all deps deps-hint static unit-tests check-unit check-golden check-manifests check-containers check-e2e sim sim-build check-sim fuzz lint test bench run format clean
.SECONDARY:
