# The environments: a TFX, the Python that it runs on, the glibc that its wheels need, and where they
# are installed. What is installed is locked in requirements/tfx-<TFX>.txt.
TFX := 1.16
PYTHON_1.16 := 3.10
GLIBC_1.16 := 2.28
VENV_1.16 := .venv
PYTHON_1.21 := 3.13
GLIBC_1.21 := 2.39
VENV_1.21 := .venv-1.21

ifndef PYTHON_$(TFX)
$(error there is no environment for TFX=$(TFX): expected 1.16 or 1.21)
endif

PYTHON := python$(PYTHON_$(TFX))
VENV := $(VENV_$(TFX))
BIN := $(VENV)/bin
REQUIREMENTS := requirements/tfx-$(TFX).in
LOCK := requirements/tfx-$(TFX).txt
READY := $(VENV)/.ready
UV := $(VENV_1.16)/bin/uv

# Where this machine has not both, an environment lives in a Debian trixie root.
HAS_1.16 := yes
HAS_1.21 = $(shell $(PYTHON) -c "import ensurepip" 2>/dev/null && \
  printf 'glibc %s\n%s\n' $(GLIBC_1.21) "$$(getconf GNU_LIBC_VERSION)" | sort -VC && echo yes)

.DELETE_ON_ERROR:
.PHONY: help can-run example test lint bench lock proto

help:
	@echo "make example   run the bundled pipeline; ARGS=\"--data 'FILES'\" takes your own data"
	@echo "make test      run all checks and tests; ARGS=\"...\" goes to pytest"
	@echo "make lint      run the checks alone"
	@echo "make bench     measure time and memory"
	@echo "make lock      lock the requirements again; ARGS=--upgrade takes new versions"
	@echo "make proto     make the protobuf code and docs/config.md again"
	@echo
	@echo "TFX=1.21 after any of these takes TFX 1.21 instead of 1.16."

ifneq ($(HAS_$(TFX)),yes)

can-run:
	@scripts/trixie.sh --check

example test lint bench:
	@scripts/trixie.sh make --no-print-directory $@

else

can-run:

example: $(READY)
	@$(BIN)/python examples/digits/run.py $(ARGS)

test: lint
	@$(BIN)/pytest $(ARGS)

lint: $(READY)
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --quiet --check
	@$(BIN)/mypy --no-error-summary --cache-dir $(VENV)/.mypy_cache
	@$(BIN)/hadolint Dockerfile

bench: $(READY)
	@$(BIN)/python benchmarks/run.py
	@$(BIN)/python benchmarks/big.py
	@$(BIN)/python benchmarks/quantized.py
	@$(BIN)/python benchmarks/evaluation.py
	@$(BIN)/python benchmarks/lowering.py

$(READY): $(LOCK) setup.cfg | $(BIN)/python
	@echo "Installing TFX $(TFX) and this package into $(VENV) (once, a minute or more)"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check "$$(grep -o '^uv==[^ ]*' $(LOCK))"
	@$(BIN)/uv pip sync --quiet --require-hashes --python $(BIN)/python $(LOCK)
	@# setuptools writes to the checkout, where another environment may be installed at the same time
	@flock setup.cfg $(BIN)/uv pip install --quiet --no-deps --no-build-isolation \
	  --python $(BIN)/python --editable .
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c "import ensurepip" 2>/dev/null || { \
	  echo "$(PYTHON) with its venv module is needed and was not found: install it, or name it" \
	    "with PYTHON=/path/to/$(PYTHON)." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

endif

lock: | $(UV)
	@$(UV) pip compile --quiet --generate-hashes --python-version $(PYTHON_$(TFX)) \
	  --python-platform x86_64-manylinux_$(subst .,_,$(GLIBC_$(TFX))) \
	  --custom-compile-command "make lock TFX=$(TFX)" --output-file $(LOCK) $(ARGS) $(REQUIREMENTS)

proto: | $(UV)
	@UV=$(UV) scripts/generate_proto.sh

# Any environment's would do.
$(UV):
	@$(MAKE) --no-print-directory TFX=1.16 $(VENV_1.16)/.ready
