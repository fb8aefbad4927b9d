package wasix

import (
	"fmt"
	"slices"

	"github.com/gowasix/gowasix/wasix/wasmfile"
)

// image is the program that a process runs, with its memory. Exec puts another
// in its place.
type image struct {
	name    string
	module  Module
	memory  Memory // the memory the module imports, or nil
	charge  memoryCharge
	args    []string
	environ []string
	futexes futexTable
	locals  threadLocals

	asyncify  bool // has the exports of Binaryen's asyncify
	wasix     bool // made for WASIX, not plain WASI
	longAddrs bool // see hasLongAddrs
}

// imageOf returns an image of mod without memory and arguments.
func imageOf(mod Module) *image {
	info := mod.Info()
	return &image{
		module: mod, asyncify: hasAsyncify(info), wasix: importsFrom(info, "wasix_32v1", "wasix_64v1"),
		longAddrs: hasLongAddrs(info),
	}
}

// importsFrom reports whether the program imports a function from one of the modules.
func importsFrom(info *wasmfile.Info, modules ...string) bool {
	return slices.ContainsFunc(info.Functions, func(f wasmfile.Import) bool {
		return slices.Contains(modules, f.Module)
	})
}

// newImage returns an image of mod with memory that is zero, which is charged to the
// tree in the place of that of old, if any. The memory has the size that the module
// asks for, or up to size when that is more. args[0] is the name. Errors are
// errMemoryLimit and the engine's.
func (s *system) newImage(mod Module, args, environ []string, old *image, size uint64) (*image, error) {
	im := imageOf(mod)
	im.name, im.args, im.environ = programName(args), args, environ
	im.charge.budget = s.budget
	if old == nil {
		old = &image{charge: memoryCharge{budget: s.budget}}
	}
	initial := im.initialMemory()
	if im.memory = s.spares.take(mod, initial, max(initial, size)); im.memory != nil {
		initial = uint64(len(im.memory.Bytes()))
	}
	if !im.charge.replace(&old.charge, initial) {
		im.close()
		return nil, errMemoryLimit
	}
	if im.memory != nil {
		return im, nil
	}
	var err error
	if im.memory, err = mod.NewMemory(); err != nil {
		im.close()
		return nil, fmt.Errorf("memory: %w", err)
	}
	return im, nil
}

// initialMemory returns the size of the memory that the program begins with.
func (im *image) initialMemory() uint64 {
	m := im.module.Info().Memory
	if m == nil {
		return 0
	}
	return m.Min * wasmPageSize
}

func programName(args []string) string {
	if len(args) == 0 {
		return "guest"
	}
	return args[0]
}

// salvage gives the memory of an image, whose charge is given back, to the next
// process, once no instance is left on it.
func (s *system) salvage(im *image) {
	if im.memory != nil {
		s.spares.put(im.module, im.memory)
	}
}

// close frees the memory, once no instance is left on it.
func (im *image) close() {
	im.charge.close()
	if im.memory != nil {
		_ = im.memory.Close()
	}
}
