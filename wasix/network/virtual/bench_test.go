package virtual_test

import (
	"io"
	"net"
	"testing"

	"github.com/gowasix/gowasix/wasix/network/virtual"
)

// ends are ways to have two ends of a stream in one process.
var ends = map[string]func(testing.TB) (net.Conn, net.Conn){
	"virtual": func(t testing.TB) (net.Conn, net.Conn) {
		n := virtual.New()
		t.Cleanup(func() { _ = n.Close() })
		return pair(t, n.Host("a"), n.Host("b"))
	},
	"kernel": func(t testing.TB) (net.Conn, net.Conn) {
		l := must(net.Listen("tcp", "127.0.0.1:0"))(t)
		defer l.Close()
		c := must(net.Dial("tcp", l.Addr().String()))(t)
		return c, must(l.Accept())(t)
	},
	"net.Pipe": func(testing.TB) (net.Conn, net.Conn) { return net.Pipe() },
}

func BenchmarkEcho(b *testing.B) {
	for name, open := range ends {
		b.Run(name, func(b *testing.B) {
			c, s := open(b)
			go func() {
				_, _ = io.Copy(s, struct{ io.Reader }{s})
				_ = s.Close()
			}()
			buf := make([]byte, 64)
			b.ReportAllocs()
			for b.Loop() {
				must(c.Write(buf))(b)
				must(io.ReadFull(c, buf))(b)
			}
			_ = c.Close()
		})
	}
}

func BenchmarkBulk(b *testing.B) {
	for name, open := range ends {
		b.Run(name, func(b *testing.B) {
			c, s := open(b)
			received := make(chan struct{})
			go func() {
				buf := make([]byte, 256<<10)
				for {
					if _, err := s.Read(buf); err != nil {
						break
					}
				}
				close(received)
			}()
			buf := make([]byte, 256<<10)
			b.SetBytes(int64(len(buf)))
			for b.Loop() {
				must(c.Write(buf))(b)
			}
			_ = c.Close()
			<-received
		})
	}
}
