# Every chore of GPT-Trader in one word. A machine with Python 3.11 or newer and make is enough:
# the first target that needs it makes the environment in .venv, with uv when it can be had
# (on the PATH, or installed into .venv by pip) and with pip alone otherwise.

VENV := .venv
BIN := $(VENV)/bin
SOURCES := gpt_trader tests benchmarks
ARGS ?=

# Without compiled bytecode every start takes two seconds longer; some machines turn it off.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help live lab test notebooks soak bench lint lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

live: $(VENV)/.core ## trade 2,000 synthetic candles through the embedded exchange (ARGS="--seed 7")
	$(BIN)/python -m gpt_trader.live --profile dev --product BTC-USD --candles 2000 --speed max $(ARGS)

# Kernels of this environment come first, whatever the person has at home. The address bar gets the
# token by itself; only this machine can connect; nothing asks for news of the internet.
lab: export JUPYTER_PREFER_ENV_PATH := 1
lab: $(VENV)/.lab ## notebooks in JupyterLab, from 00_tour on (ARGS="--no-browser")
	$(BIN)/python -m jupyterlab --ServerApp.ip=127.0.0.1 --LabApp.news_url=None \
		--LabApp.app_settings_dir=$(CURDIR)/notebooks/lab \
		--MappingKernelManager.default_kernel_name=python3 \
		--KernelManager.transport_encryption=auto notebooks/00_tour.ipynb $(ARGS)

test: $(VENV)/.test ## every test, a tenth of every count: minutes (ARGS="tests/engine")
	$(BIN)/python -m pytest -q -n 2 --dist loadfile --ignore=tests/browser $(ARGS)

notebooks: $(VENV)/.test ## run every notebook, and look at plots in a real browser (Chromium)
	$(BIN)/python -m pytest -q --nbmake --nbmake-timeout=110 --nbmake-kernel=python3 notebooks
	$(BIN)/python -m pytest -q tests/browser

soak: export GPT_TRADER_TIER := soak
soak: export PYTEST_TIMEOUT := 0
soak: test ## every test with its full counts: hours

bench: $(VENV)/.bench ## side by side with vectorbt and others, into var/bench (ARGS="--quick": compare only)
	$(BIN)/python -m benchmarks $(ARGS)

lint: $(VENV)/.test ## style, types and the architecture
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy $(SOURCES)
	$(BIN)/python -m pytest -q tests/test_architecture.py

lock: $(VENV)/.test ## resolve constraints.txt anew: exact pins of every extra, no addresses
	$(FIND_UV); test -n "$$uv" || { echo "make lock needs uv: pip install uv" >&2; exit 1; }; \
	"$$uv" pip compile pyproject.toml --all-extras --python-version 3.11 --upgrade --no-annotate \
		--custom-compile-command "make lock" --output-file constraints.txt --quiet

clean: ## remove the environment and what tools left; sessions in var/ stay
	rm -rf $(VENV) build *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +

# --- the environment -------------------------------------------------------------------------

# A stamp says what is installed, so that a second run installs nothing.
$(VENV)/.core: EXTRA :=
$(VENV)/.lab: EXTRA := [notebooks,research]
$(VENV)/.test: EXTRA := [notebooks,research,test]
$(VENV)/.bench: EXTRA := [bench]
$(VENV)/.core $(VENV)/.lab $(VENV)/.test $(VENV)/.bench: pyproject.toml constraints.txt | $(BIN)/python
	@$(FIND_UV); \
	echo "Installing gpt-trader$(EXTRA) into $(VENV) with $${uv:-pip}"; \
	{ test -n "$$uv" && "$$uv" pip install -q --python $(BIN)/python $(INSTALLED); } || \
	{ $(HAVE_PIP) && $(BIN)/python -m pip install -q $(INSTALLED); }
	@touch $@

$(BIN)/python:
	@$(FIND_PYTHON); $(FIND_UV); \
	echo "Making $(VENV) with $$python"; \
	{ test -n "$$uv" && "$$uv" venv -q --python "$$python" $(VENV); } || \
	"$$python" -m venv $(VENV) || \
	{ rm -rf $(VENV); echo "$$python cannot make an environment: its venv module is missing" \
		"(on Debian and Ubuntu: apt install python3-venv)" >&2; exit 1; }; \
	test -n "$$uv" || $(BIN)/python -m pip install -q uv >/dev/null 2>&1 || echo "No uv to be had: pip it is"

INSTALLED = -c constraints.txt -e ".$(EXTRA)"

HAVE_PIP = { $(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null; }

# A name on the PATH need not run: version switchers leave stubs there. So each is tried.
FIND_UV = uv=; for each in uv $(BIN)/uv; do \
	if "$$each" --version >/dev/null 2>&1; then uv=$$each; break; fi; done

FIND_PYTHON = python=; for each in python3.13 python3.12 python3.11 python3 python; do \
	if "$$each" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; \
	then python=$$(command -v "$$each"); break; fi; done; \
	test -n "$$python" || { echo "GPT-Trader needs Python 3.11 or newer, and none of" \
		"python3.13, python3.12, python3.11, python3 and python is one" >&2; exit 1; }
