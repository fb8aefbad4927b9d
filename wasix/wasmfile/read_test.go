package wasmfile_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/wasmfile"
)

func TestRead(t *testing.T) {
	in := wasm(
		customSec("dylink.0"),
		sec(1, functype(2, 1), functype(0, 0), cat(op(0x60), sized(op(i64, v128)), sized(nil))),
		sec(2,
			importOf("wasix_32v1", "sock_listen", 0, 0),
			importOf("env", "table", 1, funcref, 0, 4),
			importOf("env", "memory", 2, 3, 2, 0x80, 0x80, 4),
			importOf("env", "base", 3, i32, 0),
			importOf("env", "tag", 4, 0, 1),
			importOf("env", "vectors", 0, 2),
		),
		sec(3, u(1)),
		sec(6, op(i32, 1, i32Const, 0, end)),
		sec(7,
			exportOf("_start", 0, 2), exportOf("listen", 0, 0), exportOf("memory", 2, 0),
			exportOf("__stack_pointer", 3, 1), exportOf("base", 3, 0), exportOf("table", 1, 0)),
		rawSec(8, u(2)),
		sec(10, fn()),
		customSec("name"),
	)
	info, err := wasmfile.Read(in)
	if err != nil {
		t.Fatal(err)
	}
	i := abi.ValueTypeI32
	listen := wasmfile.Signature{Params: []abi.ValueType{i, i}, Results: []abi.ValueType{i}}
	vectors := wasmfile.Signature{Params: []abi.ValueType{abi.ValueTypeI64, abi.ValueTypeV128}}
	want := &wasmfile.Info{
		Functions: []wasmfile.Import{
			{Module: "wasix_32v1", Name: "sock_listen", Signature: listen},
			{Module: "env", Name: "vectors", Signature: vectors},
		},
		OtherImports: []string{"env.table (table)", "env.base (global)", "env.tag (tag)"},
		Memory: &wasmfile.MemoryInfo{
			Imported: true, Module: "env", Name: "memory", Export: "memory",
			Min: 2, Max: 65536, HasMax: true, Shared: true,
		},
		Exports:        map[string]wasmfile.Signature{"_start": {}, "listen": listen},
		Globals:        map[string]wasmfile.GlobalType{"__stack_pointer": {Type: i, Mutable: true}, "base": {Type: i}},
		HasStart:       true,
		CustomSections: []string{"dylink.0", "name"},
		Features: wasmfile.FeatureThreads | wasmfile.FeatureSIMD | wasmfile.FeatureExceptions |
			wasmfile.FeatureMutableGlobals,
	}
	if !reflect.DeepEqual(info, want) {
		t.Errorf("got\n%+v\nwant\n%+v", info, want)
	}
}

func TestReadMemory(t *testing.T) {
	cases := []struct {
		limits []byte
		want   wasmfile.MemoryInfo
	}{
		{op(0, 3), wasmfile.MemoryInfo{Min: 3, Max: 65536}},
		{op(1, 3, 5), wasmfile.MemoryInfo{Min: 3, Max: 5, HasMax: true}},
		{op(3, 0, 0), wasmfile.MemoryInfo{HasMax: true, Shared: true}},
		{op(4, 3), wasmfile.MemoryInfo{Min: 3, Max: 1 << 48, Is64: true}},
	}
	for _, c := range cases {
		info, err := wasmfile.Read(wasm(sec(5, c.limits)))
		if err != nil {
			t.Fatal(err)
		}
		if *info.Memory != c.want {
			t.Errorf("% x: %+v, want %+v", c.limits, *info.Memory, c.want)
		}
	}
}

func TestReadEmpty(t *testing.T) {
	info, err := wasmfile.Read(wasm())
	if err != nil {
		t.Fatal(err)
	}
	if info.Memory != nil || info.Features != 0 || len(info.Exports) != 0 {
		t.Errorf("%+v", info)
	}
}

