// Package corpus runs whole programs on every engine and looks at what they do
// from outside: the guests of this repository and, when GOWASIX_CORPUS names a
// folder, the precompiled WASIX programs that were published in 2023 and lie
// there. The table of results is logged:
//
//	GOWASIX_CORPUS=folder go test -v -run Corpus ./internal/corpus
//
// The shells among these run the scripts in the folder scripts, whose output is
// compared with that of this machine's own dash and bash; what differs is listed
// with the reason.
//
// When GOWASIX_TESTSUITE names a copy of WebAssembly/wasi-testsuite, branch
// prod/testsuite-all, its tests for wasip1 and wasi-threads run, too:
//
//	GOWASIX_TESTSUITE=folder go test -run Suite ./internal/corpus
//
// When GOWASIX_SQLITE names a folder with sqlite3.wasm, the shell of SQLite as one
// has built it on wasi-libc, it runs scripts, and is killed while it writes:
//
//	GOWASIX_SQLITE=folder go test -v -run SQLite ./internal/corpus
package corpus
