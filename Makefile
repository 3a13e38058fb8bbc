# make run    start the server with sample records and a simulated gateway
# make test   run all tests
# Both set themselves up; only Python 3.11+ is needed.

VENV := .venv/bin
ARGS ?=

.PHONY: run demo test check lint format types imports secrets fuzz clean

run:
	@scripts/bootstrap
	@exec $(VENV)/enum-backend serve $(ARGS)

demo:
	@scripts/bootstrap
	@exec $(VENV)/enum-backend demo $(ARGS)

test:
	@scripts/bootstrap dev
	$(VENV)/pytest $(ARGS)

# Everything CI looks at besides the tests.
check: lint types imports secrets

lint:
	@scripts/bootstrap dev
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .

format:
	@scripts/bootstrap dev
	$(VENV)/ruff check --fix .
	$(VENV)/ruff format .

types:
	@scripts/bootstrap dev
	$(VENV)/mypy

imports:
	@scripts/bootstrap dev
	$(VENV)/lint-imports

secrets:
	@scripts/bootstrap dev
	git ls-files -z | xargs -0 $(VENV)/detect-secrets-hook --baseline .secrets.baseline

# The property tests with many more examples.
fuzz:
	@scripts/bootstrap dev
	HYPOTHESIS_PROFILE=fuzz $(VENV)/pytest --timeout 3600 -k "properties or hypothesis or property" $(ARGS)

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage
