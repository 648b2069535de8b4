# The front door: every task a person does is a target. `make` alone lists them.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
CARGO ?= cargo
PLAYGROUND = target/debug/playground
DEPLOY = target/debug/deploy
BENCH = target/release/bench
# `make tools` puts what it has to install here.
export PATH := $(CURDIR)/target/tools/bin:$(PATH)

# Where the tests' database comes from: auto (a container where there can be one), container, or private (an instance
# of a server on this machine).
DATABASE ?= auto

# What to hand to `cargo test`, to run some of the tests only: TESTS="-p tests -- nearest".
TESTS ?=

# What is measured, and how long each run takes; WORKLOADS="location-by-id mix" and CONTENDERS="ecs-playground go" measure a
# part only, of which the figures do not take the place of those of the whole.
ROUNDS ?= 7
SECONDS ?= 1
CONCURRENCY ?= 1 32 256
WORKLOADS ?=
CONTENDERS ?=

# For how long `make test-failures` tries each parser.
FUZZ_SECONDS ?= 600

# More variables are described where they are read: docker/names.sh, docker/build.sh, docker/topology.sh, and for what is
# deployed by `target/debug/deploy help`: TAG, SERVICE, COMMAND, LOAD, PARAMETERS, CLUSTER, DATA, CONFIRM.

.PHONY: help
help: ## List the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: playground ## Run both services on a database of this machine, until Ctrl-C
	@exec $(PLAYGROUND) run

.PHONY: test
test: playground ## Run all tests on a real database server (DATABASE=auto, container or private)
	@exec $(PLAYGROUND) test --database $(DATABASE) $(if $(TESTS),-- $(TESTS))

.PHONY: build
build: ## Build an image of each service (TAG, REGISTRY, PLATFORMS, BUILDER=docker or machine)
	@docker/build.sh

.PHONY: push
push: ## Push the images (REGISTRY=…)
	@docker/push.sh

.PHONY: up
up: ## Run the whole topology in containers: MySQL, two load balancers, four tasks of each service (METRICS=yes)
	@docker/topology.sh up

.PHONY: down
down: ## Stop and remove the topology (DATA=remove: its data as well)
	@docker/topology.sh down

.PHONY: logs
logs: ## Follow the topology's logs; with SERVICE=location those of the service on ECS
	@$(if $(SERVICE),$(MAKE) deploy-tool && $(DEPLOY) logs,docker/topology.sh logs)

# USER is a variable that every shell has, so it counts only where it is given to make.
.PHONY: scale
scale: ## Change the number of tasks: make scale LOCATION=6 (or USER=2)
	@docker/topology.sh scale $(if $(filter command,$(firstword $(origin LOCATION))),location=$(LOCATION)) \
		$(if $(filter command,$(firstword $(origin USER))),user=$(USER))

.PHONY: test-images
test-images: playground ## Build the images in a container and on this machine, and compare them (minutes)
	@TEST_BUILDERS=yes $(PLAYGROUND) test --database $(DATABASE) -- -p tests -- images::builders

.PHONY: swarm swarm-update swarm-rollback swarm-status swarm-down
swarm: ## Run the topology as a stack of Docker's Swarm mode (TAG, TASK_MEMORY)
	@docker/swarm.sh up
swarm-update: ## Roll another version out there, migrations first: TAG=…
	@docker/swarm.sh update
swarm-rollback: ## Go back to what ran before (SERVICE=location: only that one)
	@docker/swarm.sh rollback
swarm-status: ## Say what runs there, and where
	@docker/swarm.sh status
swarm-down: ## Remove the stack, whatever state it is in (DATA=remove: its data as well)
	@docker/swarm.sh down

# The drawings are in the target folder; DRAWINGS=docs/rolling has them where the documentation shows them.
.PHONY: test-rolling
test-rolling: playground ## Roll versions out under a constant load, and draw what happens (minutes)
	@TEST_DRAWINGS=$(DRAWINGS) $(PLAYGROUND) test --database $(DATABASE) -- -p tests --test rolling -- --nocapture

# The long form of what `make test` has in short. TEST_SEED=… repeats a crash test; FUZZ_SECONDS is for how long each
# parser is tried.
.PHONY: test-failures
test-failures: playground ## Break everything that can break, for longer and more often, and show figures (an hour)
	@TEST_LONG=yes $(PLAYGROUND) test --database $(DATABASE) -- -p tests --test faults -- --nocapture
	@TEST_LONG=yes FUZZ_SECONDS=$(FUZZ_SECONDS) $(PLAYGROUND) test --database $(DATABASE) -- \
		-p tests --test suites -- --nocapture failures parsers contract

