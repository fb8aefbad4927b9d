package corpus

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/gowasix/gowasix/internal/guests"
	"github.com/gowasix/gowasix/wasix"
)

// limit ends a program that hangs; it is no measure of speed.
const limit = time.Minute

// program is a program of the corpus that runs.
type program struct {
	name  string // of the file, without .wasm
	check func(t *testing.T, module wasix.Module)
}

// TestCorpus compiles every program and runs those that have a check.
func TestCorpus(t *testing.T) {
	files := corpusFiles(guests.Dir(), guests.Names())
	programs := committedPrograms()
	if folder := os.Getenv("GOWASIX_CORPUS"); folder != "" {
		files = append(files, publicFiles(t, folder)...)
		programs = append(programs, publicPrograms...)
	}
	if underRace {
		files = slices.DeleteFunc(files, isLarge)
	}
	table := newTable(t)
	for _, engine := range engines(t) {
		t.Run(engine.Name(), func(t *testing.T) {
			for _, file := range files {
				t.Run(programName(file), func(t *testing.T) {
					runFile(t, table, engine, file, programs)
				})
			}
		})
	}
}

// runFile compiles a program and runs what there is to run of it.
func runFile(t *testing.T, table *table, engine wasix.Engine, file string, programs []program) {
	name := programName(file)
	begin, stage := time.Now(), "compiles"
	defer func() { table.add(name, engine.Name(), result(t, stage), time.Since(begin)) }()
	before := openThings(t)
	module := compile(t, engine, file)
	i := slices.IndexFunc(programs, func(p program) bool { return p.name == name })
	if i >= 0 {
		stage = "runs"
		t.Run("run", func(t *testing.T) { programs[i].check(t, module) })
	}
	if err := module.Close(); err != nil {
		t.Error(err)
	}
	before.compare(t)
}

func compile(t *testing.T, engine wasix.Engine, file string) wasix.Module {
	t.Helper()
	wasm, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	module, err := engine.Compile(t.Context(), wasm)
	if err != nil {
		t.Fatal(err)
	}
	return module
}

func programName(file string) string { return strings.TrimSuffix(filepath.Base(file), ".wasm") }

func corpusFiles(dir string, names []string) []string {
	files := make([]string, len(names))
	for i, name := range names {
		files[i] = filepath.Join(dir, name+".wasm")
	}
	return files
}

// maxUnderRace is the size of programs that are left to runs without the race
// detector, in bytes: it would look at the engines' compilers for minutes.
const maxUnderRace = 4 << 20

func isLarge(file string) bool {
	info, err := os.Stat(file)
	return err == nil && info.Size() > maxUnderRace
}

// publicFiles returns the programs of the folder: all those that are known, and
// whatever else is there. coreutils.wasm may be missing, as its published copy
// is not whole.
func publicFiles(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	files = slices.DeleteFunc(files, func(f string) bool { return programName(f) == "coreutils" })
	for _, p := range publicPrograms {
		if !slices.ContainsFunc(files, func(f string) bool { return programName(f) == p.name }) {
			t.Errorf("%s.wasm is not in GOWASIX_CORPUS", p.name)
		}
	}
	return files
}

// A program has one entry.
func TestCorpusLists(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range append(committedPrograms(), publicPrograms...) {
		if seen[p.name] {
			t.Errorf("%s is listed twice", p.name)
		}
		seen[p.name] = true
	}
	for _, p := range committedPrograms() {
		if _, err := os.Stat(guests.Path(p.name)); err != nil {
			t.Error(err)
		}
	}
}

// table collects what became of the programs and logs it at the end.
type table struct{ rows []string }

func newTable(t *testing.T) *table {
	table := &table{}
	t.Cleanup(func() {
		var b strings.Builder
		w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "program\tengine\tresult\ttime")
		for _, row := range table.rows {
			fmt.Fprintln(w, row)
		}
		_ = w.Flush()
		t.Logf("\n%s", b.String())
	})
	return table
}

func (tb *table) add(program, engine, result string, took time.Duration) {
	tb.rows = append(tb.rows, fmt.Sprintf("%s\t%s\t%s\t%v", program, engine, result, took.Round(time.Millisecond)))
}

// result is the last stage reached, or that it failed.
func result(t *testing.T, stage string) string {
	if t.Failed() {
		return "FAILED (" + stage + ")"
	}
	return stage
}
