# Breakglass: `make run` and `make test` need Python 3.11 or later (with venv), make and a network; nothing else.
# Everything is relative to this folder, so that a long path or one with spaces works.
SHELL := /bin/sh
PYTHON := .venv/bin/python

.PHONY: run test check bench crash contracts clean setup setup-dev
.NOTPARALLEL:

run: setup
	@exec $(PYTHON) manage.py up

setup:
	@sh config/setup.sh run

setup-dev:
	@sh config/setup.sh test

test: setup-dev
	@exec $(PYTHON) -m pytest $(ARGS)

check: setup-dev
	@exec sh config/check.sh

clean:
	rm -rf .venv node_modules .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis staticfiles test-results
