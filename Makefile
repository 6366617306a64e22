# Gatehouse. `make` alone lists the targets; ARGS and FUZZTIME may be given on the command line.
.POSIX:

ARGS ?=
FUZZTIME ?= 1m
GO ?= go

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

build: ## compile bin/gatehouse, static and stripped
	CGO_ENABLED=0 $(GO) build $$(packaging/buildflags.sh) -trimpath -ldflags "$$(packaging/ldflags.sh)" -o bin/gatehouse ./cmd/gatehouse

demo: build ## start a demo, sign its user in, stay up until Ctrl-C (ARGS=--exit: leave at once)
	@GATEHOUSE=bin/gatehouse packaging/demo.sh $(ARGS)

peers: ## install the real clients and servers that the tests meet (Debian, root)
	@testdata/peers/install.sh

test: peers ## run every test, with the race detector and natively for 32 bit
	$(GO) vet ./...
	testdata/test.sh

e2e: peers ## run the slow tests (build tag e2e): a branch in a box, ARM under qemu (root)
	@testdata/peers/install.sh e2e
	testdata/e2e.sh

screenshots: ## every page on a phone and a desk, light and dark, into bin/screenshots (root)
	@testdata/peers/install.sh e2e
	rm -rf bin/screenshots
	SCREENSHOTS=$$PWD/bin/screenshots $(GO) test -count 1 -tags e2e -run '^TestE2EBrowser$$/^(firstboot|ap|tour)$$' ./cmd/gatehouse

bench: ## run the Go benchmarks, with allocations (make bench-peers: beside other servers)
	$(GO) test -run '^$$' -bench . -benchmem -timeout 60m ./...

bench-peers: ## compare CPU, rounds, memory and start with FreeRADIUS and hostapd (ARGS: scenarios)
	@testdata/peers/install.sh bench
	testdata/peers/bench.sh $(ARGS)

fuzz: ## run every fuzz target for FUZZTIME (1m) each
	testdata/fuzz.sh $(FUZZTIME)

lint: ## gofmt, vet on four architectures, staticcheck, walls, words; any output is a failure
	.ci/lint

vuln: ## look for known vulnerabilities (needs the network; changes daily)
	$(GO) run golang.org/x/vuln/cmd/govulncheck@v1.9.0 ./...

generate: ## bring generated files up to date
	$(GO) generate ./...

vendor-ui: ## fetch the style sheet that the pages are built on (needs npm and the network)
	webui/vendor.sh

cross: ## build every target into dist/, with SHA256SUMS
	./cross-build.sh
	$(GO) run ./packaging/checkelf dist/gatehouse-linux-*

package: cross ## pack dist/ into one archive a target
	packaging/tarball.sh

clean: ## remove what was built
	rm -rf bin dist demo

.PHONY: help build demo peers test e2e screenshots bench bench-peers fuzz lint vuln generate vendor-ui cross package clean
