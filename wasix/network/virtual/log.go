package virtual

import (
	"os"
	"time"

	"gvisor.dev/gvisor/pkg/log"
)

func init() { silenceLog() }

// silenceLog keeps the netstack's log off the standard error stream of the
// program, which is where it goes at first. A target that the program has set
// itself (log.SetTarget of gVisor's package log), before or after, stays.
func silenceLog() {
	if e, ok := log.Log().Emitter.(log.GoogleEmitter); ok && e.Writer != nil && e.Next == os.Stderr {
		log.SetTarget(silent{})
	}
}

// silent is a log.Emitter that drops everything.
type silent struct{}

// Emit does nothing.
func (silent) Emit(int, log.Level, time.Time, string, ...any) {}
