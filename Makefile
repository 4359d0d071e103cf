# `make run` starts Facesite, `make test` runs every test; both install what they need first.
# GNU make 3.81 (macOS) suffices. On the command line: PYTHON=python3.12 VENV=folder
# TORCH_INDEX=url PORT=9000 HOST=0.0.0.0 TLS=1, and whatever else .env.example lists.

VENV ?= .venv
EXTRAS ?= convert
# The version that the tests run on comes first.
PYTHONS = $(or $(PYTHON),python3.11 python3.12 python3.13 python3)
MANAGE = $(VENV)/bin/python manage.py
INSTALL = $(MAKE) --no-print-directory install

SUITABLE = import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))
NO_PYTHON = Facesite needs Python 3.11 or later with its venv module: \
install it with 'sudo apt install python3-venv' on Debian or Ubuntu, 'sudo dnf install python3' \
on Fedora or 'brew install python' on macOS, or name one with PYTHON=, then run this again.

# An environment that was left half-made, or whose Python is gone, is made anew.
USABLE := $(shell test -x $(VENV)/bin/pip && $(VENV)/bin/python -c '$(SUITABLE)' 2>/dev/null && echo yes)
# Two more than there are cores: tests wait for the servers that they start.
TESTERS = $(shell $(VENV)/bin/python -c 'import os; print(min(6, os.cpu_count() + 2))')
EMPTY =
INSTALLED = $(VENV)/.installed-$(subst $(EMPTY) $(EMPTY),-,$(strip $(EXTRAS)))

.PHONY: help install prepare networks run test check format bench wheel clean FORCE

help:  ## List the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1	\2/p' Makefile

install: $(INSTALLED)  ## Make .venv and install the packages into it

# Written last: an install that was interrupted is taken up again.
$(INSTALLED): pyproject.toml constraints.txt facesite/install.py $(if $(USABLE),,FORCE)
	@test "$(USABLE)" || { \
		for python in $(PYTHONS); do \
			if $$python -c '$(SUITABLE)' >/dev/null 2>&1; then found=$$python; break; fi; \
		done; \
		test "$$found" || { echo "$(NO_PYTHON)" >&2; exit 1; }; \
		if test -e $(VENV)/pyvenv.cfg; then clear=--clear; fi; \
		$$found -m venv $$clear $(VENV); }
	@$(VENV)/bin/python -m facesite.install $(EXTRAS)
	@touch $@

prepare: install  ## Convert the networks, migrate, make the first admin and key
	@$(MANAGE) prepare

# The image's: a weights file may be handed over as a build secret.
networks: install
	@FACENET_WEIGHTS="$${FACENET_WEIGHTS:-$(wildcard /run/secrets/facenet_weights)}" $(MANAGE) prepare --networks

run: prepare  ## Serve on http://127.0.0.1:8000 (PORT=, HOST=0.0.0.0, TLS=1)
	@exec $(MANAGE) serve

test:  ## Run every test (ARGS= is handed to pytest)
	@.ci/packages || true
	@$(INSTALL) EXTRAS="convert test"
	$(VENV)/bin/python -m pytest -n $(TESTERS) --dist loadfile --no-loadscope-reorder $(ARGS)

check:  ## Lint, types, Django's own checks
	@$(INSTALL) EXTRAS="convert test"
	$(VENV)/bin/python -m ruff check .
	$(VENV)/bin/python -m ruff format --check .
	$(VENV)/bin/python -m mypy
	$(VENV)/bin/python .ci/advisories.py
	$(MANAGE) check --fail-level WARNING
	FACESITE_HTTPS=yes $(MANAGE) check --deploy --fail-level WARNING
	$(MANAGE) makemigrations --check --dry-run

format:  ## Put the code into the house's form
	@$(INSTALL) EXTRAS="convert test"
	$(VENV)/bin/python -m ruff check --fix .
	$(VENV)/bin/python -m ruff format .

bench:  ## Measure speed side by side with the originals
	@$(INSTALL) EXTRAS="convert bench"
	$(VENV)/bin/python -m benchmarks $(ARGS)

wheel: install  ## Build dist/facesite-*.whl
	@rm -rf build dist *.egg-info
	$(VENV)/bin/python -m pip wheel --no-deps --wheel-dir dist .
	@rm -rf build *.egg-info

clean:  ## Remove .venv and caches; what is under var/ stays
	@test ! -e $(VENV)/pyvenv.cfg || rm -rf $(VENV)
	@rm -rf .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
