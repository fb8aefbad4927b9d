package virtual

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"

	"gvisor.dev/gvisor/pkg/log"
)

// The netstack's log does not appear on a program's standard error stream, unless
// the program asks for it.
func TestLogIsSilent(t *testing.T) {
	const child = "GOWASIX_TEST_LOG"
	if os.Getenv(child) != "" {
		log.Warningf("not asked for")
		log.SetTarget(&log.Writer{Next: os.Stderr})
		silenceLog()
		log.Warningf("asked for")
		os.Exit(0)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), child+"=1")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	if got := stderr.String(); strings.Contains(got, "not asked for") || !strings.Contains(got, "asked for") {
		t.Errorf("on the standard error stream: %q", got)
	}
}
