package wasix

import (
	"encoding/binary"
	"testing"
	"testing/fstest"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/vfs"
)

// inode is what tells a file from all others.
type inode struct{ dev, ino uint64 }

func inodeIn(stat []byte) inode {
	return inode{binary.LittleEndian.Uint64(stat[abi.OffsetofFilestatDev:]), binary.LittleEndian.Uint64(stat[abi.OffsetofFilestatIno:])}
}

// inodeOf asks for the inode of a path.
func (t *Thread) inodeOf(tb testing.TB, name string) inode {
	tb.Helper()
	ptr, n := t.pathParams(name)
	t.want(tb, abi.ESUCCESS, pathFilestatGet(&statPreview1), 3, 0, ptr, n, resultAt)
	return inodeIn(t.result(tb, abi.SizeofFilestat))
}

// entry returns the inode number that the listing of a directory has for a name.
func (t *Thread) entry(tb testing.TB, dir, name string) uint64 {
	tb.Helper()
	fd := t.openWith(tb, 3, dir, abi.OflagsDirectory, dirRights, 0)
	t.want(tb, abi.ESUCCESS, fdReaddir, fd, dataAt, 2000, 0, resultAt)
	raw := t.mem[dataAt:][:t.result32(tb)]
	t.want(tb, abi.ESUCCESS, fdClose, fd)
	for len(raw) > 0 {
		n := int(binary.LittleEndian.Uint32(raw[abi.OffsetofDirentDNamlen:]))
		if string(raw[abi.SizeofDirent:][:n]) == name {
			return binary.LittleEndian.Uint64(raw[abi.OffsetofDirentDIno:])
		}
		raw = raw[abi.SizeofDirent+n:]
	}
	tb.Fatalf("%s has no %s", dir, name)
	return 0
}

// A file has one inode number, however it is asked for it and whatever its name,
// and no two files of all mounts have the same with the same device.
func TestInodes(t *testing.T) {
	host, hostPath := hostMount(t, false)
	other, otherPath := hostMount(t, true)
	other.Guest = "/other"
	for _, dir := range []string{hostPath, otherPath} {
		mustWrite(t, dir+"/d/f", "data")
		mustWrite(t, dir+"/d/g", "data")
	}
	files := fstest.MapFS{"d/f": {Data: []byte("x")}, "d/g": {}}
	th := newFileThread(t, host, other, vfs.Mount{Guest: "/go", FS: vfs.FS(files)}, vfs.Mount{Guest: "/go2", FS: vfs.FS(files)},
		vfs.Mount{Guest: "/temp", FS: vfs.Temp(1 << 20)}, vfs.Mount{Guest: "/temp2", FS: vfs.Temp(1 << 20)})
	for _, temp := range []string{"temp", "temp2"} {
		ptr, n := th.pathParams(temp + "/d")
		th.want(t, abi.ESUCCESS, pathCreateDirectory, 3, ptr, n)
		for _, name := range []string{"/d/f", "/d/g"} {
			th.want(t, abi.ESUCCESS, fdClose, th.openWith(t, 3, temp+name, abi.OflagsCreat, allRights, 0))
		}
	}
	seen, devices := map[inode]string{}, map[uint64]bool{}
	for _, mount := range []string{".", "other", "go", "go2", "temp", "temp2"} {
		for _, name := range []string{"", "/d", "/d/f", "/d/g"} {
			got := th.inodeOf(t, mount+name)
			if was, ok := seen[got]; ok {
				t.Errorf("%s%s has the inode of %s", mount, name, was)
			}
			seen[got] = mount + name
			devices[got.dev] = true
			if again := th.inodeOf(t, mount+name); again != got {
				t.Errorf("%s%s was %x and is %x", mount, name, got, again)
			}
		}
		f := th.inodeOf(t, mount+"/d/f")
		fd := th.openWith(t, 3, mount+"/d/f", 0, abi.RightsFdRead|abi.RightsFdFilestatGet, 0)
		th.want(t, abi.ESUCCESS, fdFilestatGet(&statPreview1), fd, resultAt)
		if open := inodeIn(th.result(t, abi.SizeofFilestat)); open != f {
			t.Errorf("%s/d/f: %x when open, %x by name", mount, open, f)
		}
		if ino := th.entry(t, mount+"/d", "f"); ino != f.ino {
			t.Errorf("%s/d/f: %x in the listing, %x by name", mount, ino, f.ino)
		}
		for dots, want := range map[string]inode{".": th.inodeOf(t, mount+"/d"), "..": th.inodeOf(t, mount)} {
			if ino := th.entry(t, mount+"/d", dots); ino != want.ino {
				t.Errorf("%s/d/%s: %x in the listing, %x by name", mount, dots, ino, want.ino)
			}
		}
	}
	if len(devices) < 5 { // the two directories may be on one device
		t.Errorf("%d devices", len(devices))
	}
	for _, mount := range []string{".", "temp"} {
		before := th.inodeOf(t, mount+"/d/f")
		ptr, n := th.pathParams(mount + "/d/f" + mount + "/moved")
		from := n - uint64(len(mount+"/moved"))
		th.want(t, abi.ESUCCESS, pathRename, 3, ptr, from, 3, ptr+from, n-from)
		if after := th.inodeOf(t, mount+"/moved"); after != before {
			t.Errorf("%s: %x before it was renamed, %x after", mount, before, after)
		}
	}
}
