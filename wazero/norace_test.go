//go:build !race

package wazero_test

// hosts is how many a mesh has.
const hosts = 200
