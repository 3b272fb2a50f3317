# `make` says what there is. Everything that is installed or written on the way is under .local/ and target/.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

PYTHON ?= python3
# Options for `run`, words for `show`: make run ARGS="--once", make show ARGS="contact Ines Yamamoto"
ARGS ?=
SAM_BIN := .local/venvs/sam/bin
AWS_PYTHON := .local/venvs/aws/bin/python
# Named, although it is this machine's own: cargo keeps what is built for a named target apart, and cargo-lambda
# always names one. So tests and local run share what they compile.
HOST = $(shell rustc -vV | sed -n 's/^host: //p')

.PHONY: help
help: ## Says what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-14s %s\n", $$1, $$2 }'

# Everything begins with Python; where there is none, that is all that can be said.
.PHONY: python
python:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is not on the PATH: install Python 3.10 or later (e.g. \`apt-get install python3 python3-venv\`)"; exit 1; }

.PHONY: run
run: python ## Runs the whole bundle here, without AWS, Intercom or Docker (ARGS=--once ends by itself)
	@$(PYTHON) scripts/run.py $(ARGS)

.PHONY: test
test: python ## Checks everything: format, lints, tests, template, and a whole local run
	@$(PYTHON) scripts/test.py

.PHONY: check
check: python ## The fast loop: format, lints and tests, with few of the random histories
	@$(PYTHON) scripts/test.py --fast

.PHONY: golden
golden: python ## Sends the golden corpus through the functions as `sam build` makes them
	@$(PYTHON) scripts/test.py --built

.PHONY: release-check
release-check: python ## The same with the release profile, for each architecture that can run here
	@$(PYTHON) scripts/release_check.py

# What follows looks at the running stack, whatever its ports, and answers a person: a no is said in words, so make adds
# no line of its own to exit codes 1 and 2. Words go through the environment, where an apostrophe is only an apostrophe.
show status logs replay: export WORDS = $(ARGS)
NO_IS_AN_ANSWER = || [ $$? -le 2 ]

.PHONY: show
show: tools ## Shows what is remembered: by id, name, word, date, mention (ARGS=help says how)
	@$(AWS_PYTHON) scripts/show.py $(NO_IS_AN_ANSWER)

.PHONY: status
status: tools ## Asks the running stack for the status of the connected workspace (ARGS=--json, ARGS=--link)
	@$(AWS_PYTHON) scripts/status.py $(NO_IS_AN_ANSWER)

.PHONY: logs
logs: tools ## Prints what the functions have logged, one line an event (ARGS=-f follows, ARGS=--raw)
	@$(AWS_PYTHON) scripts/logs.py $(NO_IS_AN_ANSWER)

.PHONY: tick
tick: tools ## Invokes the running stack's backfill function once, as its schedule does every minute
	@$(AWS_PYTHON) scripts/tick.py $(NO_IS_AN_ANSWER)

.PHONY: replay
replay: tools ## Has the emulated Intercom send its last notification again (ARGS=notif_… sends another)
	@$(AWS_PYTHON) scripts/replay.py $(NO_IS_AN_ANSWER)

.PHONY: invoke
invoke: tools ## Gives an event to a built function (FUNCTION=WebhookFunction EVENT=events/webhook-ping.json)
	@$(AWS_PYTHON) scripts/invoke.py $(FUNCTION) $(EVENT) $(NO_IS_AN_ANSWER)

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
tools: python # The virtual environments under .local/, from pinned requirements; nothing to do when they are current
	@$(PYTHON) scripts/tools.py

.PHONY: clean
clean: ## Removes everything that was built, installed or logged
	cargo clean
	rm -rf .aws-sam .local
