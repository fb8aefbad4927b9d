package main

import (
	"fmt"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasmer"
	"github.com/gowasix/gowasix/wazero"
)

// engineNames returns the engines of this build, the default one first.
func engineNames() []string {
	if wasmer.Available {
		return []string{"wasmer", "wazero"}
	}
	return []string{"wazero"}
}

// newEngine returns the engine that the flags name, with its cache.
func (f *runFlags) newEngine() (wasix.Engine, error) {
	var limit uint64
	if f.memoryLimit != "" {
		var err error
		if limit, err = parseSize("--memory-limit", f.memoryLimit); err != nil {
			return nil, err
		}
	}
	switch f.engine {
	case "wasmer":
		return newWasmer(f.cache, limit, f.casts)
	case "wazero":
		return newWazero(f.cache, limit, f.casts)
	}
	return nil, fmt.Errorf("--engine %s: choose wasmer or wazero", f.engine)
}

func newWasmer(cache string, limit uint64, casts bool) (wasix.Engine, error) {
	var opts []wasmer.Option
	switch cache {
	case "":
	case "off":
		opts = append(opts, wasmer.WithoutCache())
	default:
		opts = append(opts, wasmer.WithCache(cache))
	}
	if limit > 0 {
		opts = append(opts, wasmer.WithMemoryLimit(limit))
	}
	if casts {
		opts = append(opts, wasmer.WithCasts())
	}
	return wasmer.NewEngine(opts...)
}

func newWazero(cache string, limit uint64, casts bool) (wasix.Engine, error) {
	var opts []wazero.Option
	switch cache {
	case "":
	case "off":
		opts = append(opts, wazero.WithoutCache())
	default:
		opts = append(opts, wazero.WithCache(cache))
	}
	if limit > 0 {
		opts = append(opts, wazero.WithMemoryLimit(limit))
	}
	if casts {
		opts = append(opts, wazero.WithCasts())
	}
	return wazero.NewEngine(opts...)
}
