# `make` works in an environment: a TFX, and a Python that it runs on, installed into a folder by a
# lock of requirements/. scripts/environment.sh chooses it; TFX= and PYTHON= narrow the choice.
CHOICE := $(shell PYTHON="$(PYTHON)" scripts/environment.sh $(TFX))
CHOSEN_TFX := $(word 1,$(CHOICE))
PLACE := $(word 2,$(CHOICE))

VENV_1.16 := .venv
VENV_1.21 := .venv-1.21
VENV := $(VENV_$(CHOSEN_TFX))
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# The Pythons that a lock holds for, the first and the one after the last.
PYTHONS_1.16 := 3.10 3.12
PYTHONS_1.21 := 3.11 3.14

# Any environment's would do; if there is none, the chosen one is installed.
FOUND_UV := $(firstword $(wildcard .venv/bin/uv .venv-1.21/bin/uv) $(shell command -v uv))
UV := $(or $(FOUND_UV),$(BIN)/uv)
WITH_UV := $(if $(FOUND_UV),,$(READY))

# A folder of examples/.
EXAMPLE ?= digits

# How many processes run the tests; 0 runs them in pytest's own.
JOBS ?= 2
# The tests of a file share fixtures, so they share a process; conftest.py orders the files.
PYTEST = $(BIN)/pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

# It takes a minute, so one version is enough.
MYPY_OF_TESTS_1.16 = $(BIN)/mypy --no-error-summary --cache-dir $(VENV)/.mypy_cache_tests \
  --config-file tests/mypy.ini tests

.DELETE_ON_ERROR:
.PHONY: help can-run example test quick lint bench lock lock-targets proto clean

help:
	@echo "make example   run the bundled pipeline; ARGS=\"--data 'FILES'\" takes your own images"
	@echo "make example EXAMPLE=csv ARGS=\"--data FILE\"  train and convert a model of a CSV file"
	@echo "make test      run all checks and tests; ARGS=\"...\" goes to pytest"
	@echo "make quick     run the quick tests: no process, no pipeline, few rows of each table"
	@echo "make lint      run the checks only"
	@echo "make bench     measure time and memory, and write docs/speed.md"
	@echo "make lock      lock the requirements again; ARGS=--upgrade takes new versions"
	@echo "make lock-targets  lock the environments of the infra validator's targets again"
	@echo "make proto     generate the protobuf code and docs/config.md again"
	@echo "make clean     delete the environments (3.1 GB each) and all other generated files"
	@echo
	@echo "The TFX that fits this machine is used. TFX=1.16 or TFX=1.21 after any of these asks for"
	@echo "one, and PYTHON=/path/to/python for a Python."

ifeq ($(PLACE),-)

can-run example test quick lint bench:
	@scripts/environment.sh --explain $(TFX)
	@exit 1

else ifeq ($(PLACE),trixie)

can-run:

example test quick lint bench:
	@scripts/trixie.sh make --no-print-directory TFX=$(CHOSEN_TFX) $@

else

can-run:

example: $(READY)
	@$(BIN)/python examples/$(EXAMPLE)/run.py $(ARGS)

test: lint
	@$(PYTEST) $(ARGS)

quick: $(READY)
	@$(PYTEST) -m "not process and not slow" --few-rows $(ARGS)

lint: $(READY)
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --quiet --check
	@$(BIN)/mypy --no-error-summary --cache-dir $(VENV)/.mypy_cache
	@$(MYPY_OF_TESTS_$(CHOSEN_TFX))
	@$(BIN)/codespell
	@$(BIN)/hadolint Dockerfile
	@NO_MKDOCS_2_WARNING=true $(BIN)/mkdocs build --strict --quiet --site-dir $(VENV)/site

bench: $(READY)
	@$(BIN)/python benchmarks/run.py $(ARGS)

# Also if the Python that it was made of is gone.
ifneq ($(shell $(BIN)/python -c "" 2>/dev/null && echo runs),runs)
.PHONY: $(READY)
endif

$(READY): requirements/tfx-$(CHOSEN_TFX).txt setup.cfg
	@scripts/install.sh $(VENV) $(CHOICE)

endif

# TFX= says which of the two; both if it is not given.
lock: | $(WITH_UV)
	@$(foreach tfx,$(or $(TFX),1.16 1.21),\
	  UV=$(UV) scripts/lock.sh $(tfx) $(PYTHONS_$(tfx)) $(ARGS) &&) true

lock-targets: | $(WITH_UV)
	@UV=$(UV) scripts/lock_targets.sh

proto: | $(WITH_UV)
	@UV=$(UV) scripts/generate_proto.sh

clean:
	@scripts/clean.sh
