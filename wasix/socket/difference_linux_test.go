package socket_test

import (
	"testing"
)

// difference is a line of a script that is meant to differ over the virtual
// network. One that no longer differs fails the test.
type difference struct {
	test            string
	kernel, virtual string
	reason          string
	seen            bool
}

var differences = []*difference{}

// meantDifferences returns those of a test, and has it fail if they do not occur.
func meantDifferences(t *testing.T) (meant []*difference) {
	for _, d := range differences {
		if d.test == t.Name() {
			meant = append(meant, d)
		}
	}
	t.Cleanup(func() {
		for _, d := range meant {
			if !d.seen {
				t.Errorf("listed as a difference (%s), but does not differ: %s", d.reason, d.kernel)
			}
		}
	})
	return meant
}

func isMeant(meant []*difference, kernel, virtual string) bool {
	for _, d := range meant {
		if d.kernel == kernel && d.virtual == virtual {
			d.seen = true
			return true
		}
	}
	return false
}
