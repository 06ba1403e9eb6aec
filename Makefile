# `make help` lists the targets. All of them do their own set-up; it costs nothing once it is done.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# The interpreter that .venv is made from and that runs the CNI executables: Debian's own where it is recent enough.
ifndef PYTHON
PYTHON := $(shell /usr/bin/python3 -c 'import sys; assert sys.version_info >= (3, 11)' 2>/dev/null \
	&& echo /usr/bin/python3 || echo python3)
endif
export PYTHON

# The caches of pip, uv and the tests: in build/ for a user who has no home to write to.
ifndef XDG_CACHE_HOME
ifneq ($(shell { [ -w "$${HOME-}/.cache" ] || { [ ! -e "$${HOME-}/.cache" ] && [ -w "$${HOME-}" ]; }; } && echo yes),yes)
export XDG_CACHE_HOME := $(CURDIR)/build/cache
endif
endif

BIN := .venv/bin
# Folders too: their time tells of a module that was removed.
SOURCES := $(shell find src -name '*.py' -o -type d ! -name __pycache__)

ALL := unit contract netns runtime vm image
ifneq ($(filter-out $(ALL),$(TIERS)),)
$(error TIERS: there is no tier $(filter-out $(ALL),$(TIERS)); the tiers are $(ALL))
endif

# All tiers but unit work on the kernel's network.
ROOTED := $(if $(filter-out unit,$(or $(TIERS),all)),root)

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

.PHONY: setup
setup: .venv/.ready ## install what the command line needs, into .venv

.venv/.ready: requirements.lock pyproject.toml tools/packages.sh tools/venv.sh
	@tools/packages.sh setup
	@tools/venv.sh
	@touch $@

.PHONY: build
build: build/cni ## leave the CNI executables in build/cni and the command line at .venv/bin/podberth

build/cni: .venv/.ready tools/build_cni.py tools/bundle.py tools/build_shim.py shim/podberth-shim.c shim/podberth-link-hook.c shim/version.h $(SOURCES)
	@echo "build: compiling the shim into build/shim"
	@$(BIN)/python tools/build_shim.py build/shim
	@echo "build: putting the CNI executables into $@"
	@$(BIN)/python tools/build_cni.py $@

.PHONY: demo
demo: root build ## a three-replica database with fixed addresses, in network namespaces of its own (root)
	@tools/packages.sh demo
	@CNI_PATH="$(CURDIR)/build/cni" $(BIN)/podberth demo

.PHONY: unit
unit: build ## the unit tests alone (no root)
	@$(BIN)/python -m tests.tiers unit

.PHONY: test
test: $(ROOTED) build lint tools ## lint, then every tier, side by side (root); TIERS="unit netns" runs only those; AGAIN=5 runs up to 5 failed once more
	@$(BIN)/python -m tests.tiers $(if $(AGAIN),--again $(AGAIN)) $(TIERS)

.PHONY: soak
soak: $(ROOTED) build tools ## the tests with long counts, at their full size (root); PODBERTH_SOAK=ci runs a tenth
	@$(BIN)/python -m tests.tiers --soak $(TIERS)

.PHONY: tools
tools: $(ROOTED) .venv/.ready
	@$(if $(ROOTED),tools/packages.sh test)
	@$(if $(filter vm,$(or $(TIERS),vm)),tests/vm/setup.sh)
	@$(if $(ROOTED),$(BIN)/python -m tests.programs $(TIERS))

.PHONY: fresh
fresh: root ## demo and test on a fresh Debian 12 in namespaces of its own (root); TIERS as for test, KEEP=1 for a warm run later
	@tools/fresh.sh $(if $(KEEP),--keep) $(TIERS)

.PHONY: bench
bench: root build ## measure, side by side with the Go plugins (root)
	@tools/packages.sh bench
	@$(BIN)/python -m tests.programs containernetworking-plugins
	@$(BIN)/python -m bench

.PHONY: root
root:
	@[ "$$(id -u)" = 0 ] || \
		{ echo "make $(MAKECMDGOALS) makes network namespaces and links: run it as root (sudo make $(MAKECMDGOALS))"; exit 1; }

.PHONY: lint
lint: .venv/.ready ## ruff, mypy, import contracts, lengths, prose (no root)
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy --no-error-summary
	@report=$$($(BIN)/lint-imports) || { echo "$$report"; exit 1; }
	@$(BIN)/python tools/lengths.py
	@$(BIN)/python tools/prose.py

.PHONY: lock
lock: .venv/.ready ## write both locks anew from pyproject.toml, keeping the versions that still fit
	@VIRTUAL_ENV=.venv $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		--no-emit-index-url --group dev --output-file requirements.lock pyproject.toml
	@VIRTUAL_ENV=.venv $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		--no-emit-index-url --constraint requirements.lock --output-file requirements.image.lock pyproject.toml

.PHONY: clean
clean: ## remove what was built, installed or cached here
	@rm -rf build dist .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -prune -exec rm -rf {} +
