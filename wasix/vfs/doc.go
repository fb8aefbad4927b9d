// Package vfs holds what guests read and write besides sockets: files and
// directories of mounted file systems, pipes, events, terminals and the other
// standard streams. All of them are [descriptor.File] values.
//
// A [Tree] is the directory tree of a guest. Paths are resolved in it as
// openat(2) does inside a chroot: ".." at the root is the root, absolute
// symbolic links start at the tree's root, and mount points hide what lies
// beneath. File systems are asked for names that hold no ".." and no symbolic
// links; a directory of the host is confined once more by os.Root.
//
// Errors are syscall.Errno values as Linux has them.
package vfs
