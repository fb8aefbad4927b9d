package wasix

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gowasix/gowasix/wasix/abi"
)

// cParam is a parameter as the C headers declare it.
type cParam struct {
	Name  string
	Type  string
	CType string `json:"c_type"`
}

// cDeclarations has the parameters of the system calls by module, name and
// signature, and the sizes of what their pointers lead to by C type.
type cDeclarations struct {
	params map[importKey][]cParam
	sizes  map[string]uint64
}

// readDeclarations reads the tables that package abi is generated from.
func readDeclarations(t testing.TB) *cDeclarations {
	t.Helper()
	var functions []struct {
		Module, Name string
		Params       []cParam
		Results      []string
	}
	readTable(t, "functions.json", &functions)
	d := &cDeclarations{map[importKey][]cParam{}, map[string]uint64{
		"uint8_t": 1, "uint8_t *": 4, "uint32_t": 4, "__wasi_tl_key_t": 4, "__wasi_tl_val_t": 8,
	}}
	for _, f := range functions {
		var types []string
		for _, p := range f.Params {
			types = append(types, p.Type)
		}
		result := "()"
		if len(f.Results) == 1 {
			result = f.Results[0]
		}
		d.params[importKey{f.Module + "." + f.Name, "(" + strings.Join(types, ", ") + ") -> " + result}] = f.Params
	}
	type sizes map[string]struct {
		CType string `json:"c_type"`
		Size  uint64
	}
	var layouts, types struct{ Types, Snapshot0, Scalars sizes }
	readTable(t, "layouts.json", &layouts)
	readTable(t, "types.json", &types)
	for _, table := range []sizes{layouts.Types, layouts.Snapshot0, types.Types, types.Scalars} {
		for _, typ := range table {
			d.sizes[typ.CType] = typ.Size
		}
	}
	return d
}

func readTable(t testing.TB, name string, table any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../testdata/abi", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, table); err != nil {
		t.Fatal(err)
	}
}

// undeclared are the calls that have forms which today's headers do not declare:
// so many of the last parameters lead to results, of 32 bits.
var undeclared = map[string]int{
	"wasix_32v1.callback_signal": 0,
	"wasix_32v1.proc_join":       2,
	"wasix_32v1.stack_restore":   0,
	"wasix_32v1.thread_exit":     0,
	"wasix_32v1.thread_spawn":    1,
}

// span is a range of guest memory.
type span struct{ from, to uint64 }

// writable returns where a call may write, by its declaration.
func (d *cDeclarations) writable(call *Syscall, stack []uint64, mem []byte) (spans []span) {
	params, declared := d.params[keyOf(call)]
	if !declared {
		for _, v := range stack[len(stack)-undeclared[keyOf(call).name]:] {
			spans = append(spans, span{uint64(uint32(v)), uint64(uint32(v)) + 4})
		}
		return spans
	}
	for i, p := range params {
		at := uint64(uint32(stack[i]))
		if strings.HasPrefix(p.CType, "const __wasi_iovec_t") {
			spans = append(spans, buffersAt(mem, at, uint64(uint32(stack[i+1])))...)
			continue
		}
		typ, ok := resultType(p)
		if !ok {
			continue
		}
		count := uint64(1)
		if i+1 < len(params) {
			count = countOf(params[i+1], stack[i+1], mem)
		}
		spans = append(spans, span{at, at + count*d.sizes[typ]})
	}
	return spans
}

func keyOf(call *Syscall) importKey {
	return importKey{call.Module + "." + call.Name, call.Signature.String()}
}

// resultType returns the type of what p leads to, if a call may write there.
func resultType(p cParam) (typ string, ok bool) {
	typ, pointer := strings.CutSuffix(p.CType, "*")
	typ = strings.TrimSpace(typ)
	return typ, pointer && typ != "void" && !strings.HasPrefix(typ, "const ")
}

