package scale

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/gowasix/gowasix/internal/guests"
	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/vfs"
)

// counting counts what an engine compiles.
type counting struct {
	wasix.Engine
	compiled atomic.Int32
}

func (e *counting) Compile(ctx context.Context, wasm []byte) (wasix.Module, error) {
	e.compiled.Add(1)
	return e.Engine.Compile(ctx, wasm)
}

// TestProgramsAreCompiledOnce executes a file of the guest again and again.
func TestProgramsAreCompiledOnce(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "true"), guests.Bytes("tools-shared"), 0o600); err != nil {
		t.Fatal(err)
	}
	onEngines(t, func(t *testing.T, e wasix.Engine) {
		m := compile(t, e, guests.Bytes("processes-shared"))
		for how, want := range map[string]int32{"fork": 0, "exec": 1, "vfork": 1, "spawn": 1} {
			files, err := vfs.HostDir(dir, true)
			if err != nil {
				t.Fatal(err)
			}
			engine := &counting{Engine: e}
			cmd := processes(m, m, how, 5)
			cmd.Engine, cmd.Programs, cmd.Mounts = engine, nil, []vfs.Mount{{Guest: "/bin", FS: files}}
			if err := cmd.Run(t.Context()); err != nil || engine.compiled.Load() != want {
				t.Errorf("%s: %v, compiled %d times", how, err, engine.compiled.Load())
			}
			if err := files.(io.Closer).Close(); err != nil {
				t.Error(err)
			}
		}
	})
}
