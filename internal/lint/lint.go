// Package lint holds tests of the source tree itself: which package may import
// which, where unsafe code may be, how long files may get, and that generated
// files are up to date.
package lint
