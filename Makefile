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

.PHONY: test
test: lint unit scenarios ## Static checks, unit and repository tests, every Molecule scenario
	@echo "make test: everything passed"

.PHONY: lint
lint: venv ## yamllint, ansible-lint (production), ruff, mypy --strict on the core
	yamllint --strict .
	ruff check . && ruff format --check .
	mypy
	ansible-lint --strict

.PHONY: unit
unit: venv ## Unit and repository tests
	python3 -m pytest -n auto --dist worksteal tests/unit tests/repo tests/simulation

.PHONY: scenarios
scenarios: venv ## Every Molecule scenario, or those in SCENARIOS="role_redis layout_single_host"
	python3 -m tests.scenarios $(SCENARIOS)

.PHONY: demo
demo: venv ## A whole installation in containers: prints URL, login, what runs where
	python3 -m tests.demo up

.PHONY: demo-down
demo-down: venv ## Stop the demo; leaves nothing but caches
	python3 -m tests.demo down

.PHONY: role-readmes
role-readmes: venv ## Write roles/*/README.md from their argument specs
	python3 -m tests.repo.role_readmes

MOLECULE = ANSIBLE_COLLECTIONS_PATH=$(CURDIR)/.collections MOLECULE_GLOB='molecule/*/molecule.yml' molecule
.PHONY: converge verify destroy
converge: venv ## One scenario in a lab that stays: make converge SCENARIO=role_redis
	$(MOLECULE) converge -s $(SCENARIO)
verify: venv ## Its tests: make verify SCENARIO=role_redis
	$(MOLECULE) verify -s $(SCENARIO)
destroy: venv ## Its end: make destroy SCENARIO=role_redis
	$(MOLECULE) destroy -s $(SCENARIO)

.PHONY: benchmark-deploy
benchmark-deploy: venv ## Wall and CPU seconds, tasks and bytes of a deployment: LAYOUT=chaos_social
	python3 -m benchmarks.deploy $(LAYOUT)

.PHONY: benchmark-plan
benchmark-plan: venv ## Time and memory of one plan, from 10 to 10,000 hosts
	python3 -m benchmarks.plan $(PLAN)

.PHONY: benchmark-sizing
benchmark-sizing: venv ## The plan against other configurations on real Sidekiq: SIZING="--only near --mix push"
	python3 -m benchmarks.sizing $(SIZING)

.PHONY: benchmark-wire
benchmark-wire: venv ## The tunnels: 500 hosts planned, one host written: WIRE="--hosts 1000"
	python3 -m benchmarks.wire $(WIRE)

.PHONY: benchmark-mesh
benchmark-mesh: venv ## Seconds of the role wireguard for four hosts, from nothing and again: MESH="--repeat 5"
	python3 -m benchmarks.mesh $(MESH)

.PHONY: benchmark-tunnel
benchmark-tunnel: venv ## What a tunnel under traffic loses: a host joins, keys are replaced: TUNNEL="--repeat 3 --only hub"
	python3 -m benchmarks.tunnel $(TUNNEL)

.PHONY: benchmark-join
benchmark-join: venv ## Seconds of a join: prepared, again, bare Debian, four hosts at once: JOIN="--only bare --repeat 1"
	python3 -m benchmarks.join $(JOIN)
