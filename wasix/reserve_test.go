package wasix

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/vfs"
)

// takeAll gives descriptor 0 to all the numbers that are free, as another thread may
// while a call goes on.
func (p *Process) takeAll() {
	for {
		if _, err := p.fds.Dup(0, 0, false); err != nil {
			return
		}
	}
}

// eventfulNetwork is a network on which something happens before a connection comes.
type eventfulNetwork struct {
	countedNetwork
	event func()
}

type eventfulListener struct {
	network.Socket
	event func()
}

func (n eventfulNetwork) Socket(family abi.AddressFamily, typ abi.SockType, proto abi.SockProto) (network.Socket, error) {
	s, err := n.countedNetwork.Socket(family, typ, proto)
	return eventfulListener{s, n.event}, err
}

func (l eventfulListener) Accept() (network.Socket, network.Addr, error) {
	l.event()
	return l.Socket.Accept()
}

// A connection for which there was a descriptor at first is not lost when others
// take all descriptors before it comes.
func TestAcceptKeepsDescriptor(t *testing.T) {
	open := 0
	var th *Thread
	g := newSockGuest(t, eventfulNetwork{countedNetwork{open: &open}, func() { th.proc.takeAll() }})
	th = g.thread
	th.proc.fds = descriptor.NewTable(4)
	sock := g.open(abi.AddressFamilyInet4, abi.SockTypeStream)
	if errno := g.calls("sock_accept_v2", sock, 0, 0x400, 0x500); errno != abi.ESUCCESS || open != 2 {
		t.Errorf("accept: %v, and %d sockets are open, want 2", errno, open)
	}
	if got := g.thread.mem[0x400]; got != 1 {
		t.Errorf("the connection is %d, want 1", got)
	}
	if _, _, errno := g.thread.socket(1, 0); errno != abi.ESUCCESS {
		t.Errorf("the connection: %v", errno)
	}
	if fds := th.proc.fds.Open(); len(fds) != 4 {
		t.Errorf("%d are open, want all", fds)
	}
}

// eventfulFS is a file system on which something happens before a file is opened.
type eventfulFS struct {
	vfs.Writable
	event func()
}

func (fs eventfulFS) OpenFile(name string, flag int) (descriptor.File, error) {
	fs.event()
	return fs.Writable.OpenFile(name, flag)
}

// So it is with a file that is to be made, or emptied.
func TestOpenKeepsDescriptor(t *testing.T) {
	mount, dir := hostMount(t, false)
	var th *Thread
	mount.FS = eventfulFS{mount.FS.(vfs.Writable), func() { th.proc.takeAll() }}
	th = newFileThread(t, mount)
	fd := th.openFile(t, abi.ESUCCESS, "file", abi.OflagsCreat, allRights, 0)
	th.write(t, fd, "text")
	th.want(t, abi.ESUCCESS, fdClose, fd)
	th.openFile(t, abi.ENOENT, "nothing", 0, allRights, 0) // fills the table but for one
	if again := th.openFile(t, abi.ESUCCESS, "file", abi.OflagsTrunc, allRights, 0); again != fd {
		t.Errorf("descriptor %d, want %d", again, fd)
	}
	th.openFile(t, abi.EMFILE, "file", abi.OflagsTrunc, allRights, 0)
	th.openFile(t, abi.EMFILE, "other", abi.OflagsCreat, allRights, 0)
	if _, err := os.Stat(filepath.Join(dir, "other")); err == nil {
		t.Error("a file without descriptor was made")
	}
}

// path_open uses the rights of the directory that it opens in, while another thread
// has other directories take turns at its descriptor.
func TestOpenWithRightsOfItsDirectory(t *testing.T) {
	mount, _ := hostMount(t, false)
	th := newFileThread(t, mount)
	root := acquire(th, stdio)
	rights := vfs.Rights(root.File)
	_ = root.Release()
	none := descriptor.Rights{Base: rights.Base}
	var dirs [2]uint32
	for i, name := range []string{"open", "closed"} {
		ptr, n := th.pathParams(name)
		th.want(t, abi.ESUCCESS, pathCreateDirectory, stdio, ptr, n)
		dirs[i] = uint32(th.openFile(t, abi.ESUCCESS, name, abi.OflagsDirectory, dirRights, 0))
	}
	if err := th.proc.fds.SetRights(dirs[1], none); err != nil {
		t.Fatal(err)
	}
	const at = 40
	turns, done := make(chan bool), make(chan bool)
	go func() {
		defer close(done)
		for i := 0; ; i++ {
			select {
			case <-turns:
				return
			default:
				_ = th.proc.fds.Renumber(dirs[i%2], at, true)
			}
		}
	}()
	ptr, n := th.pathParams("file")
	for made := 0; made < 5000; {
		if th.openAt(at, ptr, n) == abi.ESUCCESS {
			th.want(t, abi.ESUCCESS, fdClose, uint64(th.result32(t)))
			made++
		}
	}
	close(turns)
	<-done
	th.openFile(t, abi.ENOENT, "closed/file", 0, allRights, 0)
	th.openFile(t, abi.ESUCCESS, "open/file", 0, allRights, 0)
}

// openAt makes a file by path_open.
func (t *Thread) openAt(dir uint64, ptr, n uint64) abi.Errno {
	return pathOpen(t, []uint64{dir, 0, ptr, n, uint64(abi.OflagsCreat), uint64(readWrite), 0, 0, resultAt})
}
