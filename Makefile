# The front door: every task a person does is a target. `make` alone lists them, under the headings and in the order that
# they have here.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
# An empty variable is an unset one, here and below, on the command line too.
override CARGO := $(or $(CARGO),cargo)
# What is built, and the data of `make run`, are in the target folder of this checkout, wherever cargo's own settings put
# it: scripts and documents name that folder, and two checkouts that build into one folder would share binaries and data.
override export CARGO_TARGET_DIR := $(CURDIR)/target
override export CARGO_BUILD_BUILD_DIR := $(CURDIR)/target
# The path of a binary. Only cargo knows it where its settings name a target (CARGO_BUILD_TARGET). Not with `cargo run`
# itself, which sets variables that build scripts take for changes when the playground calls cargo in turn.
built = "$$($(CARGO) run --quiet --config 'target."cfg(all())".runner = "echo"' $(1))"
PLAYGROUND = $(call built,--bin playground)
DEPLOY = $(call built,--bin deploy)
BENCH = $(call built,--release --manifest-path bench/Cargo.toml)
# Variables of a person's shell that change what shells and other tools do.
unexport BASH_ENV CDPATH GREP_OPTIONS POSIXLY_CORRECT
# Loopback is never asked through a proxy: by curl, the aws CLI and others that read these variables.
comma := ,
ifneq ($(strip $(HTTP_PROXY)$(http_proxy)$(HTTPS_PROXY)$(https_proxy)$(ALL_PROXY)$(all_proxy)),)
ifeq ($(filter *,$(NO_PROXY) $(no_proxy)),)
direct := 127.0.0.1,localhost,.localhost,::1$(addprefix $(comma),$(NO_PROXY))$(addprefix $(comma),$(no_proxy))
override export NO_PROXY := $(direct)
override export no_proxy := $(direct)
endif
endif
# In CI everything is plain lines, even where there is a terminal: whatever is started here knows this variable.
ifneq ($(CI),)
export NO_COLOR := 1
endif
# `make tools` puts what it has to install here.
export PATH := $(CURDIR)/target/tools/bin:$(PATH)

# Where the tests' database comes from: auto (a container where there can be one), container, or private (an instance
# of a server on this machine).
override DATABASE := $(or $(DATABASE),auto)

# Arguments for `cargo test`, to run some of the tests only: TESTS="-p tests -- nearest". The suites that `make test` leaves
# to `make test-all` need an engine, or take minutes.
SLOW_SUITES = contract deploy failures images parsers topology
TESTS ?= --lib --bins --test suites -- $(patsubst %,--skip %::,$(SLOW_SUITES))

# What is measured, and how long each run takes; WORKLOADS="location-by-id mix" and CONTENDERS="ecs-playground go" measure a
# part only, of which the figures do not take the place of those of the whole.
override ROUNDS := $(or $(ROUNDS),7)
override SECONDS := $(or $(SECONDS),1)
CONCURRENCY ?=
WORKLOADS ?=
CONTENDERS ?=

# For how long `make test-failures` tries each parser.
override FUZZ_SECONDS := $(or $(FUZZ_SECONDS),600)

# More variables are described where they are read: docker/names.sh, docker/build.sh, docker/topology.sh, docker/swarm.sh,
# .env.example; and for what is deployed by `make help-deploy`: TAG, SERVICE, COMMAND, LOAD, PARAMETERS, CLUSTER, DATA,
# CONFIRM, TASK.

# All variables that `make` may be given; a % stands for the names of other programs. Others are refused: with a name that
# is misspelt, such as TGA for TAG, the target would do something else than what was meant.
VARIABLES = ADDRESS API_TOKEN API_TOKEN_FILE BENCH BUILDER CARGO CI CLUSTER COMMAND COMPOSE_% CONCURRENCY CONFIRM CONTENDERS \
	DATA DATABASE DATABASE_URL DB_% DEPLOY DOCKER_% DRAIN_DELAY DRAWINGS ECS_CONTAINER_METADATA_URI_V4 FUZZ_SECONDS \
	HAPROXY_IMAGE HOST LOAD LOCAL_AWS_PORT LOCATION LOCATION_PAGES_URL LOCATION_PORT LOCATION_STATS_PORT LOCATION_URL \
	LOG_FORMAT METRICS MYSQL_IMAGE NO_COLOR PARAMETERS PLATFORMS PLAYGROUND PORT PROMETHEUS_IMAGE PROMETHEUS_PORT REGISTRY \
	RELEASE ROUNDS RUST_IMAGE SECONDS SECRETS SERVICE SHUTDOWN_TIMEOUT SOURCE_URL SSL_CERT_FILE STACK STACK_FILE SWARM TAG \
	TASK TASK_MEMORY TERM TESTS TEST_% TOPOLOGY TOPOLOGY_FILES USER USER_PORT USER_STATS_PORT WORKLOADS \
	AWS_% BUILDKIT_% BUILDX_% CARGO_% OTEL_% RUST% SQLX_% MAKE% HOME LANG LC_% PATH SHELL TMPDIR \
	ALL_PROXY HTTP_PROXY HTTPS_PROXY NO_PROXY all_proxy http_proxy https_proxy no_proxy
