# Two commands do everything on a machine with Python 3.11+, git and make:
#   make demo   sets up and runs the main job
#   make test   sets up and passes every test
# Both install the versions that requirements/ locks, by hash.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := -m pip --quiet --disable-pip-version-check install
LOCKED := --no-deps --require-hashes --requirement
# The tests start some hundred processes; without bytecode on disk each would compile every module again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo test clients lint types tests coverage soak build site format lock newest lowest bench clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/installed  ## make a virtual environment in .venv

$(VENV)/installed: requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; choose one with: make PYTHON=python3.12 ..."; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python $(PIP) $(LOCKED) requirements/dev.txt
	$(BIN)/python $(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup  ## a mock, a request on a photograph, a picture of the masks, the contract verified
	$(BIN)/python examples/demo.py

test:  ## everything that has to hold
	$(MAKE) --jobs=2 clients lint types build
	$(MAKE) tests

clients: .venv-clients/installed  ## the official clients, for their tests

.venv-clients/installed: requirements/clients.txt
	$(PYTHON) -m venv .venv-clients
	.venv-clients/bin/python $(PIP) $(LOCKED) requirements/clients.txt
	@touch $@

lint: setup  ## style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup  ## static types, strict
	$(BIN)/mypy

tests: setup  ## the tests
	$(BIN)/python -m pytest

coverage: setup  ## the tests again, with branch coverage, which takes twice as long
	$(BIN)/python -m pytest --cov --cov-report=term

soak: setup  ## what takes minutes: many requests, many seeds, long fuzzing
	$(BIN)/python -m pytest -m soak
	$(BIN)/python -m pytest -m "hypothesis and not soak" --hypothesis-profile=soak
	$(BIN)/python -m benchmarks.fuzz_masks --seconds 60 --seed 0

build: setup  ## the wheel and the source archive
	$(BIN)/python -m build --no-isolation --outdir dist . > /dev/null
	@ls dist

site: setup .venv-site/installed  ## the documentation, in build/documentation/site; it needs no server and no network
	$(BIN)/python -m documentation.assemble build/documentation
	cd build/documentation && PYTHONPATH=../.. ../../.venv-site/bin/zensical build --clean --strict
	@echo "open build/documentation/site/index.html"

.venv-site/installed: requirements/site.txt
	$(PYTHON) -m venv .venv-site
	.venv-site/bin/python $(PIP) $(LOCKED) requirements/site.txt
	@touch $@

format: setup  ## rewrite the sources in the house format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

COMPILE := $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--custom-compile-command "make lock"
lock: setup  ## lock the newest versions that pyproject.toml and requirements/clients.in allow
	$(COMPILE) pyproject.toml --extra dev --output-file requirements/dev.txt
	$(COMPILE) pyproject.toml --extra aiohttp --extra fuzz --extra httpx --extra metrics --extra redis --output-file requirements/run.txt
	$(COMPILE) --group build --output-file requirements/build.txt
	$(COMPILE) --group site --output-file requirements/site.txt
	$(COMPILE) requirements/clients.in --output-file requirements/clients.txt

newest: setup  ## the tests on the newest versions that pyproject.toml allows: what has moved since the lock?
	$(BIN)/uv venv --quiet --clear .venv-newest
	$(BIN)/uv pip install --quiet --python .venv-newest --upgrade --editable '.[dev]'
	.venv-newest/bin/python -m pytest

lowest: setup  ## the tests on the lowest versions that pyproject.toml allows: are its bounds true?
	$(BIN)/uv venv --quiet --clear .venv-lowest
	$(BIN)/uv pip install --quiet --python .venv-lowest --resolution lowest-direct --editable '.[dev]'
	.venv-lowest/bin/python -m pytest

bench: setup  ## the benchmarks, as ratios against a peer in the same run
	-$(BIN)/python -m benchmarks.masks
	-$(BIN)/python -m benchmarks.mock
	-$(BIN)/python -m benchmarks.verify
	-$(BIN)/python -m benchmarks.archives
	-$(BIN)/python -m benchmarks.scale
	-$(BIN)/python -m benchmarks.balanced

clean:  ## remove what the targets made
	rm -rf $(VENV) .venv-clients .venv-site .venv-newest .venv-lowest build dist demo-output .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage*
