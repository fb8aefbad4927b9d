//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// report collects the figures of all groups.
type report struct {
	machine string
	micro   string
	tables  []table
}

// table is one workload: a row for each variant, relative to the native one.
type table struct {
	title string
	rows  []line
}

type line struct {
	variant           string
	rate              float64 // median operations per second
	rateRatio         float64 // median over the rounds of own/native
	rateLow, rateHigh float64 // quartiles of that
	cpuMicros         float64 // median server processor time per operation
	cpuRatio          float64
	samples           int
}

// measure runs the variants in turns and adds a table.
func (r *report) measure(b *binaries, w workload) error {
	var servers []*server
	defer func() {
		for _, s := range servers {
			s.stop()
		}
	}()
	for _, v := range echoVariants {
		s, err := startServer(v, v.args(b, w.program))
		if err != nil {
			return err
		}
		servers = append(servers, s)
	}
	return r.takeTurns(w.name, servers, func(s *server) (sample, error) { return load(s, w) })
}

// takeTurns lets the servers run one after the other, round by round, and adds
// a table of the ratios to the native server of the same round.
func (r *report) takeTurns(title string, servers []*server, one func(*server) (sample, error)) error {
	samples := make([][]sample, len(servers))
	for range *rounds {
		for i, s := range servers {
			got, err := one(s)
			if err != nil {
				return fmt.Errorf("%s: %s: %w", title, s.name, err)
			}
			samples[i] = append(samples[i], got)
		}
	}
	t := table{title: title}
	for i, s := range servers {
		t.rows = append(t.rows, summarize(s.name, samples[i], samples[0]))
	}
	r.tables = append(r.tables, t)
	fmt.Print(t)
	return nil
}

func summarize(name string, own, base []sample) line {
	var rates, cpus, rateRatios, cpuRatios []float64
	for i := range own {
		rates = append(rates, own[i].rate)
		cpus = append(cpus, own[i].cpu*1e6)
		rateRatios = append(rateRatios, own[i].rate/base[i].rate)
		cpuRatios = append(cpuRatios, own[i].cpu/base[i].cpu)
	}
	return line{
		variant: name, rate: quantile(rates, 0.5), cpuMicros: quantile(cpus, 0.5),
		rateRatio: quantile(rateRatios, 0.5), rateLow: quantile(rateRatios, 0.25), rateHigh: quantile(rateRatios, 0.75),
		cpuRatio: quantile(cpuRatios, 0.5), samples: len(own),
	}
}

func quantile(v []float64, q float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[int(q*float64(len(v)-1)+0.5)]
}

// String returns the table in Markdown.
func (t table) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n### %s\n\n", t.title)
	b.WriteString("| server | per second | to native (quartiles) | server µs per op | to native |\n|---|--:|--:|--:|--:|\n")
	for _, l := range t.rows {
		fmt.Fprintf(&b, "| %s | %.0f | %.2f (%.2f to %.2f) | %.2f | %.2f |\n",
			l.variant, l.rate, l.rateRatio, l.rateLow, l.rateHigh, l.cpuMicros, l.cpuRatio)
	}
	return b.String()
}

// microbenchmarks runs the Go benchmarks of single calls.
func (r *report) microbenchmarks() error {
	cmd := exec.Command("go", "test", "-run", "^$", "-bench", "HostCall|ListenCycle", "-benchmem", "-count", "5",
		"./cgo", "./wazero", "./bench")
	text, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd, err, text)
	}
	for l := range strings.Lines(string(text)) {
		if strings.HasPrefix(l, "Benchmark") || strings.HasPrefix(l, "pkg:") {
			r.micro += l
		}
	}
	fmt.Print(r.micro)
	return nil
}

var requestsPerSecond = regexp.MustCompile(`Requests/sec:\s+([\d.]+)`)

// measureHTTP compares the HTTP guest with its native build under wrk.
func (r *report) measureHTTP(b *binaries) error {
	wrk, err := exec.LookPath("wrk")
	if err != nil {
		fmt.Println("wrk is not installed: no HTTP figures")
		return nil
	}
	var servers []*server
	defer func() {
		for _, s := range servers {
			s.stop()
		}
	}()
	for _, v := range echoVariants[:3] {
		s, err := startServer(v, v.args(b, "http"))
		if err != nil {
			return err
		}
		servers = append(servers, s)
	}
	return r.takeTurns("HTTP, 32 connections with keep-alive, wrk", servers, func(s *server) (sample, error) {
		return runWrk(wrk, s)
	})
}

func runWrk(wrk string, s *server) (sample, error) {
	cmd := exec.Command(wrk, "-t1", "-c32", "-d1s", fmt.Sprintf("http://127.0.0.1:%d/", s.addr.Port))
	var text strings.Builder
	cmd.Stdout = &text
	cpu, start := s.cpu(), time.Now()
	if err := startPinned(cmd, loadCPU); err != nil {
		return sample{}, err
	}
	if err := cmd.Wait(); err != nil {
		return sample{}, err
	}
	took, used := time.Since(start), s.cpu()-cpu
	m := requestsPerSecond.FindStringSubmatch(text.String())
	if m == nil {
		return sample{}, fmt.Errorf("wrk printed no rate: %s", text.String())
	}
	rate, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return sample{}, err
	}
	return sample{rate, used.Seconds() / (rate * took.Seconds())}, nil
}

// write leaves report.md and one chart in dir.
func (r *report) write(dir string) error {
	var b strings.Builder
	b.WriteString("# Benchmarks\n\nMade by `make bench`. Servers are pinned to one processor, the load generator to\n" +
		"another; the variants take turns in short slices, and a ratio is the median over\nthe rounds of own to native in the same round.\n\n")
	fmt.Fprintf(&b, "%s. %d rounds of %v.\n", r.machine, *rounds, *slice)
	if len(r.tables) > 0 {
		b.WriteString("\n![Round trips per second, relative to native](report.svg)\n")
	}
	for _, t := range r.tables {
		b.WriteString(t.String())
	}
	if r.micro != "" {
		fmt.Fprintf(&b, "\n### Single calls\n\n```\n%s```\n", r.micro)
	}
	if err := os.WriteFile(filepath.Join(dir, "report.md"), []byte(b.String()), 0o666); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "report.svg"), []byte(chart(r.tables)), 0o666)
}
