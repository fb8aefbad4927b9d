package wazero

// An Option changes what [NewEngine] returns.
type Option func(*options)

type options struct {
	cacheDir    string // a directory of the user's choice
	noCache     bool
	memoryLimit uint64 // bytes
	noInterrupt bool
	casts       bool
}

func defaultOptions() options {
	return options{memoryLimit: maxMemory}
}

// WithCache keeps compiled code in dir instead of the user's cache directory.
// dir is made when it does not exist; it must belong to the user and be closed
// to others, for what lies there is run.
func WithCache(dir string) Option {
	return func(o *options) { o.cacheDir, o.noCache = dir, false }
}

// WithoutCache compiles every module anew.
func WithoutCache() Option {
	return func(o *options) { o.noCache = true }
}

// WithMemoryLimit limits the memory of each process to so many bytes, rounded
// down to pages of 64 KiB; at least one page, and 4 GiB at most, which is the
// default. Growing past the limit fails as the guest expects when memory is
// short. Modules that need more from the start do not compile.
func WithMemoryLimit(bytes uint64) Option {
	return func(o *options) { o.memoryLimit = min(bytes, maxMemory) &^ (pageSize - 1) }
}

// WithoutInterrupt leaves out the checks that let a computing guest be
// interrupted and let other goroutines run beside it. A guest then ends no
// sooner than at its next system call, and while it computes the garbage
// collector, hence the Go program, waits for it. For trusted guests whose last
// few percent of speed count: a check costs about half a nanosecond for each
// turn of a loop and each call of a function that calls others.
func WithoutInterrupt() Option {
	return func(o *options) { o.noInterrupt = true }
}

// WithCasts has calls through function pointers reach functions of other types,
// as wasmfile.RewriteOptions.Casts says. For programs that native machines
// forgive and that end with the trap "indirect call type mismatch".
func WithCasts() Option {
	return func(o *options) { o.casts = true }
}
