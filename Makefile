# gowasix: what a user and a contributor type.
#   make run    the bundled HTTP server guest on the wasmer engine, at http://127.0.0.1:8080
#   make test   everything a machine with Go, gcc and make can run
# More: build dist generate guests bench lint ci

GO     ?= go
ENGINE ?= wasmer
ADDR   ?= 127.0.0.1:8080

.PHONY: run test build dist generate guests bench lint ci

# The shell outlives Ctrl-C and takes the guest's end by it for success.
run: build
	@echo "open http://$(ADDR)/ in a browser; stop with Ctrl-C"
	@trap : INT; ./gowasix run --engine $(ENGINE) -p $(ADDR):80 testdata/guests/http.wasm 80 || test $$? -eq 130

test:
	$(GO) test ./...

build:
	$(GO) build -o gowasix ./cmd/gowasix

# dist/ holds the command and the library it needs, found beside the command:
# the folder runs where it is copied to.
GOARCH      := $(shell $(GO) env GOARCH)
WASMER_ARCH := $(patsubst arm64,aarch64,$(GOARCH))
WASMER_LIB   = $(shell $(GO) list -m -f '{{.Dir}}' github.com/wasmerio/wasmer-go)/wasmer/packaged/lib/linux-$(WASMER_ARCH)

dist:
	rm -rf dist && mkdir dist
	install -m 755 $(WASMER_LIB)/libwasmer.so dist/
	CGO_LDFLAGS='-L$(WASMER_LIB) -Wl,-rpath,$$ORIGIN' $(GO) build -trimpath -o dist/gowasix ./cmd/gowasix
	cp LICENSE README.md dist/

generate:
	$(GO) generate ./...

# Rebuilds the committed .wasm files; needs clang, lld and wasi-libc from Debian.
guests:
	$(MAKE) -C testdata/guests

bench:
	$(GO) run ./bench

lint:
	gofmt -l . | (! grep .)
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

ci:
	.ci/run
