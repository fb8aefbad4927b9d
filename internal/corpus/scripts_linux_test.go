package corpus

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gowasix/gowasix/internal/guests"
	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/vfs"
)

// tools are the names of the guest "tools", natively and for the shells here.
var tools = []string{"args", "cat", "env", "first", "kills", "lines", "sleeps", "sort", "status", "yes"}

// deviation is a script that a shell of 2023 does not run as the machine's own does,
// because of what the binary itself is. One that no longer differs fails the test.
type deviation struct {
	shell, script string
	reason        string
}

// Reasons why a script runs otherwise.
const (
	noEnvironment = "it imports proc_exec alone, which has no environment"
	noUmask       = "its C library has no umask, as WASIX has none"
	ownPrintf     = "its printf writes to a buffer of its own, which is flushed at the end"
	ownTest       = "its test exits on errors"
	noWNOHANG     = "its proc_join, of 2022, has no WNOHANG, so the shell waits for all its children"
	errnoOfWait   = "its C library turns EINTR of wait into another error"
	noMinimum     = "its C library takes the lowest descriptor for fcntl(F_DUPFD, 10): the shell's own ones are in the way"
	rootOpen      = "descriptor 3, the root, is open; so what Linux says of the descriptor is said of the write"
)

var deviations = []deviation{
	{"bash", "background", noWNOHANG},
	{"bash", "descriptors", noMinimum},
	{"bash", "environment", noEnvironment},
	{"bash", "umask", noUmask},
	{"bash", "waiting", noWNOHANG},
	{"dash", "closed", rootOpen},
	{"dash", "environment", noEnvironment},
	{"dash", "interrupted", errnoOfWait},
	{"dash", "printf", ownPrintf},
	{"dash", "test-errors", ownTest},
	{"dash", "umask", noUmask},
	{"dash", "waiting", noWNOHANG},
}

// scriptResult is what a script prints and exits with.
type scriptResult struct {
	stdout, stderr string
	status         int
}

// TestScripts runs scripts by the shells of 2023, and by the machine's own shells
// as the oracle. Bash calls clean-up functions that return nothing as functions that
// return an int.
func TestScripts(t *testing.T) {
	folder := os.Getenv("GOWASIX_CORPUS")
	if folder == "" {
		return
	}
	native := nativeTools(t)
	scripts, err := filepath.Glob(filepath.Join("scripts", "*.sh"))
	if err != nil || len(scripts) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, engine := range castingEngines(t) {
		programs := guestTools(t, engine)
		for _, shell := range []string{"dash", "bash"} {
			module := compile(t, engine, filepath.Join(folder, shell+".wasm"))
			for _, script := range scripts {
				name := strings.TrimSuffix(filepath.Base(script), ".sh")
				t.Run(engine.Name()+"/"+shell+"/"+name, func(t *testing.T) {
					dir := t.TempDir()
					want := runNativeScript(t, native, shell, script, dir)
					got := runGuestScript(t, module, engine, programs, shell, script, dir)
					compareScripts(t, deviation{shell, name, ""}, got, want)
				})
			}
			if err := module.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// compareScripts compares what two shells did, but for their messages, whose words
// are each shell's own.
func compareScripts(t *testing.T, d deviation, got, want scriptResult) {
	t.Helper()
	same := got.stdout == want.stdout && got.status == want.status
	i := d.known()
	switch {
	case i >= 0 && same:
		t.Errorf("it does not differ any more: %s", deviations[i].reason)
	case i < 0 && !same:
		t.Errorf("it prints\n%s\nand exits with %d; natively\n%s\nand %d\n%s", got.stdout, got.status, want.stdout, want.status, got.stderr)
	}
}

// nativeTools builds the guest "tools" for this machine and returns the directory
// that has it under all its names.
func nativeTools(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command("make", "native", "OUT="+dir, "BUILD="+filepath.Join(dir, "build"), "NATIVE=tools")
	cmd.Dir = guests.Dir()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, name := range tools {
		if err := os.Symlink("tools", filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// guestTools returns the guest "tools" as programs, for as long as the test.
func guestTools(t *testing.T, engine wasix.Engine) map[string]wasix.Module {
	t.Helper()
	module := compile(t, engine, guests.Path("tools"))
	t.Cleanup(func() {
		if err := module.Close(); err != nil {
			t.Error(err)
		}
	})
	programs := map[string]wasix.Module{}
	for _, name := range tools {
		programs[name] = module
	}
	return programs
}

// placeScript puts the script where it is run: in a directory of its own, the same
// inside and outside, in which it begins.
func placeScript(t *testing.T, script, dir string) string {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(script)
	if err != nil {
		t.Fatal(err)
	}
	placed := filepath.Join(dir, ".script")
	writeFile(t, placed, append([]byte("cd '"+dir+"' || exit\n"), text...))
	return placed
}

// deviationLimit ends a script that hangs, as some of the deviations do.
const deviationLimit = 10 * time.Second

// limit returns how long a script may take.
func (d deviation) limit() time.Duration {
	if d.known() >= 0 {
		return deviationLimit
	}
	return limit
}

// known returns the index among the deviations, -1 when it is none.
func (d deviation) known() int {
	return slices.IndexFunc(deviations, func(known deviation) bool {
		return known.shell == d.shell && known.script == d.script
	})
}

func runNativeScript(t *testing.T, tools, shell, script, dir string) scriptResult {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, shell, placeScript(t, script, dir))
	cmd.Dir, cmd.Env = dir, []string{"PATH=" + tools}
	var out, errors bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errors
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return scriptResult{out.String(), errors.String(), cmd.ProcessState.ExitCode()}
}

func runGuestScript(t *testing.T, module wasix.Module, engine wasix.Engine, programs map[string]wasix.Module,
	shell, script, dir string) scriptResult {
	t.Helper()
	name := strings.TrimSuffix(filepath.Base(script), ".sh")
	ctx, cancel := context.WithTimeout(t.Context(), deviation{shell, name, ""}.limit())
	defer cancel()
	before := openThings(t)
	defer before.compare(t)
	placed := placeScript(t, script, dir)
	mount, err := vfs.HostDir(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	cmd := wasix.Command(module, shell, placed)
	cmd.Engine, cmd.Programs, cmd.Env = engine, programs, []string{"PATH=/bin"}
	cmd.Mounts = []vfs.Mount{{Guest: dir, FS: mount}}
	out, messages := newOutput(), newOutput()
	cmd.Stdout, cmd.Stderr = out, messages
	var exit *wasix.ExitError
	if err := cmd.Run(ctx); err != nil && !errors.As(err, &exit) {
		t.Error(err)
	}
	_ = mount.(interface{ Close() error }).Close()
	status := 0
	if exit != nil {
		status = exit.ExitCode()
	}
	return scriptResult{out.String(), messages.String(), status}
}
