# The tasks of the project. `make help` lists them.
GO        ?= go
BIN       := bin/tourney
TOOL      := $(GO) tool -modfile=tools/go.mod
LDFLAGS   := -s -w

.PHONY: help build run test race race-cmd chaos lint fmt fuzz bench bench-search bench-data bench-train bench-trees bench-throughput bench-api bench-pages api-fuzz bench-env bench-go cover generate schema man web browser vuln clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-13s %s\n", $$1, $$2}'

build: ## build bin/tourney, and bin/tourney-worker, which is static
	CGO_ENABLED=1 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/tourney
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)-worker ./cmd/tourney-worker

run: build ## play a real tournament on this machine
	$(BIN) run examples/digits.yaml

test: browser ## run all tests
	$(GO) test -timeout 15m ./...

race: browser ## run the packages' tests under the race detector, but for those that only take long
	$(GO) test -race -short -timeout 20m $$($(GO) list ./... | grep -v '/cmd/tourney$$\|/dashboard$$')

race-cmd: browser ## run the tests of real processes and of pages under the race detector
	$(GO) test -race -short -timeout 30m ./cmd/tourney ./dashboard

chaos: ## five thousand simulated histories, a bad network, then ten thousand trials on fifty workers of which a thousand are killed
	SIMULATIONS=5000 $(GO) test -run "^TestSimulation" -timeout 2h -v ./coordinator
	TOURNEY_CHAOS=1 $(GO) test -run '^(TestLongChaos|TestHostileNetwork)$$' -timeout 3h -v ./cmd/tourney

lint: ## check style, imports and known mistakes
	$(TOOL) golangci-lint run ./...

fmt: ## format the Go sources
	$(TOOL) gofumpt -w $$(git ls-files '*.go' | grep -v '\.gen\.go$$')

FUZZTIME ?= 20s
fuzz: ## fuzz every parser for FUZZTIME each
	@for pkg in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
	    echo "$$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; \
	  done; \
	done

# The benchmarks beside the peers: QUICK=1 for the main rows in minutes, SHARED
# for the folder with suites, tables and curves, BENCHFLAGS for a part of one.
QUICK      ?=
SHARED     ?= ../shared
BENCHFLAGS ?=
BENCH      := -python bench/.venv/bin/python $(if $(filter-out 0,$(QUICK)),-quick) $(BENCHFLAGS)

bench: ## measure us beside our peers, one benchmark after the other (QUICK=1: the main rows)
	$(MAKE) bench-search
	$(MAKE) bench-data
	$(MAKE) bench-train
	$(MAKE) bench-trees
	$(MAKE) bench-api
	$(MAKE) bench-throughput

bench-search: bench-env ## what the search finds, beside Optuna
	$(GO) run ./bench/search -shared $(SHARED)/hpo $(BENCH)

bench-data: bench-env ## how tables are taken in, beside DuckDB and pandas
	$(GO) run ./bench/data -files $(SHARED)/data $(BENCH)

bench-train: bench-env ## linear models and neural nets, beside scikit-learn, PyTorch and Spark
	$(GO) run ./bench/train $(BENCH)

bench-trees: bench-env ## boosted trees, beside LightGBM, XGBoost, scikit-learn and Spark
	$(GO) run ./bench/trees -files $(SHARED)/data $(BENCH)

CASES ?= 250
api-fuzz: build bench-env ## hold a real server against openapi.yaml with CASES requests an operation, 10,000 in all
	bench/api-fuzz.sh $(abspath $(BIN)) $(abspath bench/.venv/bin/schemathesis) $(CASES)

bench-api: build ## how fast the API answers while a sweep runs
	$(GO) run ./bench/api $(if $(filter-out 0,$(QUICK)),-quick) $(BENCHFLAGS)

bench-pages: browser ## what the browser saw of each page at 100,000 trials, and what live pages keep after 40,000 events
	TOURNEY_BIG=1 $(GO) test -run 'TestHowFastPages|TestMemoryStays' -count=1 -timeout 30m -v ./dashboard

# The program that is measured has one trainer more, which trains nothing.
bench-throughput: bench-env ## how many trials a second go through the service, beside Optuna
	CGO_ENABLED=1 $(GO) build -tags noop -trimpath -ldflags '$(LDFLAGS)' -o bin/tourney-noop ./cmd/tourney
	$(GO) run ./bench/throughput $(BENCH)

bench-env: bench/.venv/ready ## install the peers into bench/.venv (Python 3.11 or later)

bench/.venv/ready: bench/requirements.txt
	python3 -m venv bench/.venv
	bench/.venv/bin/python -m pip install --quiet -r bench/requirements.txt
	touch $@

bench-go: ## run the Go benchmarks
	$(GO) test -run '^$$' -bench . -benchtime 1s ./...

cover: browser ## test coverage by package
	$(GO) test -timeout 15m -cover ./...

generate: ## generate the API's Go code from api/openapi.yaml
	$(GO) generate ./api/...

schema: ## write docs/sweep.schema.json, which editors read
	$(GO) run ./cmd/tourney sweep schema > docs/sweep.schema.json.new && mv docs/sweep.schema.json.new docs/sweep.schema.json

web: ## build the dashboard's pages into dashboard/dist (needs Node)
	cd dashboard/web && npm ci && npm run build

# The tests of the pages drive a real browser.
browser:
	@command -v chromium chromium-browser google-chrome >/dev/null 2>&1 || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && apt-get install -y -qq chromium >/dev/null; \
	  else \
	    echo "The tests drive a browser, and there is none. Install it:  sudo apt-get install -y chromium" >&2; exit 1; \
	  fi; }

vuln: ## look for known vulnerabilities (needs the Go vulnerability database)
	$(GO) run golang.org/x/vuln/cmd/govulncheck@latest ./...

clean: ## remove what was built and played
	rm -rf bin tourney-data

man: build ## write the manual's pages into bin/man
	$(BIN) man $(dir $(BIN))man
