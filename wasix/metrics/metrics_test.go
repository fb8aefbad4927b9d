package metrics

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"

	"github.com/gowasix/gowasix/wasix"
	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/network"
)

// gather returns all values, in order, as "name{label=value} = 1".
func gather(t *testing.T, collectors ...prometheus.Collector) (lines []string) {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(collectors...)
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.Metric {
			var labels []string
			for _, l := range m.Label {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			lines = append(lines, fmt.Sprintf("%s{%s} = %v", f.GetName(), strings.Join(labels, ","), m.GetGauge().GetValue()+m.GetCounter().GetValue()))
		}
	}
	return lines
}

func TestPolicyAndQuota(t *testing.T) {
	policy := &network.Policy{}
	limited := network.WithQuota(network.WithPolicy(network.Unix(), policy), network.Quota{Sockets: 1})
	if _, err := limited.Resolve(t.Context(), "denied.test"); err != syscall.EPERM {
		t.Fatal(err)
	}
	s, err := limited.Socket(abi.AddressFamilyUnix, abi.SockTypeStream, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := limited.Socket(abi.AddressFamilyUnix, abi.SockTypeStream, 0); err != syscall.ENOBUFS {
		t.Fatal(err)
	}
	want := []string{
		"wasix_network_denials_total{policy=a} = 1", "wasix_network_denials_total{policy=b} = 0",
		"wasix_quota_bytes_total{direction=in,quota=q} = 0", "wasix_quota_bytes_total{direction=out,quota=q} = 0",
		"wasix_quota_connections_total{quota=q} = 0",
		"wasix_quota_delayed_total{direction=in,quota=q} = 0", "wasix_quota_delayed_total{direction=out,quota=q} = 0",
		"wasix_quota_pending{quota=q} = 0",
		"wasix_quota_refused_total{quota=q,what=connection} = 0", "wasix_quota_refused_total{quota=q,what=listen} = 0",
		"wasix_quota_refused_total{quota=q,what=socket} = 1", "wasix_quota_sockets{quota=q} = 1",
	}
	if got := gather(t, Policy("a", policy), Policy("b", new(network.Policy)), Quota("q", limited)); !slices.Equal(got, want) {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}

func TestProcesses(t *testing.T) {
	none := func() []*wasix.Process { return nil }
	want := []string{
		"wasix_commands{} = 0", "wasix_connections_waiting{} = 0", "wasix_processes{} = 0",
		"wasix_socket_queued_bytes{direction=in} = 0", "wasix_socket_queued_bytes{direction=out} = 0", "wasix_threads{} = 0",
	}
	if got := gather(t, Processes(none)); !slices.Equal(got, want) {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
	sums := totals{descriptors: map[string]int{}, sockets: map[[2]string]int{}}
	socket := func(state string, in, out int) wasix.DescriptorStats {
		return wasix.DescriptorStats{Type: abi.FiletypeSocketStream, Socket: &wasix.SocketStats{
			Family: abi.AddressFamilyInet4, Info: network.Info{State: state, RecvQueue: in, SendQueue: out},
		}}
	}
	for range 2 {
		sums.add(wasix.Stats{Threads: 3, Descriptors: []wasix.DescriptorStats{
			{Type: abi.FiletypeDirectory}, socket("LISTEN", 5, 128), socket("ESTAB", 7, 11),
		}})
	}
	got := fmt.Sprint(sums)
	if want := "{0 2 6 10 14 22 map[directory:2 socket_stream:4] map[[inet4 ESTAB]:2 [inet4 LISTEN]:2]}"; got != want {
		t.Errorf("got %s", got)
	}
}

// Prometheus's own parser reads all metrics as they are sent, and its linter has
// nothing against them.
func TestExposition(t *testing.T) {
	sums := totals{descriptors: map[string]int{"directory": 1}, sockets: map[[2]string]int{{"inet4", "LISTEN"}: 1}}
	const name = "a \"name\"\nof two lines"
	policy := &network.Policy{}
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(&collector{ofProcesses, sums.send}, Policy(name, policy),
		Quota(name, network.WithQuota(network.WithPolicy(network.Unix(), policy), network.Quota{})))
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&text, f); err != nil {
			t.Fatal(err)
		}
	}
	if !strings.Contains(text.String(), `wasix_network_denials_total{policy="a \"name\"\nof two lines"} 0`) || len(families) != len(ofProcesses)+7 {
		t.Errorf("%d metrics:\n%s", len(families), &text)
	}
	problems, err := promlint.New(&text).Lint()
	if len(problems) != 0 || err != nil {
		t.Errorf("%v, %v", problems, err)
	}
}
