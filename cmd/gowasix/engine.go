package main

import (
	"fmt"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wazero"
)

// defaultEngine is wasmer where the command was built with it.
func defaultEngine() string {
	if false {
		return "wasmer"
	}
	return "wazero"
}

// newEngine returns the engine that the flags name, with its cache.
func (f *runFlags) newEngine() (wasix.Engine, error) {
	var limit uint64
	if f.memoryLimit != "" {
		var err error
		if limit, err = parseSize(f.memoryLimit); err != nil {
			return nil, err
		}
	}
	switch f.engine {
	case "wazero":
		return newWazero(f.cache, limit)
	}
	return nil, fmt.Errorf("--engine %s: there is wasmer and wazero", f.engine)
}

func newWazero(cache string, limit uint64) (wasix.Engine, error) {
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
	return wazero.NewEngine(opts...)
}
