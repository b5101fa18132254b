# `make help` lists what there is to do. Needed: Python 3.11 or later; the rest is fetched into .venv.

PORT ?= 8000
VENV := .venv
# Another interpreter: make run PYTHON=python3.13
PYTHON ?=

.DEFAULT_GOAL := help
.PHONY: help run test test-kills assets bench pictures

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

run: $(VENV)/installed ## the demonstration on http://127.0.0.1:8000 (PORT= for another port)
	@exec $(VENV)/bin/portal demonstration-run --port $(PORT)

test: $(VENV)/installed ## everything that proves the project: lint, types, layers, both databases, browser
	@exec bash tests/everything.sh

test-kills: $(VENV)/installed ## processes killed at random, CYCLES= times each, on SQLite; TEST_DATABASE_URL= for PostgreSQL
	KILL_CYCLES=$(or $(CYCLES),100) $(VENV)/bin/pytest -q -m "" tests/reliability/test_kills.py tests/migrations/test_kills.py

bench: $(VENV)/installed ## the benchmarks, each a command in bench/
	@exec bash bench/all.sh

assets: ## the front-end files in portal/static/vendor, from their packages (needs Node 20)
	npm ci
	node assets/build.mjs

pictures: $(VENV)/installed ## the pictures of the README and the guides, from the real pages (needs Chromium)
	$(VENV)/bin/python docs/pictures.py

$(VENV)/installed: requirements.lock pyproject.toml
	@sh deploy/environment.sh "$(VENV)" "$(PYTHON)"
	@touch $@
