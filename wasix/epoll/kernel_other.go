//go:build !linux

package epoll

import "github.com/gowasix/gowasix/wasix/ready"

// kernel is nothing here: all sources report by their queues.
type kernel struct{ q ready.Queue }

type kernelInterest struct{}

type kernelBuffer struct{}

func (k *kernel) init()                       {}
func (k *kernel) queue() *ready.Queue         { return &k.q }
func (k *kernel) add(*interest) (bool, error) { return false, nil }
func (k *kernel) modify(*interest) error      { return nil }
func (k *kernel) remove(*interest)            {}
func (k *kernel) kick(bool)                   {}
func (k *kernelInterest) in() bool            { return false }
func (e *Epoll) Arm() error                   { return nil }
func (e *Epoll) kernelReady() bool            { return false }
func (e *Epoll) settle()                      {}
func (e *Epoll) collectKernel(*Buffer, int)   {}
func (e *Epoll) takeKernel(*Buffer, int)      {}

func (k *kernel) block(*ready.Waiter, *Buffer, int, func() bool, int64) int { return 0 }

// close wakes who waits.
func (k *kernel) close() error {
	k.q.Notify(ready.Closed)
	return nil
}
