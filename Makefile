# The front door: every task a person does is a target. `make` alone lists them.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
CARGO ?= cargo
PLAYGROUND = target/debug/playground
# `make tools` puts what it has to install here.
export PATH := $(CURDIR)/target/tools/bin:$(PATH)

# Where the tests' database comes from: auto (a container where there can be one), container, or private (an instance
# of a server on this machine).
DATABASE ?= auto

# What to hand to `cargo test`, to run some of the tests only: TESTS="-p tests -- nearest".
TESTS ?=

.PHONY: help
help: ## List the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: playground ## Run both services on a database of this machine, until Ctrl-C
	@exec $(PLAYGROUND) run

.PHONY: test
test: playground ## Run all tests on a real database server (DATABASE=auto, container or private)
	@exec $(PLAYGROUND) test --database $(DATABASE) $(if $(TESTS),-- $(TESTS))

.PHONY: playground
playground:
	@$(CARGO) build --workspace --bins

.PHONY: check
check: tools ## Check form, lints, licences, queries and scripts; changes nothing
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- --deny warnings
	RUSTDOCFLAGS='--deny warnings' $(CARGO) doc --workspace --no-deps --document-private-items --quiet
	$(CARGO) fetch --locked --quiet
	$(CARGO) deny --offline check licenses bans sources
	$(CARGO) machete
	git ls-files '*.sh' .ci/run | xargs shellcheck
	@$(MAKE) prepare-check

.PHONY: fmt
fmt: ## Format the code
	$(CARGO) fmt --all

# Builds the playground alone: the services do not build while .sqlx is not current.
.PHONY: prepare
prepare: ## Write the descriptions of all SQL queries, .sqlx, anew from a real database
	@$(CARGO) build -p playground
	@exec $(PLAYGROUND) prepare

.PHONY: prepare-check
prepare-check: playground
	@exec $(PLAYGROUND) prepare --check

.PHONY: tools
tools: ## Install what `make check` needs
	@scripts/tools.sh

.PHONY: clean
clean: ## Remove everything that was built, and the database of `make run`
	@if [ -x $(PLAYGROUND) ]; then $(PLAYGROUND) clean; fi
	$(CARGO) clean
