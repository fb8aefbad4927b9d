package wasixtest

import (
	"slices"
	"testing"

	"github.com/gowasix/gowasix/wasix/abi"
)

// sockRuns counts the cases of that name that are run for the family.
func sockRuns(row string, family abi.AddressFamily) (n int) {
	for _, group := range sockGroups() {
		for _, c := range group.rows {
			if c.name == row && slices.Contains(c.runsFor(), family) {
				n++
			}
		}
	}
	return n
}

// Each listed difference is that of one case, and of each of its families.
func TestSocketDifferencesOccur(t *testing.T) {
	for _, gr := range grounds {
		for _, d := range gr.differences {
			for _, f := range every {
				want := 0
				if slices.Contains(d.families, f) {
					want = 1
				}
				if n := sockRuns(d.row, f); n != want {
					t.Errorf("%s: %q is listed for %d families, and run %d times for %s", gr.name, d.row, len(d.families), n, familyNames[f])
				}
			}
			if d.says == "" || d.reason == "" {
				t.Errorf("%s: %q says %q, for the reason %q", gr.name, d.row, d.says, d.reason)
			}
		}
	}
	for _, row := range heldByNone {
		if sockRuns(row, inet4)+sockRuns(row, inet6) == 0 {
			t.Errorf("there is no case %q to hold without a network", row)
		}
	}
}

// A case that is meant to differ fails if it holds, or says something else or more;
// also at its clean-up.
func TestSocketDifferencesAreExact(t *testing.T) {
	gr := &ground{differences: []sockDifference{{"row", inet[:1], "EPERM, want ESUCCESS", "a reason"}}}
	for _, c := range []struct {
		row    string
		family abi.AddressFamily
		run    func(testing.TB)
		holds  bool
	}{
		{"row", inet4, func(t testing.TB) { t.Fatalf("%v, want %v", abi.EPERM, abi.ESUCCESS) }, true},
		{"row", inet4, func(t testing.TB) { t.Error("EPERM"); t.Error("more") }, false},
		{"row", inet4, func(t testing.TB) { t.Fatal("it says EPERM, want ESUCCESS") }, false},
		{"row", inet4, func(testing.TB) {}, false},
		{"row", inet6, func(testing.TB) {}, true},
		{"row", inet6, func(t testing.TB) { t.Error("EPERM, want ESUCCESS") }, false},
		{"another row", inet4, func(t testing.TB) { t.Error("EPERM, want ESUCCESS") }, false},
	} {
		got := &attempt{TB: t}
		gr.check(got, sockCase{name: c.row}, c.family, c.run)
		if holds := len(got.said) == 0; holds != c.holds {
			t.Errorf("%s for %s: %q", c.row, familyNames[c.family], got.said)
		}
	}
	got, inner := &attempt{TB: t}, testing.TB(nil)
	gr.check(got, sockCase{name: "row"}, inet4, func(t testing.TB) { inner = t; t.Error("EPERM, want ESUCCESS") })
	if inner.Error("descriptors left"); len(got.said) != 1 {
		t.Errorf("a clean-up that fails after a difference: %q", got.said)
	}
}