// TestReadFeatures has one instruction or declaration for each feature.
func TestReadFeatures(t *testing.T) {
	code := func(instructions ...byte) []byte {
		return wasm(sec(1, functype(0, 0)), sec(3, u(0)), sec(10, fn(instructions)))
	}
	const legacy = wasmfile.FeatureExceptions | wasmfile.FeatureLegacyExceptions
	cases := []struct {
		name string
		in   []byte
		want wasmfile.Features
	}{
		{"none", code(nop), 0},
		{"one-byte table index", code(unreachable, callIndirect, 0, 0), 0},
		{"padded table index", code(unreachable, callIndirect, 0, 0x80, 0), wasmfile.FeatureReferenceTypes},
		{"atomic load", code(atoms, 0x10, 2, 0), wasmfile.FeatureThreads},
		{"fence", code(atoms, 3, 0), wasmfile.FeatureThreads},
		{"shared memory", wasm(sec(5, sharedMemory)), wasmfile.FeatureThreads},
		{"vector", code(simd, 0x0e), wasmfile.FeatureSIMD},
		{"vector local", wasm(sec(1, functype(0, 0)), sec(3, u(0)), sec(10, sized(op(1, 1, v128, end)))), wasmfile.FeatureSIMD},
		{"relaxed vector", code(simd, 0x80, 2), wasmfile.FeatureSIMD | wasmfile.FeatureRelaxedSIMD},
		{"memory.copy", code(misc, 10, 0, 0), wasmfile.FeatureBulkMemory},
		{"memory.fill of another memory", code(misc, 11, 1), wasmfile.FeatureBulkMemory | wasmfile.FeatureMultiMemory},
		{"passive data", wasm(sec(11, op(1, 0))), wasmfile.FeatureBulkMemory},
		{"saturating", code(misc, 7), wasmfile.FeatureNontrappingFPToInt},
		{"wide arithmetic", code(misc, 19), wasmfile.FeatureWideArithmetic},
		{"sign extension", code(0xc4), wasmfile.FeatureSignExtension},
		{"ref.null", code(refNull, extern), wasmfile.FeatureReferenceTypes},
		{"two tables", wasm(sec(4, op(funcref, 0, 0), op(funcref, 0, 0))), wasmfile.FeatureReferenceTypes},
		{"tail call", code(returnCall, 0), wasmfile.FeatureTailCall},
		{"call_ref", code(0x14, 0), wasmfile.FeatureFunctionReferences},
		{"try", code(0x06, 0x40, 0x19, end), legacy},
		{"delegate", code(0x06, 0x40, 0x18, 0), legacy},
		{"try_table", code(0x1f, 0x40, 2, 0, 0, 0, 2, 0, end), wasmfile.FeatureExceptions},
		{"tag", wasm(sec(1, functype(0, 0)), sec(13, op(0, 0))), wasmfile.FeatureExceptions},
		{"exnref", code(0x02, 0x69, unreachable, end, drop), wasmfile.FeatureExceptions | wasmfile.FeatureReferenceTypes},
		{"two memories", wasm(sec(5, plainMemory, plainMemory)), wasmfile.FeatureMultiMemory},
		{"64-bit memory", wasm(sec(5, op(4, 1))), wasmfile.FeatureMemory64},
		{"sum in a constant", wasm(sec(6, op(i32, 0, i32Const, 1, i32Const, 2, i32Add, end))), wasmfile.FeatureExtendedConst},
		{"multiple results", wasm(sec(1, functype(0, 2))), wasmfile.FeatureMultiValue},
		{"block with a type", code(0x02, 0, end), wasmfile.FeatureMultiValue},
		{"structure", wasm(sec(1, op(0x5f, 1, 0x78, 1))), wasmfile.FeatureGC},
		{"recursive types", wasm(sec(1, op(0x4e, 1, 0x50, 0, 0x5e, i32, 0))), wasmfile.FeatureGC},
		{"ref.i31", code(0xfb, 28), wasmfile.FeatureGC},
		{"mutable global", wasm(sec(6, op(i32, 1, i32Const, 0, end)), sec(7, exportOf("g", 3, 0))), wasmfile.FeatureMutableGlobals},
	}
	for _, c := range cases {
		info, err := wasmfile.Read(c.in)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if info.Features != c.want {
			t.Errorf("%s: %v, want %v", c.name, info.Features, c.want)
		}
	}
}

