// Package scale holds tests of whole processes on each engine: that a context
// ends them wherever they are, that nothing is left of them, and what many
// guests and many connections cost.
package scale
