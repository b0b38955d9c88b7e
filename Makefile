# ResaServe's two commands for a newcomer are `make demo` and `make test`; CONTRIBUTING.md has the rest.
.DEFAULT_GOAL := help
.PHONY: help demo test lint format build clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## build, fetch the default model, serve it, ask one question three ways (ONCE=1: and stop)
	@scripts/demo.sh

test: ## every test, from a clean clone
	@scripts/test.sh

lint: ## style check, as CI runs it
	@scripts/lint.sh

format: ## rewrite Swift files in the house format
	swift format --in-place --recursive Sources Tests Package.swift

build: ## the release binary, .build/release/resa, and resa.debug beside it
	@scripts/setup.sh
	@scripts/release.sh

clean: ## remove build products (the cache folder, ~/.cache/resa, stays)
	rm -rf .build
