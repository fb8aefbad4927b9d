//go:build unix

package cachedir

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestOpen(t *testing.T) {
	base := t.TempDir()
	dir, err := Open(filepath.Join(base, "a", "b"))
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if info, err := os.Stat(d); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v, %v", d, info.Mode(), err)
		}
	}
	for _, mode := range []os.FileMode{0o720, 0o702, 0o777} {
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir); err == nil {
			t.Errorf("mode %o is accepted", mode)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err != nil {
		t.Error(err)
	}
	file := filepath.Join(base, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file); err == nil {
		t.Error("a file is accepted for a directory")
	}
}

func TestOpenOthers(t *testing.T) {
	if os.Geteuid() != 0 {
		if _, err := Open("/"); err == nil {
			t.Error("root's directory is accepted")
		}
		return
	}
	dir := t.TempDir()
	if err := os.Chown(dir, 12345, -1); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil {
		t.Error("another user's directory is accepted")
	}
}

func TestOpenDefault(t *testing.T) {
	base := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", base)
	t.Setenv("HOME", base)
	dir, err := OpenDefault("engine-1")
	if err != nil || filepath.Base(dir) != "engine-1" || filepath.Base(filepath.Dir(dir)) != "gowasix" {
		t.Errorf("%s, %v", dir, err)
	}
}

func TestFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "entry")
	for _, parts := range [][][]byte{{[]byte("one "), []byte("two")}, {[]byte("three")}, {}} {
		if err := WriteFile(path, parts...); err != nil {
			t.Fatal(err)
		}
		if got, err := ReadFile(path); err != nil || string(got) != string(bytes.Join(parts, nil)) {
			t.Errorf("%q, %v", got, err)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if all, _ := os.ReadDir(filepath.Dir(path)); len(all) != 1 {
		t.Errorf("left behind: %v", all)
	}
	for _, mode := range []os.FileMode{0o620, 0o602} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadFile(path); err == nil {
			t.Errorf("mode %o is accepted", mode)
		}
	}
	if _, err := ReadFile(filepath.Dir(path)); err == nil {
		t.Error("a directory is read")
	}
	link := path + "-link"
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadFile(link); err == nil {
		t.Error("a link is followed")
	}
	if err := WriteFile(filepath.Join(path, "no"), nil); err == nil {
		t.Error("written below a file")
	}
}
