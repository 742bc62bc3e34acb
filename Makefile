# The two commands: `make demo` shows what this is, `make test` proves it. Everything else is in the list below.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup demo test lint fuzz clients terraform kills drills mutants bench coverage lock clean

setup: .venv/.done
	$(BIN)/python -m compileall -q src  # as pip leaves a package behind, also where Python may not write what it compiles

.venv/.done: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Kumoniwa needs Python 3.11 or newer; set PYTHON=")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

demo: setup           ## lose a region under load and read what it cost; KEEP=1 leaves the cloud and its console open
	$(BIN)/kumoniwa drill patterns/active_passive/short.yaml --out demo-report $(if $(KEEP),--keep)

# Many tests wait, for real processes in real time: three of them share a core. Each takes half a gigabyte or more, so they are no more than sixteen.
# A file stays whole: its tests may share a cloud.
CORES := $(shell nproc 2>/dev/null || echo 2)
WORKERS ?= $(shell echo $$(( $(CORES) < 6 ? 3 * $(CORES) : 16 )))
# Each worker reads every test file: they are compiled once before, on all cores, and kept whatever the environment says of bytecode.
test: export PYTHONDONTWRITEBYTECODE =
.venv/.tests: export PYTHONDONTWRITEBYTECODE =
test: setup lint .venv/.tests  ## every test that finishes in minutes
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not slow"

.venv/.tests: .venv/.done $(shell find tests -name '*.py')
	find tests -name 'test_*.py' | xargs -P $(CORES) -n 120 $(BIN)/python -m pytest -q --collect-only >/dev/null
	touch $@

lint: setup
	$(BIN)/ruff check src tests patterns bench
	$(BIN)/lint-imports

fuzz: setup           ## 100,000 malformed requests, and six hundred malformed templates
	$(BIN)/python -m pytest tests/fuzz tests/services/test_cloudformation_mutated.py --hypothesis-profile "by chance" -m slow

clients: setup        ## boto3 and the AWS CLI against real processes
	$(BIN)/python -m pytest tests/clients

terraform: setup      ## two configurations of 199 resources by Terraform; TERRAFORM_PLUGINS=DIR holds its provider of AWS
	TERRAFORM_PLUGINS=$(TERRAFORM_PLUGINS) $(BIN)/python -m pytest tests/clients/test_terraform.py -m slow

kills: setup          ## messages through chains of services while their region is killed; five hundred kills under the load of every service
	$(BIN)/python tests/drills/kill_chains.py
	$(BIN)/python -m pytest tests/drills/test_kills.py -m slow

drills: setup         ## whole drills on real clouds, the long ones too
	$(BIN)/python -m pytest tests/drills/test_drills.py tests/drills/test_sabotage.py tests/drills/test_pattern_drills.py

mutants: setup        ## changes every formula of the drills in every small way; a test must notice each
	$(BIN)/python -m pytest tests/drill -m slow

bench: setup          ## server CPU per operation against the peers, in one run; what size costs
	$(BIN)/python bench/run.py
	$(BIN)/python bench/large.py
	$(BIN)/python bench/stack.py

coverage: setup       ## docs/coverage.md from the signatures
	$(BIN)/python docs/make_coverage.py

lock:                 ## refresh requirements.lock (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --extra lambda --extra deploy --extra drill --extra edge --extra reports --extra javascript --extra query --extra lake --extra sql --extra test pyproject.toml -o requirements.lock

clean:
	rm -rf .venv
