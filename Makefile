# make run    start the server with sample records and a simulated gateway
# make test   run all tests
# Both set themselves up; only Python 3.11+ is needed.

VENV := .venv/bin
ARGS ?=

.PHONY: run demo test check lint format types imports secrets secrets-baseline fuzz bench bench-docs bench-smoke soak soak-smoke clean

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

# After adding fake credentials to a test: make secrets-baseline, and look at what it adds.
secrets-baseline:
	@scripts/bootstrap dev
	$(VENV)/detect-secrets scan --slim --exclude-files 'constraints.txt|\.secrets\.baseline' > .secrets.baseline

secrets:
	@scripts/bootstrap dev
	git ls-files -z | xargs -0 $(VENV)/detect-secrets-hook --baseline .secrets.baseline

# The property tests with many more examples.
fuzz:
	@scripts/bootstrap dev
	HYPOTHESIS_PROFILE=fuzz $(VENV)/pytest --timeout 3600 -k "properties or hypothesis or property" $(ARGS)

# The benchmarks in full; figures and ratios on standard output. OTP_CASES=FILE: more messages.
bench:
	@scripts/bootstrap dev
	$(VENV)/python tests/benchmarks/bench_mirror.py --names 1000000 --small 10000
	$(VENV)/python tests/benchmarks/messaging
	$(VENV)/python tests/benchmarks/otp --cases $(OTP_CASES)

# The messaging benchmark in full; its tables replace those in the docs.
bench-docs:
	@scripts/bootstrap dev
	$(VENV)/python tests/benchmarks/messaging --docs docs/explanation/speed.md

bench-smoke:
	@scripts/bootstrap dev
	$(VENV)/python tests/benchmarks/bench_mirror.py --names 3000 --small 1000
	$(VENV)/python tests/benchmarks/messaging --smoke
	$(VENV)/python tests/benchmarks/otp --smoke

# The fault tests for long; their ledgers at the end. SOAK_SEED=N repeats a run.
soak:
	@scripts/bootstrap dev
	SOAK_KILLS=20 SOAK_PAUSE=50 SOAK_SEED=$${SOAK_SEED:-$$(date +%s)} $(VENV)/pytest tests/acceptance/faults $(ARGS)

soak-smoke:
	@scripts/bootstrap dev
	$(VENV)/pytest tests/acceptance/faults $(ARGS)

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage
