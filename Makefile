# Every target does its own set-up; nothing needs to be installed but Python >= 3.11, make, git,
# and for everything beyond `demo` Node >= 20.
PYTHON ?= python3
BIN := .venv/bin
FORGE := cd contracts && node script/forge.mjs
GO := GOFLAGS=-trimpath go
MODULES := contracts/node_modules/.package-lock.json
# All through the IR pipeline, for the runs that the deployed contracts are made for: the same bytes.
HALMOS := cd contracts && PATH="$$(ls -d "$$PWD"/node_modules/@foundry-rs/forge-*/bin):$$PWD/../.venv-halmos/bin:$$PATH" \
  FOUNDRY_VIA_IR=true FOUNDRY_OPTIMIZER_RUNS=400 FOUNDRY_TEST=test/symbolic FOUNDRY_SCRIPT=test/symbolic FOUNDRY_OUT=cache/symbolic \
  FOUNDRY_CACHE_PATH=cache/symbolic halmos --forge-build-out cache/symbolic --loop 4 --no-status \
  --solver-timeout-assertion 300s

.PHONY: demo serve system test lint contracts network validator symbolic mutants slither pytest coverage peers bench fuzz artifacts locks clean
.DEFAULT_GOAL := demo

demo: .venv/.core
	$(BIN)/fabmarket demo
	@echo "In a browser: make serve"

# What the demo left, in a browser.
serve: .venv/.serve
	$(BIN)/fabmarket serve demo-out

test: lint contracts validator symbolic slither pytest coverage

lint: .venv/.dev $(MODULES)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(FORGE) fmt --check

contracts: $(MODULES)
	$(FORGE) test
	cd contracts && npm run --silent gas:check

# A validator of a consortium's chain: four minutes at first, 1.6 GB of modules.
network:
	@command -v go >/dev/null || { echo "the validator needs Go >= 1.25; install it (https://go.dev/dl/)" >&2; exit 1; }
	@command -v cc >/dev/null || command -v gcc >/dev/null || { echo "the validator needs a C compiler; install gcc" >&2; exit 1; }
	@[ -x network/build/validator ] || echo "Building the validator: a few minutes, 1.6 GB of modules at first"
	cd network && $(GO) build -o build/validator .

# The validator's own tests, and the program that those of the network run; where Go is missing they are skipped.
validator:
	@if command -v go >/dev/null && { command -v cc || command -v gcc; } >/dev/null; then $(MAKE) network && \
	  cd network && { [ -z "$$(gofmt -l .)" ] || { gofmt -l . && echo "run gofmt -w on these" && exit 1; }; } && \
	  $(GO) vet ./... && $(GO) test ./...; \
	  else echo "not here: Go or a C compiler; the tests of the validator and of networks are skipped" >&2; fi

# Fails on a counterexample, and on a property it cannot decide.
symbolic: .venv-halmos/.ready $(MODULES)
	$(HALMOS)

# Which small changes of the contracts does no test notice? Takes an hour or two; goes on where it was stopped.
mutants: $(MODULES)
	cd contracts && node script/mutate.mjs

# In an environment of its own: it needs another web3 than the package.
slither: .venv-slither/.ready $(MODULES)
	cd contracts && PATH="$$(ls -d "$$PWD"/node_modules/@foundry-rs/forge-*/bin):$$PATH" \
	  FOUNDRY_PROFILE=slither ../.venv-slither/bin/slither . --config-file slither.config.json

# The browser and the database of the tests, which pip does not bring: on Debian as root installed.
system:
	@missing=""; command -v chromium >/dev/null || missing="chromium"; \
	  ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$$missing postgresql"; \
	  [ -z "$$missing" ] || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && \
	    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; } || \
	    echo "not here: $$missing; the tests that need it are skipped" >&2

pytest: .venv/.dev $(MODULES) system
	$(BIN)/python -m pytest -n 3 --dist loadfile

# Every branch of the game, whose compiled loops run as Python for it; seeded, so that no draw decides.
coverage: .venv/.dev
	NUMBA_DISABLE_JIT=1 $(BIN)/python -m coverage run --branch --source src/fabmarket/game \
	  -m pytest -q --hypothesis-seed=0 tests/unit/game tests/property/test_game.py tests/property/test_game_solvers.py
	$(BIN)/python -m coverage report --show-missing --skip-covered --fail-under=100

# In an environment of its own, of almost 1 GB: a solver by others, which the answers must agree with.
peers: .venv-nashopt/.ready
	.venv-nashopt/bin/python benchmarks/against_nashopt.py

bench: .venv/.dev
	$(BIN)/python benchmarks/demo.py

fuzz: .venv/.dev .venv-halmos/.ready $(MODULES)
	cd contracts && FOUNDRY_PROFILE=long node script/forge.mjs test
	$(HALMOS) --function checkLong_
	FABMARKET_FUZZ=long $(BIN)/python -m pytest tests/property tests/differential \
	  tests/integration/test_soak.py tests/integration/test_rehearsal.py

# The compiled contracts that the package ships; a test compares them with the sources.
artifacts: $(MODULES)
	cd contracts && npm run --silent artifacts

locks: .venv/.dev
	$(BIN)/python -m pip install --quiet uv
	for set in "core" "serve --extra serve --extra agent" "dev --extra dev"; do \
	  set -- $$set; name=$$1; shift; \
	  $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-header --quiet "$$@" pyproject.toml -o requirements/$$name.txt || exit 1; \
	done
	for lock in "slither slither-analyzer" "halmos halmos" "nashopt nashopt qpsolvers"; do \
	  set -- $$lock; name=$$1; shift; \
	  printf '%s\n' "$$@" | $(BIN)/uv pip compile - --universal --python-version 3.11 \
	    --generate-hashes --no-emit-index-url --no-header --quiet -o requirements/$$name.txt || exit 1; \
	done

clean:
	rm -rf .venv .venv-halmos .venv-nashopt .venv-slither contracts/node_modules contracts/out contracts/cache

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "fabmarket needs Python >= 3.11 as $(PYTHON); install it or run make PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv .venv || \
	  { echo "$(PYTHON) cannot make a virtual environment; install its venv module (python3-venv)" >&2; exit 1; }

.venv/.core: requirements/core.txt pyproject.toml | .venv/bin/python
	@echo "Installing what it needs into .venv: a minute or so, once"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/core.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

.venv/.serve: requirements/serve.txt .venv/.core
	@echo "Installing what the dashboard and agents need into .venv"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/serve.txt
	@touch $@

.venv/.dev: requirements/dev.txt .venv/.core
	@echo "Installing what tests and agents need into .venv: a minute or so"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

.venv-halmos/.ready: requirements/halmos.txt
	$(PYTHON) -m venv .venv-halmos
	.venv-halmos/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/halmos.txt
	@touch $@

.venv-slither/.ready: requirements/slither.txt
	$(PYTHON) -m venv .venv-slither
	.venv-slither/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/slither.txt
	@touch $@

.venv-nashopt/.ready: requirements/nashopt.txt
	$(PYTHON) -m venv .venv-nashopt
	.venv-nashopt/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/nashopt.txt
	.venv-nashopt/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(MODULES): contracts/package-lock.json
	@node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null || \
	  { echo "fabmarket's contracts need Node >= 20; install it (make demo does not need it)" >&2; exit 1; }
	cd contracts && npm ci --no-audit --no-fund --loglevel=error
	@touch $@
