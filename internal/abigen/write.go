package main

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
)

func writeErrno(b *bytes.Buffer, t *tables) {
	errno := t.Types["errno"]
	names := byValue(errno.Values)
	b.WriteString("// The errors. ESUCCESS is none.\nconst (\n")
	for _, name := range names {
		fmt.Fprintf(b, "E%s Errno = %d\n", name, errno.Values[name])
	}
	b.WriteString(")\n\n")
	writeNames(b, "errno", errno.Values, names)
}

func writeTypes(b *bytes.Buffer, t *tables) {
	b.WriteString("import \"strconv\"\n")
	for _, name := range slices.Sorted(maps.Keys(t.Types)) {
		if name != "errno" {
			writeType(b, name, t.Types[name])
		}
	}
}

func writeType(b *bytes.Buffer, name string, e enum) {
	typ := camel(name)
	values := e.Values
	if e.Wire != nil {
		values = e.Wire
	}
	fmt.Fprintf(b, "\n// %s is the %s %s.\ntype %s %s\n\n", typ, e.Kind, name, typ, goType(e.Width))
	fmt.Fprintf(b, "// Values of %s.\nconst (\n", typ)
	names := byValue(values)
	for _, v := range names {
		format := "%s%s %s = %d\n"
		if e.Kind == "flags" {
			format = "%s%s %s = %#x\n"
		}
		fmt.Fprintf(b, format, typ, camel(trim(name, v)), typ, values[v])
	}
	b.WriteString(")\n\n")
	if slices.Contains(printed, name) {
		writeNames(b, name, values, names)
		writeString(b, name, typ)
	}
}

// writeNames writes the table of a type's names, indexed by value.
func writeNames(b *bytes.Buffer, typ string, values map[string]uint64, names []string) {
	fmt.Fprintf(b, "var %sNames = [...]string{\n", lower(typ))
	for _, v := range names {
		fmt.Fprintf(b, "%d: %q,\n", values[v], trim(typ, v))
	}
	b.WriteString("}\n\n")
}

func writeString(b *bytes.Buffer, name, typ string) {
	fmt.Fprintf(b, `
// String returns the name of the value.
func (v %[1]s) String() string {
	if int(v) < len(%[2]sNames) {
		return %[2]sNames[v]
	}
	return "%[3]s(" + strconv.Itoa(int(v)) + ")"
}
`, typ, lower(name), name)
}

func writeLayouts(b *bytes.Buffer, t *tables) {
	for _, name := range slices.Sorted(maps.Keys(t.Layouts)) {
		l := t.Layouts[name]
		typ := camel(name)
		fmt.Fprintf(b, "// The %s %s, in bytes.\nconst (\nSizeof%s = %d\n", l.Kind, name, typ, l.Size)
		for _, f := range l.Fields {
			fmt.Fprintf(b, "Offsetof%s%s = %d\n", typ, fieldName(f.Name), f.Offset)
		}
		for _, old := range l.Older {
			if old.Size != l.Size {
				fmt.Fprintf(b, "Sizeof%s%s = %d // %s\n", typ, eraSuffix(old.Era), old.Size, old.Era)
			}
		}
		b.WriteString(")\n\n")
	}
}

// eraSuffix turns "2023-03 (...)" into "202303".
func eraSuffix(era string) string {
	return strings.ReplaceAll(era[:len("2023-03")], "-", "")
}

func writeFunctions(b *bytes.Buffer, t *tables) {
	b.WriteString(`// Functions lists every import that a WASI or WASIX binary may have: one
// element for each module, name and signature. A name's usual signature comes
// before its variants.
var Functions = []Function{
`)
	for _, f := range t.Functions {
		seen := make(map[string]bool)
		for i, s := range append([]signature{f.signature}, f.Variants...) {
			if key := lowered(s); !seen[key] {
				seen[key] = true
				writeFunction(b, f, s, i > 0)
			}
		}
	}
	b.WriteString("}\n")
}

func writeFunction(b *bytes.Buffer, f function, s signature, variant bool) {
	fmt.Fprintf(b, "{Module: %q, Name: %q, Group: %q, Params: %s, ParamNames: %s, Results: %s",
		f.Module, f.Name, f.Group, valueTypes(paramTypes(s)), stringList(paramNames(s)), valueTypes(s.Results))
	flags := []struct {
		name string
		set  bool
	}{{"Legacy", f.Status == "legacy"}, {"Variant", variant}, {"NoReturn", f.NoReturn && len(s.Results) == 0}}
	for _, flag := range flags {
		if flag.set {
			fmt.Fprintf(b, ", %s: true", flag.name)
		}
	}
	b.WriteString("},\n")
}

func lowered(s signature) string {
	return strings.Join(paramTypes(s), ",") + "->" + strings.Join(s.Results, ",")
}

func paramTypes(s signature) []string {
	types := make([]string, len(s.Params))
	for i, p := range s.Params {
		types[i] = p.Type
	}
	return types
}

func paramNames(s signature) []string {
	names := make([]string, len(s.Params))
	for i, p := range s.Params {
		names[i] = p.Name
	}
	return names
}

func valueTypes(types []string) string {
	if len(types) == 0 {
		return "nil"
	}
	return "[]ValueType{" + strings.Join(types, ", ") + "}"
}

func stringList(list []string) string {
	if len(list) == 0 {
		return "nil"
	}
	return fmt.Sprintf("%#v", list)
}

func lower(name string) string {
	c := camel(name)
	return strings.ToLower(c[:1]) + c[1:]
}

func goType(width string) string { return "uint" + strings.TrimPrefix(width, "u") }
