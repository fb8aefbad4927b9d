package vfs

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
)

// Cookies lead where they led, whatever came and went, and files that are there
// all the time are seen once.
func TestDirCookiesAreStable(t *testing.T) {
	for name, root := range map[string]*Dir{"temp": tempRoot(t, 64<<20), "host": rootOf(t, t.TempDir(), false, false)} {
		t.Run(name, func(t *testing.T) {
			const files = 1500
			for i := range files {
				if err := root.Mkdir(fmt.Sprint(i)); err != nil {
					t.Fatal(err)
				}
			}
			cookies := map[string]uint64{}
			var order []string
			err := root.ReadDir(0, func(e *Entry, next uint64) bool {
				name := strings.Clone(e.Name)
				order = append(order, name)
				cookies[name] = next
				if next > math.MaxInt32 {
					t.Fatalf("cookie %d", next)
				}
				return true
			})
			if err != nil || len(order) != files+2 {
				t.Fatalf("%d entries, %v", len(order), err)
			}
			for i := 2; i < len(order); i += 3 { // every third goes, and others come
				if err := errors.Join(root.Rmdir(order[i]), root.Mkdir(fmt.Sprint("new", i))); err != nil {
					t.Fatal(err)
				}
			}
			for i := 3; i+1 < len(order); i += 61 {
				seen := map[string]int{}
				err := root.ReadDir(cookies[order[i]], func(e *Entry, next uint64) bool {
					seen[strings.Clone(e.Name)]++
					return true
				})
				if err != nil {
					t.Fatal(err)
				}
				for k := 3; k < len(order); k++ {
					if k%3 != 2 && (seen[order[k]] == 1) != (k > i) {
						t.Fatalf("after entry %d, entry %d was seen %d times", i, k, seen[order[k]])
					}
				}
			}
		})
	}
}
