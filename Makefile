# `make` says what there is. Everything that is installed or written on the way is under .local/ and target/.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

PYTHON ?= python3
# Options for `run`, words for `show`: make run ARGS="--once", make show ARGS="conversation 215…"
ARGS ?=
SAM_BIN := .local/venvs/sam/bin
AWS_PYTHON := .local/venvs/aws/bin/python
# Named, although it is this machine's own: cargo keeps what is built for a named target apart, and cargo-lambda
# always names one. So tests and local run share what they compile.
HOST = $(shell rustc -vV | sed -n 's/^host: //p')

.PHONY: help
help: ## Says what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-10s %s\n", $$1, $$2 }'

.PHONY: run
run: ## Runs the whole bundle here, without AWS, Intercom or Docker (ARGS=--once ends by itself)
	@$(PYTHON) scripts/run.py $(ARGS)

.PHONY: test
test: ## Checks everything: format, lints, tests, template, and a whole local run
	@$(PYTHON) scripts/test.py

.PHONY: show
show: tools ## Shows what the running stack remembers (ARGS="conversation ID", ARGS="mentions linear issue ENG-42")
	@$(AWS_PYTHON) scripts/show.py $(ARGS)

.PHONY: status
status: tools ## Asks the running stack for the status of the connected workspace
	@$(AWS_PYTHON) scripts/status.py

.PHONY: logs
logs: tools ## Prints what the running stack's functions have logged
	@$(AWS_PYTHON) scripts/logs.py

.PHONY: tick
tick: tools ## Invokes the running stack's backfill function once, as its schedule does every minute
	@$(AWS_PYTHON) scripts/tick.py

.PHONY: invoke
invoke: ## Gives an event to a built function (FUNCTION=WebhookFunction EVENT=events/webhook-ping.json)
	@$(PYTHON) scripts/invoke.py $(FUNCTION) $(EVENT)

.PHONY: emulator
emulator: ## Runs only the emulated Intercom (ARGS="--port 4570 --conversations 240 …")
	@cargo run --quiet --package emulator --target $(HOST) -- $(ARGS)

.PHONY: fmt
fmt: tools ## Formats Rust and Python
	cargo fmt --all
	$(SAM_BIN)/ruff format scripts
	$(SAM_BIN)/ruff check --fix scripts

.PHONY: lint
lint: tools ## Checks format and lints of Rust, Python and the template
	@$(PYTHON) scripts/test.py --lint

.PHONY: build
build: tools ## Builds what ships: sam build, release profile, arm64 (ARGS="--parameter-overrides Architecture=x86_64")
	PATH="$(CURDIR)/$(SAM_BIN):$$PATH" SAM_CLI_TELEMETRY=0 sam build $(ARGS)

.PHONY: deploy
deploy: tools ## Deploys to AWS; asks for the app's client ID and secret (ARGS="--region eu-west-1 --stack-name NAME", ARGS=--help)
	@$(SAM_BIN)/python scripts/deploy.py $(ARGS)

.PHONY: bench
bench: ## Measures webhook function, enrich and backfill, beside others; writes docs/benchmarks.md (ARGS="--only webhook")
	@$(PYTHON) scripts/bench.py $(ARGS)

.PHONY: tools
tools: # The virtual environments under .local/, from pinned requirements; nothing to do when they are current
	@$(PYTHON) scripts/tools.py

.PHONY: clean
clean: ## Removes everything that was built, installed or logged
	cargo clean
	rm -rf .aws-sam .local
