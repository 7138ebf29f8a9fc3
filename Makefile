# A thin face over Meson: `make` builds build/chancery; `make help` lists the rest.
BUILD ?= build
JOBS ?= $(shell nproc)
PYTEST = /usr/bin/python3 -B -m pytest -p no:cacheprovider
E2E = $(PYTEST) tests/e2e -n 4 --dist loadgroup --tb short -q
export BUILD

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD) -j $(JOBS) chancery

help:
	@sed -n 's/^## //p' Makefile

$(BUILD)/build.ninja:
	meson setup $(BUILD)

## make                          build build/chancery
## make run [ARGS=...]           install what is missing, build, serve on loopback with a fresh data directory
run:
	@tools/install.sh build
	@$(MAKE) --no-print-directory all
	@exec $(BUILD)/chancery serve --dev $(ARGS)

## make test                     unit tests, then end to end on SQLite and PostgreSQL
test: test-build
	@tools/count.py meson:unit meson test -C $(BUILD) --no-rebuild --suite unit --print-errorlogs \
	    -- "pytest:end to end" $(E2E)

test-build:
	@tools/install.sh build test
	@[ -f $(BUILD)/build.ninja ] || meson setup $(BUILD) -Dfaults=true -Dbench=true
	@meson configure $(BUILD) -Dfaults=true -Dbench=true
	@ninja -C $(BUILD) -j $(JOBS)

## make unit, make e2e [T=...]   one half of it; T is given to pytest, such as T='-k search'
unit: test-build
	@tools/count.py meson:unit meson test -C $(BUILD) --no-rebuild --suite unit --print-errorlogs
e2e: test-build
	@$(E2E) $(T)

## make interop                  the vendor's client libraries, in Go and Python, others' linters, Keycloak, against the program
interop:
	@tools/install.sh build test interop
	@$(MAKE) --no-print-directory all
	@tools/interop.sh $(BUILD)/chancery

## make sanitize                 the unit tests under address and undefined-behaviour, then thread sanitizer
sanitize:
	@tools/install.sh build
	@tools/sanitize.sh

## make check                    layout, floors, style, headers; clang-tidy on the latest files
check: check-tools
	@tools/check.sh
## make tidy                     the same with clang-tidy on every file (long)
tidy: check-tools
	@tools/check.sh tidy
## make analyze                  gcc -fanalyzer on every file (long)
analyze: check-tools
	@[ -f build-analyze/build.ninja ] || meson setup build-analyze -Dc_args=-fanalyzer -Dwerror=false
	@ninja -C build-analyze -j $(JOBS)

check-tools:
	@tools/install.sh build check
	@[ -f $(BUILD)/build.ninja ] || meson setup $(BUILD)

## make soak [ROUNDS=200] [T=...] so many crash rounds; end to end with the sanitizers (long)
soak:
	@tools/install.sh build test
	@ROUNDS='$(ROUNDS)' T='$(T)' tools/soak.sh

## make fuzz [SECONDS=60] [TARGETS=...]   each fuzz target for that long, and its planted bug
fuzz:
	@tools/install.sh build check
	@tools/fuzz.sh $(or $(SECONDS),60) $(TARGETS)

## make bench [PEERS=1]          speed, beside the counted floor and a bare program; PEERS=1: and step-ca and OpenBao
bench:
	@tools/install.sh build test bench
	@PEERS=$(PEERS) bench/run.sh

## make seed-coverage [PART=x]   the rows of the users' documents that no test names
seed-coverage:
	@tools/seed_coverage.py $(PART)

## make man                      the manuals, mdoc, in build/man
man: all
	@mkdir -p $(BUILD)/man
	@$(BUILD)/chancery __manuals $(BUILD)/man

## make install [DESTDIR=D]      the program, its links, manuals, completions and systemd unit
install: all
	@meson install -C $(BUILD) --no-rebuild

clean:
	rm -rf $(BUILD) build-*

.PHONY: all help run test test-build unit e2e interop sanitize check check-tools tidy analyze soak fuzz bench \
	seed-coverage man install clean