.PHONY: bench
bench: bench-tool ## Measure the services against their peers (ROUNDS, SECONDS, CONCURRENCY, WORKLOADS, CONTENDERS)
	@exec $(BENCH) run --rounds $(ROUNDS) --seconds $(SECONDS) --concurrency '$(CONCURRENCY)' \
		--workloads '$(WORKLOADS)' --contenders '$(CONTENDERS)'

.PHONY: bench-growth bench-start bench-chart
bench-growth: bench-tool ## Measure the location service on tables of up to 3.4 million rows (ROUNDS, SECONDS)
	@exec $(BENCH) growth --rounds $(ROUNDS) --seconds $(SECONDS)
bench-start: bench-tool ## Measure how long the location service takes to start
	@exec $(BENCH) start
bench-chart: bench-tool ## Draw the figures of the last `make bench` anew
	@exec $(BENCH) chart

.PHONY: bench-tool
bench-tool:
	@$(CARGO) build --release --package bench

.PHONY: deploy
deploy: deploy-tool ## Make everything on AWS, or bring it up to date: stacks, images, databases, services
	@exec $(DEPLOY) up

.PHONY: deploy-location deploy-user
deploy-location deploy-user: deploy-tool ## Roll one service out: TAG=…, LOAD=50 requests a second meanwhile
	@SERVICE=$(@:deploy-%=%) exec $(DEPLOY) service

.PHONY: release
release: deploy-tool ## Build the images and push them to the registry of the deployment (TAG)
	@exec $(DEPLOY) release

.PHONY: diff status rollback run-task schedule autoscale url
diff: deploy-tool ## Say what `make deploy` would change; change nothing
status: deploy-tool ## Say what is deployed, and how it is
rollback: deploy-tool ## Go back to the revision that served before: SERVICE=location
run-task: deploy-tool ## Run a one-off task: SERVICE=location COMMAND=seed
schedule: deploy-tool ## Delete expired idempotency keys every night
autoscale: deploy-tool ## Let the number of tasks follow the load
url: deploy-tool ## Print where a service answers: SERVICE=location
diff status rollback run-task schedule autoscale url:
	@exec $(DEPLOY) $@

.PHONY: destroy
destroy: deploy-tool ## Remove what is deployed, but for data, images and network (DATA=remove: those too); asks first
	@exec $(DEPLOY) destroy

.PHONY: local-aws local-aws-down
local-aws: ## Run a local AWS in containers, to rehearse on
	@docker/local-aws.sh up
local-aws-down: ## Remove the local AWS, and all that runs on it
	@docker/local-aws.sh down

.PHONY: tutorial
tutorial: playground ## Run docs/tutorial.md from its first command to its last, on a local AWS
	@scripts/tools.sh curl
	@exec $(PLAYGROUND) engine -- $(DEPLOY) tutorial docs/tutorial.md

.PHONY: check-deploy
check-deploy: deploy-tool ## Hold definitions, stacks, topology and code against one another
	@exec $(DEPLOY) check

.PHONY: aws-cli
aws-cli: ## Install the aws CLI into target/tools, unless there is version 2 already
	@scripts/tools.sh aws

.PHONY: deploy-tool
deploy-tool:
	@$(CARGO) build --quiet --package deploy

.PHONY: playground
playground:
	@$(CARGO) build --workspace --bins

.PHONY: check
check: tools ## Check form, lints, licences, queries and scripts; changes nothing
	$(CARGO) fmt --all --check
	$(CARGO) fmt --manifest-path bench/contenders/rust/Cargo.toml --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- --deny warnings
	RUSTDOCFLAGS='--deny warnings' $(CARGO) doc --workspace --no-deps --document-private-items --quiet
	$(CARGO) fetch --locked --quiet
	$(CARGO) deny --offline check licenses bans sources
	$(CARGO) machete
	git ls-files '*.sh' .ci/run | xargs shellcheck --external-sources
	cfn-lint --regions eu-west-1 us-east-1 -- deploy/stacks/*.yaml
	LOG_LEVEL=ERROR checkov --config-file deploy/stacks/.checkov.yaml --directory deploy/stacks
	@$(MAKE) check-deploy
	@$(MAKE) prepare-check

.PHONY: audit
audit: ## Ask RustSec for advisories on the dependencies (needs a network)
	@scripts/tools.sh cargo-deny
	$(CARGO) deny check advisories

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
	@scripts/tools.sh cargo-deny cargo-machete shellcheck cfn-lint checkov

.PHONY: clean
clean: ## Remove everything that was built, and the data of `make run` and `make up`
	@docker/topology.sh forget
	@if [ -x $(PLAYGROUND) ]; then $(PLAYGROUND) clean; fi
	$(CARGO) clean
