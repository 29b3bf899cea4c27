# The environments: a TFX, the Python that it runs on, and where they are installed. What is installed
# is locked in requirements/tfx-<TFX>.txt.
TFX := 1.16
PYTHON_1.16 := 3.10
VENV_1.16 := .venv

PYTHON := python$(PYTHON_$(TFX))
VENV := $(VENV_$(TFX))
BIN := $(VENV)/bin
REQUIREMENTS := requirements/tfx-$(TFX).in
LOCK := requirements/tfx-$(TFX).txt
READY := $(VENV)/.ready

.DELETE_ON_ERROR:
.PHONY: help example test lint bench lock proto

help:
	@echo "make example   run the bundled pipeline; ARGS=\"--data 'FILES'\" takes your own data"
	@echo "make test      run all checks and tests; ARGS=\"...\" goes to pytest"
	@echo "make lint      run the checks alone"
	@echo "make bench     measure time and memory"
	@echo "make lock      lock the requirements again; ARGS=--upgrade takes new versions"
	@echo "make proto     make the protobuf code again"

example: $(READY)
	@$(BIN)/python examples/digits/run.py $(ARGS)

test: lint
	@$(BIN)/pytest $(ARGS)

lint: $(READY)
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --quiet --check
	@$(BIN)/mypy --no-error-summary

bench: $(READY)
	@$(BIN)/python benchmarks/run.py
	@$(BIN)/python benchmarks/quantized.py
	@$(BIN)/python benchmarks/evaluation.py
	@$(BIN)/python benchmarks/lowering.py

lock: $(READY)
	@$(BIN)/uv pip compile --quiet --generate-hashes --python-version $(PYTHON_$(TFX)) \
	  --custom-compile-command "make lock" --output-file $(LOCK) $(ARGS) $(REQUIREMENTS)

proto: $(READY)
	@UV=$(BIN)/uv scripts/generate_proto.sh

$(READY): $(LOCK) setup.cfg | $(BIN)/python
	@echo "Installing TFX $(TFX) and this package into $(VENV) (once, a minute or more)"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check "$$(grep -o '^uv==[^ ]*' $(LOCK))"
	@$(BIN)/uv pip sync --quiet --require-hashes --python $(BIN)/python $(LOCK)
	@$(BIN)/uv pip install --quiet --no-deps --no-build-isolation --python $(BIN)/python --editable .
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c "import ensurepip" 2>/dev/null || { \
	  echo "$(PYTHON) with its venv module is needed and was not found: install it, or name it" \
	    "with PYTHON=/path/to/$(PYTHON)." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
