package wasix

import (
	"golang.org/x/sys/unix"

	"github.com/gowasix/gowasix/wasix/abi"
)

// cpuTime returns the processor time that the host process, or the calling OS
// thread, has used.
func cpuTime(id abi.Clockid) (uint64, abi.Errno) {
	var clock int32 = unix.CLOCK_PROCESS_CPUTIME_ID
	if id == abi.ClockidThreadCputimeId {
		clock = unix.CLOCK_THREAD_CPUTIME_ID
	}
	var ts unix.Timespec
	if err := unix.ClockGettime(clock, &ts); err != nil {
		return 0, errnoOf(err)
	}
	return uint64(ts.Nano()), abi.ESUCCESS
}
