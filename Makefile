# Everything a laptop or a CI runner needs comes from the package registries through this file.
# It needs git, make and any Python 3 with venv; Python 3.13 itself is found, or fetched by uv.
#
# A Mac's make is 3.81, its sed and cut are BSD's: nothing here is newer, or GNU's alone. That make doesn't know
# .SHELLFLAGS, so that nothing relies on it: each line of a recipe is one command, without a pipe.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# No other uv than the one that came by hash, whatever the caller says.
override UV := .tools/uv/bin/uv
# --no-build: wheels alone, so that no package runs code of its own while it is installed.
LOCKED := $(UV) sync --quiet --locked --no-build --only-group
SHOWN := python3 -I -S sandbox/progress.py

# One environment a set of packages that can't live together (see pyproject.toml).
# A stamp holds the lock's digest, so that a copy of the tree with newer files installs nothing.
LOCK := $(shell python3 -I -S bin/digest.py uv.lock pyproject.toml bin/install-uv.txt .python-version)
ifeq ($(LOCK),)
$(error python3 is needed, and could not tell the digest of the lock)
endif
# What else is fetched has a stamp of its own: what names it, and what lays it out.
stamped = $(shell python3 -I -S bin/digest.py bin/npm.py bin/$(1)/package-lock.json bin/$(1)/unpack.py)
laid = $(if $(filter $(call stamped,$(1)),$(shell cat .tools/$(1)/.lock 2>/dev/null)),,.tools/$(1)-laid)
installed = $(if $(filter $(LOCK),$(shell cat $(1)/.lock 2>/dev/null)),,$(1)-sync)

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# What `demo` and `test` say of it before it begins.
MISSING = $(strip $(foreach folder,.venv .tools/policy .tools/sam .tools/sandbox,$(call installed,$(folder))) $(call laid,postgresql))
SETUP = $(if $(MISSING),First the tools are installed: once$(comma) about 600 MB to fetch$(comma) 1 to 5 minutes.,The tools are installed already.)
comma := ,

# Temporary files lie in memory where this machine lends some, unless the caller says where.
SCRATCH = TMPDIR="$$(python3 -I -S bin/scratch.py)"

.PHONY: demo up down
demo: ## A change's whole path, on this machine (KEEP=1: stay up; ACTION=OWNER/REPO@SHA=DIR)
	@echo "A change's whole path on this machine: pull request, dev, tag, prod; failures, rollback, drift, a passport."
	@echo "$(SETUP) Then the story: 4 to 10 minutes on two cores, a line for each step."
	@echo "Ctrl-C ends it at any moment, and leaves nothing running. What is installed stays; the story begins anew."
	@$(MAKE) --no-print-directory install
	@$(SCRATCH) .venv/bin/python -m sandbox demo $(if $(KEEP),--keep) $(foreach action,$(ACTION),--action $(action))

up: install ## Start the laptop's GitHub and AWS, and leave them running
	@$(SCRATCH) .venv/bin/python -m sandbox up

down: install-main ## End what `make up` started, and remove its state
	@.venv/bin/python -m sandbox down

# A worker a core; the tests of one module share their fixtures, so they stay together. -I: without the caller's PYTHON*.
PYTEST = $(SCRATCH) .venv/bin/python -I -m pytest -q -n auto --dist loadscope --no-loadscope-reorder

.PHONY: test test-all test-fast proofs fresh drawn check format docs
test: ## Every test but the proofs, the end-to-end story among them
	@echo "Every test but the proofs. $(SETUP) Then the tests: 8 to 15 minutes on two cores."
	@$(MAKE) --no-print-directory install browser
	@$(PYTEST) -m "not proof"

test-all: test install-moto ## What CI runs: the tests, and the shorter proofs
	@$(PYTEST) -m "proof and not marathon"

# One after the other: many of them measure.
proofs: install install-moto ## The promises tried at length, in some two hours: docs/proofs.md has the figures
	@$(SCRATCH) .venv/bin/python -I -m pytest -q -m proof tests

