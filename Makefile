# make demo    set up, then see the sandbox work
# make test    set up, then everything that decides whether a change is good
# make check   the part of it that runs no test
# make test-real   real programs: fetched from package registries once, then a few minutes
# VENV=DIR     the virtual environment to use, made if need be (default .venv)

PYTHON ?= python3
VENV ?= .venv
# How many processes the tests are spread over: a number, or auto for one a core.
JOBS ?= auto
# More for pytest, such as PYTEST_ARGS='-k memory'.
PYTEST_ARGS ?=
# A file in which to note when each part began, one line a part; none by default.
TIMINGS ?=

SCRIPTS = tools/bench tools/bootstrap tools/corpus tools/fetch-testsuite tools/fuzz tools/rules
BIN = $(abspath $(VENV))/bin
BOOTSTRAP = "$(PYTHON)" tools/bootstrap --venv "$(VENV)"
BEGIN = @$(if $(TIMINGS),echo "$@ $$(date +%s)" >> "$(TIMINGS)",:)

.PHONY: all bootstrap demo test check lint formatted types imports optimised pytest test-real bench clean
.NOTPARALLEL:

all: test

bootstrap:
	$(BEGIN)
	@$(BOOTSTRAP)

# A script of the official suite where there is one, else the project's own.
demo:
	@$(BOOTSTRAP) --extras ''
	@script=docs/demo/fac.wast; \
	for suite in "$$REFSFI_TESTSUITE" spec_tests/testsuite ../shared/testsuite; do \
	  if [ -n "$$suite" ] && [ -f "$$suite/i32.wast" ]; then script="$$suite/i32.wast"; break; fi; \
	done; \
	echo "\$$ refsfi spec $$script"; "$(BIN)/refsfi" spec "$$script"
	@echo "\$$ refsfi run --invoke fac docs/demo/fac.wat 20"; "$(BIN)/refsfi" run --invoke fac docs/demo/fac.wat 20

test: check pytest

check: lint formatted types imports optimised

lint: bootstrap
	$(BEGIN)
	"$(BIN)/ruff" check --quiet .

formatted: bootstrap
	$(BEGIN)
	"$(BIN)/ruff" format --check .

# Scripts are all called __main__, hence one run each.
types: bootstrap
	$(BEGIN)
	"$(BIN)/mypy"
	@for script in $(SCRIPTS); do echo "mypy $$script"; "$(BIN)/mypy" "$$script" || exit 1; done

imports: bootstrap
	$(BEGIN)
	"$(BIN)/lint-imports" --no-cache

# Nothing may depend on `assert`, which -O leaves out.
optimised: bootstrap
	$(BEGIN)
	@echo "python -O refsfi spec docs/demo/fac.wast"; \
	out=$$("$(BIN)/python" -O "$(BIN)/refsfi" spec docs/demo/fac.wast 2>&1) || { echo "$$out"; exit 1; }

pytest: bootstrap
	$(BEGIN)
	"$(BIN)/python" -m pytest -n $(JOBS) $(PYTEST_ARGS)

# At least ten published programs must have run: where nothing can be fetched, nothing has been shown.
test-real: bootstrap
	$(BEGIN)
	"$(BIN)/python" -m pytest -n $(JOBS) spec_tests/real --at-least 10 $(PYTEST_ARGS)

bench:
	@$(BOOTSTRAP) --extras dev,bench
	"$(BIN)/python" tools/bench

clean:
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find refsfi jit spec_tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo "$(VENV) is left in place: remove it yourself to start from nothing"
