package corpus

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/network"
)

// How much a web server is asked.
const (
	requests    = 1000
	connections = 32
	largeFile   = 24 << 20 // bytes
)

// site is a directory that a guest serves over HTTP.
type site struct {
	dir   string
	files map[string][]byte
	names []string
	large []byte // of large.bin, which is asked for by few
}

// newSite makes files of sizes around those of buffers.
func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{dir: filepath.Join(t.TempDir(), "public"), files: map[string][]byte{"index.html": []byte("<h1>It runs</h1>\n")}}
	random := rand.NewChaCha8([32]byte{1})
	for _, size := range []int{1, 4096, 65537, 1 << 20} {
		b := make([]byte, size)
		_, _ = random.Read(b)
		s.files[fmt.Sprintf("%d.bin", size)] = b
	}
	if err := os.Mkdir(s.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range s.files {
		writeFile(t, filepath.Join(s.dir, name), content)
		s.names = append(s.names, name)
	}
	slices.Sort(s.names)
	s.large = make([]byte, largeFile)
	_, _ = random.Read(s.large)
	writeFile(t, filepath.Join(s.dir, "large.bin"), s.large)
	return s
}

// newClient returns a client that takes bodies as they are.
func newClient() *http.Client {
	return &http.Client{
		Timeout: limit,
		Transport: &http.Transport{
			Proxy: nil, DisableCompression: true, MaxIdleConnsPerHost: connections, MaxConnsPerHost: connections,
		},
	}
}

// check asks for all files over many connections and compares every body, then
// for what is not there and, from a server that knows ranges, for parts.
func (s *site) check(t *testing.T, addr string, ranges bool) {
	t.Helper()
	client := newClient()
	defer client.CloseIdleConnections()
	var group sync.WaitGroup
	for worker := range connections {
		group.Go(func() {
			for i := worker; i < requests; i += connections {
				s.checkFile(t, client, addr, s.names[i%len(s.names)])
			}
		})
	}
	group.Wait()
	if status, _ := get(t, client, addr, "missing.html", ""); status != http.StatusNotFound {
		t.Errorf("a missing file has status %d", status)
	}
	if status, body := get(t, client, addr, "large.bin", ""); status != http.StatusOK || !bytes.Equal(body, s.large) {
		t.Errorf("the large file has status %d and %d bytes", status, len(body))
	}
	if ranges {
		s.checkRanges(t, client, addr)
	}
}

// checkRanges asks for parts of the large file.
func (s *site) checkRanges(t *testing.T, client *http.Client, addr string) {
	t.Helper()
	const at = largeFile - 5000
	for byteRange, want := range map[string][]byte{
		"bytes=100-199":                     s.large[100:200],
		"bytes=0-0":                         s.large[:1],
		"bytes=-100":                        s.large[largeFile-100:],
		fmt.Sprintf("bytes=%d-", at):        s.large[at:],
		fmt.Sprintf("bytes=%d-%d", 9, at-1): s.large[9:at],
	} {
		status, body := get(t, client, addr, "large.bin", byteRange)
		if status != http.StatusPartialContent || !bytes.Equal(body, want) {
			t.Errorf("%s has status %d and %d bytes, want %d", byteRange, status, len(body), len(want))
		}
	}
	outside := fmt.Sprintf("bytes=%d-", largeFile)
	if status, _ := get(t, client, addr, "large.bin", outside); status != http.StatusRequestedRangeNotSatisfiable {
		t.Errorf("%s has status %d", outside, status)
	}
}

func (s *site) checkFile(t *testing.T, client *http.Client, addr, name string) {
	t.Helper()
	status, body := get(t, client, addr, name, "")
	if status != http.StatusOK || !bytes.Equal(body, s.files[name]) {
		t.Errorf("%s: status %d, %d bytes of %d", name, status, len(body), len(s.files[name]))
	}
}

// get returns the status, 0 without an answer, and the body.
func get(t *testing.T, client *http.Client, addr, name, byteRange string) (int, []byte) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, "http://"+addr+"/"+name, nil)
	if err != nil {
		t.Error(err)
		return 0, nil
	}
	if byteRange != "" {
		req.Header.Set("Range", byteRange)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Error(err)
		return 0, nil
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return resp.StatusCode, body
}

// publish returns a network that grants nothing but one port of the guest, at a
// port of the host that is free.
func publish(port uint16, proto abi.SockProto) *network.Publisher {
	m := network.PortMap{Outside: netip.MustParseAddrPort("127.0.0.1:0"), Guest: port, Proto: proto}
	return network.Publish(network.WithPolicy(network.Host(), &network.Policy{}), []network.PortMap{m})
}

// outside returns where a published port is, which the guest has bound.
func outside(t *testing.T, p *network.Publisher, port uint16, proto abi.SockProto) string {
	t.Helper()
	at, ok := p.Outside(port, proto)
	if !ok {
		t.Fatalf("the guest has not bound port %d", port)
	}
	return at.String()
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.DialTimeout("tcp", addr, limit)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SetDeadline(time.Now().Add(limit)); err != nil {
		t.Fatal(err)
	}
	return c
}
