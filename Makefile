# The commands of this checkout. `make` alone lists them.
.DEFAULT_GOAL := help
SHELL := /bin/sh
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
PYTHON := $(BIN)/python
# Changes with the content of the requirements, not with their dates: a fresh clone or a branch switch back is no reason
# to install anything.
STAMP := $(VENV)/.installed-$(shell cat requirements.txt requirements-service.txt requirements-dev.txt pyproject.toml 2>/dev/null | cksum | tr ' ' -)

PREVIEWS := preview-staging preview-prod
.PHONY: help up down reset status env serve policy test unit lint format bench docs demonstrations toolchain venv check-python $(PREVIEWS)

help: ## List the commands
	@awk -F':.*## ' '/^[a-z][a-z-]*:.*## /{printf "  \033[1mmake %-16s\033[0m %s\n", $$1, $$2}' Makefile
	@echo '  make preview-ENV      What `pulumi up` would change in staging or prod'
	@echo
	@echo '  eval "$$(make -s env)"  gives this shell pulumi, kubectl and vault on the sandbox'

up: $(STAMP) ## Build what is missing, start the sandbox, deploy to staging and then to prod
	@$(PYTHON) -m sandbox up
	@$(PYTHON) -m sandbox deploy
	@echo; eval "$$($(PYTHON) -m sandbox env)" && aoa status
	@$(PYTHON) -m sandbox next

down: ## Stop the sandbox; its data stays
	@$(call needs_venv); $(PYTHON) -m sandbox down

reset: ## Stop the sandbox and remove everything it knows
	@$(call needs_venv); $(PYTHON) -m sandbox reset

status: $(STAMP) ## Health, pid, port and log of every part of the sandbox
	@$(PYTHON) -m sandbox status

env: ## Print export lines for eval
	@$(call needs_venv); $(PYTHON) -m sandbox env

$(PREVIEWS): preview-%: $(STAMP)
	@$(PYTHON) -m sandbox up && eval "$$($(PYTHON) -m sandbox env)" && pulumi preview --diff --stack $*

serve: $(STAMP) ## The service in front of the sandbox: one page, an API, tools for agents; until Ctrl-C
	@$(PYTHON) -m sandbox up && eval "$$($(PYTHON) -m sandbox env)" && AOA_SERVICE_CLIENT_SECRET=$${AOA_SERVICE_CLIENT_SECRET:-any} AOA_SERVICE_CLIENT_SECRET_PROD=$${AOA_SERVICE_CLIENT_SECRET_PROD:-any} aoa serve --config "$$($(PYTHON) -m sandbox service)"

policy: $(STAMP) ## Judge staging and prod of the sandbox by the policy pack in policy/
	@$(PYTHON) -m sandbox up && eval "$$($(PYTHON) -m sandbox env)" && aoa preview staging prod --policy-pack policy

test: $(STAMP) ## Run all tests (builds what is missing; the integration tests start two sandboxes of their own)
	@$(PYTHON) -m toolchain ensure
	@$(PYTHON) -m pytest -n auto -m 'not integration'
	@$(PYTHON) -m pytest tests/integration -n 2 --dist loadscope --durations=15

unit: $(STAMP) ## Run the tests that need neither cluster nor Vault
	@$(PYTHON) -m pytest -n auto -m 'not integration'

lint: $(STAMP) ## ruff, mypy, import-linter and whether generated files are current
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(PYTHON) -m app_of_apps.manifest.schema --check
	@$(PYTHON) -m app_of_apps.environment.schema --check
	@$(PYTHON) -m app_of_apps.manifest.reference --check
	@$(PYTHON) -m app_of_apps.cli.reference --check
	@PYTHONPATH=policy $(PYTHON) -m app_of_apps_policy.reference --check
	@$(PYTHON) -m app_of_apps.service.reference --check
	@$(PYTHON) -m deploy.manifests --check

format: $(STAMP) ## Format the code and mend what ruff can mend
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .

bench: $(STAMP) ## Measure against kubectl and a flat program on a sandbox of its own; writes docs/benchmarks.md
	@$(PYTHON) -m bench

docs: $(STAMP) ## Regenerate schemas, generated documentation and plain manifests
	@$(PYTHON) -m app_of_apps.manifest.schema --write
	@$(PYTHON) -m app_of_apps.environment.schema --write
	@$(PYTHON) -m app_of_apps.manifest.reference --write
	@$(PYTHON) -m app_of_apps.cli.reference --write
	@PYTHONPATH=policy $(PYTHON) -m app_of_apps_policy.reference --write
	@$(PYTHON) -m app_of_apps.service.reference --write
	@$(PYTHON) -m deploy.manifests --write

demonstrations: $(STAMP) ## Write docs/demonstrations and the golden previews anew, with pictures from a real browser
	@AOA_UPDATE_GOLDEN=1 $(PYTHON) -m pytest -q tests/unit/review

toolchain: $(STAMP) ## Build the tools that are missing, and nothing else
	@$(PYTHON) -m toolchain ensure

venv: $(STAMP) ## Make the virtual environment, and nothing else

$(STAMP): | check-python
	@echo "installing Python packages into $(VENV)" >&2
	@test -x $(PYTHON) || $$(command -v python3) -m venv $(VENV)
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable . 2>/dev/null \
		|| $(PYTHON) -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@rm -f $(VENV)/.installed-*; touch $@

check-python:
	@command -v python3 >/dev/null || { echo 'error: python3 is not on PATH; Python 3.11 or newer is needed' >&2; exit 2; }
	@python3 -c 'import sys; sys.version_info >= (3, 11) or sys.exit("error: python3 is " + sys.version.split()[0] + "; Python 3.11 or newer is needed. Put it first on PATH.")'

define needs_venv
test -x $(PYTHON) || { echo 'error: nothing is installed here yet; run `make up` first' >&2; exit 4; }
endef
