package vfs

import (
	"github.com/gowasix/gowasix/wasix/abi"
	"github.com/gowasix/gowasix/wasix/descriptor"
)

const (
	streamRights = abi.RightsFdRead | abi.RightsFdWrite | abi.RightsFdFdstatSetFlags |
		abi.RightsFdFilestatGet | abi.RightsPollFdReadwrite

	fileRights = streamRights | abi.RightsFdSeek | abi.RightsFdTell | abi.RightsFdSync |
		abi.RightsFdDatasync | abi.RightsFdAdvise | abi.RightsFdAllocate |
		abi.RightsFdFilestatSetSize | abi.RightsFdFilestatSetTimes

	dirRights = abi.RightsFdFdstatSetFlags | abi.RightsFdSync | abi.RightsFdDatasync | abi.RightsFdAdvise |
		abi.RightsFdFilestatGet | abi.RightsFdFilestatSetTimes | abi.RightsPollFdReadwrite |
		abi.RightsFdReaddir | abi.RightsPathCreateDirectory | abi.RightsPathCreateFile |
		abi.RightsPathLinkSource | abi.RightsPathLinkTarget | abi.RightsPathOpen |
		abi.RightsPathReadlink | abi.RightsPathRenameSource | abi.RightsPathRenameTarget |
		abi.RightsPathFilestatGet | abi.RightsPathFilestatSetSize | abi.RightsPathFilestatSetTimes |
		abi.RightsPathSymlink | abi.RightsPathRemoveDirectory | abi.RightsPathUnlinkFile

	// writeRights need a file that is open for writing.
	writeRights = abi.RightsFdWrite | abi.RightsFdAllocate | abi.RightsFdFilestatSetSize
)

// Rights returns all the rights that apply to f. A file with an offset can seek,
// save a terminal: by that wasix-libc's isatty knows it.
func Rights(f descriptor.File) descriptor.Rights {
	switch f := f.(type) {
	case *Dir:
		return descriptor.Rights{Base: dirRights, Inheriting: dirRights | fileRights}
	case descriptor.Positioned:
		return descriptor.Rights{Base: limit(f, fileRights)}
	}
	return descriptor.Rights{Base: limit(f, streamRights)}
}

// limit takes away the rights that f's access mode does not give.
func limit(f descriptor.File, rights abi.Rights) abi.Rights {
	limited, ok := f.(interface{ access() abi.Rights })
	if !ok {
		return rights
	}
	access := limited.access()
	if access&abi.RightsFdRead == 0 {
		rights &^= abi.RightsFdRead
	}
	if access&abi.RightsFdWrite == 0 {
		rights &^= writeRights
	}
	return rights
}

// StatusFlags returns the status flags that f was opened with by somebody else,
// such as APPEND where a shell appends the output to a file.
func StatusFlags(f descriptor.File) abi.Fdflags {
	if f, ok := f.(interface{ status() abi.Fdflags }); ok {
		return f.status()
	}
	return 0
}
