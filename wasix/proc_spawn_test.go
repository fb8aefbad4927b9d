package wasix

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"github.com/gowasix/gowasix/wasix/abi"
)

// spawnCall calls the old proc_spawn with some parameters other than usual.
func spawnCall(t *Thread, name string, other map[int]uint64) (abi.Errno, error) {
	n, nn := putText(t, 1024, name)
	a, an := putText(t, 2048, "show\nend\n")
	p := []uint64{n, nn, 0, a, an, 0, 0, uint64(abi.StdioModeInherit), uint64(abi.StdioModePiped),
		uint64(abi.StdioModeNull), 0, 0, 4096}
	for i, v := range other {
		p[i] = v
	}
	return call(t, procSpawn, p...)
}

// A failed proc_spawn leaves no descriptor and no child.
func TestProcSpawn2023Fails(t *testing.T) {
	const chroot, preopenLen, stdin, stdout, stderr, dir, dirLen, handles = 2, 6, 7, 8, 9, 10, 11, 12
	for _, c := range []struct {
		name  string
		other map[int]uint64
		want  abi.Errno
	}{
		{"nothing", nil, abi.ENOENT},
		{"/opt/text", nil, abi.ENOEXEC},
		{"show", map[int]uint64{chroot: 1}, abi.ENOTSUP},
		{"show", map[int]uint64{preopenLen: 1}, abi.ENOTSUP},
		{"show", map[int]uint64{stderr: uint64(abi.StdioModeLog)}, abi.ENOTSUP},
		{"show", map[int]uint64{stdout: 4}, abi.EINVAL},
		{"show", map[int]uint64{stdin: 255}, abi.EINVAL},
		{"show", map[int]uint64{handles: 1<<16 - 27}, abi.EFAULT},
		{"show", map[int]uint64{dir: 1 << 16, dirLen: 1}, abi.EFAULT},
	} {
		var out bytes.Buffer
		err := execCommand(program(func(th *Thread) error {
			before := th.proc.fds.Open()
			errno, err := spawnCall(th, c.name, c.other)
			if errno != c.want {
				t.Errorf("%+v: %v", c, errno)
			}
			if after := th.proc.fds.Open(); !slices.Equal(before, after) || len(th.proc.system.all()) != 1 {
				t.Errorf("%+v: descriptors %v, before %v", c, after, before)
			}
			return err
		}), &out).Run(t.Context())
		if err != nil || out.Len() > 0 {
			t.Errorf("%+v: %v, %q", c, err, out.String())
		}
	}
}

// The child writes to the pipe, of which only the caller has the other end.
func TestProcSpawn2023(t *testing.T) {
	var out bytes.Buffer
	err := execCommand(program(func(th *Thread) error {
		errno, err := spawnCall(th, "show", nil)
		if err != nil || errno != abi.ESUCCESS {
			t.Errorf("%v, %v", errno, err)
			return err
		}
		handles := th.mem[4096:][:abi.SizeofProcessHandles]
		option := handles[abi.OffsetofProcessHandlesStdout:]
		if handles[abi.OffsetofProcessHandlesStdin] != 0 || option[0] != 1 || handles[abi.OffsetofProcessHandlesStderr] != 0 {
			t.Errorf("handles %v", handles)
		}
		fd := binary.LittleEndian.Uint32(option[abi.OffsetofOptionFdU:])
		var got []byte
		for n := uint32(1); n > 0 && err == nil; {
			putIovec(th, 512, 8192, 256)
			if errno, err = call(th, fdRead, uint64(fd), 512, 1, 520); errno != abi.ESUCCESS {
				t.Errorf("read: %v", errno)
			}
			n = binary.LittleEndian.Uint32(th.mem[520:])
			got = append(got, th.mem[8192:][:n]...)
		}
		if want := "\"show\" [\"show\" \"end\"] [\"A=1\"]\n"; string(got) != want {
			t.Errorf("the child wrote %q", got)
		}
		if _, status, errno := callJoin(th, 0, 0, 0); errno != abi.ESUCCESS || status[abi.OffsetofJoinStatusU] != 5 {
			t.Errorf("%v, status %v", errno, status)
		}
		return err
	}), &out).Run(t.Context())
	if err != nil || out.Len() > 0 {
		t.Errorf("%v, %q", err, out.String())
	}
}

// A spawn that fails late is no death of a child.
func TestFailedSpawnSendsNoSignal(t *testing.T) {
	var out bytes.Buffer
	c := execCommand(program(func(th *Thread) error {
		th.proc.signals.callback = "handler"
		th.setBlocked(true)
		errno, err := spawnCall(th, "show", nil)
		if errno != abi.EAGAIN || th.proc.Pending(abi.SignalChld) {
			t.Errorf("%v, a signal: %v", errno, th.proc.Pending(abi.SignalChld))
		}
		return err
	}), &out)
	c.MaxThreads = 1
	if err := c.Run(t.Context()); err != nil {
		t.Error(err)
	}
}

// The host learns what a child died of, before the parent does.
func TestChildFailed(t *testing.T) {
	var out bytes.Buffer
	var told []string
	c := execCommand(program(func(th *Thread) error {
		for _, name := range []string{"traps", "show"} {
			if errno, err := spawnCall(th, name, nil); errno != abi.ESUCCESS || err != nil {
				t.Errorf("%v, %v", errno, err)
			}
			if _, _, errno := callJoin(th, 0, 0, 0); errno != abi.ESUCCESS {
				t.Errorf("%v", errno)
			}
		}
		if want := []string{"2 show: it is broken"}; !slices.Equal(told, want) {
			t.Errorf("told %q", told)
		}
		return nil
	}), &out)
	c.Programs["traps"] = program(func(*Thread) error { return &Trap{Message: "it is broken"} })
	c.ChildFailed = func(pid int, err *ExitError) { told = append(told, fmt.Sprint(pid, " ", err)) }
	if err := c.Run(t.Context()); err != nil {
		t.Error(err)
	}
}
