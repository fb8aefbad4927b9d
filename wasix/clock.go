package wasix

import (
	"time"

	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/ready"
)

// clockNow returns the present time of a clock in nanoseconds: since 1970 for
// REALTIME, since about the start of the Go process for MONOTONIC, and the
// processor time used so far for the two CPUTIME clocks, see [Process.cpuTime] and
// [Thread.threadCPUTime]. Returns EINVAL for other clocks, ENOTSUP where the host
// has no such clock.
func (t *Thread) clockNow(id abi.Clockid) (uint64, abi.Errno) {
	switch id {
	case abi.ClockidRealtime:
		return uint64(time.Now().UnixNano()), abi.ESUCCESS
	case abi.ClockidMonotonic:
		return uint64(ready.Now()), abi.ESUCCESS
	case abi.ClockidProcessCputimeId, abi.ClockidThreadCputimeId:
		return t.cpuTime(id)
	}
	return 0, abi.EINVAL
}

// clockTimeGet is clock_time_get(id, precision, time): stores the present time
// of a clock in nanoseconds. The precision asked for is always met. No clock but
// REALTIME steps back.
//
// returns 0 except:
//   - EFAULT: time lies outside memory
//   - EINVAL: no such clock
//   - ENOTSUP: the host has no such clock
func clockTimeGet(t *Thread, p []uint64) abi.Errno {
	if !t.inMemory(uint32(p[2]), 8) {
		return abi.EFAULT
	}
	now, errno := t.clockNow(abi.Clockid(p[0]))
	if errno != abi.ESUCCESS {
		return errno
	}
	t.putUint64(uint32(p[2]), now)
	return abi.ESUCCESS
}

// clockResGet is clock_res_get(id, resolution): stores the resolution of a
// clock in nanoseconds.
//
// returns 0 except:
//   - EFAULT: resolution lies outside memory
//   - EINVAL: no such clock
//   - ENOTSUP: the host has no such clock
func clockResGet(t *Thread, p []uint64) abi.Errno {
	if !t.inMemory(uint32(p[1]), 8) {
		return abi.EFAULT
	}
	id := abi.Clockid(p[0])
	switch {
	case id > abi.ClockidThreadCputimeId:
		return abi.EINVAL
	case id > abi.ClockidMonotonic && !hasCPUClocks:
		return abi.ENOTSUP
	}
	resolution, err := hostResolution(int32(id))
	if err != nil {
		return errnoOf(err)
	}
	t.putUint64(uint32(p[1]), resolution)
	return abi.ESUCCESS
}

// clockTimeSet is clock_time_set(id, time): no guest sets the host's clocks.
//
// returns EPERM, or EINVAL when there is no such clock
func clockTimeSet(_ *Thread, p []uint64) abi.Errno {
	if abi.Clockid(p[0]) > abi.ClockidThreadCputimeId {
		return abi.EINVAL
	}
	return abi.EPERM
}
