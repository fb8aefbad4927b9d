package main

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gowasix/gowasix/internal/guests"
	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasmer"
	"github.com/gowasix/gowasix/wazero"
)

func TestServesTLS(t *testing.T) {
	t.Run("wazero", func(t *testing.T) {
		engine, err := wazero.NewEngine()
		serves(t, engine, err)
	})
	if wasmer.Available {
		t.Run("wasmer", func(t *testing.T) {
			engine, err := wasmer.NewEngine()
			serves(t, engine, err)
		})
	}
}

// serves asks a guest behind a certificate of package httptest for its page.
func serves(t *testing.T, engine wasix.Engine, err error) {
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	test := httptest.NewUnstartedServer(nil)
	test.StartTLS()
	config, client := test.TLS.Clone(), test.Client()
	test.Close()
	config.NextProtos = nil // the guest does not speak HTTP/2
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, engine, guests.Path("http"), listener) }()
	answer, err := client.Get("https://" + listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK || len(body) == 0 || answer.TLS == nil {
		t.Errorf("%s, body %q, %v", answer.Status, body, err)
	}
	_ = answer.Body.Close()
	client.CloseIdleConnections()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the guest ended with %v", err)
	}
}
