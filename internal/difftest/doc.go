// Package difftest holds the tests that compare guests with Linux: the same
// probe, built natively and for WASIX, must print the same, line by line, but for
// the differences that are meant. And servers must serve. The tests run on all
// engines there are, on Linux, which is the other side of the comparison.
package difftest
