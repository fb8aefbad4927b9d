package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// tables are the three ABI tables, as far as code is generated from them.
type tables struct {
	Types     map[string]enum
	Layouts   map[string]layout
	Functions []function
}

// enum is an enumeration or a set of flags.
type enum struct {
	Kind  string
	Width string // u8, u16, u32, u64
	Note  string
	// Values are those of the header; Wire, where present, are the numbers
	// that guests really pass.
	Values map[string]uint64
	Wire   map[string]uint64 `json:"wire_values"`
}

// layout is a struct or union in guest memory.
type layout struct {
	Kind   string
	Size   int
	Fields []struct {
		Name   string
		Offset int
	}
	Older []struct {
		Era  string
		Size int
	}
}

// function is one import and its other signatures.
type function struct {
	Module, Name, Status, Group string
	NoReturn                    bool
	signature
	Variants []signature
}

type signature struct {
	Params  []struct{ Name, Type string }
	Results []string
}

func readTables(dir string) (*tables, error) {
	var t tables
	if err := readJSON(filepath.Join(dir, "types.json"), &t); err != nil {
		return nil, err
	}
	if err := readJSON(filepath.Join(dir, "functions.json"), &t.Functions); err != nil {
		return nil, err
	}
	var l struct{ Types, Snapshot0, Legacy, Extra map[string]layout }
	if err := readJSON(filepath.Join(dir, "layouts.json"), &l); err != nil {
		return nil, err
	}
	t.Layouts = make(map[string]layout)
	for _, section := range []map[string]layout{l.Types, l.Snapshot0, l.Legacy, l.Extra} {
		for name, v := range section {
			if v.Kind != "struct" && v.Kind != "union" {
				continue // a remark
			}
			if _, ok := t.Layouts[name]; ok {
				return nil, fmt.Errorf("layouts.json: %s is there twice", name)
			}
			t.Layouts[name] = v
		}
	}
	return &t, nil
}

func readJSON(name string, v any) error {
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
