# The two commands are `make run` and `make test`; the others are for whoever changes the code.

PYTHON ?= python3.11
PY := .venv/bin/python
PIP := $(PY) -m pip install --quiet --quiet --disable-pip-version-check --no-input --root-user-action=ignore
SERVICES := $(PY) scripts/services.py
PYTEST := $(PY) -m pytest -n 2
LOCK = $(PY) -m uv pip compile --quiet --generate-hashes --no-strip-extras --no-emit-index-url --no-header --python-version 3.11
CATALOGUES := $(patsubst %.po,%.mo,$(wildcard locale/*/LC_MESSAGES/*.po locale/django/*/LC_MESSAGES/*.po */cards/*/locale/*/LC_MESSAGES/*.po))

# Programs are run as modules: the scripts in .venv/bin name the path at which it was made.
LINT_IMPORTS := from importlinter.cli import lint_imports_command; lint_imports_command()
LINT_MIGRATIONS := import django; django.setup(); \
	from django.core.management import call_command; \
	from django_migration_linter.management.commands.lintmigrations import Command; \
	call_command(Command(), sql_analyser='postgresql')

# What a server on the internet would be told; the secrets are random ones.
PRODUCTION := DEBUG=false SANDBOX=false PROXY_COUNT=1 PUBLIC_URL=https://nomoflow.example \
	ALLOWED_HOSTS=nomoflow.example EMAIL_URL=smtp+tls://user:password@mail.example:587 \
	DJANGO_SETTINGS_MODULE=nomo_flow.settings

.PHONY: run test test-fast test-services e2e screenshots check check-code format bench lock clean
.DELETE_ON_ERROR:

run: .venv/.stamp-run .venv/.stamp-front $(CATALOGUES)
	@$(SERVICES) run

test: .venv/.stamp-dev .venv/.stamp-front $(CATALOGUES)
	@$(SERVICES) exec -- $(PYTEST)

test-fast: .venv/.stamp-dev .venv/.stamp-front $(CATALOGUES)
	@$(SERVICES) exec -- $(PYTEST) -m "not slow"

test-services: .venv/.stamp-dev .venv/.stamp-front $(CATALOGUES)
	@scripts/test_services.sh $(PYTEST)

e2e: .venv/.stamp-dev .venv/.stamp-front $(CATALOGUES)
	@scripts/chromium.sh
	@$(SERVICES) exec -- $(PY) -m pytest tests/e2e

screenshots: .venv/.stamp-dev .venv/.stamp-front $(CATALOGUES)
	@scripts/chromium.sh
	@$(SERVICES) exec -- $(PY) scripts/screenshots.py

check: .venv/.stamp-dev $(CATALOGUES)
	@$(PRODUCTION) $(SERVICES) exec -- $(MAKE) --no-print-directory check-code

check-code:
	$(PY) -m ruff format --check --quiet .
	$(PY) -m ruff check --quiet .
	$(PY) -m mypy .
	$(PY) -c "$(LINT_IMPORTS)" --no-logo
	$(PY) manage.py check --deploy --fail-level WARNING
	$(PY) manage.py makemigrations --check --dry-run
	$(PY) -c "$(LINT_MIGRATIONS)"
	$(PY) scripts/erd.py --check
	$(PY) scripts/catalogue.py check
	$(PY) scripts/design_gate.py
	$(PY) scripts/sizes.py

format: .venv/.stamp-dev
	$(PY) -m ruff check --quiet --fix .
	$(PY) -m ruff format --quiet .

bench: .venv/.stamp-dev .venv/.stamp-front $(CATALOGUES)
	@scripts/chromium.sh
	@$(SERVICES) exec --durable -- $(PY) scripts/bench.py
	@$(PY) scripts/bench_shop.py

lock: .venv/.stamp-run
	$(PIP) uv
	$(LOCK) requirements.in -o requirements.txt
	$(LOCK) requirements-dev.in -o requirements-dev.txt

# The database and the logs in var/ stay.
clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .grimp_cache .hypothesis .coverage \
		staticfiles static/vendor scripts/sandbox/static/vendor visitors/vendor node_modules bench.json $(CATALOGUES)
	find . -name __pycache__ -not -path './node_modules/*' -prune -exec rm -rf {} +

.venv/bin/python:
	@$(PYTHON) -c "" 2>/dev/null || { echo "Error: Python 3.11 is needed: $(PYTHON) does not run here." >&2; exit 1; }
	@$(PYTHON) -c "import ensurepip" 2>/dev/null || \
		{ echo "Error: $(PYTHON) lacks venv: install the package python3.11-venv." >&2; exit 1; }
	@$(PYTHON) -m venv .venv

.venv/.stamp-run: requirements.txt | .venv/bin/python
	@echo "Installing what the app needs."
	@$(PIP) -r requirements.txt
	@touch $@

.venv/.stamp-dev: requirements-dev.txt .venv/.stamp-run
	@echo "Installing what the tests need."
	@$(PIP) -r requirements-dev.txt
	@touch $@

# What npm brings is welcome and not needed: without it nothing fails, and the next make asks again.
.venv/.stamp-front: package-lock.json scripts/frontend.py | .venv/bin/python
	@$(PY) scripts/frontend.py && touch $@ || true

%.mo: %.po | .venv/.stamp-run
	@$(PY) -m babel.messages.frontend --quiet compile --input-file $< --output-file $@
