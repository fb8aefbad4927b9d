package vfs

import (
	"archive/zip"
	"bytes"
	"embed"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
)

// countingReader counts the bytes that are read of an archive.
type countingReader struct {
	io.ReaderAt
	n atomic.Int64
}

func (c *countingReader) ReadAt(p []byte, offset int64) (int, error) {
	n, err := c.ReaderAt.ReadAt(p, offset)
	c.n.Add(int64(n))
	return n, err
}

// archive returns a zip archive with files of the given contents, mounted, and
// what counts the reading of it.
func archive(t *testing.T, files map[string][]byte) (*Dir, *countingReader) {
	t.Helper()
	var raw bytes.Buffer
	w := zip.NewWriter(&raw)
	for name, content := range files {
		method := zip.Deflate
		if name == "d/stored" {
			method = zip.Store
		}
		f, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: method})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	counter := &countingReader{ReaderAt: bytes.NewReader(raw.Bytes())}
	r, err := zip.NewReader(counter, int64(raw.Len()))
	if err != nil {
		t.Fatal(err)
	}
	return mountedRoot(t, FS(r)), counter
}

// mountedRoot opens the root of a tree that is a file system.
func mountedRoot(t testing.TB, fs FileSystem) *Dir {
	t.Helper()
	tree, err := NewTree(Mount{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	root, err := tree.Preopen("/", "/", 3, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	return root
}

func openToRead(t *testing.T, root *Dir, name string) descriptor.Positioned {
	t.Helper()
	f, err := root.Open(name, OpenFlags{Read: true, Follow: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f.(descriptor.Positioned)
}

// Files of an archive are read at any offset, forwards and backwards, with and
// without compression, by several descriptors at once.
func TestZipReadsAtOffsets(t *testing.T) {
	content := make([]byte, 100_000)
	for i := range content {
		content[i] = byte(rand.Uint32N(7)) // so that it can be compressed
	}
	root, _ := archive(t, map[string][]byte{"d/stored": content, "d/e/deflated": content, "empty": nil})
	for _, name := range []string{"d/stored", "d/e/deflated"} {
		f, other := openToRead(t, root, name), openToRead(t, root, name)
		for range 40 {
			offset, room := rand.Int64N(int64(len(content)+1000)), 1+rand.IntN(5000)
			want := content[min(int(offset), len(content)):min(int(offset)+room, len(content))]
			b := make([]byte, room)
			if n, err := f.Preadv([][]byte{b[:room/3], b[room/3:]}, offset); err != nil || !bytes.Equal(b[:n], want) {
				t.Fatalf("%s: %d bytes at %d, %v; want %d", name, n, offset, err, len(want))
			}
			if at, err := other.Seek(offset, io.SeekStart); at != offset || err != nil {
				t.Fatal(at, err)
			}
			n, err := other.Readv(one(b))
			if at, _ := other.Seek(0, io.SeekCurrent); err != nil || !bytes.Equal(b[:n], want) || at != offset+int64(n) {
				t.Fatalf("%s: read %d bytes from %d to %d, %v; want %d", name, n, offset, at, err, len(want))
			}
		}
		if at, err := f.Seek(-10, io.SeekEnd); at != int64(len(content))-10 || err != nil {
			t.Fatal(at, err)
		}
	}
	if n, err := openToRead(t, root, "empty").Readv(one(make([]byte, 8))); n != 0 || err != nil {
		t.Fatal(n, err)
	}
}

// What is in an archive is listed and told of alike, however it is asked for.
func TestZipIsAFileSystem(t *testing.T) {
	root, _ := archive(t, map[string][]byte{"d/stored": []byte("0123"), "d/e/deflated": []byte("012345"), "top": {1}})
	checkListing(t, root, ".", map[string]abi.Filetype{"d": abi.FiletypeDirectory, "top": abi.FiletypeRegularFile})
	checkListing(t, root, "d", map[string]abi.Filetype{"e": abi.FiletypeDirectory, "stored": abi.FiletypeRegularFile})
	for name, size := range map[string]uint64{"d/stored": 4, "d/e/deflated": 6, "d/../top": 1} {
		st, err := root.Lookup(name, true)
		if err != nil || st.Size != size {
			t.Errorf("%s: %+v, %v", name, st, err)
		}
	}
}

// checkListing reads a directory and compares the entries with what is wanted, and
// their inode numbers with those that the files tell themselves.
func checkListing(t *testing.T, root *Dir, name string, want map[string]abi.Filetype) {
	t.Helper()
	f, err := root.Open(name, OpenFlags{Read: true, Directory: true})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	seen := map[string]abi.Filetype{}
	err = f.(*Dir).ReadDir(2, func(e *Entry, _ uint64) bool {
		seen[strings.Clone(e.Name)] = e.Filetype
		if st, err := root.Lookup(name+"/"+e.Name, false); err != nil || st.Ino != e.Ino || st.Filetype != e.Filetype {
			t.Errorf("%s/%s: %+v, %v; the entry has inode %d", name, e.Name, st, err, e.Ino)
		}
		return true
	})
	if err != nil || len(seen) != len(want) {
		t.Fatalf("%s has %v, %v", name, seen, err)
	}
	for element, filetype := range want {
		if seen[element] != filetype {
			t.Errorf("%s/%s is %v", name, element, seen[element])
		}
	}
}

// Of a large file in an archive only what is asked for is read.
func TestZipReadsNoMoreThanAsked(t *testing.T) {
	const size = 4 << 20
	content := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{}).Read(content) // nothing to compress
	root, counter := archive(t, map[string][]byte{"d/stored": content, "deflated": content})
	for _, c := range []struct {
		name   string
		offset int64
	}{{"d/stored", 0}, {"deflated", 0}, {"d/stored", size - 100}} {
		counter.n.Store(0)
		b := make([]byte, 100)
		f := openToRead(t, root, c.name)
		if n, err := f.Preadv(one(b), c.offset); n != len(b) || err != nil || !bytes.Equal(b, content[c.offset:][:100]) {
			t.Fatalf("%s: %d, %v", c.name, n, err)
		}
		if st, err := f.(descriptor.Stater).Stat(); st.Size != size || err != nil {
			t.Fatalf("%+v, %v", st, err)
		}
		if n := counter.n.Load(); c.offset == 0 && n > size/8 {
			t.Errorf("%s: %d bytes were read of the archive for 100", c.name, n)
		}
	}
}

//go:embed doc.go archive_test.go
var embedded embed.FS

func TestEmbeddedFiles(t *testing.T) {
	root := mountedRoot(t, FS(embedded))
	checkListing(t, root, ".", map[string]abi.Filetype{"archive_test.go": abi.FiletypeRegularFile, "doc.go": abi.FiletypeRegularFile})
	want, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	f, b := openToRead(t, root, "doc.go"), make([]byte, len(want)+1)
	for _, offset := range []int64{0, 20, 5} {
		if n, err := f.Preadv(one(b), offset); err != nil || !slices.Equal(b[:n], want[offset:]) {
			t.Errorf("%d bytes from %d, %v", n, offset, err)
		}
	}
}
