package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gowasix/gowasix/wasmer"
)

const root = "../.."

// The README shows this program's main function.
func TestReadmeShowsMain(t *testing.T) {
	readme := readFile(t, filepath.Join(root, "README.md"))
	block := regexp.MustCompile("(?s)```go\n(func main.*?\n}\n)```").FindStringSubmatch(readme)
	if block == nil {
		t.Fatal("README.md has no main function")
	}
	if !strings.Contains(readFile(t, "main.go"), block[1]) {
		t.Errorf("main.go does not have what README.md shows:\n%s", block[1])
	}
}

// The program serves, on either engine, where the engine's name is all that
// differs. Its port is replaced by one that is free.
func TestServes(t *testing.T) {
	engines := []string{"wazero"}
	if wasmer.Available {
		engines = append(engines, "wasmer")
	}
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			source := strings.ReplaceAll(readFile(t, "main.go"), `"8080"`, `"0"`)
			source = strings.ReplaceAll(source, "wazero", engine)
			serves(t, build(t, source))
		})
	}
}

// build builds the program from another source, and returns the binary.
func build(t *testing.T, source string) string {
	t.Helper()
	dir := t.TempDir()
	replacement, overlay, program := filepath.Join(dir, "main.go"), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "embed")
	original, err := filepath.Abs("main.go")
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]map[string]string{"Replace": {original: replacement}})
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, replacement, []byte(source))
	writeFile(t, overlay, text)
	if out, err := exec.Command("go", "build", "-overlay", overlay, "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// serves runs the program where a user does and asks it for its page.
func serves(t *testing.T, program string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+t.TempDir())
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cancel()
	line, err := bufio.NewReader(stdout).ReadString('\n')
	port, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if err != nil || !ok {
		t.Fatalf("it printed %q, %v", line, err)
	}
	client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://127.0.0.1:" + port + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK || len(body) == 0 {
		t.Errorf("%s, body %q, %v", resp.Status, body, err)
	}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func writeFile(t *testing.T, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
}
