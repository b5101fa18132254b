# `make help` lists what there is to do. Needed: Python 3.11 or later; the rest is fetched into .venv.

PORT ?= 8000
VENV := .venv
# Another interpreter: make run PYTHON=python3.13
PYTHON ?=
CYCLES ?= 100

.DEFAULT_GOAL := help
.PHONY: help run test test-races test-model test-timing test-kills assets bench pictures

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

run: $(VENV)/installed ## the demonstration on http://127.0.0.1:8000 (PORT= for another port)
	@exec $(VENV)/bin/portal demonstration-run --port $(PORT)

test: $(VENV)/installed ## everything that proves the project: lint, types, layers, both databases, browser
	@exec bash tests/everything.sh

test-races: $(VENV)/installed ## requests at one moment, ROUNDS= rounds of each race, on SQLite and, where it is installed, PostgreSQL
	RACE_ROUNDS=$(or $(ROUNDS),200) $(VENV)/bin/pytest -q -n 0 -m "" --database sqlite tests/security/test_races.py
	RACE_ROUNDS=$(or $(ROUNDS),200) $(VENV)/bin/pytest -q -n 0 -m "" --database postgresql tests/security/test_races.py

test-model: $(VENV)/installed ## STEPS= steps of accounts, links and sessions against a model, on SQLite; TEST_DATABASE_URL= for PostgreSQL
	MODEL_STEPS=$(or $(STEPS),10000) $(VENV)/bin/pytest -q -s -n 0 -m "" tests/model

test-timing: $(VENV)/installed ## how long answers take whoever is named, PAIRS= of each, on a machine that does nothing else; from 500 on strict
	TIMING_PAIRS=$(or $(PAIRS),1000) $(VENV)/bin/pytest -q -s -n 0 -m "" tests/security/test_timing.py

test-kills: $(VENV)/installed ## kills, faults, restarts and overload, CYCLES= of each, on SQLite; DATABASE=postgresql, or TEST_DATABASE_URL=
	KILL_CYCLES=$(CYCLES) RESTARTS=$(CYCLES) FAULTS=$$((($(CYCLES) + 4) / 5)) OVERLOADS=$$((2 + $(CYCLES) / 25)) \
		WRITERS=50 WRITING_SECONDS=60 $(VENV)/bin/pytest -q -m "" $(if $(DATABASE),--database $(DATABASE)) \
		tests/reliability/test_kills.py tests/reliability/test_system_faults.py tests/reliability/test_writers.py \
		tests/reliability/test_overload.py tests/deployment/test_restarts.py \
		tests/reliability/test_backup.py tests/migrations/test_kills.py tests/migrations/test_with_data.py

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