// countOf returns how many elements lie behind the pointer before parameter p:
// what p says when it is a length, or leads to one.
func countOf(p cParam, v uint64, mem []byte) uint64 {
	switch p.Name {
	case "nsubscriptions", "maxevents", "naddrs", "nroutes":
	default:
		if !strings.HasSuffix(p.Name, "_len") {
			return 1
		}
	}
	if !strings.HasSuffix(p.CType, "*") {
		return uint64(uint32(v))
	}
	if at := uint64(uint32(v)); at+4 <= uint64(len(mem)) {
		return uint64(binary.LittleEndian.Uint32(mem[at:]))
	}
	return 0
}

// buffersAt returns the buffers of n iovecs.
func buffersAt(mem []byte, at, n uint64) (spans []span) {
	for ; n > 0 && at+abi.SizeofIovec <= uint64(len(mem)); n-- {
		buf := uint64(binary.LittleEndian.Uint32(mem[at+abi.OffsetofIovecBuf:]))
		size := uint64(binary.LittleEndian.Uint32(mem[at+abi.OffsetofIovecBufLen:]))
		spans = append(spans, span{buf, buf + size})
		at += abi.SizeofIovec
	}
	return spans
}

// addSeeds adds, after the calls of prepared, each call that works, with parameters
// as they are meant: one of the first descriptors, pointers that are apart, buffers that exist.
func (d *cDeclarations) addSeeds(f *testing.F, calls []*Syscall, prepared []byte) {
	const bufferAt, apart = 0x800, 0x1000
	value := func(script []byte, v uint64) []byte { // see callScript.param
		return append(script, 96, byte(v), byte(v>>8))
	}
	for i, call := range calls {
		for fd := uint64(3); fd < 7 && call.Support != Unsupported; fd++ {
			mem := maskedMemory()
			script := binary.LittleEndian.AppendUint16(slices.Clone(prepared), uint16(i))
			for n, p := range d.params[keyOf(call)] {
				v, at := uint64(0), apart*uint64(n+1)
				switch {
				case p.CType == "__wasi_fd_t":
					v = fd
				case strings.HasSuffix(p.CType, "*"):
					v = at
				case strings.HasSuffix(p.Name, "len") || strings.HasPrefix(p.Name, "n") || p.Name == "maxevents":
					v = 1
				}
				if strings.Contains(p.CType, "iovec") {
					binary.LittleEndian.PutUint64(mem[at:], 9<<32|bufferAt)
				}
				script = value(script, v)
			}
			f.Add(script, mem)
		}
	}
}

// call makes a call and fails the test when it writes where it may not.
func (d *cDeclarations) call(t *testing.T, thread *Thread, mem []byte, call *Syscall, stack []uint64) error {
	t.Helper()
	before, params := slices.Clone(mem), slices.Clone(stack)
	allowed := d.writable(call, stack, mem)
	err := call.Call(thread, mem, stack)
	if bytes.Equal(before, mem) {
		return err
	}
	for at := range mem {
		inside := func(s span) bool { return s.from <= uint64(at) && uint64(at) < s.to }
		if mem[at] != before[at] && !slices.ContainsFunc(allowed, inside) {
			t.Fatalf("%s.%s %#x writes %#x at %#x", call.Module, call.Name, params, mem[at], at)
		}
	}
	return err
}

// What each call that works may write is known.
func TestFuzzedCallsAreDeclared(t *testing.T) {
	d := readDeclarations(t)
	for _, call := range Syscalls() {
		params, declared := d.params[keyOf(call)]
		_, listed := undeclared[keyOf(call).name]
		if call.Support != Unsupported && !declared && !listed && call.Module != "gowasix" {
			t.Errorf("%s.%s %s is not declared", call.Module, call.Name, call.Signature)
		}
		for _, p := range params {
			if typ, ok := resultType(p); ok && call.Support != Unsupported && d.sizes[typ] == 0 {
				t.Errorf("%s.%s: %s has no size", call.Module, call.Name, typ)
			}
		}
	}
}
