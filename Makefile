# Two commands set everything up, and a second run of either installs nothing:
#
#   make demo    verify a real model on the three TensorFlow.js backends
#   make test    lint, types, import rules, and all tests of both languages
#
# Needed: Python 3.10 to 3.12 (PYTHON names another than python3), make, a C++ compiler; PyPI and the
# npm registry the first time.

PYTHON ?= python3
PYTEST_ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
# The environment is as old as what it was made from, not as old as the files' dates say.
INSTALLED := $(VENV)/.installed-$(shell cat pyproject.toml constraints.txt hatch_build.py | cksum | tr ' ' -)
NODE = $(shell $(BIN)/python -c 'from tfjs_verify.bridge.installation import find_node; print(find_node().path)')
MODULES = $(shell $(BIN)/python -c 'from tfjs_verify.bridge.installation import provision; print(provision().modules)')
BIOME_VERSION = $(shell sed -n 's|.*"@biomejs/biome": "\(.*\)".*|\1|p' js/package.json)
BIOME = $(VENV)/biome-$(BIOME_VERSION)/node_modules/@biomejs/biome/bin/biome

export TF_CPP_MIN_LOG_LEVEL ?= 3

.NOTPARALLEL:
.PHONY: help setup demo test lint types imports pytest js-test format wheel wheel-test slow-test corpus false-alarms bench bench-mutation clean

help: ## Say what the targets do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: setup ## Verify examples/digits on node, wasm and cpu
	$(BIN)/tfjs-verify verify examples/digits/digits.keras --data examples/digits/cases

test: setup lint types imports js-test pytest ## Everything that has to pass

setup: $(INSTALLED) ## The environment in .venv, and the Node side in the user's cache
	@$(BIN)/tfjs-verify setup

$(INSTALLED):
	@command -v $(PYTHON) >/dev/null || { \
	  echo "There is no $(PYTHON). Name a Python 3.10 to 3.12: make PYTHON=/path/to/python" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] < (3, 13))' || { \
	  echo "tfjs-verify needs Python 3.10 to 3.12, and $(PYTHON) is $$($(PYTHON) -V 2>&1)." >&2; \
	  echo "Name another: make PYTHON=python3.12 demo" >&2; exit 1; }
	@$(BIN)/python -c '' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	@echo "Installing TensorFlow and the rest into $(VENV) (some minutes, this once)"
	@$(BIN)/python -m pip install -q -c constraints.txt -e '.[dev]'
	@rm -f $(VENV)/.installed-* && touch $@

lint: $(INSTALLED) $(BIOME)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	cd js && "$(NODE)" "$(CURDIR)/$(BIOME)" check .

types: $(INSTALLED)
	$(BIN)/mypy

imports: $(INSTALLED)
	@$(BIN)/lint-imports --no-logo

js-test: setup
	cd js && TFJS_VERIFY_MODULES="$(MODULES)" "$(NODE)" --test test/*.test.js test/rpc/*.test.js

pytest: setup
	$(BIN)/python -m pytest -q -n 2 --dist loadfile $(PYTEST_ARGS)

slow-test: setup ## The long ones: whole corpora, clean installations
	$(BIN)/python -m pytest -q -m slow $(PYTEST_ARGS)

wheel-test: setup ## The wheel in a clean environment away from the checkout
	$(BIN)/python -m pytest -q -m slow tests/packaging $(PYTEST_ARGS)

corpus: setup ## Which layers, ops and applications work, by whose route; tables in build/
	@mkdir -p build
	$(BIN)/python -m tests.corpus.applications --out build/applications.md
	$(BIN)/python -m tests.corpus.run --out build/corpus.md

false-alarms: setup ## Whether verify calls wrong what is right: the corpus under 20 seeds (hours)
	@mkdir -p build
	$(BIN)/python -m tests.corpus.false_alarms

bench: setup ## What the performance claims are measured with
	$(BIN)/python benchmarks/bridge.py --check
	$(BIN)/python benchmarks/cases.py

bench-mutation: setup ## How many planted faults are noticed, on ten models; about half an hour
	@mkdir -p build
	$(BIN)/python -m benchmarks.mutation --check --out build/mutation.md

wheel: $(INSTALLED) ## The source distribution and the wheel, in dist/
	$(BIN)/python -m build

format: $(INSTALLED) $(BIOME) ## Rewrite both languages in their one style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	cd js && "$(NODE)" "$(CURDIR)/$(BIOME)" check --write .

# Biome alone: the packages that run come from the user's cache, and js/ stays without node_modules.
$(BIOME): | $(INSTALLED)
	@$(BIN)/python -m nodejs.npm install --silent --ignore-scripts --no-audit --no-fund --no-save \
	  --prefix $(VENV)/biome-$(BIOME_VERSION) @biomejs/biome@$(BIOME_VERSION)

clean: ## Remove what the above made here; the user's cache stays
	rm -rf $(VENV) dist build .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
