package vfs

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Whatever getdents64(2) may have left in its buffer, entries have names that fit
// into it, and no byte of one is read twice.
func FuzzDirectoryEntries(f *testing.F) {
	dir, err := os.Open("/")
	if err != nil {
		f.Fatal(err)
	}
	defer dir.Close()
	raw := make([]byte, 1024)
	n, err := unix.Getdents(int(dir.Fd()), raw)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw[:n])
	f.Add(raw[:n/2+1])
	f.Add(raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		used := 0
		for _, e := range appendEntries(nil, raw) {
			if e.Name == "." || e.Name == ".." || strings.IndexByte(e.Name, 0) >= 0 {
				t.Errorf("name %q", e.Name)
			}
			used += direntName + len(e.Name)
		}
		if used > len(raw) {
			t.Errorf("%d bytes of entries in %d", used, len(raw))
		}
	})
}

// Entries of a directory that change while it is read come once, if they are there
// all the time, from whatever cookie the reading goes on.
func FuzzListing(f *testing.F) {
	f.Add([]byte("0123456789"), uint8(3))
	f.Add([]byte{0, 255, 17, 9, 9, 1}, uint8(1))
	f.Fuzz(func(t *testing.T, script []byte, step uint8) {
		d := &changingDirectory{there: map[int64]bool{}}
		for i := range int64(64) {
			d.there[i] = true
		}
		stays := func(i int64) bool { return i%4 == 0 }
		var l listing
		l.restart()
		seen := map[int64]int{}
		for cookie, more := uint64(0), true; more; {
			left := int(step%7) + 1
			more = false
			if err := l.read(d, cookie, func(e *Entry, next uint64) bool {
				seen[e.Position-1]++
				cookie, more = next, true
				left--
				return left > 0
			}); err != nil {
				t.Fatal(err)
			}
			if len(script) > 0 {
				i := int64(script[0] % 64)
				d.there[i] = stays(i) || !d.there[i]
				script = script[1:]
			}
		}
		for i := range int64(64) {
			if n := seen[i]; n > 1 || n == 0 && stays(i) {
				t.Errorf("entry %d came %d times", i, n)
			}
		}
	})
}

// changingDirectory has entries at positions, a few at a time.
type changingDirectory struct {
	emptyDirectory
	there map[int64]bool
	at    int64
}

func (d *changingDirectory) Resume(position int64) error {
	d.at = position
	return nil
}

func (d *changingDirectory) Next() (list []Entry, err error) {
	const batch = 5
	for ; d.at < 64 && len(list) < batch; d.at++ {
		if d.there[d.at] {
			list = append(list, Entry{Name: "x", Position: d.at + 1})
		}
	}
	return list, nil
}
