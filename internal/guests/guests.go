// Package guests finds the guest programs under testdata/guests for tests.
package guests

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// Dir returns the directory testdata/guests of the module. It panics when the
// program was built with -trimpath, which hides where the source is.
func Dir() string {
	_, file, _, ok := runtime.Caller(0)
	if !ok || !filepath.IsAbs(file) {
		panic("guests: the source directory is unknown")
	}
	return filepath.Join(filepath.Dir(file), "..", "..", "testdata", "guests")
}

// Path returns the file of the guest called name, such as "http" or
// "http-shared".
func Path(name string) string { return filepath.Join(Dir(), name+".wasm") }

// Bytes returns the binary of the guest called name. It panics when there is no
// such guest.
func Bytes(name string) []byte {
	b, err := os.ReadFile(Path(name))
	if err != nil {
		panic("guests: " + err.Error())
	}
	return b
}

// Names returns the names of all guests, sorted.
func Names() []string {
	files, err := filepath.Glob(Path("*"))
	if err != nil {
		panic(err)
	}
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = strings.TrimSuffix(filepath.Base(f), ".wasm")
	}
	return names
}
