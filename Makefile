# Till's verbs; `make` alone lists them. Needs make and Python 3.11 or later, everything else goes into .venv.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help run test test-fast coverage check clients format messages bench bench-quick torture browser pooler lock sbom audit clean venv install install-dev

# Another project's environment must not leak into this one.
unexport PYTHONPATH PYTHONHOME PYTHONSAFEPATH VIRTUAL_ENV PIP_USER PIP_TARGET PIP_PREFIX DJANGO_SETTINGS_MODULE
# Without bytecode every process that a test starts compiles Till anew, and every run rewrites each assert.
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv
# Tools are started as modules: a moved checkout breaks the scripts in .venv/bin, but not these.
PY := $(VENV)/bin/python
PIP := $(PY) -m pip install --quiet --disable-pip-version-check --require-hashes
DEV := env TILL_DEBUG=1 $(PY)
PYTEST := $(DEV) -m pytest
PARALLEL_TESTS := pytest -n auto --dist loadfile --no-loadscope-reorder
PARALLEL := $(DEV) -m $(PARALLEL_TESTS)
EVERYWHERE := not torture and not browser and not pgbouncer and not node
COVERING := $(EVERYWHERE) and not text and (postgres or not slow)
# What reads the whole OpenAPI document runs nothing that others do not.
COVERING_PATHS := accounts catalog payments postgres tests \
	--ignore=tests/openapi/test_openapi.py --ignore=tests/openapi/test_for_generators.py
