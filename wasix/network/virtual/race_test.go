//go:build race

package virtual_test

// hosts is how many a mesh has: the race detector makes each packet ten times as dear.
const hosts = 40
