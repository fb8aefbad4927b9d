package wasix

import "golang.org/x/sys/unix"

const hasCPUClocks = true

// hostTime returns the present time of a clock of the host in nanoseconds, 0 for
// one that is gone.
func hostTime(clock int32) int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(clock, &ts); err != nil {
		return 0
	}
	return ts.Nano()
}

// hostProcessTime returns the processor time of the Go process.
func hostProcessTime() int64 { return hostTime(unix.CLOCK_PROCESS_CPUTIME_ID) }

// hostThread returns the calling OS thread, and the processor time it has used.
func hostThread() (tid int, used int64) {
	return unix.Gettid(), hostTime(unix.CLOCK_THREAD_CPUTIME_ID)
}

// hostThreadTime returns the processor time of an OS thread of this process, by
// the clock that pthread_getcpuclockid(3) would give.
func hostThreadTime(tid int) int64 {
	const scheduled, ofThread = 2, 4 // CPUCLOCK_SCHED, CPUCLOCK_PERTHREAD_MASK
	return hostTime(int32(^tid)<<3 | scheduled | ofThread)
}

// hostResolution returns the resolution of a clock of the host, in nanoseconds.
// WASI's numbers of clocks are Linux's.
func hostResolution(clock int32) (uint64, error) {
	var ts unix.Timespec
	err := unix.ClockGetres(clock, &ts)
	return uint64(ts.Nano()), err
}
