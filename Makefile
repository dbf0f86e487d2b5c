# Every target sets up what it needs; nothing but Python 3.11 (and Node for the tests) is expected.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:

PYTHON ?= python3
PHONE ?=
PYTEST_ARGS ?= -q
SEEDS ?= 10000

venv := .venv
bin := $(venv)/bin
python := $(bin)/python -P
witness := .venv-witness
proto_venv := .venv-proto
node := tests/interop/node
pip_flags := -q --disable-pip-version-check --no-input

# Set up once, and again when what decides it has changed.
ready_to_run := $(venv)/.ready-to-run
ready_to_test := $(venv)/.ready-to-test
ready_node := $(node)/node_modules/.ready
neonize_version := 0.5.2
ready_witness := $(witness)/.ready-neonize-$(neonize_version)

.PHONY: help
help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: $(ready_to_run)  ## Start Wakeeper here; prints where the dashboard is
	@exec $(bin)/wakeeper run

.PHONY: pair
pair: $(ready_to_run)  ## Link a phone: make pair PHONE=+40712345678
	@test -n "$(PHONE)" || { echo 'make pair needs a number: make pair PHONE=+40712345678' >&2; exit 2; }
	@exec $(bin)/wakeeper pair "$(PHONE)"

.PHONY: demo
demo: $(ready_to_run)  ## Show everything against a simulated WhatsApp; no phone is needed
	@exec $(python) -m tests.simulator.demo

.PHONY: test
test: lint $(ready_to_test) witnesses  ## Check the code and run every test
	@$(python) -m pytest $(PYTEST_ARGS)

.PHONY: lint
lint: $(ready_to_test)  ## Check style and types
	@$(bin)/ruff check -q .
	@$(bin)/ruff format -q --check . || { $(bin)/ruff format --check . ; exit 1; }
	@$(bin)/mypy --no-error-summary

.PHONY: interop
interop: $(ready_to_test) witnesses  ## Run only the tests with clients that nobody here wrote
	@$(python) -m pytest $(PYTEST_ARGS) -m interop

.PHONY: sim
sim: $(ready_to_test)  ## Simulate the lease for 10,000 hours; fewer: make sim SEEDS=500
	@$(python) -m tests.simulation --seeds $(SEEDS)

.PHONY: chaos
chaos: $(ready_to_test)  ## Break whole supervisors at the lease's real constants; takes half an hour
	@CHAOS=1 LEASE_TIMING=production $(python) -m pytest $(PYTEST_ARGS) -s tests/supervisor/standby tests/system tests/chaos

.PHONY: bench
bench: $(ready_to_test) witnesses  ## Measure, each figure beside Baileys' in the same run
	@$(python) -m tests.bench

.PHONY: proto
proto: $(proto_venv)/.ready  ## Make the protobuf code anew from the .proto files
	@for file in shared/link.proto worker/proto/*.proto; do \
		$(proto_venv)/bin/python -P -m grpc_tools.protoc -I. --python_out=. --pyi_out=. "$$file" || exit 1; \
	done

.PHONY: clean
clean:  ## Remove everything that was set up or made; accounts and sessions stay
	@rm -rf $(venv) $(witness) $(proto_venv) $(node)/node_modules build dist
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find supervisor worker shared tests -name __pycache__ -type d -prune -exec rm -rf {} +

# ------------------------------------------------------------------------------------- setting up

$(bin)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo 'Wakeeper needs Python 3.11 or newer; "$(PYTHON)" is missing or older.' >&2; \
		echo 'Name another one: make run PYTHON=python3.12' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo '"$(PYTHON)" cannot make virtual environments.' >&2; \
		echo 'On Debian and Ubuntu: apt install python3-venv' >&2; exit 1; }
	@$(PYTHON) -m venv $(venv)

$(ready_to_run): pyproject.toml | $(bin)/python
	@echo 'Setting up .venv (once; about a minute) ...'
	@$(bin)/python -m pip install $(pip_flags) --upgrade 'pip>=25.1'
	@$(bin)/python -m pip install $(pip_flags) -e .
	@touch $@

$(ready_to_test): $(ready_to_run)
	@echo 'Adding the tools for tests ...'
	@$(bin)/python -m pip install $(pip_flags) --group test --group lint
	@touch $@

# Without a witness its tests say why they skip, and fail where CI=true: so these only tell.
.PHONY: witnesses
witnesses:
	@$(MAKE) -s $(ready_node) || echo 'The Node clients could not be set up: their tests will say so.' >&2
	@$(MAKE) -s $(ready_witness) || echo 'whatsmeow could not be set up: its tests will say so.' >&2
	@test -x /lib/systemd/systemd || echo 'systemd is not installed: its tests will say so.' >&2

$(ready_node): $(node)/package-lock.json
	@command -v npm >/dev/null || { echo 'npm is not installed.' >&2; exit 1; }
	@echo 'Installing the Node clients ...'
	@cd $(node) && npm ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

$(ready_witness):
	@$(PYTHON) -m venv $(witness)
	@echo 'Installing whatsmeow ...'
	@$(witness)/bin/python -m pip install $(pip_flags) 'neonize==$(neonize_version)'
	@touch $@

$(proto_venv)/.ready: pyproject.toml
	@$(PYTHON) -m venv $(proto_venv)
	@$(proto_venv)/bin/python -m pip install $(pip_flags) --upgrade 'pip>=25.1'
	@$(proto_venv)/bin/python -m pip install $(pip_flags) --group proto
	@touch $@