fresh: ## Both commands as on a new machine, twice: a clone of HEAD, an empty HOME, empty caches
	@python3 bin/fresh.py $(MAKE) demo : $(MAKE) test : $(MAKE) demo : $(MAKE) test

drawn: install ## `bin/pipeline check` in a clone of HEAD with names that are drawn
	@$(SCRATCH) python3 bin/drawn.py

test-fast: install-check ## The tests that take a moment, and start neither a program nor a database
	@$(PYTEST) -m "not outside and not e2e and not slow and not proof"

check: install-check ## What a pull request is judged by: lint, policy, tests (`bin/pipeline check`: with all tests)
	@bin/pipeline check --base

format: install-main ## Rewrite the code in the project's format
	@.venv/bin/ruff check --quiet --fix-only .
	@.venv/bin/ruff format --quiet .

docs: install-main ## Write what is made from the rules: policies/rules.txt and docs/rules.md
	@bin/pipeline rules --write docs/rules.md --register policies/rules.txt

.PHONY: install install-main install-policy install-sam install-sandbox install-postgresql install-moto install-npm
.PHONY: browser certificates lock clean
install: install-main install-policy install-sam install-sandbox install-postgresql ## All four environments, and PostgreSQL

# What a workflow's job installs: see .github/actions/setup. What deploys needs no tool of tests, which then don't lie
# beside a role: a stamp of its own, so that this is never taken for the whole .venv, which is as good for it.
.PHONY: install-check install-deploy
install-check: install-main install-policy install-sandbox install-postgresql
install-deploy: $(if $(filter $(LOCK) $(LOCK)-deploy,$(shell cat .venv/.lock 2>/dev/null)),,.venv-deploy)

install-main: $(call installed,.venv)
install-policy: $(call installed,.tools/policy)
install-sam: $(call installed,.tools/sam)
install-sandbox: $(call installed,.tools/sandbox)
install-postgresql: $(call laid,postgresql)
install-moto: $(call installed,.tools/moto)
install-npm: $(call installed,.tools/npm)
browser: $(call laid,browser) ## The Chromium of the tests of pages, which `make test` fetches

certificates: install-main install-npm ## Write rds.pem, what the functions trust of Amazon RDS, from bin/certificates/package.json
	@.venv/bin/python -I bin/certificates/write.py app/rds.pem rotation/rds.pem

lock: $(UV) ## Resolve pyproject.toml anew into uv.lock
	@$(UV) lock

clean: ## Remove what was installed and built
	@rm -rf .venv .tools build .aws-sam

.tools/uv/bin/uv: bin/install-uv.txt
	@rm -rf .tools/uv
	@python3 -m venv .tools/uv
	@.tools/uv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r bin/install-uv.txt
	@touch $@

.PHONY: .venv-sync .venv-deploy
.venv-deploy: $(UV)
	@echo "installing .venv (what builds and deploys)"
	@UV_PROJECT_ENVIRONMENT=.venv $(SHOWN) .venv $(LOCKED) deploy
	@echo $(LOCK)-deploy > .venv/.lock

.venv-sync: $(UV)
	@echo "installing .venv (application, pipeline, tests)"
	@UV_PROJECT_ENVIRONMENT=.venv $(SHOWN) .venv $(LOCKED) main
	@ln -sf ../../bin/pipeline .venv/bin/pipeline
	@echo $(LOCK) > .venv/.lock

.PHONY: .tools/policy-sync .tools/sam-sync .tools/sandbox-sync .tools/moto-sync .tools/npm-sync
.tools/policy-sync .tools/sam-sync .tools/sandbox-sync .tools/moto-sync .tools/npm-sync: .tools/%-sync: $(UV)
	@echo "installing .tools/$*"
	@UV_PROJECT_ENVIRONMENT=.tools/$* $(SHOWN) .tools/$* $(LOCKED) $*
	@echo $(LOCK) > .tools/$*/.lock

.PHONY: .tools/postgresql-laid .tools/browser-laid
.tools/postgresql-laid .tools/browser-laid: .tools/%-laid: install-npm
	@echo "installing .tools/$*"
	@.tools/npm/bin/python -I bin/$*/unpack.py .tools/$* $(call stamped,$*)
