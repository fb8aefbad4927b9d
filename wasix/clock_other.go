//go:build !linux

package wasix

const hasCPUClocks = false

func hostProcessTime() int64            { return 0 }
func hostThread() (tid int, used int64) { return 0, 0 }
func hostThreadTime(int) int64          { return 0 }

// hostResolution returns a microsecond, which Go's clocks have everywhere.
func hostResolution(int32) (uint64, error) { return 1000, nil }
