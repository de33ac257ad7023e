# make demo: sets up and runs the whole path.  make test: sets up and runs the tests.
# make dev: an editable environment in .venv.  make test-fast: the tests without TensorFlow, in seconds.
# make device: the tests on an emulated Raspberry Pi, over SSH and over adb.
# make android: the demo app without Gradle, android_demo/build/edgeq-demo.apk, checked and its classes tested.
# make android-screens: its screens on this machine's JVM, tested and drawn anew for android_demo/README.md.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.edgeq-installed

.PHONY: demo test test-fast device android android-screens dev lint clean

demo: $(STAMP)
	$(BIN)/edgeq demo --force -o edgeq-demo

test: $(STAMP) lint
	$(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder

test-fast: $(STAMP)
	$(BIN)/python -m pytest -q -m "not tensorflow and not browser and not slow"

device: $(STAMP)
	$(BIN)/python -m pytest -q tests/device

android: $(STAMP)
	$(BIN)/python tools/android/make_android.py

android-screens: $(STAMP)
	$(BIN)/python tools/android/robolectric_tests.py --readme

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
	rm -rf $(VENV) build android_demo/build dist *.egg-info edgeq-demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
