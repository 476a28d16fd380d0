# Breakglass: `make run` and `make test` need Python 3.11 or later (with venv), make and a network; nothing else.
# Everything is relative to this folder, so that a long path or one with spaces works.
SHELL := /bin/sh
PYTHON := .venv/bin/python
ARGS :=
# One of the suite's processes browses; the others wait for chains and servers often enough to be more than the cores.
JOBS := $(shell expr $$(nproc 2>/dev/null || echo 2) + 2)
# Where a machine's settings forbid to keep compiled code, each of a dozen processes would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test check bench crash contracts sign-html clean setup setup-dev

help:
	@echo 'make run        everything, set up from nothing: the demo at http://localhost:8000'
	@echo 'make test       the whole suite, JOBS=$(JOBS) tests at a time; ARGS="-k name" for a part of it'
	@echo 'make check      linters, types, floors, templates, migrations, deployment settings'
	@echo 'make bench      figures, one JSON line each'
	@echo 'make crash      a thousand faults, then five minutes of alerts; ends with "N passed, N failed"'
	@echo 'make sign-html  tools/sign.html from its sources, byte for byte'
	@echo 'make contracts  the demo protocol from its Solidity sources, byte for byte'
	@echo 'make clean      remove what the others made; the demo in .breakglass is kept'

run: setup
	@exec $(PYTHON) manage.py up $(ARGS)

test: setup-dev
	@sh config/setup.sh browser
	@sh config/setup.sh clients
	@exec $(PYTHON) -m pytest -n $(JOBS) $(ARGS)

check: setup-dev
	@exec sh config/check.sh

bench: setup-dev
	@exec $(PYTHON) -m benchmarks $(ARGS)

crash: setup-dev
	@exec $(PYTHON) -m tests.crash.campaign $(ARGS)

sign-html: setup
	@exec $(PYTHON) tools/build_sign_html.py $(ARGS)

contracts: setup
	@exec sh config/setup.sh node integrations/devnet/contracts/build.mjs $(ARGS)

setup:
	@exec sh config/setup.sh run

setup-dev:
	@exec sh config/setup.sh test

clean:
	rm -rf .venv node_modules tests/clients/node_modules .breakglass/browser test-results
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
