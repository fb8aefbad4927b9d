package wasix

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/network"
)

func inetAddr(s string) network.Addr { return network.Addr{AddrPort: netip.MustParseAddrPort(s)} }
func unixAddr(path string) network.Addr {
	return network.Addr{Path: path, Unix: true}
}

// flowAndScope is what newer guests have behind the octets: flow 1, scope 2.
var flowAndScope = []byte{0, 0, 1, 0, 0, 0, 2, 0}

func linkLocal(tail ...byte) []byte {
	b := append([]byte{2, 0, 0x50, 0, 0xfe, 0x80}, make([]byte, 13)...)
	return append(append(b, 1), tail...)
}

func TestDecodeAddr(t *testing.T) {
	longest := strings.Repeat("x", abi.SizeofAddrUnix)
	for _, c := range []struct {
		name  string
		guest []byte
		want  network.Addr
		errno abi.Errno
	}{
		{"nothing", nil, network.Addr{}, abi.EFAULT},
		{"unspec, cut", []byte{0}, network.Addr{}, abi.EFAULT},
		{"unspec", []byte{0, 0}, network.Addr{}, 0},
		{"inet4", []byte{1, '?', 0x90, 0x1f, 127, 0, 0, 1}, inetAddr("127.0.0.1:8080"), 0},
		{"inet4, cut", []byte{1, 0, 0x90, 0x1f, 127, 0, 0}, network.Addr{}, abi.EFAULT},
		{"inet6", append([]byte{2, 0, 0x50, 0}, append(make([]byte, 15), 1)...), inetAddr("[::1]:80"), 0},
		{"inet6, cut", append([]byte{2}, make([]byte, 18)...), network.Addr{}, abi.EFAULT},
		{"inet6, mapped", append([]byte{2, 0, 0x50, 0}, append(make([]byte, 10), 0xff, 0xff, 127, 0, 0, 1)...), inetAddr("[::ffff:127.0.0.1]:80"), 0},
		{"inet6, link-local of an older guest", linkLocal(), inetAddr("[fe80::1]:80"), 0},
		{"inet6, link-local", linkLocal(flowAndScope...), inetAddr("[fe80::1%2]:80"), 0},
		{"inet6, scope without meaning", append(append([]byte{2, 0, 0x50, 0}, append(make([]byte, 15), 1)...), flowAndScope...), inetAddr("[::1]:80"), 0},
		{"unix", []byte("\x03\x00/tmp/s\x00??"), unixAddr("/tmp/s"), 0},
		{"unix, without end", []byte("\x03\x00/tmp/s"), network.Addr{}, abi.EFAULT},
		{"unix, only the family", []byte("\x03"), network.Addr{}, abi.EFAULT},
		{"unix, longest", []byte("\x03\x00" + longest), unixAddr(longest), 0},
		{"unix, ends with memory", []byte("\x03\x00" + longest[1:] + "?"), unixAddr(longest[1:] + "?"), 0},
		{"unix, unnamed", append([]byte{3}, make([]byte, 109)...), unixAddr(""), 0},
		{"unix, abstract", append([]byte("\x03\x00\x00name"), make([]byte, 103)...), unixAddr("\x00name"), 0},
		{"unknown", []byte{4, 0, 0, 0, 0, 0, 0, 0}, network.Addr{}, abi.EAFNOSUPPORT},
	} {
		got, errno := decodeAddr(c.guest)
		if got != c.want || errno != c.errno {
			t.Errorf("%s: got %v, %v; want %v, %v", c.name, got, errno, c.want, c.errno)
		}
	}
}

func TestEncodeAddr(t *testing.T) {
	longest := strings.Repeat("x", abi.SizeofAddrUnix)
	for _, c := range []struct {
		addr network.Addr
		want string
	}{
		{network.Addr{}, "\x00\x00"},
		{inetAddr("127.0.0.1:8080"), "\x01\x00\x90\x1f\x7f\x00\x00\x01"},
		{inetAddr("[::1]:80"), "\x02\x00\x50\x00" + strings.Repeat("\x00", 15) + "\x01"},
		{inetAddr("[::ffff:127.0.0.1]:80"), "\x02\x00\x50\x00" + strings.Repeat("\x00", 10) + "\xff\xff\x7f\x00\x00\x01"},
		{unixAddr(""), "\x03\x00" + strings.Repeat("\x00", 108)},
		{unixAddr("/tmp/s"), "\x03\x00/tmp/s" + strings.Repeat("\x00", 102)},
		{unixAddr(longest), "\x03\x00" + longest},
		{unixAddr(longest + "more"), "\x03\x00" + longest},
	} {
		b := bytes.Repeat([]byte{'?'}, 128)
		encodeAddr(b[:addrSize(c.addr.Family())], &c.addr)
		if got := string(b); got != c.want+strings.Repeat("?", 128-len(c.want)) {
			t.Errorf("%v: %q", c.addr, got)
		}
	}
	b := bytes.Repeat([]byte{'?'}, sizeofAddrScoped)
	scoped := inetAddr("[fe80::1%65538]:80")
	if encodeAddr(b, &scoped); string(b[addrFlow:]) != "\x00\x00\x00\x00\x01\x00\x02\x00" {
		t.Errorf("flow and scope: %q", b[addrFlow:])
	}
	if again, errno := decodeAddr(b); again != scoped || errno != abi.ESUCCESS {
		t.Errorf("%v came back as %v, %v", scoped, again, errno)
	}
	// A socket may have a peer of another family than was made room for.
	b = []byte("????????")
	six := inetAddr("[::1]:80")
	if encodeAddr(b, &six); string(b) != "\x00\x00??????" {
		t.Errorf("without room: %q", b)
	}
}

// Whatever lies in guest memory, decoding keeps to it, and encoding what was
// decoded gives what matters of it back.
func FuzzAddr(f *testing.F) {
	for _, b := range [][]byte{
		{0}, {1, 2, 3}, {1, 0, 0x90, 0x1f, 127, 0, 0, 1}, linkLocal(flowAndScope...),
		[]byte("\x03\x00/tmp/s\x00"), append([]byte("\x03\x00\x00name"), make([]byte, 103)...), {9, 9},
	} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		addr, errno := decodeAddr(b)
		if errno != abi.ESUCCESS {
			if addr != (network.Addr{}) {
				t.Fatalf("%v and yet %v", errno, addr)
			}
			return
		}
		size := addrSize(addr.Family())
		if addr.Family() != abi.AddressFamily(b[0]) {
			t.Fatalf("family %d became %v", b[0], addr.Family())
		}
		out := bytes.Repeat([]byte{'?'}, abi.SizeofAddrPort+8)
		encodeAddr(out[:size], &addr)
		again, errno := decodeAddr(out[:size])
		if addr.IsValid() {
			addr.AddrPort = netip.AddrPortFrom(addr.Addr().WithZone(""), addr.Port())
		}
		if again != addr || errno != abi.ESUCCESS {
			t.Fatalf("%v came back as %v, %v", addr, again, errno)
		}
		if string(out[size:]) != strings.Repeat("?", len(out)-int(size)) {
			t.Fatalf("%v: stored past %d bytes", addr, size)
		}
	})
}
