package wasix

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/wasmfile"
)

// LinkError lists the imports of a binary that nobody provides.
type LinkError struct {
	Imports []UnresolvedImport
}

// UnresolvedImport is an import that nobody provides.
type UnresolvedImport struct {
	Name   string // "module.name", with "(kind)" unless it is a function
	Reason string // a sentence without a capital and a full stop
}

// maxUnresolved bounds the lines of a LinkError's message.
const maxUnresolved = 10

// Error lists the imports, one to a line, with the reason of each.
func (e *LinkError) Error() string {
	if len(e.Imports) == 1 {
		return "wasix: cannot link " + e.Imports[0].String()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "wasix: cannot link %d imports:", len(e.Imports))
	for i, u := range e.Imports {
		if i == maxUnresolved {
			fmt.Fprintf(&b, "\n\tand %d more", len(e.Imports)-i)
			break
		}
		b.WriteString("\n\t" + u.String())
	}
	return b.String()
}

func (u UnresolvedImport) String() string { return u.Name + ": " + u.Reason }

// Reasons for not linking.
const (
	reason64 = "programs for 64-bit memories do not run, as no engine here has them; " +
		"build for wasm32, which imports wasix_32v1"
	reasonMemory = "system calls come from this module, not the memory"
	reasonOther  = "only functions and the memory can be imported; link the program statically"
)

// Link returns the row of the system call table for each function that a binary
// imports, in the binary's order and by its own signatures. The error is a
// [*LinkError] with all imports that nobody provides; calls that the table
// lists as [Unsupported] link and answer ENOSYS. Link may be called concurrently.
func Link(info *wasmfile.Info) ([]*Syscall, error) {
	index.once.Do(buildIndex)
	calls := make([]*Syscall, len(info.Functions))
	var failed LinkError
	for i, im := range info.Functions {
		calls[i] = index.byImport[importKey{im.Module + "." + im.Name, im.Signature.String()}]
		if calls[i] == nil {
			failed.add(im.Module+"."+im.Name, unresolvedReason(im))
		}
	}
	if m := info.Memory; m != nil {
		failed.addMemory(m)
	}
	for _, name := range info.OtherImports {
		failed.add(name, reasonOther)
	}
	if len(failed.Imports) > 0 {
		return nil, &failed
	}
	return calls, nil
}

func (e *LinkError) add(name, reason string) {
	e.Imports = append(e.Imports, UnresolvedImport{name, reason})
}

func (e *LinkError) addMemory(m *wasmfile.MemoryInfo) {
	name := "memory"
	if m.Imported {
		name = m.Module + "." + m.Name + " (memory)"
	}
	switch {
	case m.Is64:
		e.add(name, reason64)
	case m.Imported && slices.Contains(index.modules, m.Module):
		e.add(name, reasonMemory)
	}
}

// unresolvedReason tells why no row of the table fits the import.
func unresolvedReason(im wasmfile.Import) string {
	if im.Module == "wasix_64v1" {
		return reason64
	}
	if known := index.byName[im.Module+"."+im.Name]; known != nil {
		forms := make([]string, len(known))
		for i, s := range known {
			forms[i] = s.Signature.String()
		}
		return fmt.Sprintf("the binary calls it as %s, but it is %s; rebuild the program with a released toolchain",
			im.Signature.String(), strings.Join(forms, " or "))
	}
	for _, module := range index.modules {
		if module == im.Module {
			return "nobody provides a function of this name; " +
				"if it is a function of the program itself, link the library that has it"
		}
	}
	return "nobody provides this module; programs may import from " + strings.Join(index.modules, ", ")
}

func valueTypes(types []abi.ValueType, separator string) string {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = t.String()
	}
	return strings.Join(names, separator)
}
