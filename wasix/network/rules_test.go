package network

import (
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"
)

func TestParseRules(t *testing.T) {
	prefix := netip.MustParsePrefix
	for s, want := range map[string][]Rule{
		"":               nil,
		" \n":            nil,
		"ipv4:allow=*:*": {{Prefix: anyIPv4, Ports: AllPorts}},
		"ipv6:deny=*:80": {{Deny: true, Prefix: anyIPv6, Ports: PortRange{80, 80}}},
		"ipv4:allow=127.0.0.1:80/in": {
			{Prefix: prefix("127.0.0.1/32"), Ports: PortRange{80, 80}, Direction: Inbound}},
		"ipv4:allow=192.168.1.7/24:1-2/out": {
			{Prefix: prefix("192.168.1.0/24"), Ports: PortRange{1, 2}, Direction: Outbound}},
		"ipv4:deny={127.0.0.1/24, 192.168.1.1/24}:{80, 443}": {
			{Deny: true, Prefix: prefix("127.0.0.0/24"), Ports: PortRange{80, 80}},
			{Deny: true, Prefix: prefix("127.0.0.0/24"), Ports: PortRange{443, 443}},
			{Deny: true, Prefix: prefix("192.168.1.0/24"), Ports: PortRange{80, 80}},
			{Deny: true, Prefix: prefix("192.168.1.0/24"), Ports: PortRange{443, 443}}},
		"ipv6:allow=[2001:db8::1]:80": {{Prefix: prefix("2001:db8::1/128"), Ports: PortRange{80, 80}}},
		"ipv6:allow=2001:db8::1:80":   {{Prefix: prefix("2001:db8::1/128"), Ports: PortRange{80, 80}}},
		"ipv6:allow=[2001:db8::/32]:*/out": {
			{Prefix: prefix("2001:db8::/32"), Ports: AllPorts, Direction: Outbound}},
		"ipv6:allow={3001:db8::, 2001:db8::/32}:{80, 8080}/in": {
			{Prefix: prefix("3001:db8::/128"), Ports: PortRange{80, 80}, Direction: Inbound},
			{Prefix: prefix("3001:db8::/128"), Ports: PortRange{8080, 8080}, Direction: Inbound},
			{Prefix: prefix("2001:db8::/32"), Ports: PortRange{80, 80}, Direction: Inbound},
			{Prefix: prefix("2001:db8::/32"), Ports: PortRange{8080, 8080}, Direction: Inbound}},
		"ipv6:deny=[::ffff:10.0.0.0/104]:*": {{Deny: true, Prefix: prefix("10.0.0.0/8"), Ports: AllPorts}},
		"dns:allow={a.com, *.b.com}:80, dns:deny=*:*": {
			{Domain: "a.com", Ports: PortRange{80, 80}},
			{Domain: "*.b.com", Ports: PortRange{80, 80}},
			{Deny: true, Domain: "*", Ports: AllPorts}},
		"ip:allow={1.2.3.4,[2001:db8::/32]}:https/out": {
			{Prefix: prefix("1.2.3.4/32"), Ports: PortRange{443, 443}, Direction: Outbound},
			{Prefix: prefix("2001:db8::/32"), Ports: PortRange{443, 443}, Direction: Outbound}},
		"ip:deny={loopback,*}:*": {
			{Deny: true, Prefix: prefix("127.0.0.0/8"), Ports: AllPorts},
			{Deny: true, Prefix: prefix("::1/128"), Ports: AllPorts},
			{Deny: true, Prefix: anyIPv4, Ports: AllPorts},
			{Deny: true, Prefix: anyIPv6, Ports: AllPorts}},
		"ipv6:deny=link-local:1": {{Deny: true, Prefix: prefix("fe80::/10"), Ports: PortRange{1, 1}}},
	} {
		p, err := ParseRules(s)
		if err != nil {
			t.Errorf("%q: %v", s, err)
		} else if !reflect.DeepEqual(p.Rules, want) {
			t.Errorf("%q:\n got %+v\nwant %+v", s, p.Rules, want)
		}
	}
}

