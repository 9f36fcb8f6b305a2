# make demo    set up, then see the sandbox work
# make test    set up, then everything that decides whether a change is good
# VENV=DIR     the virtual environment to use, made if need be (default .venv)

PYTHON ?= python3
VENV ?= .venv
# How many processes the tests are spread over: a number, or auto for one a core.
JOBS ?= auto
# More for pytest, such as PYTEST_ARGS='-k memory'.
PYTEST_ARGS ?=
# Where to note when each part of `test` ended, one line a part; nowhere by default.
TIMINGS ?=

override BIN := $(abspath $(VENV))/bin
BOOTSTRAP = "$(PYTHON)" tools/bootstrap --venv "$(VENV)"
ENDED = $(if $(TIMINGS),@echo "$@ $$(date +%s)" >> "$(TIMINGS)",@:)

.PHONY: all bootstrap demo test check pytest bench clean
.NOTPARALLEL:

all: test

bootstrap:
	@$(BOOTSTRAP)
	$(ENDED)

# A script of the official suite where there is one, else the project's own.
demo:
	@$(BOOTSTRAP) --quiet --extras ''
	@script=docs/demo/fac.wast; \
	for suite in "$$REFSFI_TESTSUITE" spec_tests/testsuite ../shared/testsuite; do \
	  if [ -n "$$suite" ] && [ -f "$$suite/i32.wast" ]; then script="$$suite/i32.wast"; break; fi; \
	done; \
	echo "\$$ refsfi spec $$script"; "$(BIN)/refsfi" spec "$$script"
	@echo "\$$ refsfi run --invoke fac docs/demo/fac.wat 20"; "$(BIN)/refsfi" run --invoke fac docs/demo/fac.wat 20

test: bootstrap check pytest

# Format, rules, types, the direction of imports; and that nothing depends on `assert`.
check:
	"$(BIN)/ruff" check .
	"$(BIN)/ruff" format --check .
	"$(BIN)/mypy"
	"$(BIN)/mypy" tools/bootstrap
	"$(BIN)/mypy" tools/fetch-testsuite
	"$(BIN)/lint-imports" --no-cache
	@echo "python -O refsfi spec docs/demo/fac.wast"; \
	out=$$("$(BIN)/python" -O "$(BIN)/refsfi" spec docs/demo/fac.wast 2>&1) || { echo "$$out"; exit 1; }
	$(ENDED)

pytest:
	"$(BIN)/python" -m pytest -n $(JOBS) $(PYTEST_ARGS)
	$(ENDED)

bench:
	@$(BOOTSTRAP) --extras dev,bench
	"$(BIN)/python" tools/bench

clean:
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find refsfi jit spec_tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo "$(VENV) is left in place: remove it yourself to start from nothing"
