//go:build !race

package virtual_test

// hosts is how many a mesh has.
const hosts = 200
