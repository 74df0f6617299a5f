# prn-darknet: two commands do everything on a fresh Debian 12 with Swift:
#   make demo   installs what is missing, builds, trains and runs a detector
#   make test   the whole test suite
SHELL := /bin/bash
PREFIX ?= /usr/local
PROGRAM := .build/release/prn-darknet
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
# The same flags for the program and the tests, or every switch between them rebuilds everything.
TEST := swift test -c release --disable-testable-imports
APT := DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends

.DELETE_ON_ERROR:
.PHONY: help build demo test weights install uninstall deps test-deps bench fuzz networks parity kill \
  sanitize format-check clean

help:
	@echo 'make build     build .build/release/prn-darknet'
	@echo 'make demo      install what is missing, build, then train and run a detector'
	@echo 'make test      run the tests (within ten minutes on two cores)'
	@echo 'make weights   get the published yolov3-tiny.weights'
	@echo 'make install   into PREFIX (/usr/local); LINK=1 adds the name darknet'
	@echo 'make bench | fuzz | parity | kill | sanitize   longer runs, see docs/development.md'

# The libraries that the program is built from. Only missing ones are installed.
deps:
	@missing=; \
	for pair in openblas:libopenblas-dev libjpeg:libjpeg-dev libpng:libpng-dev; do \
	  pkg-config --exists $${pair%%:*} 2>/dev/null || missing="$$missing $${pair##*:}"; \
	done; \
	command -v pkg-config >/dev/null || missing="$$missing pkg-config"; \
	if [ -n "$$missing" ]; then \
	  echo "installing$$missing"; \
	  $(SUDO) apt-get update -qq && $(SUDO) env $(APT) $$missing; \
	fi
	@command -v swift >/dev/null || { echo 'Swift 6.1 or newer is needed: https://swift.org/install'; exit 1; }

build: deps
	swift build -c release --static-swift-stdlib --product prn-darknet

weights: weights/yolov3-tiny.weights

weights/yolov3-tiny.weights:
	@weights/get yolov3-tiny.weights

demo: build weights/yolov3-tiny.weights
	@demo/run $(PROGRAM)

test: deps
	swift build -c release --product prn-darknet
	swift build -c release --product darknet-replay
	$(TEST)
	@Examples/run $(PROGRAM)
	@Tests/skipped

# Longer runs.
bench: build
	@bench/run $(PROGRAM)

fuzz: deps
	swift build -c release --product prn-darknet
	# One family a process, so that time and memory are its own.
	for family in Cfg Weights Picture Text State JSON CommandLine; do \
	  PRN_DARKNET_FUZZ=$${PRN_DARKNET_FUZZ:-1000000} \
	    $(TEST) --no-parallel --filter $${family}FuzzTests || exit; \
	done
	$(MAKE) networks

# Random networks, each test for PRN_DARKNET_NETWORKS seconds.
networks: deps
	PRN_DARKNET_NETWORKS=$${PRN_DARKNET_NETWORKS:-1200} $(TEST) --filter RandomNetworkTests

parity: deps weights/yolov3-tiny.weights
	swift build -c release --product prn-darknet
	swift build -c release --product darknet-replay
	PRN_DARKNET_PARITY=1 $(TEST) --filter 'GoldenTests|LiveReferenceTests'

# Trainings that are killed at 1000 random moments and continue.
kill: deps
	swift build -c release --product prn-darknet
	PRN_DARKNET_KILLS=1000 $(TEST) --filter TrainInterruptionTests

# Leaks are not checked: Foundation's own file reading has some.
sanitize: deps
	ASAN_OPTIONS=detect_leaks=0 $(TEST) --sanitize=address --scratch-path .build/address
	$(TEST) --sanitize=thread --scratch-path .build/thread

install: build
	install -d '$(DESTDIR)$(PREFIX)/bin' '$(DESTDIR)$(PREFIX)/share/prn-darknet/cfg'
	install $(PROGRAM) '$(DESTDIR)$(PREFIX)/bin/prn-darknet'
	cp cfg/*.cfg cfg/*.data cfg/*.names '$(DESTDIR)$(PREFIX)/share/prn-darknet/cfg/'
	$(if $(LINK),ln -sf prn-darknet '$(DESTDIR)$(PREFIX)/bin/darknet')

uninstall:
	rm -f '$(DESTDIR)$(PREFIX)/bin/prn-darknet'
	[ ! -L '$(DESTDIR)$(PREFIX)/bin/darknet' ] || rm '$(DESTDIR)$(PREFIX)/bin/darknet'
	rm -rf '$(DESTDIR)$(PREFIX)/share/prn-darknet'

format-check:
	swift format lint --strict --recursive Sources Tests Examples Package.swift

clean:
	rm -rf .build demo/out
