//go:build !linux

package socket

func available(int) int { return 0 }
