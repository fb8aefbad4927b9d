package guests

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/experimental/sock"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/gowasix/gowasix/wasix/wasmfile"
)

// maxSize keeps the repository small; the one Go guest may be larger.
const maxSize = 100 << 10

func TestGuestsAreValid(t *testing.T) {
	ctx := context.Background()
	features := api.CoreFeaturesV2 | experimental.CoreFeaturesThreads
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(features))
	defer r.Close(ctx)
	names := Names()
	if len(names) == 0 {
		t.Fatal("there are no guests")
	}
	for _, name := range names {
		b := Bytes(name)
		m, err := r.CompileModule(ctx, b)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(b) > maxSize && !strings.HasPrefix(name, "go-") {
			t.Errorf("%s has %d bytes; %d are enough", name, len(b), maxSize)
		}
		m.Close(ctx)
	}
}

// A guest imports a shared memory just when its name says so, and then it can
// start threads.
func TestNamesTellTheMemory(t *testing.T) {
	for _, name := range Names() {
		info, err := wasmfile.Read(Bytes(name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		shared := strings.HasSuffix(name, "-shared")
		if m := info.Memory; m == nil || m.Shared != shared || m.Imported != shared {
			t.Errorf("%s: memory %+v", name, m)
		}
	}
}

// The one for comparison runs on wazero's own sockets.
func TestPreview1EchoOnWazero(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithCloseOnContextDone(true))
	wasi_snapshot_preview1.MustInstantiate(ctx, r)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().(*net.TCPAddr)
	free.Close()
	withSocket := sock.WithConfig(ctx, sock.NewConfig().WithTCPListener("127.0.0.1", addr.Port))
	ended := make(chan error, 1)
	go func() {
		_, err := r.InstantiateWithConfig(withSocket, Bytes("echo-preview1"), wazero.NewModuleConfig())
		ended <- err
	}()
	c := dialUntilReady(t, addr.String())
	defer c.Close()
	buf := make([]byte, 5)
	if _, err := c.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, buf); err != nil || string(buf) != "hello" {
		t.Errorf("got %q, %v", buf, err)
	}
	cancel()
	c.Close()
	// wazero's accept does not end with the context, but with the next connection.
	if last, err := net.Dial("tcp", addr.String()); err == nil {
		last.Close()
	}
	<-ended
	if err := r.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

func dialUntilReady(t *testing.T, addr string) net.Conn {
	t.Helper()
	for range 1000 {
		if c, err := net.Dial("tcp", addr); err == nil {
			return c
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("nobody listens")
	return nil
}

// The binaries in the tree are what the sources give, byte for byte.
func TestBuildIsReproducible(t *testing.T) {
	for tool, version := range map[string]string{"clang-14": "14.0.6", "wasm-opt": "version 108"} {
		if out, err := exec.Command(tool, "--version").Output(); err != nil || !strings.Contains(string(out), version) {
			t.Logf("not built again: that needs %s %s, with which the binaries were built", tool, version)
			return // rebuilding is for machines that have the toolchain
		}
	}
	rebuild(t, "c")
}

func TestBuildOfGoGuestIsReproducible(t *testing.T) {
	if !bytes.Contains(Bytes("go-http"), []byte(runtime.Version())) {
		t.Logf("not built again: the guest was not built with %s", runtime.Version())
		return
	}
	rebuild(t, "go")
}

// rebuild builds a target of the Makefile elsewhere and compares.
func rebuild(t *testing.T, target string) {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command("make", "-B", "-j2", target, "WASM="+dir, "BUILD="+filepath.Join(dir, "build"))
	cmd.Dir = Dir()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.wasm"))
	if err != nil || len(files) == 0 {
		t.Fatal("nothing was built", err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".wasm")
		if !bytes.Equal(readFile(t, f), Bytes(name)) {
			t.Errorf("%s.wasm is not what its source gives; run make -C testdata/guests", name)
		}
	}
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
