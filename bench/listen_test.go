//go:build linux

package main

import (
	"context"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/network"
	. "github.com/gowasix/gowasix/wasix/wasixtest"
	"github.com/gowasix/gowasix/wasix/wasmfile"
	"github.com/gowasix/gowasix/wasmer"
	"github.com/gowasix/gowasix/wazero"
)

// Where the guest keeps the descriptor and the address it binds to.
const (
	fdAt   = 8
	addrAt = 16
)

func wasixImport(name string, params int) wasmfile.Import {
	s := wasmfile.Signature{Results: []abi.ValueType{abi.ValueTypeI32}}
	for range params {
		s.Params = append(s.Params, abi.ValueTypeI32)
	}
	return wasmfile.Import{Module: "wasix_32v1", Name: name, Signature: s}
}

// listener is a guest whose export run opens, binds, listens and closes as many
// times as its first parameter says, and returns the sum of the errnos and its
// second parameter.
func listener() *Module {
	i32 := abi.ValueTypeI32
	add := func(call ...[]byte) []byte { return Body(LocalGet(1), Body(call...), I32Add, LocalSet(1)) }
	fd := Body(I32Const(fdAt), I32Load(0))
	return &Module{
		Imports: []wasmfile.Import{
			wasixImport("sock_open", 4), wasixImport("sock_bind", 2), wasixImport("sock_listen", 2), wasixImport("fd_close", 1),
		},
		Memory: &wasmfile.MemoryInfo{Min: 1, Max: 1, HasMax: true, Export: "memory"},
		Data:   []Data{{Offset: addrAt, Bytes: []byte{byte(abi.AddressFamilyInet4), 0, 0, 0, 127, 0, 0, 1}}},
		Functions: []Function{{
			Export:    "run",
			Signature: wasmfile.Signature{Params: []abi.ValueType{i32, i32}, Results: []abi.ValueType{i32}},
			Body: Body(Loop(
				add(I32Const(int32(abi.AddressFamilyInet4)), I32Const(int32(abi.SockTypeStream)), I32Const(0), I32Const(fdAt), Call(0)),
				add(fd, I32Const(addrAt), Call(1)),
				add(fd, I32Const(128), Call(2)),
				add(fd, Call(3)),
				LocalGet(0), I32Const(1), I32Sub, LocalTee(0), BrIf(0)),
				LocalGet(1)),
		}},
	}
}

// BenchmarkListenCycle compares the way of a guest to a listening socket and
// back with the same four system calls made from Go, by turns.
func BenchmarkListenCycle(b *testing.B) {
	engines := map[string]func() (wasix.Engine, error){
		"wazero": func() (wasix.Engine, error) { return wazero.NewEngine() },
		"wasmer": func() (wasix.Engine, error) { return wasmer.NewEngine() },
	}
	for _, name := range []string{"wazero", "wasmer"} {
		b.Run(name, func(b *testing.B) {
			e, err := engines[name]()
			if err != nil {
				b.Fatal(err)
			}
			defer e.Close()
			listenInGuest(b, e)
		})
	}
}

func listenInGuest(b *testing.B, e wasix.Engine) {
	m, err := e.Compile(context.Background(), listener().Binary())
	if err != nil {
		b.Fatal(err)
	}
	defer m.Close()
	cmd := wasix.Command(m, "listener")
	cmd.Reactor, cmd.Network = true, network.Host()
	if err := cmd.Start(context.Background()); err != nil {
		b.Fatal(err)
	}
	var ratios []float64
	b.ReportAllocs()
	b.ResetTimer()
	for left := b.N; left > 0; left -= turn {
		n := min(left, turn)
		start := time.Now()
		errnos, err := cmd.Process.Call("run", uint64(n), 0)
		took := time.Since(start)
		b.StopTimer()
		if err != nil || errnos != 0 {
			b.Fatal(errnos, err)
		}
		start = time.Now()
		listenInGo(b, n)
		ratios = append(ratios, took.Seconds()/time.Since(start).Seconds())
		b.StartTimer()
	}
	b.StopTimer()
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "to-kernel")
	cmd.Process.Kill()
	_ = cmd.Wait()
}

// turn is how many cycles are made in a row.
const turn = 500

func listenInGo(b *testing.B, n int) {
	loopback := &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}
	for range n {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			b.Fatal(err)
		}
		if err := unix.Bind(fd, loopback); err != nil {
			b.Fatal(err)
		}
		if err := unix.Listen(fd, 128); err != nil {
			b.Fatal(err)
		}
		if err := unix.Close(fd); err != nil {
			b.Fatal(err)
		}
	}
}
