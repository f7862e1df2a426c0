# Each target sets up what it needs, in .venv, and does its work; a second run is quick.
PYTHON ?= python3
BIN := .venv/bin
LOCK := .venv/lock/bin/uv pip compile --quiet --upgrade --python-version 3.11 --generate-hashes --no-emit-index-url \
	--custom-compile-command 'make lock'
SAMPLE ?= 0
SEED ?= 1

REQUIREMENTS ?= requirements.txt
IMAGE := .venv/image

.PHONY: demo test serve lint lock sbom audit fuzz mutants pictures docs hapi bench reading soak clean

demo: .venv/.installed
	$(BIN)/cds-service demo

test: .venv/.tested lint
	$(BIN)/pytest --cov --cov-report=term:skip-covered $(PYTEST_ARGS)

lint: .venv/.tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports setup.cfg
	$(BIN)/cds-service check

serve: .venv/.installed
	$(BIN)/cds-service serve

fuzz: .venv/.tested
	$(BIN)/python -m tests.fuzz.campaign

mutants: .venv/.tested
	$(BIN)/python -m pip install --quiet --editable '.[test,mutation]'
	$(BIN)/python -m tests.mutation.campaign $(SAMPLE) $(SEED)

pictures: .venv/.installed
	$(BIN)/python docs/pictures/render.py

# The documents as a site, build/docs/docs/index.html; fails on a link or an anchor that leads nowhere.
docs: .venv/.tested
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --conf-dir docs --builder html . build/docs

hapi: .venv/.installed
	$(BIN)/python -m tests.hapi.run $(PORT)

bench: .venv/.benched
	$(BIN)/python -m benchmarks $(BENCH_ARGS)

reading: .venv/.measured
	$(BIN)/python -m benchmarks.reading $(READING_ARGS)

soak: .venv/.measured
	$(BIN)/python -m benchmarks.soak $(if $(CALLS),--calls $(CALLS),$(SECONDS)) $(SOAK_ARGS)

# Newest versions within the ranges of setup.cfg, by hash, for the container image.
lock: .venv/bin/python
	$(PYTHON) -m venv .venv/lock
	.venv/lock/bin/python -m pip install --quiet 'uv>=0.9,<1'
	$(LOCK) --extra postgresql --output-file deploy/container/requirements.txt setup.cfg
	$(LOCK) --extra postgresql --extra otel --output-file deploy/container/requirements-with-traces.txt setup.cfg
	printf 'setuptools>=77\n' | $(LOCK) --output-file deploy/container/build-requirements.txt -

# What the image holds, and under which licences: dist/sbom.cdx.json, dist/licences.md.
sbom: .venv/.tested
	rm -rf $(IMAGE)
	$(PYTHON) -m venv --without-pip $(IMAGE)
	$(BIN)/python -m pip --python $(IMAGE)/bin/python install --quiet --no-deps --require-hashes --only-binary :all: \
		--report $(IMAGE)/installed.json --requirement deploy/container/$(REQUIREMENTS)
	$(BIN)/cyclonedx-py environment --of JSON --sv 1.6 --output-file $(IMAGE)/environment.cdx.json $(IMAGE)
	$(BIN)/python -m deploy.container.bill_of_materials $(IMAGE)/environment.cdx.json $(IMAGE)/installed.json \
		deploy/container/$(REQUIREMENTS)

# Known vulnerabilities of what the image holds; needs the internet.
audit: .venv/audit/bin/pip-audit
	deploy/container/audit $< deploy/container/requirements*.txt

.venv/audit/bin/pip-audit:
	$(PYTHON) -m venv .venv/audit
	.venv/audit/bin/python -m pip install --quiet 'pip-audit>=2.9,<3'

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.installed: .venv/bin/python setup.cfg pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

.venv/.tested: .venv/.installed
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	touch $@

.venv/.measured: .venv/.installed
	$(BIN)/python -m pip install --quiet --editable '.[bench]'
	touch $@

# The peer has an environment of its own: its dependencies must not mix with ours.
.venv/.benched: .venv/.measured benchmarks/healthchain.txt
	$(PYTHON) -m venv .venv/healthchain
	.venv/healthchain/bin/python -m pip install --quiet --requirement benchmarks/healthchain.txt
	touch $@

clean:
	rm -rf .venv build dist *.egg-info mutants tests/hapi/target tests/validator/target
