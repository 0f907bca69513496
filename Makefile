# Every target works on a fresh machine with Python 3.11, 3.12 or 3.13: it makes .venv/ first.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup demo up down reset web test check format bench migration docs package clean

# Files go to two workers in the order of tests/conftest.py: the long ones first.
SPREAD := -n 2 --dist loadfile --no-loadscope-reorder

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
BIN := .venv/bin
STAMP := .venv/stamp

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## .venv with locked dependencies, and the embedding model

$(STAMP): requirements.lock pyproject.toml
	@"$(PYTHON)" -c 'import sys; v = sys.version_info[:2]; v in ((3, 11), (3, 12), (3, 13)) or sys.exit("pgdesk needs Python 3.11, 3.12 or 3.13, this is %d.%d: make PYTHON=/path/to/python3.11" % v)'
	@test -x $(BIN)/python || "$(PYTHON)" -m venv .venv
	@echo "installing dependencies into .venv (once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(BIN)/python -m pgdesk.models
	@touch $(STAMP)

demo: $(STAMP) ## replay a mailbox through the whole desk (MAILBOX=folder or mbox, JSON=file)
	@$(BIN)/pgdesk demo $(if $(MAILBOX),--mailbox "$(MAILBOX)") $(if $(JSON),--json "$(JSON)")

up: $(STAMP) ## start the stack and keep it running (STACK=supabase: on the Supabase CLI's)
	@$(BIN)/pgdesk up

down: $(STAMP) ## stop the stack
	@$(BIN)/pgdesk down

reset: $(STAMP) ## stop the stack and delete its data
	@$(BIN)/pgdesk reset --yes

web: $(STAMP) ## build inbox, portal and widget into web/dist
	@$(BIN)/pgdesk web

test: $(STAMP) ## run the tests (FULL=1: the long ones too, and PostgreSQL 18)
	@$(BIN)/python -m pytest -q $(SPREAD) $(ARGS)
	@if [ "$${FULL:-}" = 1 ]; then PGDESK_POSTGRES=18 $(BIN)/python -m pytest -q $(SPREAD) $(ARGS); fi

check: $(STAMP) ## format, lint, types, architecture, documents, schema drift, Supabase advisors
	@$(BIN)/python -m pgdesk.check

format: $(STAMP) ## put code and SQL into form
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix --exit-zero --quiet .

bench: $(STAMP) ## measure, each figure with its bar (FULL=1: the large sizes)
	@$(BIN)/python -m bench

migration: $(STAMP) ## draft the next migration (NAME=what_it_does)
	@$(BIN)/pgdesk migration "$(or $(NAME),$(error say NAME=what_it_does))"

docs: $(STAMP) ## write anew the documents that are made from schema and routes
	@$(BIN)/pgdesk docs

package: $(STAMP) ## build the deployment package of the functions
	@$(BIN)/pgdesk package

clean: ## remove what can be made again; data stays
	@rm -rf .venv build dist web/dist web/node_modules bench/out .mypy_cache .ruff_cache .pytest_cache