given := $(foreach name,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $(name)))),$(name)))
unknown := $(firstword $(filter-out $(VARIABLES),$(given)))
letters = $(foreach letter,A B C D E F G H I J K L M N O P Q R S T U V W X Y Z,$(if $(filter $(letter)%,$1),$(letter)%))
ifneq ($(unknown),)
$(error no target reads the variable $(unknown)$(if $(strip $(call letters,$(unknown))),; those with the same first letter are: $(filter $(call letters,$(unknown)),$(VARIABLES))))
endif

##@ Start here

.PHONY: run
run: playground ## Both services and a database on this machine, until Ctrl-C
	@exec $(PLAYGROUND) run

.PHONY: test
test: playground ## What a change usually breaks (DATABASE=container|private)
	@exec $(PLAYGROUND) test --database $(DATABASE) -- $(TESTS)

.PHONY: up
up: ## MySQL, two balancers, eight tasks (TAG; METRICS=yes)
	@docker/topology.sh up

.PHONY: reset
reset: playground ## Give `make run` the sample data back; removes yours
	@exec $(PLAYGROUND) reset

# Any awk will do. A line of `##@` is a heading; a target with `##` is listed, and so is each of several on one line.
.PHONY: help
help: ## This list
	@if [ -t 1 ] && [ -z "$$NO_COLOR" ] && [ "$${TERM:-dumb}" != dumb ]; then colours=yes; fi; \
	awk -v colours="$$colours" ' \
		BEGIN { FS = ":.*## "; if (colours) { bold = "\033[1m"; cyan = "\033[36m"; plain = "\033[0m" } \
			print "make TARGET, where what is in capitals may be given as VARIABLE=value" } \
		/^##@ / { printf "\n%s%s%s\n", bold, substr($$0, 5), plain } \
		/^[a-z][a-z -]*:.*## / { targets = split($$1, target, " "); \
			for (i = 1; i <= targets; i++) printf "  %s%-15s%s %s\n", cyan, target[i], plain, $$2 }' $(firstword $(MAKEFILE_LIST)) || [ $$? -eq 141 ]

##@ In containers

.PHONY: down
down: ## End what `make up` runs (DATA=remove: its data as well)
	@docker/topology.sh down

.PHONY: logs
logs: ## Follow its logs; of a service on ECS with SERVICE=location
	@$(if $(SERVICE),$(MAKE) deploy-tool && $(DEPLOY) logs,docker/topology.sh logs)

# USER is a variable that every shell has, so it counts only where it is given to make.
.PHONY: scale
scale: ## Change the number of tasks: LOCATION=6, USER=2
	@docker/topology.sh scale $(if $(filter command,$(firstword $(origin LOCATION))),$(addprefix location=,$(LOCATION))) \
		$(if $(filter command,$(firstword $(origin USER))),$(addprefix user=,$(USER)))

.PHONY: build
build: ## An image of each service (TAG, REGISTRY, PLATFORMS, BUILDER)
	@docker/build.sh

.PHONY: push
push: ## Push the images: REGISTRY=…
	@docker/push.sh

##@ A rolling update that loses nothing

.PHONY: swarm swarm-update swarm-rollback swarm-status swarm-down
swarm: ## The same topology under Swarm mode (TAG, TASK_MEMORY)
	@docker/swarm.sh up
swarm-update: ## Roll another version out, migrations first: TAG=…
	@docker/swarm.sh update
swarm-rollback: ## Go back to what ran before (SERVICE: only that one)
	@docker/swarm.sh rollback
swarm-status: ## What runs there, and where
	@docker/swarm.sh status
swarm-down: ## Remove it, in any state (DATA=remove: its data as well)
	@docker/swarm.sh down

