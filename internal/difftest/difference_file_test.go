//go:build linux

package difftest

// fileDifferences are those of the calls on descriptors and paths.
var fileDifferences = []difference{
	{"path-state files", "nothing in a file", "ENOENT", "ENOTDIR", descriptorFirst},
	{"path-state files", "nothing in a closed one", "ENOENT", "EBADF", descriptorFirst},
	{"descriptor-state files", "directory, read nowhere", "EFAULT", "EISDIR", descriptorFirst},
	{"descriptor-state files", "directory, readv of no buffers", "0", "EISDIR", descriptorFirst},
	{"descriptor-state files", "directory, readv of empty ones", "0", "EISDIR", descriptorFirst},
	{"descriptor-state files", "directory, readv of 1024", "0", "EISDIR", descriptorFirst},
	{"descriptor-state files", "directory, readv of 1025", "EINVAL", "EISDIR", descriptorFirst},
	{"descriptor-state files", "directory, readv of -1", "EINVAL", "EISDIR", descriptorFirst},
	{"descriptor-state files", "directory, preadv of 1025", "EINVAL", "EISDIR", descriptorFirst},
	{"descriptor-state files", "directory, preadv far", "EINVAL", "EISDIR", descriptorFirst},
	{"descriptor-state files", "directory, seek", "0", "ENOTCAPABLE", noOffset},
	{"descriptor-state files", "directory, seek to -1", "EINVAL", "ENOTCAPABLE", noOffset},
	{"descriptor-state files", "directory, seek lowest", "EINVAL", "ENOTCAPABLE", noOffset},
	{"descriptor-state files", "event, readv of no buffers", "0", "EINVAL", oneCall},
	{"descriptor-state files", "event, readv of empty ones", "0", "EINVAL", oneCall},
	{"descriptor-state files", "event, readv of 1024", "0", "EINVAL", oneCall},
	{"descriptor-state files", "event, writev of no buffers", "0", "EINVAL", oneCall},
	{"descriptor-state files", "event, writev of empty ones", "0", "EINVAL", oneCall},
	{"descriptor-state files", "socket, writev of no buffers", "0", "EPIPE", oneCall},
	{"descriptor-state files", "socket, writev of empty ones", "0", "EPIPE", oneCall},
	{"descriptor-state files", "event, seek", "0", "ESPIPE", asPipe},
	{"descriptor-state files", "event, seek to -1", "0", "ESPIPE", asPipe},
	{"descriptor-state files", "event, seek lowest", "0", "ESPIPE", asPipe},
	{"descriptor-state files", "event, allocate", "ENODEV", "ESPIPE", asPipe},
	{"descriptor-state files", "event, allocate far", "ENODEV", "ESPIPE", asPipe},
	{"descriptor-state files", "event, advise", "0", "ESPIPE", asPipe},
	{"descriptor-state files", "event, advise unknown", "EINVAL", "ESPIPE", asPipe},
	{"descriptor-state files", "event, advise -1", "EINVAL", "ESPIPE", asPipe},
	{"descriptor-state files", "epoll, seek", "0", "ESPIPE", asPipe},
	{"descriptor-state files", "epoll, seek to -1", "0", "ESPIPE", asPipe},
	{"descriptor-state files", "epoll, seek lowest", "0", "ESPIPE", asPipe},
	{"descriptor-state files", "epoll, allocate", "ENODEV", "ESPIPE", asPipe},
	{"descriptor-state files", "epoll, allocate far", "ENODEV", "ESPIPE", asPipe},
	{"descriptor-state files", "epoll, advise", "0", "ESPIPE", asPipe},
	{"descriptor-state files", "epoll, advise unknown", "EINVAL", "ESPIPE", asPipe},
	{"descriptor-state files", "epoll, advise -1", "EINVAL", "ESPIPE", asPipe},
	{"descriptor-state files", "epoll, read nowhere", "EINVAL", "EFAULT", rangesFirst},
	{"descriptor-state files", "epoll, write from nowhere", "EINVAL", "EFAULT", rangesFirst},
	{"descriptor-state files", "closed, futimens of none", "0", "EBADF", descriptorFirst},
	{"descriptor-state files", "2147483647, futimens of none", "0", "EBADF", descriptorFirst},
	{"descriptor-state files", "removed", "ENOENT", "/w/v", byPath},
	{"descriptor-state files", "open . of a removed one", "OK", "ENOENT", byPath},
	{"descriptor-state files", "open .. of a removed one", "OK", "ENOENT", byPath},
	{"descriptor-state files", "renamed", "/u", "/w", byPath},
	{"descriptor-state files", "open in a renamed one", "OK", "ENOENT", openByPath},
	{"descriptor-state files", "it is in the former name", "0", "1", openByPath},
	{"descriptor-state files", "it is in the new name", "1", "0", openByPath},
}

const (
	descriptorFirst = "the descriptor is looked at before the other arguments"
	rangesFirst     = "memory is checked before anything happens"
	noOffset        = "WASI's directories have cookies instead of an offset"
	oneCall         = "read(2) and readv(2) are one call in WASI, and so are write(2) and writev(2)"
	asPipe          = "what WASI has no file type for is taken for a pipe"
	byPath          = "the current directory is a path, as wasix-libc and Wasmer have it"
	openByPath      = "an open directory, too, is a path in the tree of mounts; what is read of it is the directory itself"
)
