package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/gowasix/gowasix/internal/guests"
)

// hostile would run as a script if the page let it.
const hostile = `<img src="x" onerror="document.title='owned'"><script>document.title="owned"</script>`

// TestDebugPage looks at a guest with hostile names through a proxy that opens one
// more connection to it before every answer but the first. When GOWASIX_BROWSER
// names a browser of Chromium's kind, the page is opened in it:
//
//	GOWASIX_BROWSER=chromium go test -run DebugPage ./cmd/gowasix
func TestDebugPage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "<img src=x>")
	s := serve(t, "run", "--engine", "wazero", "-p", "127.0.0.1:0:80", "--debug", "127.0.0.1:0", "--listen", "named=unix:"+path,
		guests.Path("http"), "80", hostile)
	page := s.expect(`^gowasix: the guest is shown at (http://\S+)$`)[1]
	guest := s.expect(`^gowasix: port 80 of the guest is at (\S+)$`)[1]
	s.expect(`^listening on 80$`)
	proxy := growing(t, page, guest)
	for want := range 2 {
		p := snapshot(t, proxy+"/debug/wasix")
		n, paths := 0, 0
		for _, d := range p.Descriptors {
			if d.Socket != nil && d.Socket.State == "ESTAB" {
				n++
			}
			if d.Socket != nil && d.Socket.Local == path {
				paths++
			}
		}
		if n != want || paths != 1 || len(p.Args) != 3 || p.Args[2] != hostile || p.Memory == 0 {
			t.Errorf("%d connections, want %d: %+v", n, want, p)
		}
	}
	if _, text := get(t, page, ""); strings.Contains(text, "<img") {
		t.Errorf("the page has names in it:\n%s", text)
	}
	if browser := os.Getenv("GOWASIX_BROWSER"); browser != "" {
		t.Run("browser", func(t *testing.T) { openPage(t, browser, growing(t, page, guest)+"/debug/wasix", path) })
	}
	if status := s.end(syscall.SIGINT); status != 130 {
		t.Errorf("status %d", status)
	}
}

// growing returns the address of a proxy that adds the driver to the page, and
// before each snapshot but the first gets something from the guest over one more
// connection, which stays open.
func growing(t *testing.T, page, guest string) string {
	target, err := url.Parse(page)
	if err != nil {
		t.Fatal(err)
	}
	target.Path = ""
	snapshots := atomic.Int32{}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		if r.In.FormValue("format") == "json" && snapshots.Add(1) == 2 {
			c := dial(t, guest)
			t.Cleanup(func() { _ = c.Close() })
			if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: guest\r\n\r\n"); err != nil {
				t.Error(err)
			}
			if n, err := c.Read(make([]byte, 100)); n == 0 {
				t.Error(err)
			}
		}
	}}
	proxy.ModifyResponse = func(r *http.Response) error {
		if !strings.HasPrefix(r.Header.Get("Content-Type"), "text/html") {
			return nil
		}
		text, err := io.ReadAll(r.Body)
		text = append(text, driver...)
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
		r.Header.Set("Content-Length", fmt.Sprint(len(text)))
		return err
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	return server.URL
}

// driver uses the page as somebody would, and leaves in it what it has seen.
const driver = `<script>
const rows = id => [...document.querySelectorAll("#" + id + " tbody tr")].map(tr => [...tr.cells].map(td => td.textContent));
const header = (id, name) => [...document.querySelectorAll("#" + id + " th button")].find(b => b.textContent === name);
const filter = text => {
  document.getElementById("filter").value = text;
  document.getElementById("filter").dispatchEvent(new Event("input"));
};
const descriptors = () => rows("others").map(row => row[1]).join();
(async () => {
  const seen = {before: rows("sockets").length};
  while (rows("sockets").filter(row => row[0] === "ESTAB").length < 2) await new Promise(done => setTimeout(done, 100));
  seen.processes = rows("processes");
  seen.states = rows("sockets").map(row => row[0]).sort().join();
  seen.locals = rows("sockets").map(row => row[3]);
  seen.unsorted = descriptors();
  header("others", "fd").click();
  header("others", "fd").click();
  seen.descending = [descriptors(), document.querySelector("#others th[aria-sort]").ariaSort];
  filter("estab stream");
  seen.filtered = [rows("sockets").length, document.getElementById("others").textContent];
  filter("");
  header("others", "fd").click();
  seen.again = descriptors();
  seen.title = document.title;
  seen.images = document.images.length;
  const result = document.body.appendChild(document.createElement("pre"));
  result.id = "result";
  result.textContent = JSON.stringify(seen);
  console.log("the driver is done");
})();
</script>
`

// openPage has the browser run the page with the driver.
func openPage(t *testing.T, browser, url, path string) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, browser, "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir="+t.TempDir(),
		"--enable-logging=stderr", "--virtual-time-budget=60000", "--dump-dom", url)
	cmd.WaitDelay = limit
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	dom, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	console := regexp.MustCompile(`CONSOLE.*`).FindAllString(stderr.String(), -1)
	if len(console) != 1 || !strings.Contains(console[0], `"the driver is done"`) {
		t.Errorf("the console has %q", console)
	}
	result := regexp.MustCompile(`(?s)<pre id="result">(.*?)</pre>`).FindSubmatch(dom)
	if result == nil {
		t.Fatalf("the driver has left nothing in\n%s", dom)
	}
	var seen struct {
		Processes                      [][]string
		States, Unsorted, Again, Title string
		Locals                         []string
		Descending, Filtered           []any
		Images, Before                 int
	}
	if err := json.Unmarshal([]byte(html.UnescapeString(string(result[1]))), &seen); err != nil {
		t.Fatalf("%v in %s", err, result[1])
	}
	if len(seen.Processes) != 1 || seen.Processes[0][7] != "http.wasm 80 "+hostile {
		t.Errorf("processes: %q", seen.Processes)
	}
	if seen.States != "ESTAB,ESTAB,LISTEN,LISTEN" || !slices.Contains(seen.Locals, path) {
		t.Errorf("sockets: %s, %q", seen.States, seen.Locals)
	}
	if seen.Title != "wasix guests" || seen.Images != 0 {
		t.Errorf("names have become part of the page: title %q, %d images", seen.Title, seen.Images)
	}
	if fmt.Sprint(seen.Descending) != "[4,2,1,0 descending]" || seen.Unsorted != "0,1,2,4" || seen.Again != "0,1,2,4" {
		t.Errorf("sorted: %v, otherwise %s, %s", seen.Descending, seen.Unsorted, seen.Again)
	}
	if fmt.Sprint(seen.Filtered) != "[2 none that the filter shows]" {
		t.Errorf("filtered: %v", seen.Filtered)
	}
}
