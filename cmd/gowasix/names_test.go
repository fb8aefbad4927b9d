package main

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// The flags about names give the guest what they say, as far as --net grants it.
func TestNameFlags(t *testing.T) {
	file := filepath.Join(t.TempDir(), "hosts")
	if err := os.WriteFile(file, []byte("192.0.2.1 printer.test\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := parseRunFlags([]string{
		"--net=dns:allow=*.test:80", "--hosts", file, "--add-host", "PRINTER.test:[2001:db8::1]", "--add-host", "other.org:192.0.2.2",
		"--dns-search", "lan", "--dns-search", "test", "--dns-timeout", "1m", "x.wasm",
	})
	if err != nil {
		t.Fatal(err)
	}
	var told strings.Builder
	n, err := f.network(&told)
	if err != nil {
		t.Fatal(err)
	}
	want := []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}
	for _, host := range []string{"printer.test", "printer"} {
		if got, err := n.Resolve(t.Context(), host); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v", host, got, err)
		}
	}
	if _, err := n.Resolve(t.Context(), "other.org"); err != syscall.EPERM || !strings.Contains(told.String(), `may not resolve "other.org"; grant it with --net=dns:allow=*.test:80,dns:allow=other.org`) &&
		!strings.Contains(told.String(), "dns:allow=other.org:*") {
		t.Errorf("%v, and the user is told\n%s", err, &told)
	}
}

func TestParseServer(t *testing.T) {
	for s, want := range map[string]string{
		"192.0.2.1": "192.0.2.1:53", "192.0.2.1:5353": "192.0.2.1:5353", "2001:db8::1": "[2001:db8::1]:53",
		"[2001:db8::1]": "[2001:db8::1]:53", "[2001:db8::1]:1": "[2001:db8::1]:1", "ns.test": "", "192.0.2.1:0": "", "": "",
	} {
		got, err := parseServer(s)
		if (err == nil) != (want != "") || err == nil && got.String() != want {
			t.Errorf("%q: %v, %v", s, got, err)
		}
	}
}
