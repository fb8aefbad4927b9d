package vfs

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
)

// twin is a temp file system and a directory of the host that go through the
// same: what Linux does is right.
type twin struct {
	roots [2]*Dir // temp, host
	open  [4][2]descriptor.Positioned
}

func newTwin(t testing.TB) *twin {
	t.Helper()
	return &twin{roots: [2]*Dir{tempRoot(t, 64<<20), rootOf(t, t.TempDir(), false, false)}}
}

var twinPaths = []string{"a", "b", "c", "a/b", "a/c", "b/a", "a/b/c", "a/b/../c", "a/", "b/.", "a/..", ".", "/", "l", "l/a", "m/", "missing/x", ""}

// both calls f with each side and compares what it tells.
func (w *twin) both(t *testing.T, what string, f func(side int) string) {
	t.Helper()
	if temp, host := f(0), f(1); temp != host {
		t.Fatalf("%s: %s, Linux has %s", what, temp, host)
	}
}

// step carries out one of the operations; x and y choose what it is about.
func (w *twin) step(t *testing.T, op, x, y byte) {
	p, q := twinPaths[int(x)%len(twinPaths)], twinPaths[int(y)%len(twinPaths)]
	flags := OpenFlags{
		Read: y&1 != 0, Write: y&2 != 0, Create: y&4 != 0, Exclusive: y&8 != 0, Truncate: y&0x30 == 0x30, Append: y&64 != 0, Follow: y&128 != 0,
	}
	if !flags.Write {
		flags.Read, flags.Truncate = true, false
	}
	slot := int(x) % len(w.open)
	switch op % 12 {
	case 0:
		w.both(t, "mkdir "+p, func(i int) string { return fmt.Sprint(w.roots[i].Mkdir(p)) })
	case 1:
		w.both(t, "unlink "+p, func(i int) string { return fmt.Sprint(w.roots[i].Unlink(p)) })
	case 2:
		w.both(t, "rmdir "+p, func(i int) string { return fmt.Sprint(w.roots[i].Rmdir(p)) })
	case 3, 4:
		w.both(t, "rename "+p+" "+q, func(i int) string { return fmt.Sprint(w.roots[i].Rename(p, w.roots[i], q)) })
	case 5:
		w.both(t, "link "+p+" "+q, func(i int) string { return fmt.Sprint(w.roots[i].Link(p, false, w.roots[i], q)) })
	case 6:
		w.both(t, "symlink "+p+" "+q, func(i int) string { return fmt.Sprint(w.roots[i].Symlink(q, p)) })
	case 7:
		w.both(t, fmt.Sprintf("open %s %+v", p, flags), func(i int) string { return w.openFile(t, i, slot, p, flags) })
	case 8:
		w.both(t, "stat "+p, func(i int) string { return describeStat(w.roots[i].Lookup(p, y&1 != 0)) })
	case 9:
		w.both(t, "readdir "+p, func(i int) string { return listing1(w.roots[i], p) })
	default:
		if w.open[slot][0] != nil {
			w.both(t, "use", func(i int) string { return useFile(w.open[slot][i], op, x, y) })
		}
	}
}

func (w *twin) openFile(t *testing.T, i, slot int, p string, flags OpenFlags) string {
	f, err := w.roots[i].Open(p, flags)
	if file, ok := f.(descriptor.Positioned); ok && err == nil {
		if old := w.open[slot][i]; old != nil {
			_ = old.Close()
		}
		w.open[slot][i] = file
	} else if err == nil {
		_ = f.Close()
	}
	return fmt.Sprint(err)
}

func describeStat(st descriptor.Stat, err error) string {
	if err != nil || st.Filetype == abi.FiletypeDirectory {
		return fmt.Sprint(st.Filetype, err)
	}
	return fmt.Sprint(st.Filetype, st.Size, st.Nlink)
}

func listing1(root *Dir, p string) string {
	f, err := root.Open(p, OpenFlags{Read: true, Directory: true, Follow: true})
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	list, err := names(f.(*Dir))
	slices.Sort(list)
	return fmt.Sprint(list, err)
}

