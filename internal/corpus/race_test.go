//go:build race

package corpus

// underRace tells whether the race detector is on, which makes compilers slow.
const underRace = true
