package lint

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/gowasix/gowasix"

// rule forbids imports. Packages are named by their directories; a name that
// ends in "/..." takes in those below. In forbidden, "std" is the standard
// library, "ours" this module, and "else" the modules of others.
type rule struct {
	pkg       string
	forbidden []string
	except    []string
	why       string
}

var rules = []rule{
	{
		pkg: "wasix/...", forbidden: []string{"C"},
		why: "the system calls build without cgo",
	},
	{
		pkg: "wasix/...", forbidden: []string{"github.com/wasmerio/wasmer-go/...", "github.com/tetratelabs/wazero/...", "wasmer/...", "wazero/...", "cgo/..."},
		why: "the system calls know no engine",
	},
	{
		pkg: "wasix/...", forbidden: []string{"cmd/...", "bench/...", "examples/..."},
		why: "a library does not know its users",
	},
	{
		pkg: "wasix/abi", forbidden: []string{"ours", "else"},
		why: "abi is facts only",
	},
	{
		pkg: "wasix/ready", forbidden: []string{"ours"}, except: []string{"wasix/abi"},
		why: "readiness is below descriptors",
	},
	{
		pkg: "wasix/descriptor", forbidden: []string{"ours"}, except: []string{"wasix/abi", "wasix/ready"},
		why: "descriptors do not know what is behind them",
	},
	{
		pkg: "wasix/epoll", forbidden: []string{"ours"}, except: []string{"wasix/abi", "wasix/ready", "wasix/descriptor"},
		why: "epoll watches descriptors, whatever is behind them",
	},
	{
		pkg: "wasix/network/...", forbidden: []string{"wasix", "wasix/socket/...", "wasix/vfs/...", "wasix/wasmfile"},
		why: "networks are below sockets",
	},
	{
		pkg: "wasix/network", forbidden: []string{"wasix/network/virtual", "gvisor.dev/gvisor/..."},
		why: "who uses no virtual network does not link one",
	},
	{
		pkg: "wasix", forbidden: []string{"wasix/network/virtual", "gvisor.dev/gvisor/..."},
		why: "who uses no virtual network does not link one",
	},
	{
		pkg: "wasix/vfs/...", forbidden: []string{"wasix", "wasix/socket/...", "wasix/network/...", "wasix/wasmfile"},
		why: "files know neither sockets nor guests",
	},
	{
		pkg: "wasix/socket/...", forbidden: []string{"wasix", "wasix/wasmfile"},
		why: "the socket table does not know guests",
	},
	{
		pkg: "wasix/wasmfile", forbidden: []string{"ours"}, except: []string{"wasix/abi"},
		why: "reading binaries is a matter of its own",
	},
	{
		pkg: "cgo/...", forbidden: []string{"ours"}, except: []string{"cgo/..."},
		why: "the C binding knows no WASIX",
	},
	{
		pkg: "wasmer/...", forbidden: []string{"wazero/...", "github.com/tetratelabs/wazero/..."},
		why: "the adapters do not know each other",
	},
	{
		pkg: "wazero/...", forbidden: []string{"wasmer/...", "cgo/...", "github.com/wasmerio/wasmer-go/...", "C"},
		why: "the adapters do not know each other, and wazero needs no C",
	},
}

func TestImportRules(t *testing.T) {
	imports := readImports(t)
	for _, r := range rules {
		for _, im := range imports {
			if matches(r.pkg, im.pkg) && r.forbids(im.pkg, im.path) {
				t.Errorf("%s imports %s: %s", im.file, im.path, r.why)
			}
		}
	}
}

func TestRuleForbids(t *testing.T) {
	abi := rule{forbidden: []string{"ours", "else"}}
	ready := rule{forbidden: []string{"ours"}, except: []string{"wasix/abi"}}
	pure := rule{forbidden: []string{"C", "cgo/...", "github.com/wasmerio/wasmer-go/..."}}
	for _, c := range []struct {
		r    rule
		path string
		want bool
	}{
		{abi, "strconv", false},
		{abi, "golang.org/x/sys/unix", true},
		{abi, module + "/wasix", true},
		{ready, module + "/wasix/abi", false},
		{ready, module + "/wasix/abi2", true},
		{ready, "golang.org/x/sys/unix", false},
		{pure, "C", true},
		{pure, module + "/cgo", true},
		{pure, "github.com/wasmerio/wasmer-go/wasmer", true},
		{pure, "github.com/wasmerio/wasmer-golang", false},
	} {
		if got := c.r.forbids("some/package", c.path); got != c.want {
			t.Errorf("%v forbids %s: %v, want %v", c.r.forbidden, c.path, got, c.want)
		}
	}
}

// forbids reports whether the rule forbids pkg to import path.
func (r rule) forbids(pkg, path string) bool {
	short, ours := strings.CutPrefix(path, module+"/")
	if ours && short == pkg {
		return false // a test outside the package
	}
	for _, e := range r.except {
		if ours && matches(e, short) {
			return false
		}
	}
	for _, f := range r.forbidden {
		switch f {
		case "ours":
			if ours {
				return true
			}
		case "else":
			if !ours && strings.Contains(path, ".") {
				return true
			}
		default:
			if matches(f, short) {
				return true
			}
		}
	}
	return false
}

// matches reports whether pattern, "a/b" or "a/b/...", takes in the package.
func matches(pattern, pkg string) bool {
	dir, tree := strings.CutSuffix(pattern, "/...")
	return pkg == dir || tree && strings.HasPrefix(pkg, dir+"/")
}

// imported is one import of a file.
type imported struct{ pkg, path, file string }

// readImports returns the imports of all files, for whatever platform. Tests
// are left out: they may use what they like.
func readImports(t *testing.T) []imported {
	t.Helper()
	var imports []imported
	for _, name := range goFiles(t) {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, name), nil, parser.ImportsOnly)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, im := range f.Imports {
			path, err := strconv.Unquote(im.Path.Value)
			if err != nil {
				t.Error(err)
			}
			imports = append(imports, imported{filepath.ToSlash(filepath.Dir(name)), path, name})
		}
	}
	return imports
}

const root = "../.."

// goFiles returns the Go files of the tree, relative to its root.
func goFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != root && (d.Name()[0] == '.' || d.Name() == "testdata" || d.Name() == "dist") {
			return filepath.SkipDir
		}
		if !d.IsDir() && filepath.Ext(name) == ".go" {
			rel, err := filepath.Rel(root, name)
			if err != nil {
				return err
			}
			files = append(files, rel)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("found no Go files")
	}
	return files
}
