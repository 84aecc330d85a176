PYTHON ?= python3
BIN = .venv/bin
# Networks on small tables are fastest on one thread; the tests run in two processes.
export OMP_NUM_THREADS = 1

.PHONY: demo test quick speed doc clean

# modAL pins an old skorch, so it is installed without its dependencies.
.venv/installed: pyproject.toml .ci/constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q -c .ci/constraints.txt -e '.[test,docs]'
	$(BIN)/python -m pip install -q --no-deps modAL-python==0.4.2.1
	touch .venv/installed

demo: .venv/installed
	$(BIN)/python -m benchmarks demo $(ARGS)

test: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/python -m pytest -q -n 2 --doctest-modules skweak tests $(ARGS)

# Every method of every benchmark once, on small data; the tables are printed and go into a temporary folder.
quick: .venv/installed
	$(BIN)/python -m benchmarks run --quick --jobs 2 $(ARGS)

speed: .venv/installed
	$(BIN)/python -m benchmarks speed $(ARGS)

# Warnings are errors, dead links inside the pages among them; the gallery is executed.
doc: .venv/installed
	$(BIN)/python -m sphinx -b html -W --keep-going doc doc/_build/html $(ARGS)

clean:
	rm -rf .venv build *.egg-info .hypothesis doc/_build doc/api doc/auto_gallery
