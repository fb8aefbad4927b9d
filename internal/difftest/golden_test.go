//go:build linux

package difftest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gowasix/gowasix/internal/guests"
)

// Probes of what only WASIX has print what is written in testdata/guests/golden.
func TestGuestsPrintWhatIsWritten(t *testing.T) {
	engines := engines(t)
	for _, p := range []probe{
		{name: "poll-oneoff", variants: both},
		{name: "sock-abi", variants: both},
	} {
		golden, err := os.ReadFile(filepath.Join(guests.Dir(), "golden", p.name+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		want := append(strings.Split(strings.TrimSuffix(string(golden), "\n"), "\n"), "exit status: 0")
		for _, e := range engines {
			for _, variant := range p.variants {
				t.Run(p.name+"/"+e.Name()+variant, func(t *testing.T) {
					compareLines(t, want, runGuest(t, e, p.name+variant, p))
				})
			}
		}
	}
}

// compareLines reports all lines that differ from those wanted.
func compareLines(t *testing.T, want, got []string) {
	t.Helper()
	for i := range min(len(want), len(got)) {
		if want[i] != got[i] {
			t.Errorf("\nwant %s\ngot  %s", want[i], got[i])
		}
	}
	if n := min(len(want), len(got)); len(want) != len(got) {
		t.Errorf("want %d lines, got %d:\n%s", len(want), len(got), rest(want, got, n))
	}
}
