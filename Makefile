# The front door. Recipes only delegate: what a step does stands in package.json and scripts/.
.DEFAULT_GOAL := help
SHELL := /bin/bash
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

NODE_FOUND := $(shell node --version 2>/dev/null || echo none)
NODE_FITS := $(shell node -p 'const [a, b] = process.versions.node.split("."); a > 20 || (a == 20 && b >= 20)' 2>/dev/null)
ifneq ($(NODE_FITS),true)
  $(error Tercet needs Node.js 20.20 or newer, found $(NODE_FOUND); see .nvmrc)
endif

TEST_RESULT ?= coverage/jest-result.json
BENCH_ROWS ?= coverage/bench-rows.json
TEMPLATES := buf.gen.yaml $(wildcard examples/*/buf.gen.yaml)

.PHONY: help install build demo check check-format test test-node24 proto pack bench bench-quick up clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

# The stamp is npm's own record of what it installed: a second run costs nothing.
node_modules/.package-lock.json: package-lock.json
	npm ci --no-audit --no-fund
	@touch $@

install: node_modules/.package-lock.json

build: install ## Compile every package
	npm run --silent build

demo: build ## Run the checkout: three services, a coordinator killed in the middle, books checked at the end
	node examples/checkout/dist/demo.js

# One target each, so that `make --keep-going check` tells everything that is wrong.
check: $(addprefix check-,format lint types tidy contracts generated) ## Format, lint, types, tidy, contracts, generated code is fresh

check-format: install
	npm run --silent format:check

check-%: install
	npm run --silent $*

test: build ## Run every test
	@mkdir -p $(dir $(TEST_RESULT)) && rm -f $(TEST_RESULT)
	TERCET_TEST_BUILT=true npm test --silent -- --json --outputFile=$(TEST_RESULT)

test-node24: build ## Run every test on Node.js 24; TESTS='a.test.ts b.test.ts' runs only those
	@mkdir -p $(dir $(TEST_RESULT)) && rm -f $(TEST_RESULT)
	TERCET_TEST_BUILT=true scripts/with-node24.sh jest $(TESTS) --json --outputFile=$(TEST_RESULT)

proto: install ## Generate code from the contracts, and documents from tables
	@set -e; for template in $(TEMPLATES); do buf generate --template $$template; done
	@set -e; for script in $(wildcard scripts/gen-descriptors.ts scripts/gen-docs.ts); do tsx --conditions=@tercet/source $$script; done

pack: build ## Pack every public package into dist/packages, ready for one `npm install` of all of them
	npm run --silent pack

bench: build ## Measure the published numbers: about a quarter of an hour, on a machine that does nothing else
	npm run --silent bench -- --json $(BENCH_ROWS)

bench-quick: build ## See in less than a minute that the benchmark works; its numbers mean nothing
	npm run --silent bench -- --quick --json $(BENCH_ROWS)

up: ## Start a coordinator and the services of the demo in containers, on this machine's ports only
	docker compose up --build

clean: ## Remove what building and testing leave behind; node_modules stays
	rm -rf coverage dist packages/*/dist examples/*/dist bench/dist
	find packages examples bench -name '*.tsbuildinfo' -not -path '*/node_modules/*' -delete
