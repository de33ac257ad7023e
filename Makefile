# make demo: sets up and runs the whole path.  make test: sets up and runs the tests.
# make dev: an editable environment in .venv.  make test-fast: the tests without TensorFlow, in seconds.
# make device: the tests on an emulated Raspberry Pi, over SSH and over adb.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.edgeq-installed

.PHONY: demo test test-fast device dev lint clean

demo: $(STAMP)
	$(BIN)/edgeq demo --force -o edgeq-demo

test: $(STAMP) lint
	$(BIN)/python -m pytest -q

test-fast: $(STAMP)
	$(BIN)/python -m pytest -q -m "not tensorflow and not browser and not slow"

device: $(STAMP)
	$(BIN)/python -m pytest -q tests/device

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

dev: $(STAMP)
	@echo "ready: $(BIN)/edgeq --help"

$(STAMP): setup.cfg setup.py pyproject.toml tools/make-venv
	tools/make-venv $(VENV)
	$(BIN)/python -m pip install -q --upgrade pip
	$(BIN)/python -m pip install -q -e ".[all,test]"
	@touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info edgeq-demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
