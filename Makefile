# Two commands matter to a newcomer: `make demo` and `make test`. Both set the environment up when it is missing.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: help setup demo test lint lock clean

help:            ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/ —/'

setup: $(READY)  ## make .venv with the pinned, hashed dependencies

# --no-deps: the lock is complete, so nothing may be resolved anew; hashes are checked for every file.
$(READY): requirements/dev.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("wsi-swarm needs Python 3.11 or newer") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r requirements/dev.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	touch $(READY)

demo: $(READY)   ## draw a cohort, train it local / merged / swarm, show table and heatmap
	$(BIN)/wsi-swarm demo --out demo-out

test: $(READY)   ## the tests that need nothing but this checkout
	$(BIN)/python -m pytest

lint: $(READY)   ## format, lint, types, import direction
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/pyright

lock:            ## renew the locks (needs uv); they name no host
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-annotate --no-header --prerelease if-necessary-or-explicit --upgrade -o requirements/dev.lock
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes -c requirements/dev.lock \
	  --no-emit-index-url --no-emit-find-links --no-annotate --no-header --prerelease if-necessary-or-explicit --upgrade -o requirements/run.lock

clean:           ## remove what the targets made
	rm -rf $(VENV) demo-out
