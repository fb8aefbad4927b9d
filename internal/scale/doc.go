// Package scale holds tests of whole processes on each engine: that a context
// ends them wherever they are, that nothing is left of them, and what many
// guests, many processes and many connections cost. With GOWASIX_SCALE set they
// make ten thousand processes and meshes of 200 guests, which takes minutes.
package scale
