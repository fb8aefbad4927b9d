//go:build !linux

package wasix

func adviseHuge([]byte) {}
