package corpus

import (
	"bytes"
	"crypto/rand"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/network"
	"github.com/gowasix/gowasix/wasix/vfs"
)

// committedPrograms are the guests of this repository that do something of use;
// probes are for other tests.
func committedPrograms() []program {
	var programs []program
	both := func(name string, check func(*testing.T, wasix.Module)) {
		programs = append(programs, program{name, check}, program{name + "-shared", check})
	}
	both("echo-threads", checkEcho(4))
	both("echo-poll", checkEcho(16))
	both("echo-epoll", checkEcho(16))
	both("udp-echo", checkDatagrams)
	both("http", checkHTTP)
	both("editor", checkEditor)
	return append(programs, program{"echo-preview1", checkInheritedEcho}, program{"go-http", checkGoHTTP})
}

// guestPort is the port that guests bind.
const guestPort = 7

// checkEcho has several clients at once send and get back their own bytes.
func checkEcho(clients int) func(*testing.T, wasix.Module) {
	return func(t *testing.T, module wasix.Module) {
		p := publish(guestPort, abi.SockProtoTcp)
		g := start(t, module, func(cmd *wasix.Cmd) { cmd.Network = p }, "echo", "7")
		g.expect(`listening on 7\n`)
		addr := outside(t, p, guestPort, abi.SockProtoTcp)
		var group sync.WaitGroup
		for range clients {
			c := dial(t, addr)
			group.Go(func() { echo(t, c) })
		}
		group.Wait()
		g.stop()
	}
}

// echo sends more than socket buffers hold and compares what comes back, up to
// the end of the stream.
func echo(t *testing.T, c net.Conn) {
	defer c.Close()
	sent := make([]byte, 1<<20)
	_, _ = rand.Read(sent)
	go func() {
		if _, err := c.Write(sent); err != nil {
			t.Error(err)
		}
		if err := c.(*net.TCPConn).CloseWrite(); err != nil {
			t.Error(err)
		}
	}()
	if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, sent) {
		t.Errorf("%d bytes of %d came back, %v", len(got), len(sent), err)
	}
}

// checkInheritedEcho serves one connection after the other on descriptor 3.
func checkInheritedEcho(t *testing.T, module wasix.Module) {
	s, addr := listening(t)
	g := start(t, module, func(cmd *wasix.Cmd) { cmd.Sockets = []network.Socket{s} }, "echo")
	for range 3 {
		echo(t, dial(t, addr))
	}
	g.stop()
}

// checkDatagrams sends datagrams of several sizes, one at a time.
func checkDatagrams(t *testing.T, module wasix.Module) {
	p := publish(guestPort, abi.SockProtoUdp)
	g := start(t, module, func(cmd *wasix.Cmd) { cmd.Network = p }, "udp-echo", "7")
	g.expect(`listening on 7\n`)
	c, err := net.Dial("udp", outside(t, p, guestPort, abi.SockProtoUdp))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(limit)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1<<16)
	for _, size := range []int{0, 1, 1400, 65507} {
		sent := make([]byte, size)
		_, _ = rand.Read(sent)
		if _, err := c.Write(sent); err != nil {
			t.Fatal(err)
		}
		if n, err := c.Read(buf); err != nil || !bytes.Equal(buf[:n], sent) {
			t.Fatalf("of %d bytes %d came back, %v", size, n, err)
		}
	}
	g.stop()
}

// checkHTTP serves a site.
func checkHTTP(t *testing.T, module wasix.Module) {
	site := newSite(t)
	p := publish(80, abi.SockProtoTcp)
	root := mounted(t, filepath.Dir(site.dir), "/", true)
	g := start(t, module, func(cmd *wasix.Cmd) {
		cmd.Network, cmd.Mounts = p, []vfs.Mount{root}
	}, "http", "80", "/"+filepath.Base(site.dir))
	g.expect(`listening on 80\n`)
	addr := outside(t, p, 80, abi.SockProtoTcp)
	site.check(t, addr, false)
	site.checkCurl(t, addr)
	g.stop()
}

// checkGoHTTP posts to net/http's server inside the guest, over many connections.
func checkGoHTTP(t *testing.T, module wasix.Module) {
	p := publish(80, abi.SockProtoTcp)
	g := start(t, module, func(cmd *wasix.Cmd) { cmd.Network = p }, "go-http", ":80")
	g.expect(`listening on 80\n`)
	url := "http://" + outside(t, p, 80, abi.SockProtoTcp) + "/echo"
	client := newClient()
	defer client.CloseIdleConnections()
	var group sync.WaitGroup
	for range connections {
		group.Go(func() {
			for range 4 {
				post(t, client, url)
			}
		})
	}
	group.Wait()
	g.stop()
}

// post sends random bytes, which must come back: more than fit into buffers.
func post(t *testing.T, client *http.Client, url string) {
	sent := make([]byte, 300_000)
	_, _ = rand.Read(sent)
	resp, err := client.Post(url, "application/octet-stream", bytes.NewReader(sent))
	if err != nil {
		t.Error(err)
		return
	}
	defer resp.Body.Close()
	if got, err := io.ReadAll(resp.Body); err != nil || !bytes.Equal(got, sent) {
		t.Errorf("%d bytes of %d came back, %v", len(got), len(sent), err)
	}
}
