package vfs

import (
	"testing"

	"github.com/gowasix/gowasix/wasix/descriptor"
)

// Reading and writing files allocates nothing, nor does a look at a path.
func TestFilesDoNotAllocate(t *testing.T) {
	for name, root := range map[string]*Dir{"temp": tempRoot(t, 64<<20), "host": rootOf(t, t.TempDir(), false, false)} {
		t.Run(name, func(t *testing.T) {
			file, err := root.Open("f", OpenFlags{Read: true, Write: true, Create: true})
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			f := file.(descriptor.Positioned)
			page, pair := one(make([]byte, 4096)), [][]byte{make([]byte, 100), make([]byte, 100)}
			if _, err := f.Writev(page); err != nil {
				t.Fatal(err)
			}
			var failed error
			for call, c := range map[string]struct {
				most float64
				do   func() error
			}{
				"pread":  {0, func() error { _, err := f.Preadv(page, 0); return err }},
				"preadv": {0, func() error { _, err := f.Preadv(pair, 0); return err }},
				"pwrite": {0, func() error { _, err := f.Pwritev(page, 0); return err }},
				"write":  {0, func() error { _, err := f.Writev(pair); return err }},
				"read":   {0, func() error { _, err := f.Readv(pair); return err }},
				"seek":   {0, func() error { _, err := f.Seek(0, 0); return err }},
				"stat":   {0, func() error { _, err := f.(descriptor.Stater).Stat(); return err }},
				"lookup": {0, func() error { _, err := root.Lookup("f", true); return err }},
			} {
				n := testing.AllocsPerRun(100, func() {
					if err := c.do(); err != nil {
						failed = err
					}
				})
				if n > c.most || failed != nil {
					t.Errorf("%s allocates %v times, %v", call, n, failed)
				}
			}
		})
	}
}
