//go:build linux

// Command bench compares servers that do the same work: a WASIX guest on each
// engine, the same C source as a native program, a Go server, and wazero's own
// preview1 sockets. All servers are pinned to one processor and the load
// generator to another; the variants take turns in short slices, and every
// figure is a ratio to the native program in the same round.
//
//	go run ./bench [-rounds N] [-slice D] [-only echo,http,...] [-run REGEXP]
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

var (
	rounds = flag.Int("rounds", 15, "rounds; each runs every variant once")
	slice  = flag.Duration("slice", 300*time.Millisecond, "measured time of one variant in one round")
	only   = flag.String("only", "echo,http,calls,files", "comma-separated groups to run; processes and network are more")
	match  = flag.String("run", "", "regular expression: only the workloads whose title it matches")
	out    = flag.String("out", "bench", "folder for report.md and its charts")
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("bench: ")
	if len(os.Args) > 2 && os.Args[1] == "serve" {
		if err := serve(os.Args[2], os.Args[3:]); err != nil {
			log.Fatal(err)
		}
		return
	}
	flag.Parse()
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	titles, err := regexp.Compile(*match)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "gowasix-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	bins, err := build(dir)
	if err != nil {
		return err
	}
	if wanted("files") {
		if err := measureFiles(bins, machine(), *out); err != nil || *only == "files" {
			return err
		}
	}
	if wanted("processes") {
		if err := measureProcesses(bins, *out, machine()); err != nil || *only == "processes" {
			return err
		}
	}
	if wanted("network") {
		if err := measureNetwork(machine(), *out); err != nil || *only == "network" {
			return err
		}
	}
	var rep report
	rep.machine = machine()
	if wanted("calls") {
		if err := rep.microbenchmarks(); err != nil {
			return err
		}
	}
	if wanted("echo") {
		for _, w := range echoWorkloads {
			if !titles.MatchString(w.name) {
				continue
			}
			if err := rep.measure(bins, w); err != nil {
				return err
			}
		}
	}
	if wanted("http") {
		if err := rep.measureHTTP(bins); err != nil {
			return err
		}
	}
	return rep.write(*out)
}

func wanted(group string) bool {
	for g := range strings.SplitSeq(*only, ",") {
		if g == group {
			return true
		}
	}
	return false
}

// binaries are the programs that the variants run.
type binaries struct {
	self, gowasix, native, guests string
}

// build makes the command and the native programs in dir.
func build(dir string) (*binaries, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	b := &binaries{
		self:    self,
		gowasix: filepath.Join(dir, "gowasix"),
		native:  filepath.Join(dir, "native"),
		guests:  "testdata/guests",
	}
	for _, args := range [][]string{
		{"go", "build", "-o", b.gowasix, "./cmd/gowasix"},
		{"make", "-s", "-C", "testdata/guests", "native", "OUT=" + b.native},
	} {
		cmd := exec.Command(args[0], args[1:]...)
		if text, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%s: %v\n%s", strings.Join(args, " "), err, text)
		}
	}
	return b, nil
}

// machine describes where the figures come from.
func machine() string {
	model := "unknown processor"
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return fmt.Sprintf("%s, Linux %s", model, strings.TrimSpace(string(kernel)))
}