func TestFeaturesString(t *testing.T) {
	f := wasmfile.FeatureThreads | wasmfile.FeatureBulkMemory | wasmfile.FeatureWideArithmetic
	if got, want := f.String(), "atomics, bulk-memory, wide-arithmetic"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestReadNotWasm(t *testing.T) {
	cases := []struct{ in, says string }{
		{"", "empty"},
		{"\x00asm", "ends after 4 bytes"},
		{"\x7fELF\x02\x01\x01", "ELF"},
		{"#!/bin/sh\n", "script"},
		{"\n (module)", "text"},
		{";; a comment", "text"},
		{"\x00webc001", "Wasmer package"},
		{"<!DOCTYPE html>", "HTML"},
		{"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"},
		{"\x01\x02\x03", "starts with 01 02 03"},
	}
	for _, c := range cases {
		_, err := wasmfile.Read([]byte(c.in))
		if !errors.Is(err, wasmfile.ErrNotWasm) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q: error %v, want ErrNotWasm that says %q", c.in, err, c.says)
		}
	}
	_, err := wasmfile.Read([]byte("\x00asm\x0d\x00\x01\x00"))
	if !errors.Is(err, wasmfile.ErrComponent) {
		t.Errorf("component: error %v", err)
	}
}

func TestReadMalformed(t *testing.T) {
	code := func(body ...byte) []byte {
		return wasm(sec(1, functype(0, 0)), sec(3, u(0)), sec(10, sized(body)))
	}
	cases := []struct {
		name    string
		in      []byte
		section string
		offset  int
		says    string
	}{
		{"version", []byte("\x00asm\x02\x00\x00\x00"), "", 4, "unknown version 02 00 00 00"},
		{"section id", wasm(op(77, 0)), "", 8, "unknown section 77"},
		{"truncated section", wasm(op(1, 9, 1)), "type", 8, "9 bytes long, but the file ends after 1"},
		{"truncated section size", wasm(op(1, 0x80)), "", 10, "unexpected end"},
		{"section size of too many bits", wasm(op(1, 0xff, 0xff, 0xff, 0xff, 0x1f)), "", 9, "32 bits"},
		{"section size of too many bytes", wasm(op(1, 0x80, 0x80, 0x80, 0x80, 0x80, 0)), "", 9, "32 bits"},
		{"section order", wasm(sec(3), sec(1)), "", 11, "misplaced or occurs twice"},
		{"section twice", wasm(sec(1), sec(1)), "", 11, "misplaced or occurs twice"},
		{"rest of a section", wasm(rawSec(1, op(0, 7))), "type", 11, "1 bytes follow"},
		{"huge count", wasm(rawSec(1, op(0xff, 0xff, 0xff, 0xff, 0x0f))), "type", 10, "count 4294967295"},
		{"form of a type", wasm(sec(1, op(0x61))), "type", 11, "unknown form of type 0x61"},
		{"value type", wasm(sec(1, op(0x60, 1, 0x7a, 0))), "type", 13, "unknown type 0x7a"},
		{"name not UTF-8", wasm(sec(2, importOf("\xff", "x", 3, i32, 0))), "import", 11, "UTF-8"},
		{"kind of an import", wasm(sec(2, importOf("a", "b", 9, 0))), "import", 15, "unknown kind 9"},
		{"type of an import", wasm(sec(2, importOf("a", "b", 0, 0))), "import", 16, "type 0"},
		{"memory flags", wasm(sec(5, op(8, 0))), "memory", 11, "unknown flags"},
		{"memory limits", wasm(sec(5, op(1, 2, 1))), "memory", 12, "minimum 2 exceeds maximum 1"},
		{"memory size", wasm(sec(5, op(0, 0x81, 0x80, 4))), "memory", 11, "65536 pages"},
		{"shared without maximum", wasm(sec(5, op(2, 0))), "memory", 11, "no maximum"},
		{"export twice", wasm(sec(5, plainMemory), sec(7, exportOf("m", 2, 0), exportOf("m", 2, 0))), "export", 21, `"m" is exported twice`},
		{"export of nothing", wasm(sec(7, exportOf("f", 0, 0))), "export", 14, "function 0 of 0"},
		{"start of nothing", wasm(rawSec(8, u(3))), "start", 10, "function 3 of 0"},
		{"segment flags", wasm(sec(9, op(8))), "element", 11, "unknown flags 0x8"},
		{"function without body", wasm(sec(1, functype(0, 0)), sec(3, u(0))), "", 18, "1 functions, but 0 bodies"},
		{"body without function", wasm(sec(10, fn())), "code", 10, "1 bodies for 0 functions"},
		{"data count", wasm(rawSec(12, u(2))), "", 11, "2 data segments announced, but there are 0"},
		{"locals", code(2, 0xd0, 0x86, 3, i32, 1, i64, end), "code", 27, "function 0: more than 50000 locals"},
		{"unknown instruction", code(0, nop, 0x27), "code", 24, "function 0: unknown instruction 0x27"},
		{"unknown prefixed instruction", code(0, misc, 18, end), "code", 23, "function 0: unknown instruction 0xfc 18"},
		{"unknown vector instruction", code(0, simd, 0x9a, 1, end), "code", 23, "function 0: unknown instruction 0xfd 154"},
		{"no end", code(0, nop), "code", 24, "function 0: unexpected end"},
		{"code after the end", code(0, end, nop), "code", 24, "function 0: 1 bytes follow"},
		{"call of nothing", code(0, call, 1, end), "code", 24, "function 0: function 1 of 1"},
		{"constant of too many bits", code(0, i32Const, 0xff, 0xff, 0xff, 0xff, 0x4f, end), "code", 24, "32 bits"},
		{"truncated constant", code(0, 0x44, 0, 0, end), "code", 27, "unexpected end"},
		{"block type", code(0, 0x02, 5, end, end), "code", 24, "no type of a function"},
		{"alignment", code(0, 0x28, 0x80, 1, 0, end), "code", 24, "unknown flags 0x80 of an address"},
		{"delegate", code(0, 0x18, 0), "code", 23, "outside of a try block"},
		{"branch table", code(0, 0x0e, 0xff, 0xff, 3, 0, end), "code", 24, "count 65535"},
	}
	for _, c := range cases {
		_, err := wasmfile.Read(c.in)
		var format *wasmfile.FormatError
		if !errors.As(err, &format) {
			t.Errorf("%s: error %v, want a FormatError", c.name, err)
			continue
		}
		if format.Section != c.section || format.Offset != c.offset || !strings.Contains(format.Reason, c.says) {
			t.Errorf("%s: %v; want %q in section %q at %#x", c.name, err, c.says, c.section, c.offset)
		}
		if _, err := wasmfile.Rewrite(c.in, both); !errors.As(err, &format) {
			t.Errorf("%s: error of Rewrite is %v", c.name, err)
		}
	}
}

// TestReadTruncated cuts a binary at every place.
func TestReadTruncated(t *testing.T) {
	in := program{tables: oneTable, run: konst(1)}.binary()
	for n := range in {
		info, err := wasmfile.Read(in[:n])
		if err == nil && info.Memory != nil {
			t.Errorf("%d of %d bytes: no error", n, len(in))
		}
	}
}
