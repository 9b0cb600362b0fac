# Everything a developer runs. `make demo` and `make test` are the two a visitor needs.
SHELL := /bin/bash
.DEFAULT_GOAL := help
FEDIVERSE_CACHE ?= $(HOME)/.cache/fediverse-mastodon
VENV := $(FEDIVERSE_CACHE)/venv-$(shell sha256sum requirements.txt | cut -c1-12)
PYTHON ?= python3
export FEDIVERSE_CACHE
export PATH := $(VENV)/bin:$(PATH)

.PHONY: help
help: ## What there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.PHONY: venv
venv: $(VENV)/.ready ## The development environment, made once per requirements.txt
	@ln -sfn $(VENV) .venv

$(VENV)/.ready: requirements.txt
	@echo "development environment: installing into $(VENV)"
	@$(PYTHON) -m venv $(VENV) 2>/dev/null || { apt-get install -y -qq python3-venv >/dev/null && $(PYTHON) -m venv $(VENV); }
	@$(VENV)/bin/pip install -q --disable-pip-version-check -r requirements.txt
	@touch $@
