package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/gowasix/gowasix/internal/guests"
	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/network/virtual"
	"github.com/gowasix/gowasix/wasmer"
	"github.com/gowasix/gowasix/wazero"
)

// engines are those of this build.
func engines(t *testing.T) map[string]wasix.Engine {
	pure, err := wazero.NewEngine()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]wasix.Engine{"wazero": pure}
	if wasmer.Available {
		if all["wasmer"], err = wasmer.NewEngine(); err != nil {
			t.Fatal(err)
		}
	}
	for _, engine := range all {
		t.Cleanup(func() { _ = engine.Close() })
	}
	return all
}

// Guests on all engines answer side by side, each through its handler.
func TestHandlers(t *testing.T) {
	vnet := virtual.New()
	defer vnet.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var requests sync.WaitGroup
	for name, engine := range engines(t) {
		handler, err := serve(ctx, engine, guests.Bytes("http"), vnet, name)
		if err != nil {
			t.Fatal(err)
		}
		for range 4 {
			requests.Go(func() {
				for range 25 {
					if err := get(ctx, handler); err != nil {
						t.Errorf("%s: %v", name, err)
						return
					}
				}
			})
		}
	}
	requests.Wait()
}

// get makes a request without a network.
func get(ctx context.Context, handler http.Handler) error {
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil))
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.Code != http.StatusOK || len(body) == 0 {
		return fmt.Errorf("status %d, body %q, %v", answer.Code, body, err)
	}
	return nil
}