# The drawings are in the target folder; DRAWINGS=docs/rolling has them where the documentation shows them.
.PHONY: test-rolling
test-rolling: playground ## Updates under load, measured and drawn (minutes; DRAWINGS)
	@TEST_DRAWINGS='$(DRAWINGS)' $(PLAYGROUND) test --database $(DATABASE) -- -p tests --test rolling -- --nocapture

##@ On AWS, and a rehearsal of it

.PHONY: tutorial
tutorial: playground ## All of docs/tutorial.md on a local AWS (eight minutes)
	@scripts/tools.sh curl
	@exec $(PLAYGROUND) engine -- $(DEPLOY) tutorial docs/tutorial.md

.PHONY: local-aws local-aws-down
local-aws: ## A local AWS in containers, to play with
	@docker/local-aws.sh up
local-aws-down: ## Remove it, and all that runs on it
	@docker/local-aws.sh down

.PHONY: deploy
deploy: deploy-tool ## Stacks, images, databases, services: all that is missing
	@exec $(DEPLOY) up

.PHONY: deploy-stacks
deploy-stacks: deploy-tool ## The stacks alone (PARAMETERS): no image, no task, no service
	@exec $(DEPLOY) stacks

.PHONY: release
release: deploy-tool ## Build the images, and push them to its registry (TAG)
	@exec $(DEPLOY) release

.PHONY: deploy-location deploy-user
deploy-location deploy-user: deploy-tool ## Roll one service out: TAG=… (LOAD=50: under a load)
	@SERVICE=$(@:deploy-%=%) exec $(DEPLOY) service

.PHONY: diff status rollback run-task schedule autoscale url
diff: deploy-tool ## What `make deploy` would change; change nothing
status: deploy-tool ## What is deployed, and how it is
rollback: deploy-tool ## Back to the revision that served before: SERVICE=location
run-task: deploy-tool ## A one-off task: SERVICE=location COMMAND=seed
schedule: deploy-tool ## Delete expired idempotency keys every night
autoscale: deploy-tool ## Let the number of tasks follow the load
url: deploy-tool ## Where a service answers: SERVICE=location
diff status rollback run-task schedule autoscale url:
	@exec $(DEPLOY) $@

.PHONY: destroy
destroy: deploy-tool ## Remove all but data, images, network (DATA=remove: those too)
	@exec $(DEPLOY) destroy

.PHONY: check-deploy
check-deploy: deploy-tool ## Hold definitions, stacks, topology and code together
	@exec $(DEPLOY) check

.PHONY: aws-cli
aws-cli: ## The aws CLI into target/tools, unless version 2 is there
	@scripts/tools.sh aws

.PHONY: help-deploy
help-deploy: deploy-tool ## The variables of these targets, with their meaning
	@exec $(DEPLOY) help

# What `make url` and others print is for scripts too: cargo tells of its work on a terminal only.
.PHONY: deploy-tool
deploy-tool: ownership
	@ls target/debug/deploy target/*/debug/deploy 2>/dev/null | grep -q . || \
		echo 'building the deployment tool (two minutes the first time)' >&2
	@$(CARGO) build $$([ -t 2 ] || echo --quiet) --bin deploy

##@ How fast it is

.PHONY: bench
bench: bench-tool ## Beside its peers (ROUNDS, SECONDS, WORKLOADS, CONTENDERS)
	@exec $(BENCH) run --rounds $(ROUNDS) --seconds $(SECONDS) --concurrency $(CONCURRENCY) \
		--workloads $(WORKLOADS) --contenders $(CONTENDERS)

.PHONY: bench-growth bench-start bench-chart
bench-growth: bench-tool ## On tables of up to 3.4 million rows (ROUNDS, SECONDS)
	@exec $(BENCH) growth --rounds $(ROUNDS) --seconds $(SECONDS)
bench-start: bench-tool ## How long the location service takes to start
	@exec $(BENCH) start
bench-chart: bench-tool ## Draw the figures of the last `make bench` anew
	@exec $(BENCH) chart

.PHONY: bench-tool
bench-tool: ownership
	@ls target/release/bench target/*/release/bench 2>/dev/null | grep -q . || \
		echo 'building the services and the benchmark, optimised (ten minutes the first time)'
	@$(CARGO) build --release --manifest-path bench/Cargo.toml

##@ Work on the code

