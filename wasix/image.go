package wasix

import "fmt"

// image is the program that a process runs, with its memory. Exec puts another
// in its place.
type image struct {
	name    string
	module  Module
	memory  Memory // the memory the module imports, or nil
	args    []string
	environ []string
	futexes futexTable
	locals  threadLocals

	longAddrs bool // see hasLongAddrs
}

// newImage returns an image of mod with fresh memory. args[0] is the name.
func newImage(mod Module, args, environ []string) (*image, error) {
	memory, err := mod.NewMemory()
	if err != nil {
		return nil, fmt.Errorf("memory: %w", err)
	}
	return &image{
		name: programName(args), module: mod, memory: memory, args: args, environ: environ,
		longAddrs: hasLongAddrs(mod.Info()),
	}, nil
}

func programName(args []string) string {
	if len(args) == 0 {
		return "guest"
	}
	return args[0]
}

// close frees the memory, once no instance is left on it.
func (im *image) close() {
	if im.memory != nil {
		_ = im.memory.Close()
	}
}