// useFile reads, writes or changes an open file.
func useFile(f descriptor.Positioned, op, x, y byte) string {
	if f == nil {
		return "not open"
	}
	offset := int64(y) * 1000
	data := bytes.Repeat([]byte{y}, int(x)*700)
	limited := f.(interface{ access() abi.Rights }).access()
	switch {
	case op%12 == 10 && x%3 == 0 && limited&abi.RightsFdWrite != 0:
		n, err := f.Pwritev([][]byte{data}, offset)
		return fmt.Sprint(n, err)
	case op%12 == 10 && x%3 == 1 && limited&abi.RightsFdWrite != 0:
		n, err := f.Writev([][]byte{data[:len(data)/2], nil, data[len(data)/2:]})
		return fmt.Sprint(n, err)
	case op%12 == 10 && limited&abi.RightsFdWrite != 0:
		return fmt.Sprint(f.(Resizer).Truncate(offset))
	case x%3 == 0:
		n, err := f.Seek(offset-5000, int(x)%3)
		return fmt.Sprint(max(n, 0), err)
	case x%3 == 1 && y%2 == 0 && limited&abi.RightsFdWrite != 0:
		err := f.(Resizer).Allocate(offset, int64(x)+1)
		return fmt.Sprint(err)
	case limited&abi.RightsFdRead != 0:
		b := make([]byte, 100_000)
		n, err := f.Preadv([][]byte{b[:10], b[10:]}, offset)
		return fmt.Sprintf("%d %v %x", n, err, b[:n])
	}
	return describeStat(f.(descriptor.Stater).Stat())
}

// A temp file system does what a directory of the host does, errno by errno.
func FuzzTemp(f *testing.F) {
	for op := byte(0); op < 12; op++ {
		f.Add([]byte{op, 0, 6, op, 1, 0, op, 0, 1})
		f.Add([]byte{0, 0, 0, op, 1, 4, op, 0, 3, 3, 0, 1, 9, 1, 0})
		f.Add([]byte{7, 1, 7, 10, 99, 20, op, 1, 1, 11, 2, 0, op, 1, 2, 1, 1, 1, 8, 1, 1, 10, 100, 0, 11, 1, 1})
		f.Add([]byte{6, 13, 0, 7, 13, 135, 6, 14, 1, op, 13, 14, 5, 13, 1, op, 1, 13, 9, 12, 0})
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		w := newTwin(t)
		for ; len(script) >= 3; script = script[3:] {
			w.step(t, script[0], script[1], script[2])
		}
		for _, files := range w.open {
			for _, file := range files {
				if file != nil {
					if err := file.Close(); err != nil {
						t.Error(err)
					}
				}
			}
		}
		checkReclaimed(t, w.roots[0])
	})
}

// checkReclaimed removes everything and wants all room back.
func checkReclaimed(t *testing.T, root *Dir) {
	t.Helper()
	removeAll(t, root, ".")
	fs := root.place.mount.fs.(*tempFS)
	if left := fs.space.left.Load(); left != 64<<20 {
		t.Fatalf("%d bytes of room have gone", 64<<20-left)
	}
}

func removeAll(t *testing.T, root *Dir, p string) {
	t.Helper()
	f, err := root.Open(p, OpenFlags{Read: true, Directory: true})
	if err != nil {
		t.Fatal(err)
	}
	list, err := names(f.(*Dir))
	if err != nil || f.Close() != nil {
		t.Fatal(err)
	}
	for _, name := range list[2:] {
		name = strings.TrimPrefix(p+"/"+name, "./")
		if st, err := root.Lookup(name, false); err != nil {
			t.Fatal(err)
		} else if st.Filetype == abi.FiletypeDirectory {
			removeAll(t, root, name)
			err = root.Rmdir(name)
			if err != nil {
				t.Fatal(err)
			}
		} else if err := root.Unlink(name); err != nil {
			t.Fatal(err)
		}
	}
}