func TestParseRulesErrors(t *testing.T) {
	for s, part := range map[string]string{
		"ipv5:allow=*:*":                 "ipv5",
		"allow":                          "allow",
		"ipv4:alow=*:*":                  "alow",
		"ipv4:allow":                     "allow",
		"ipv4:allow=*":                   "*",
		"ipv4:allow=*:*/up":              "/up",
		"ipv4:allow=1.2.3:80":            "1.2.3",
		"ipv4:allow=::1:80":              "",
		"ipv4:allow=1.2.3.4/33:80":       "1.2.3.4/33",
		"ipv4:allow=1.2.3.4:65536":       "65536",
		"ipv4:allow=1.2.3.4:80-79":       "80-79",
		"ipv4:allow=1.2.3.4:-":           "-",
		"ipv4:allow=1.2.3.4:+1":          "+1",
		"ipv4:allow={1.2.3.4:80":         "{1.2.3.4",
		"ipv4:allow={}:80":               "",
		"ipv4:allow=1.2.3.4:80,":         "",
		"ipv6:allow=[::1:80":             "[::1",
		"ipv6:allow=1.2.3.4:80":          "1.2.3.4",
		"ipv6:allow=[fe80::1%1]:80":      "[fe80::1%1]",
		"ip:allow=lan:80":                "lan",
		"ip:allow=[1.2.3.4]:80":          "[1.2.3.4]",
		"ip:allow=1.2.3.4:no-such":       "no-such",
		"dns:allow=loopback:x y":         "xy",
		"dns:allow=:80":                  "",
		"dns:allow=a..b/c:80":            "a..b/c",
		"dns:allow=exa*mple:80":          "exa*mple",
		"dns:allow=example.com":          "example.com",
		"dns:allow=example.com:80/out":   "80/out",
		"ipv4:allow=*:*,ipv4:allow=*:x*": "x*",
	} {
		_, err := ParseRules(s)
		var re *RuleError
		if !errors.As(err, &re) {
			t.Errorf("%q: got %v", s, err)
		} else if re.Part != part {
			t.Errorf("%q: points at %q, want %q (%v)", s, re.Part, part, err)
		}
	}
}

func FuzzParseRules(f *testing.F) {
	for _, s := range []string{
		"", "ipv4:allow=*:*", "ipv6:allow=[2001:db8::/32]:*/out", "dns:allow={a.com,*.b.com}:{80,443}",
		"ipv4:deny={127.0.0.1/24,10.0.0.1}:{80,1-2}/in", "ipv6:deny=[::ffff:1.2.3.4]:1", "ipv6:allow=::1:80",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParseRules(s)
		if err != nil {
			_ = err.Error()
			return
		}
		again, err := ParseRules(p.String())
		if err != nil {
			t.Fatalf("%q gives %q, which cannot be read: %v", s, p, err)
		}
		if !reflect.DeepEqual(again.Rules, p.Rules) {
			t.Fatalf("%q gives %q, which is different", s, p)
		}
	})
}

func TestParsePortMaps(t *testing.T) {
	for s, want := range map[string]string{
		"8080:80":           "127.0.0.1:8080:80",
		"0:80":              "127.0.0.1:0:80",
		"127.0.0.1:8080:80": "127.0.0.1:8080:80",
		"0.0.0.0:53:53/udp": "0.0.0.0:53:53/udp",
		"[::1]:8080:80/tcp": "[::1]:8080:80",
		"8080:http":         "127.0.0.1:8080:80",
		"8080-8081:80-81":   "127.0.0.1:8080:80 127.0.0.1:8081:81",
		"[::]:0:80-81/udp":  "[::]:0:80/udp [::]:0:81/udp",
		"8080":              "", "8080:": "", "8080:0": "", ":80": "", "x:80": "", "8080:80/sctp": "",
		"localhost:8080:80": "", "70000:80": "", "80:70000": "", "::1:8080:80": "", "80-81:80": "",
		"80:80-81": "", "*:80": "", "80:*": "", "0-1:80-82": "",
	} {
		maps, err := ParsePortMaps(s)
		if (err == nil) != (want != "") {
			t.Errorf("%q: %v", s, err)
			continue
		}
		var got []string
		for _, m := range maps {
			got = append(got, m.String())
		}
		if err == nil && strings.Join(got, " ") != want {
			t.Errorf("%q: got %v, want %v", s, got, want)
		}
	}
}