CLIENT := clients/python/src clients/python/tests
PACKAGES := config legacy catalog payments staff accounts postgres api tests benchmarks
# Where each branch must be run by a test.
COVERED := payments/ledger/*,payments/idempotency/*,payments/webhooks/signatures.py,payments/money.py
# What `manage.py check --deploy` must be content with.
PRODUCTION := env TILL_DEBUG=0 TILL_SECRET_KEY=one-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJ \
	TILL_JWT_KEY=two-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJ \
	TILL_ENCRYPTION_KEYS=three-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJ \
	DATABASE_URL=postgres://till@localhost/till \
	TILL_ALLOWED_HOSTS=till.example.com TILL_PUBLIC_URL=https://till.example.com TILL_TRUSTED_PROXIES=1 \
	TILL_SSL_REDIRECT=1 TILL_HSTS_SECONDS=31536000 \
	TILL_EMAIL_URL=smtp+tls://mail.example.com:587 TILL_STATIC_ROOT=$(VENV)/static

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-18s %s\n", $$1, $$2 }'
	@echo; echo '  PORT=8001 TILL_DATA=/tmp/other make run   a second one beside the first'
	@echo "  make test ARGS='-n 0 -k webhook'          some of the tests, in one process"

run: install ## start Till with its own PostgreSQL and demo data on 127.0.0.1:8000
	@exec $(DEV) manage.py run_demo

test: install-dev ## run the tests (on an embedded PostgreSQL, or on the server of DATABASE_URL)
	@exec $(PARALLEL) -m '$(EVERYWHERE)' $(ARGS)

test-fast: install-dev ## run the apps' own tests, without what starts servers, races or searches
	@exec $(PARALLEL) -m '$(EVERYWHERE) and not slow' accounts catalog payments postgres $(ARGS)

coverage: install-dev ## run the tests that are not slow, and all that ask PostgreSQL; print their branch coverage
	@rm -rf var/coverage && mkdir -p var/coverage
	@exec $(DEV) -m coverage run -m $(PARALLEL_TESTS) -m '$(COVERING)' $(COVERING_PATHS) $(ARGS)
	@$(PY) -m coverage combine --quiet
	@$(PY) -m coverage report
	@$(PY) -m coverage report --include='$(COVERED)' --fail-under=100 >/dev/null || { \
	  $(PY) -m coverage report --include='$(COVERED)'; echo 'These must be covered whole.' >&2; exit 1; }

check: install-dev ## lint, types, layers, system checks, migrations, Russian texts, OpenAPI schema
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(DEV) -m mypy $(PACKAGES) manage.py
	$(PY) -m mypy --config-file clients/python/pyproject.toml --cache-dir .mypy_cache/clients $(CLIENT)
	$(PY) -c 'from importlinter.cli import lint_imports_command as main; main()' --no-logo
	$(DEV) manage.py check --fail-level WARNING
	$(PRODUCTION) $(PY) manage.py collectstatic --noinput --verbosity 0
	$(PRODUCTION) $(PY) manage.py check --deploy --fail-level WARNING
	$(DEV) manage.py makemigrations --check --dry-run
	$(DEV) -m tests.support.messages --check
	$(DEV) manage.py spectacular --validate --fail-on-warn --file $(VENV)/openapi.yaml
	$(DEV) manage.py spectacular --urlconf legacy.urls --custom-settings config.openapi.legacy_document.SETTINGS \
	  --validate --fail-on-warn --file $(VENV)/openapi-legacy.yaml
	.ci/openapi lint $(VENV)/openapi.yaml
	.ci/openapi lint $(VENV)/openapi-legacy.yaml

format: install-dev ## mend what ruff can, and format
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

messages: install-dev ## bring the catalog of Russian texts up to date with the sources, and compile it
	$(DEV) -m tests.support.messages $(ARGS)

bench: install-dev ## run the benchmarks (benchmarks/README.md)
	@set -e; for program in benchmarks/bench_*.py; do [ -e "$$program" ] || { echo 'No benchmarks yet.'; exit 0; }; \
	  $(DEV) "$$program" $(ARGS); done

bench-quick: ## the same, shortened to a minute or two
	@$(MAKE) --no-print-directory bench ARGS='--quick $(ARGS)'

torture: install-dev ## the long fault and load tests
	@$(PYTEST) -m torture --timeout 0 $(ARGS) || [ $$? -eq 5 ]  # 5: there is none

browser: install-dev ## the tests that look at the pages with a browser (needs chromium and chromedriver)
	@$(PARALLEL) -m 'browser and not torture' $(ARGS) || [ $$? -eq 5 ]

pooler: install-dev ## the tests behind a connection pooler (needs pgbouncer)
	@$(PARALLEL) -m 'pgbouncer and not torture' $(ARGS) || [ $$? -eq 5 ]

clients: install-dev ## the test of a client in TypeScript, generated from the OpenAPI document (needs node and npm)
	@.ci/openapi install && { [ ! -e $(VENV)/node/installed ] || $(PYTEST) -n 0 -m node $(ARGS); }

lock: install-dev ## write requirements*.txt from requirements*.in (ARGS=--upgrade for newer versions)
	for list in requirements requirements-embedded requirements-dev; do \
	  $(PY) -m uv pip compile --quiet --universal --python-version 3.11 --no-header --generate-hashes $(ARGS) \
	    $$list.in -o $$list.txt || exit 1; done

sbom: install-dev ## print what the image installs, as CycloneDX JSON
	@.ci/supply-chain sbom

audit: install-dev ## ask the public database of vulnerabilities about what the image installs
	@.ci/supply-chain audit

clean: ## stop the embedded PostgreSQL, remove .venv and caches; the data under var/ stays
	-@[ ! -e $(PY) ] || $(PY) -m config.embedded_postgres stop
	rm -rf $(VENV) .mypy_cache .ruff_cache .import_linter_cache .hypothesis .pytest_cache staticfiles
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- the environment: made once, mended when it is broken, refreshed when the requirements change -----------------

venv:
	@$(PY) -c 'import pip' 2>/dev/null || { \
	  for python in $(or $(PYTHON),python3.11 python3.12 python3.13 python3.14 python3 python); do \
	    if "$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	      exec "$$python" -m venv --clear $(VENV); \
	    fi; \
	  done; \
	  echo 'Till needs Python 3.11 or later with its venv module (on Debian: apt install python3-venv).' >&2; \
	  echo 'If it is not on the PATH: make PYTHON=/path/to/python3' >&2; exit 1; }

# A list of requirements is copied beside what it installed only when all of it was.
install: venv
	@cat requirements.txt requirements-embedded.txt | cmp -s - $(VENV)/requirements.txt || { \
	  echo 'Installing what Till needs into $(VENV) ...' && $(PIP) -r requirements.txt -r requirements-embedded.txt && \
	  cat requirements.txt requirements-embedded.txt >$(VENV)/requirements.txt; }

install-dev: venv
	@cmp -s requirements-dev.txt $(VENV)/requirements-dev.txt || { \
	  echo 'Installing what its tests and checks need into $(VENV) ...' && $(PIP) -r requirements-dev.txt && \
	  cp requirements-dev.txt $(VENV)/requirements-dev.txt; }
