package wasix

import (
	"errors"
	"strings"
	"testing"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/wasmfile"
)

// signature makes a signature from letters: "i" is i32, "I" is i64.
func signature(params, results string) wasmfile.Signature {
	types := map[rune]abi.ValueType{'i': abi.ValueTypeI32, 'I': abi.ValueTypeI64, 'f': abi.ValueTypeF32}
	var s wasmfile.Signature
	for _, c := range params {
		s.Params = append(s.Params, types[c])
	}
	for _, c := range results {
		s.Results = append(s.Results, types[c])
	}
	return s
}

func TestLink(t *testing.T) {
	imports := []wasmfile.Import{
		{Module: "wasix_32v1", Name: "sock_listen", Signature: signature("ii", "i")},
		{Module: "wasix_32v1", Name: "thread_spawn", Signature: signature("IIIii", "i")},
		{Module: "wasix_32v1", Name: "thread_spawn", Signature: signature("ii", "i")},
		{Module: "wasi_unstable", Name: "fd_write", Signature: signature("iiii", "i")},
		{Module: "wasix_32v1", Name: "proc_exit", Signature: signature("i", "")},
		{Module: "wasi", Name: "thread-spawn", Signature: signature("i", "i")},
		{Module: "wasix_32v1", Name: "bus_call", Signature: signature("iiiiii", "i")},
		{Module: "gowasix", Name: "memory_atomic_wait64", Signature: signature("iIIi", "i")},
		{Module: "wasix_32v1", Name: "sock_listen", Signature: signature("ii", "i")},
	}
	calls, err := Link(&wasmfile.Info{
		Functions: imports,
		Memory:    &wasmfile.MemoryInfo{Imported: true, Module: "env", Name: "memory"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(calls) != len(imports) {
		t.Fatalf("%d calls for %d imports", len(calls), len(imports))
	}
	for i, s := range calls {
		im := imports[i]
		if s.Module != im.Module || s.Name != im.Name || s.Signature.String() != im.Signature.String() {
			t.Errorf("import %d: got %s.%s %s, want %s.%s %s", i,
				s.Module, s.Name, s.Signature.String(), im.Module, im.Name, im.Signature.String())
		}
	}
	if calls[0] != calls[8] {
		t.Error("the same import has two rows")
	}
	if calls[6].Support != Unsupported {
		t.Errorf("bus_call is %v", calls[6].Support)
	}
}

func TestLinkOwnMemory(t *testing.T) {
	calls, err := Link(&wasmfile.Info{Memory: &wasmfile.MemoryInfo{Export: "memory"}})
	if err != nil || len(calls) != 0 {
		t.Errorf("got %v, %v", calls, err)
	}
}

func TestLinkErrors(t *testing.T) {
	function := func(module, name, params, results string) wasmfile.Info {
		return wasmfile.Info{Functions: []wasmfile.Import{{Module: module, Name: name, Signature: signature(params, results)}}}
	}
	for _, c := range []struct {
		what string
		info wasmfile.Info
		want []string // parts of the message
	}{
		{"64-bit WASIX", function("wasix_64v1", "sock_listen", "ii", "i"), []string{"wasix_64v1.sock_listen", "64-bit memories", "wasm32"}},
		{"unknown module", function("env", "puts", "i", "i"), []string{"env.puts: nobody provides this module", "wasi_snapshot_preview1, wasi_unstable, wasix_32v1"}},
		{"unknown name", function("wasix_32v1", "sock_frob", "ii", "i"), []string{"wasix_32v1.sock_frob: nobody provides a function of this name"}},
		{"name of another module", function("wasi_snapshot_preview1", "sock_listen", "ii", "i"), []string{"nobody provides a function"}},
		{"unknown parameters", function("wasix_32v1", "sock_listen", "iI", "i"), []string{"as (i32, i64) -> i32, but it is (i32, i32) -> i32;"}},
		{"unknown results", function("wasix_32v1", "proc_exit", "i", "f"), []string{"as (i32) -> f32, but it is (i32) -> ();"}},
		{"several signatures", function("wasix_32v1", "proc_fork", "", ""), []string{"() -> (), but it is (i32) -> i32 or (i32, i32) -> i32;"}},
		{"64-bit memory", wasmfile.Info{Memory: &wasmfile.MemoryInfo{Imported: true, Is64: true, Module: "env", Name: "memory"}}, []string{"env.memory (memory)", "64-bit"}},
		{"own 64-bit memory", wasmfile.Info{Memory: &wasmfile.MemoryInfo{Is64: true, Export: "memory"}}, []string{"64-bit"}},
		{"memory among system calls", wasmfile.Info{Memory: &wasmfile.MemoryInfo{Imported: true, Module: "wasix_32v1", Name: "mem"}}, []string{"wasix_32v1.mem (memory)", "not the memory"}},
		{"table", wasmfile.Info{OtherImports: []string{"env.__indirect_function_table (table)"}}, []string{"env.__indirect_function_table (table)", "statically"}},
	} {
		calls, err := Link(&c.info)
		var link *LinkError
		if !errors.As(err, &link) || calls != nil {
			t.Errorf("%s: got %v, %v", c.what, calls, err)
			continue
		}
		if len(link.Imports) != 1 {
			t.Errorf("%s: %d imports", c.what, len(link.Imports))
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q is not in %q", c.what, want, err)
			}
		}
	}
}

func TestLinkListsAllErrors(t *testing.T) {
	var info wasmfile.Info
	for range 12 {
		info.Functions = append(info.Functions, wasmfile.Import{Module: "env", Name: "f"})
	}
	info.OtherImports = []string{"GOT.mem.x (global)"}
	_, err := Link(&info)
	var link *LinkError
	if !errors.As(err, &link) {
		t.Fatal(err)
	}
	if len(link.Imports) != 13 {
		t.Errorf("%d imports, want 13", len(link.Imports))
	}
	if got := strings.Count(err.Error(), "\n"); got != maxUnresolved+1 {
		t.Errorf("%d lines in %q", got, err)
	}
	if !strings.HasSuffix(err.Error(), "and 3 more") {
		t.Errorf("the end of %q does not tell how many there are", err)
	}
}

// Link finds each row by its import.
func TestSyscallsLink(t *testing.T) {
	calls := Syscalls()
	var info wasmfile.Info
	for _, s := range calls {
		info.Functions = append(info.Functions, wasmfile.Import{Module: s.Module, Name: s.Name, Signature: s.Signature})
	}
	linked, err := Link(&info)
	if err != nil {
		t.Fatal(err)
	}
	for i := range calls {
		if linked[i] != calls[i] {
			t.Errorf("%s.%s links to another row", calls[i].Module, calls[i].Name)
		}
	}
}
