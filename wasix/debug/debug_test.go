package debug

import (
	"encoding/json"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"github.com/gowasix/gowasix/wasix/network"
)

func TestHandler(t *testing.T) {
	var r Registry
	for _, c := range []struct {
		method, target, accept string
		status                 int
		typ                    string
	}{
		{"GET", "/debug/wasix", "text/html", 200, "text/html; charset=utf-8"},
		{"GET", "/debug/wasix?format=json", "", 200, "application/json"},
		{"GET", "/debug/wasix", "application/json", 200, "application/json"},
		{"POST", "/debug/wasix", "", 405, "text/plain; charset=utf-8"},
	} {
		req := httptest.NewRequest(c.method, c.target, nil)
		req.Header.Set("Accept", c.accept)
		w := httptest.NewRecorder()
		r.ServeHTTP(w, req)
		if w.Code != c.status || w.Header().Get("Content-Type") != c.typ {
			t.Errorf("%s %s: %d, %s", c.method, c.target, w.Code, w.Header().Get("Content-Type"))
		}
		if c.typ != "application/json" {
			continue
		}
		var s map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &s); err != nil || s["time"] == "" || len(s["commands"].([]any)) != 0 {
			t.Errorf("%v in %s", err, w.Body)
		}
	}
	if len(r.Processes()) != 0 {
		t.Error("there are processes")
	}
}

// The page needs nothing but itself, and makes no markup of what it shows.
func TestPage(t *testing.T) {
	text := string(page)
	if bad := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacent|document\.write|https?://|src=|@import|url\(`).FindString(text); bad != "" {
		t.Errorf("the page has %s", bad)
	}
	used := regexp.MustCompile(`getElementById\("(\w+)"\)`).FindAllStringSubmatch(text, -1)
	for _, id := range append(used, []string{"", "processes"}, []string{"", "sockets"}, []string{"", "others"}) {
		if strings.Count(text, ` id="`+id[1]+`"`) != 1 {
			t.Errorf("the page has no element %s, or several", id[1])
		}
	}
	if len(used) < 3 {
		t.Errorf("the script uses %q", used)
	}
}

func TestAddrText(t *testing.T) {
	for want, a := range map[string]network.Addr{
		"*": {}, "[::1]:80": {AddrPort: netip.MustParseAddrPort("[::1]:80")},
		"@name": {Unix: true, Path: "\x00name"}, "/run/s": {Unix: true, Path: "/run/s"},
	} {
		if got := addrText(a); got != want {
			t.Errorf("%v: %s, want %s", a, got, want)
		}
	}
}
