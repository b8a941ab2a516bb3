# The commands of this project. `make` lists them.

# Debian packages to build and run the programs, and those that only the tests need.
BUILD_PACKAGES = mosquitto mosquitto-clients libmosquitto-dev libsqlite3-dev zlib1g-dev \
	libsodium-dev libcurl4-openssl-dev libxgboost-dev libopenblas-dev liblbfgs-dev pkg-config
TEST_PACKAGES = $(BUILD_PACKAGES) python3 python3-venv sqlite3 strace systemd binutils qemu-user \
	prometheus-alertmanager
ORACLE = .build/oracle-venv
SWIFT_MIN = 6.2
# For each decoder that `make fuzz` runs.
SECONDS = 20

.PHONY: help deps build edge test demo bench bench-full fuzz mutations sanitize oracle lint clean
.PHONY: swift

help:
	@echo 'make demo     the whole loop on a simulated fleet: train, push, predict, pull logs'
	@echo '              CMAPSS=folder SUBSET=FD001 takes NASA'"'"'s files instead'
	@echo 'make test     build everything and run all tests'
	@echo 'make fuzz     give every decoder mutated inputs, SECONDS=20 each'
	@echo 'make mutations put deliberate faults in, one by one, and see the suites notice'
	@echo 'make sanitize run suites under the address and the thread sanitizer'
	@echo 'make build    both programs, in .build/release/'
	@echo 'make edge     the device binary, stripped; prints its size, memory and start-up time'
	@echo 'make bench    measure against the peers, in minutes, into docs/performance.md'
	@echo '              bench-full takes longer; CMAPSS=folder SUBSET=FD001 as above'
	@echo 'make deps     print and install what is missing (NO_INSTALL=1 only prints)'
	@echo 'make oracle   the Python environment that judges our arithmetic in the tests'
	@echo 'make lint     check the format'
	@echo 'make clean    remove everything built'

# A word on the compiler before anything else fails in its own words.
swift:
	@found=$$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9.]*\).*/\1/p'); \
	if [ -z "$$found" ]; then \
		echo 'No swift found. Install Swift $(SWIFT_MIN) or newer: https://www.swift.org/install' >&2; \
		exit 1; \
	fi; \
	oldest=$$(printf '%s\n' $(SWIFT_MIN) "$$found" | sort -V | head -n 1); \
	if [ "$$oldest" != $(SWIFT_MIN) ]; then \
		echo "Swift $$found is too old, need $(SWIFT_MIN): https://www.swift.org/install" >&2; \
		exit 1; \
	fi

deps: swift
	@.ci/deps $(TEST_PACKAGES)

build: swift
	@.ci/deps $(BUILD_PACKAGES)
	swift build -c release

edge: swift
	@.ci/deps $(BUILD_PACKAGES) binutils
	swift build -c release --product edge-agent
	@Benchmarks/edge.sh

bench bench-full: build
	@.ci/deps $(BUILD_PACKAGES) binutils python3 python3-venv sqlite3 gcc
	NACELLE_BENCH=1 swift build -c release --product bench-inference
	@CMAPSS='$(CMAPSS)' SUBSET='$(SUBSET)' Benchmarks/bench.sh $(if $(findstring full,$@),full,quick)

# `swift test` alone would build everything a second time, with other flags.
test: deps oracle
	swift build -c release --build-tests
	swift test -c release --skip-build

demo: build
	@CMAPSS='$(CMAPSS)' SUBSET='$(SUBSET)' Tests/Demo/demo.sh

fuzz: swift
	@Tests/Fuzz/fuzz.sh $(SECONDS)

mutations: deps oracle
	Tests/Mutations/run.sh

# The agent that the thread sanitizer watches serves models that the back office trains.
sanitize: deps oracle
	swift build -c release --product backoffice
	Tests/Sanitize/sanitize.sh address
	Tests/Sanitize/sanitize.sh thread

oracle: $(ORACLE)/installed

$(ORACLE)/installed: Tests/requirements.txt
	python3 -m venv --clear $(ORACLE)
	$(ORACLE)/bin/pip install --quiet --disable-pip-version-check -r Tests/requirements.txt
	@touch $@

lint: swift
	swift format lint --strict -r Sources Tests Package.swift

clean:
	rm -rf .build .demo
