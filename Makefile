# Two commands do everything on a machine with Python 3.11+, git and make:
#   make demo   sets up and runs the main job
#   make test   sets up and passes every test
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help setup demo test clients lint types tests build format bench fuzz clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/installed  ## make a virtual environment in .venv

$(VENV)/installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; choose one with: make PYTHON=python3.12 ..."; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: setup  ## a mock, a request on a photograph, a picture of the masks, the contract verified
	$(BIN)/python examples/demo.py

test: clients lint types tests build  ## everything that has to hold

# The official clients pin other versions of what this project needs, hence an environment of their own.
# There, this project runs from its sources, to intercept the clients: of what it requires, this is what that takes.
INTERCEPTED := aiointercept flask jsonschema-rs orjson pybase64 pycocotools pydantic responses
clients: .venv-clients/installed  ## the official clients, for their tests

.venv-clients/installed: Makefile
	$(PYTHON) -m venv .venv-clients
	.venv-clients/bin/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	.venv-clients/bin/python -m pip install --quiet --disable-pip-version-check 'inference-sdk>=1.8,<1.9' \
		$(INTERCEPTED)
	@touch $@

lint: setup  ## style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup  ## static types, strict
	$(BIN)/mypy

tests: setup  ## the tests, with branch coverage
	$(BIN)/python -m pytest --cov --cov-report=term

build: setup  ## the wheel and the source archive
	$(BIN)/python -m build --no-isolation --outdir dist . > /dev/null
	@ls dist

format: setup  ## rewrite the sources in the house format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup  ## the benchmarks, as ratios against a peer in the same run
	-$(BIN)/python benchmarks/masks.py
	-$(BIN)/python benchmarks/mock.py
	-$(BIN)/python benchmarks/verify.py

fuzz: setup  ## mutate masks for a minute, in search of one that is judged wrong
	$(BIN)/python benchmarks/fuzz_masks.py --seconds 60 --seed 0

clean:  ## remove what the targets made
	rm -rf $(VENV) .venv-clients dist demo-output .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage*
