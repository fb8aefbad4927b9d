package wasix

import (
	"testing"
	"time"
)

// All processes end with the root's status, and not only once the root's threads have
// unwound, which takes time on a busy machine.
func TestRootEndsAllAtOnce(t *testing.T) {
	spawned, ended := make(chan struct{}), make(chan struct{})
	child := program(func(th *Thread) error {
		defer close(ended)
		_, err := call(th, threadSleep, uint64(time.Hour))
		return err
	})
	c := Command(program(func(th *Thread) error {
		errno, err := spawnCall(th, "child", nil)
		if errno != 0 || err != nil {
			t.Errorf("%v, %v", errno, err)
		}
		close(spawned)
		select {
		case <-ended:
		case <-time.After(time.Minute):
			t.Error("the child lives on")
		}
		return ErrUnwind
	}), "root")
	c.Programs = map[string]Module{"child": child}
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-spawned
	c.Process.Kill()
	if err := c.Wait(); err == nil {
		t.Error("a killed process ends well")
	}
}
