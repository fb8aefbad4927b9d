package guests

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

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

// The binaries in the tree are what the sources give, byte for byte.
func TestBuildIsReproducible(t *testing.T) {
	if out, err := exec.Command("clang-14", "--version").Output(); err != nil || !strings.Contains(string(out), "14.0.6") {
		t.Log("not built again: that needs clang 14.0.6, with which the binaries were built")
		return // rebuilding is for machines that have the toolchain
	}
	dir := t.TempDir()
	cmd := exec.Command("make", "-B", "-j2", "c", "WASM="+dir, "BUILD="+filepath.Join(dir, "build"))
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
		if !slices.Equal(readFile(t, f), Bytes(name)) {
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