.PHONY: check
check: tools ## Form, lints, licences, queries, scripts; change nothing
	$(CARGO) fmt --all --check
	$(CARGO) fmt --manifest-path bench/Cargo.toml --check
	$(CARGO) fmt --manifest-path bench/contenders/rust/Cargo.toml --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- --deny warnings
	RUSTDOCFLAGS='--deny warnings' $(CARGO) doc --workspace --no-deps --document-private-items --quiet
	$(CARGO) fetch --locked --quiet
	$(CARGO) deny --offline check licenses bans sources
	$(CARGO) machete
	git ls-files '*.sh' .ci/run | xargs shellcheck --external-sources
	cfn-lint --regions eu-west-1 us-east-1 -- deploy/stacks/*.yaml
	LOG_LEVEL=ERROR checkov --config-file deploy/stacks/.checkov.yaml --directory deploy/stacks
	@$(MAKE) check-openapi
	@$(MAKE) check-deploy
	@$(MAKE) prepare-check

.PHONY: check-openapi
check-openapi: playground ## Lint the OpenAPI documents
	@scripts/tools.sh spectral
	@mkdir -p target/openapi
	@for service in location user; do \
		$(CARGO) run --quiet --bin $$service -- openapi >target/openapi/$$service.json || exit; done
	spectral lint --ruleset services/.spectral.yaml --fail-severity hint target/openapi/location.json target/openapi/user.json

.PHONY: fmt
fmt: ## Format the code
	$(CARGO) fmt --all

# Builds the playground alone: the services do not build while .sqlx is not current.
.PHONY: prepare
prepare: ownership ## Regenerate .sqlx, which describes all SQL queries
	@$(CARGO) build --bin playground
	@exec $(PLAYGROUND) prepare

.PHONY: prepare-check
prepare-check: playground
	@exec $(PLAYGROUND) prepare --check

# Everything: what `make test` has on MariaDB without an engine, and then with one the slow suites, what concerns the
# database again, faults, rolling updates, images built in both ways, the tutorial. The slow suites mostly wait.
.PHONY: test-all
test-all: playground ## All tests (an hour; needs Docker)
	@$(MAKE) test DATABASE=private
	@RUST_TEST_THREADS=$$((2 * $$(nproc))) $(PLAYGROUND) test --database container -- -p tests --test suites -- \
		$(patsubst %,%::,$(SLOW_SUITES))
	@$(PLAYGROUND) test --database container -- -p tests --test suites -- api:: data:: provision::
	@$(PLAYGROUND) test --database container -- -p tests --test faults --test rolling
	@$(MAKE) test-images
	@$(MAKE) tutorial

.PHONY: test-images
test-images: playground ## Build the images in both ways, and compare them (minutes)
	@TEST_BUILDERS=yes $(PLAYGROUND) test --database $(DATABASE) -- -p tests -- images::builders

# The long form of what `make test` has in short. TEST_SEED=… repeats a crash test; FUZZ_SECONDS is for how long each
# parser is tried.
.PHONY: test-failures
test-failures: playground ## Break everything, for longer and more often (an hour)
	@TEST_LONG=yes $(PLAYGROUND) test --database $(DATABASE) -- -p tests --test faults -- --nocapture
	@TEST_LONG=yes FUZZ_SECONDS=$(FUZZ_SECONDS) $(PLAYGROUND) test --database $(DATABASE) -- \
		-p tests --test suites -- --nocapture failures parsers contract

# Some are of the machine that draws them: its database, and how fast it is.
.PHONY: pictures
pictures: playground ## Draw docs/pictures anew, of what runs (minutes)
	@TEST_PICTURES=docs/pictures $(PLAYGROUND) test --database $(DATABASE) -- -p tests --test suites -- \
		browser sees_what_happens topology::metrics
	@TEST_PICTURES=docs/pictures $(PLAYGROUND) test --database $(DATABASE) -- -p tests --test rolling -- told_as_it_happens

.PHONY: audit
audit: ## Ask RustSec for advisories (needs a network)
	@scripts/tools.sh cargo-deny
	$(CARGO) deny check advisories

.PHONY: tools
tools: ownership ## Install what `make check` needs
	@scripts/tools.sh cargo-deny cargo-machete shellcheck cfn-lint checkov

.PHONY: clean
clean: ## Remove all that was built, and the data of `run` and `up`
	@docker/topology.sh forget
	@for playground in target/debug/playground target/*/debug/playground; do \
		if [ -x "$$playground" ]; then "$$playground" clean; break; fi; done
	$(CARGO) clean

.PHONY: playground
playground: ownership
	@ls target/debug/playground target/*/debug/playground 2>/dev/null | grep -q . || \
		echo 'building everything (three minutes the first time)'
	@$(CARGO) build --workspace --bins

# Before cargo, which only says that permission is denied.
.PHONY: ownership
ownership:
	@scripts/ownership.sh
