# Every target sets up what it needs: a virtual environment in .venv, made once and
# made again when pyproject.toml changes.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# torch is installed first and by its exact version: a range would take the newest build.
TORCH ?= torch==2.13.0

.PHONY: help setup quickstart test test-fast check format clean

help:
	@echo "make quickstart   from a fresh clone to a trained checkpoint"
	@echo "make test         from a fresh clone to a green test-suite"
	@echo "make check        lint, types, import contracts, fast tests and doctests"
	@echo "make format       ruff format and safe fixes"

setup: $(READY)

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "kto-data needs Python 3.11 or later; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "$(PYTHON) cannot make virtual environments. On Debian or Ubuntu: sudo apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(TORCH)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[train,dev,label-studio]'
	@touch $@

quickstart: $(READY)
	$(BIN)/kto run pipelines/quickstart.yaml

test: $(READY)
	$(BIN)/python -m pytest -n 2 --dist loadfile --doctest-modules tests kto_data trainer/kto_trainer

test-fast: $(READY)
	$(BIN)/python -m pytest -n 2 -m "not slow"

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q -n 2 -m "not slow" --doctest-modules tests kto_data trainer/kto_trainer

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) runs .mypy_cache .pytest_cache .ruff_cache
