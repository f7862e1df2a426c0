# Each target sets up what it needs, in .venv, and does its work; a second run is quick.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test serve lint fuzz mutants pictures hapi clean

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
	$(BIN)/mutmut run
	$(BIN)/mutmut results

pictures: .venv/.installed
	$(BIN)/python docs/pictures/render.py

hapi: .venv/.installed
	$(BIN)/python -m tests.hapi.run

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.installed: .venv/bin/python setup.cfg pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

.venv/.tested: .venv/.installed
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	touch $@

clean:
	rm -rf .venv build dist *.egg-info mutants tests/hapi/target tests/validator/target
