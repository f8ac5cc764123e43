# KVSplice: `make run` opens the app, `make test` tests it. Each target sets up what it needs.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
EPOCHS ?= 12

# What Qt's wheels expect of a Debian or Ubuntu system: first offscreen, then with an X display.
QT_PACKAGES := libegl1 libgl1 libglib2.0-0 libxkbcommon0 libfontconfig1 libfreetype6 libdbus-1-3 \
	libx11-6 fonts-dejavu-core \
	libxkbcommon-x11-0 libx11-xcb1 libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 \
	libxcb-randr0 libxcb-render0 libxcb-render-util0 libxcb-shape0 libxcb-shm0 libxcb-sync1 \
	libxcb-util1 libxcb-xfixes0 libxcb-xkb1

# Loads Qt's widgets and, on Linux, the plugin that draws on an X display.
QT_CHECK := import ctypes, pathlib, sys, PyQt6.QtWidgets as q; \
	plugin = pathlib.Path(q.__file__).parent / "Qt6/plugins/platforms/libqxcb.so"; \
	sys.platform == "linux" and plugin.exists() and ctypes.CDLL(str(plugin))

SPLINE_CSV := results/results_spline_pca.csv
FLOW_CSV   := results/results_affineflow_pca.csv
SWEEP       = $(BIN)/kvsplice sweep geometric-mix --recipe origin --ks 8,12,16,24,32,48,64 \
	--seed 5 --epochs $(EPOCHS)

# Two processes with one thread each; the tests set the threads themselves. Compiled tests are kept.
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n 2 --dist worksteal

# Instructions of ATen and MKL that the processor has and does not use by itself.
CPU_FLAGS := $(shell cat /proc/cpuinfo 2>/dev/null)
MACHINES  := $(if $(filter avx2,$(CPU_FLAGS)),default:AVX2) \
	$(if $(filter avx512f,$(CPU_FLAGS)),avx2:AVX512)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help install run test test-all test-machines mutations size lint format tables bench all quick plots clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## set up .venv (once; again when pyproject.toml or constraints.txt change)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "KVSplice needs Python 3.11 or newer; got $$($(PYTHON) --version 2>&1)." \
		"Name another with: make install PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
		{ rm -rf $(VENV); echo "Python's venv module is missing; on Debian: apt-get install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@$(BIN)/python -c '$(QT_CHECK)' 2>/dev/null || $(MAKE) --no-print-directory qt-libraries
	@touch $@

.PHONY: qt-libraries
qt-libraries:
	@if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
		echo "Installing the system libraries Qt needs"; \
		apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $(QT_PACKAGES) >/dev/null; \
	else \
		echo "The window needs system libraries; on Debian or Ubuntu install them with:"; \
		echo "  sudo apt-get install $(QT_PACKAGES)"; \
	fi

run: install ## open the app on a bundled sample (without a display: the same session, into results/)
	$(BIN)/python -m kvsplice_gui smollm2-v --without-display results

test: install ## run the tests but for the slow ones (four and a half minutes on two cores)
	$(PYTEST) -m "not slow"

test-all: install ## run every test, every case of the grids, more examples (what CI does)
	$(PYTEST) --hypothesis-profile=full

test-machines: install ## run the numeric tests with the arithmetic of other processors
	@for machine in $(MACHINES); do \
		echo "ATEN_CPU_CAPABILITY=$${machine%:*} MKL_ENABLE_INSTRUCTIONS=$${machine#*:}"; \
		ATEN_CPU_CAPABILITY=$${machine%:*} MKL_ENABLE_INSTRUCTIONS=$${machine#*:} \
			$(PYTEST) -m "numeric and not slow" || exit 1; \
	done

mutations: install ## break ten places one at a time and expect the quick tests to notice
	$(BIN)/python -m tests.mutations

size: install ## print how large the code is and what a change touches
	$(BIN)/python -m tests.sizes

lint: install ## check style, types and the directions of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: install ## let ruff format and sort the code
	$(BIN)/ruff check --fix-only --quiet
	$(BIN)/ruff format

tables: install ## measure the README's tables anew and write them into it (half an hour)
	$(BIN)/python -m tests.benchmarks.readme $(TABLES)

bench: install ## measure against plain references, into results/benchmarks.json
	$(BIN)/python -m tests.benchmarks

all: install ## reproduce the recorded tables and figures: both sweeps, 12 epochs, then the plots
	$(SWEEP) --methods pca,spline --csv $(SPLINE_CSV)
	$(SWEEP) --methods pca,flow --csv $(FLOW_CSV)
	$(MAKE) --no-print-directory plots

quick: ## the same with 2 epochs
	$(MAKE) --no-print-directory all EPOCHS=2

plots: install $(SPLINE_CSV) $(FLOW_CSV) ## draw the figures from the CSV files in results/
	$(BIN)/kvsplice plots $(SPLINE_CSV) $(FLOW_CSV) --out results

# Only where the files are missing: `make plots` on its own never repeats a sweep.
$(SPLINE_CSV): | $(STAMP)
	$(SWEEP) --methods pca,spline --csv $@

$(FLOW_CSV): | $(STAMP)
	$(SWEEP) --methods pca,flow --csv $@

clean: ## remove results/
	rm -rf results
