package abi_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/gowasix/gowasix/wasix/abi"
)

func readTable(t *testing.T, name string, v any) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "testdata", "abi", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(err)
	}
}

// constant is one constant of a generated file.
type constant struct {
	typ   string
	value uint64
}

// constants reads the integer constants that a file declares.
func constants(t *testing.T, file string) map[string]constant {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]constant)
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, s := range g.Specs {
			spec := s.(*ast.ValueSpec)
			v, err := strconv.ParseUint(spec.Values[0].(*ast.BasicLit).Value, 0, 64)
			if err != nil {
				t.Fatal(err)
			}
			var typ string
			if id, ok := spec.Type.(*ast.Ident); ok {
				typ = id.Name
			}
			found[spec.Names[0].Name] = constant{typ, v}
		}
	}
	return found
}

// plain makes names of the tables and of Go comparable.
func plain(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", "")) }

func TestTypesAgreeWithTable(t *testing.T) {
	var table struct {
		Types map[string]struct {
			Width  string
			Values map[string]uint64
			Wire   map[string]uint64 `json:"wire_values"`
		}
	}
	readTable(t, "types.json", &table)
	found := constants(t, "ztypes.go")
	for name, c := range constants(t, "zerrno.go") {
		found[name] = c
	}
	count := make(map[string]int) // constants by plain type name
	for _, c := range found {
		count[plain(c.typ)]++
	}
	for name, typ := range table.Types {
		values := typ.Values
		if typ.Wire != nil {
			values = typ.Wire
		}
		if got := count[plain(name)]; got != len(values) {
			t.Errorf("%s has %d constants, want %d", name, got, len(values))
		}
		delete(count, plain(name))
		for v, want := range values {
			if !hasValue(found, plain(name), plain(v), want) {
				t.Errorf("%s: no constant for %s = %d", name, v, want)
			}
		}
	}
	for name, n := range count {
		t.Errorf("%d constants of type %q, which is not in the table", n, name)
	}
}

// hasValue reports whether a constant of the type has a name that ends the
// table's, and the value.
func hasValue(found map[string]constant, typ, name string, value uint64) bool {
	for goName, c := range found {
		if plain(c.typ) != typ || c.value != value {
			continue
		}
		suffix := strings.TrimPrefix(plain(goName), typ)
		if typ == "errno" {
			suffix = strings.TrimPrefix(suffix, "e")
		}
		if suffix != "" && strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}

func TestTypeWidthsAgreeWithTable(t *testing.T) {
	var table struct {
		Types map[string]struct{ Width string }
	}
	readTable(t, "types.json", &table)
	found := make(map[string]string)
	for _, file := range []string{"abi.go", "ztypes.go"} {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if s, ok := n.(*ast.TypeSpec); ok {
				if id, ok := s.Type.(*ast.Ident); ok {
					found[plain(s.Name.Name)] = id.Name
				}
			}
			return true
		})
	}
	delete(found, "valuetype")
	for name, typ := range table.Types {
		want := "uint" + strings.TrimPrefix(typ.Width, "u")
		if got := found[plain(name)]; got != want {
			t.Errorf("%s is a %q, want %s", name, got, want)
		}
		delete(found, plain(name))
	}
	for name := range found {
		t.Errorf("type %s is not in the table", name)
	}
}

func TestLayoutsAgreeWithTable(t *testing.T) {
	type layout struct {
		Size   *uint64
		Fields []struct {
			Name   string
			Offset uint64
		}
	}
	var table struct{ Types, Snapshot0, Legacy, Extra map[string]layout }
	readTable(t, "layouts.json", &table)
	found := make(map[string]uint64)
	for name, c := range constants(t, "zlayouts.go") {
		found[plain(name)] = c.value
	}
	check := func(name string, want uint64) {
		t.Helper()
		if got, ok := found[plain(name)]; !ok || got != want {
			t.Errorf("%s = %d (there: %v), want %d", name, got, ok, want)
		}
		delete(found, plain(name))
	}
	for _, section := range []map[string]layout{table.Types, table.Snapshot0, table.Legacy, table.Extra} {
		for name, l := range section {
			if l.Size == nil {
				continue // a remark
			}
			check("sizeof_"+name, *l.Size)
			for _, f := range l.Fields {
				first, _, _ := strings.Cut(f.Name, "..")
				check("offsetof_"+name+"_"+first, f.Offset)
			}
		}
	}
	older := regexp.MustCompile(`^sizeof.*20\d{4}$`)
	for name := range found {
		if !older.MatchString(name) {
			t.Errorf("%s is not in the table", name)
		}
	}
}

func TestFunctionsAgreeWithTable(t *testing.T) {
	type signature struct {
		Params  []struct{ Name, Type string }
		Results []string
	}
	var table []struct {
		Module, Name, Group, Status string
		NoReturn                    bool
		signature
		Variants []signature
	}
	readTable(t, "functions.json", &table)
	lowered := func(module, name string, s signature) string {
		key := module + "." + name + " ("
		for _, p := range s.Params {
			key += " " + p.Type
		}
		return key + " ) -> " + strings.Join(s.Results, " ")
	}
	want := make(map[string]bool) // to whether the name is a legacy one
	for _, f := range table {
		for _, s := range append(f.Variants, f.signature) {
			want[lowered(f.Module, f.Name, s)] = f.Status == "legacy"
		}
	}
	got := make(map[string]bool)
	for _, f := range abi.Functions {
		var s signature
		for i, p := range f.Params {
			s.Params = append(s.Params, struct{ Name, Type string }{f.ParamNames[i], p.String()})
		}
		for _, r := range f.Results {
			s.Results = append(s.Results, r.String())
		}
		key := lowered(f.Module, f.Name, s)
		if got[key] {
			t.Errorf("%s is there twice", key)
		}
		got[key] = true
		if legacy, ok := want[key]; !ok {
			t.Errorf("%s is not in the table", key)
		} else if legacy != f.Legacy {
			t.Errorf("%s: Legacy = %v, want %v", key, f.Legacy, legacy)
		}
		if f.Group == "" || len(f.ParamNames) != len(f.Params) {
			t.Errorf("%s: group %q, names %q", key, f.Group, f.ParamNames)
		}
	}
	for key := range want {
		if !got[key] {
			t.Errorf("%s is missing", key)
		}
	}
}

func TestNames(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{abi.EBADF.Error(), "EBADF"},
		{abi.EBADF.Name(), "BADF"},
		{abi.E2BIG.Error(), "E2BIG"},
		{abi.EPENDING.Name(), "PENDING"},
		{abi.Errno(81).Error(), "errno(81)"},
		{abi.Errno(0xffff).Name(), "errno(65535)"},
		{abi.FiletypeSocketStream.String(), "SOCKET_STREAM"},
		{abi.Filetype(200).String(), "filetype(200)"},
		{abi.SignalInt.String(), "INT"},
		{abi.SockTypeDgram.String(), "DGRAM"},
		{abi.SockOptionReuseAddr.String(), "REUSE_ADDR"},
		{abi.AddressFamilyInet6.String(), "INET6"},
		{abi.Clockid(0xffffffff).String(), "clockid(4294967295)"},
		{abi.ValueTypeI64.String(), "i64"},
		{abi.ValueType(1).String(), "0x1"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}
