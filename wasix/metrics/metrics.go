// Package metrics counts guests for Prometheus:
//
//	var guests debug.Registry
//	prometheus.MustRegister(metrics.Processes(guests.Processes))
//	prometheus.MustRegister(metrics.Policy("web", policy), metrics.Quota("web", limited))
//
// It is the only package that needs Prometheus's client. Everything is counted
// when it is asked for.
package metrics

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/network"
)

// metric describes one metric; fixed are labels that are the same for all its
// values.
func metric(name, help string, fixed prometheus.Labels, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("wasix_"+name, help, labels, fixed)
}

var (
	commands    = metric("commands", "Commands that run.", nil)
	processes   = metric("processes", "Processes of guests.", nil)
	threads     = metric("threads", "Threads of guests.", nil)
	descriptors = metric("descriptors", "Open descriptors, by the type of what is open.", nil, "type")
	sockets     = metric("sockets", "Open sockets, by their state as ss(8) names it.", nil, "family", "state")
	queued      = metric("socket_queued_bytes", "Bytes received that guests have not read, and sent that peers have not got.", nil, "direction")
	waiting     = metric("connections_waiting", "Connections that wait to be accepted.", nil)
)

var ofProcesses = []*prometheus.Desc{commands, processes, threads, descriptors, sockets, queued, waiting}

// collector is a Collector of some descriptions and a function.
type collector struct {
	descriptions []*prometheus.Desc
	collect      func(send)
}

// send sends a value with its labels.
type send func(d *prometheus.Desc, t prometheus.ValueType, value float64, labels ...string)

func (c *collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range c.descriptions {
		to <- d
	}
}

func (c *collector) Collect(to chan<- prometheus.Metric) {
	c.collect(func(d *prometheus.Desc, t prometheus.ValueType, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, t, value, labels...)
	})
}

// Processes returns a collector of what the processes that list returns, and all
// below them, are and have: see debug.Registry.Processes for one. list may be
// called concurrently.
func Processes(list func() []*wasix.Process) prometheus.Collector {
	return &collector{
		ofProcesses,
		func(send send) { collectProcesses(list(), send) },
	}
}

// totals sums up processes.
type totals struct {
	commands, processes, threads, waiting, in, out int
	descriptors                                    map[string]int
	sockets                                        map[[2]string]int
}

func collectProcesses(roots []*wasix.Process, send send) {
	t := totals{commands: len(roots), descriptors: map[string]int{}, sockets: map[[2]string]int{}}
	for _, root := range roots {
		for _, p := range root.Family() {
			t.add(p.Stats())
		}
	}
	t.send(send)
}

func (t *totals) send(send send) {
	const gauge = prometheus.GaugeValue
	send(commands, gauge, float64(t.commands))
	send(processes, gauge, float64(t.processes))
	send(threads, gauge, float64(t.threads))
	send(waiting, gauge, float64(t.waiting))
	send(queued, gauge, float64(t.in), "in")
	send(queued, gauge, float64(t.out), "out")
	for name, n := range t.descriptors {
		send(descriptors, gauge, float64(n), name)
	}
	for key, n := range t.sockets {
		send(sockets, gauge, float64(n), key[0], key[1])
	}
}

func (t *totals) add(s wasix.Stats) {
	t.processes++
	t.threads += s.Threads
	for _, d := range s.Descriptors {
		t.descriptors[strings.ToLower(d.Type.String())]++
		if d.Socket == nil {
			continue
		}
		t.sockets[[2]string{strings.ToLower(d.Socket.Family.String()), d.Socket.State}]++
		if d.Socket.State == "LISTEN" {
			t.waiting += d.Socket.RecvQueue
		} else {
			t.in += d.Socket.RecvQueue
			t.out += d.Socket.SendQueue
		}
	}
}

// Policy returns a collector of what a policy refuses. name tells it from other
// policies.
func Policy(name string, p *network.Policy) prometheus.Collector {
	denials := metric("network_denials_total", "Requests that the policy refused.", prometheus.Labels{"policy": name})
	return &collector{[]*prometheus.Desc{denials}, func(send send) {
		_, total := p.Denials()
		send(denials, prometheus.CounterValue, float64(total))
	}}
}

// Quota returns a collector of what a quota counts. name tells it from others. Those
// that share one quota ([network.Limited.Share]) count the same: register one of them.
func Quota(name string, l *network.Limited) prometheus.Collector {
	fixed := prometheus.Labels{"quota": name}
	sockets := metric("quota_sockets", "Open sockets within the quota.", fixed)
	pending := metric("quota_pending", "Places for waiting connections that listeners have taken.", fixed)
	connections := metric("quota_connections_total", "Connections within the quota.", fixed)
	refused := metric("quota_refused_total", "What the quota refused.", fixed, "what")
	bytes := metric("quota_bytes_total", "Bytes sent and received.", fixed, "direction")
	delayed := metric("quota_delayed_total", "Attempts to receive or send that found no bytes of the quota left.", fixed, "direction")
	return &collector{[]*prometheus.Desc{sockets, pending, connections, refused, bytes, delayed}, func(send send) {
		u := l.Usage()
		const gauge, counter = prometheus.GaugeValue, prometheus.CounterValue
		send(sockets, gauge, float64(u.Sockets))
		send(pending, gauge, float64(u.Pending))
		send(connections, counter, float64(u.Connections))
		send(refused, counter, float64(u.SocketsRefused), "socket")
		send(refused, counter, float64(u.ListensRefused), "listen")
		send(refused, counter, float64(u.ConnectionsRefused), "connection")
		send(bytes, counter, float64(u.BytesIn), "in")
		send(bytes, counter, float64(u.BytesOut), "out")
		send(delayed, counter, float64(u.ReceivesDelayed), "in")
		send(delayed, counter, float64(u.SendsDelayed), "out")
	}}
}
