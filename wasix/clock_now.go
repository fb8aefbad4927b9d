package wasix

import (
	"time"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/ready"
)

// clockNow returns the present time of a clock in nanoseconds: since 1970 for
// REALTIME, since a moment before the process started for MONOTONIC. Returns
// EINVAL for the clocks of processor time and for unknown ones.
func (t *Thread) clockNow(id abi.Clockid) (uint64, abi.Errno) {
	switch id {
	case abi.ClockidRealtime:
		return uint64(time.Now().UnixNano()), abi.ESUCCESS
	case abi.ClockidMonotonic:
		return uint64(ready.Now()), abi.ESUCCESS
	}
	return 0, abi.EINVAL
}
