package vfs

import (
	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
	"github.com/gowasix/gowasix/wasix/ready"
)

// alwaysReady is the readiness of files that never make anybody wait.
type alwaysReady struct{ queue ready.Queue }

func (a *alwaysReady) AlwaysReady()        {}
func (a *alwaysReady) Queue() *ready.Queue { return &a.queue }
func (a *alwaysReady) Ready(asked ready.Events) ready.Events {
	return asked & (ready.In | ready.Out)
}

// room is what a file that is opened often has for its description.
type room struct{ desc descriptor.Description }

func (r *room) Room() *descriptor.Description { return &r.desc }

// null is null(4).
type null struct{ alwaysReady }

// Null returns what /dev/null is: nothing to read, and room for everything.
func Null() descriptor.File { return &null{} }

func (*null) Filetype() abi.Filetype                        { return abi.FiletypeCharacterDevice }
func (*null) Readv([][]byte) (int, error)                   { return 0, nil }
func (*null) Writev(iovs [][]byte) (int, error)             { return int(totalLength(iovs)), nil }
func (*null) Preadv([][]byte, int64) (int, error)           { return 0, nil }
func (n *null) Pwritev(iovs [][]byte, _ int64) (int, error) { return n.Writev(iovs) }
func (*null) Seek(int64, int) (int64, error)                { return 0, nil }
func (*null) Close() error                                  { return nil }
