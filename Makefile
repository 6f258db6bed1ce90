# make repro: from nothing to metrics and annotated predictions. make test: the core tests.
# Both set up what they need in .venv, and can be run again in any order.

PYTHON ?= python3
VENV := .venv
READY := $(VENV)/ready
# The stages call `python`; it must be the environment's.
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

.PHONY: repro test test-all setup results results-fer2013 release bench clean

repro: $(READY)
	facexpr check
	dvc repro
	dvc metrics show metrics/eval.json --md

# A file stays with one worker, since its fixtures take long to build; tests/conftest.py orders files.
test: $(READY)
	ruff check .
	ruff format --check .
	pytest -n 2 --dist loadfile --no-loadscope-reorder

# With the extras that tests skip without: Dask and JAX.
test-all: $(READY)
	python -m pip install --quiet --disable-pip-version-check --constraint requirements.lock 'distributed>=2025.1' 'jax>=0.7'
	$(MAKE) test

setup: $(READY)

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version.split()[0] + "; name one with make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

results: $(READY)
	python -m facexpr.results > RESULTS.md

# What PROTOCOL.md declares for an accelerator, seed by seed; goes on where it was interrupted.
results-fer2013: $(READY)
	facexpr study fer2013
	facexpr study ferplus
	python -m facexpr.results > RESULTS.md

# A model for models/released/, from the data set on; the name is that of a recipe release-*.
NAME := fer2013
release: $(READY)
	facexpr recipe release-$(NAME)
	dvc repro train audit
	facexpr release $(NAME)

# The pipeline beside the published way; FER2013 from FACEXPR_FER2013 or data/raw; BENCH: options.
bench: $(READY)
	python benchmarks/pipeline.py $(BENCH)

clean:
	rm -rf $(VENV) debug logs
