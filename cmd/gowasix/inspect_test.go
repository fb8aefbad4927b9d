package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gowasix/gowasix/internal/guests"
)

var update = flag.Bool("update", false, "write the golden files")

// The output for guests is that of the golden files; go test -update writes them.
func TestInspect(t *testing.T) {
	for _, name := range []string{"echo-preview1", "echo-threads-shared"} {
		r := command(t, "", "inspect", guests.Path(name))
		golden := filepath.Join("testdata", name+".golden")
		if *update {
			if err := os.WriteFile(golden, []byte(r.stdout), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if r.status != 0 || r.stdout != string(want) || r.stderr != "" {
			t.Errorf("%s: status %d, stderr %q, output\n%s\nwant\n%s", name, r.status, r.stderr, r.stdout, want)
		}
	}
}

// What cannot run is described all the same, and then told.
func TestInspectForeign(t *testing.T) {
	t.Chdir(programs(t))
	command(t, "", "inspect", "library.wasm").want(t, 0, "no program: it exports neither _start nor _initialize", "")
	lacks := "does not run it: lacks gc\n"
	command(t, "", "inspect", "gc.wasm").want(t, 0, "wasmer:    "+lacks+"wazero:    "+lacks, "")
	r := command(t, "", "inspect", "foreign.wasm")
	r.want(t, 125, "program (_start)", "env.mystery")
	if strings.Contains(r.stdout, "runs it") {
		t.Errorf("it does not run:\n%s", r.stdout)
	}
}
