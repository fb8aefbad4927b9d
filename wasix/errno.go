package wasix

import (
	"context"
	"errors"
	"syscall"

	"github.com/gowasix/gowasix/internal/syserror"
	"github.com/gowasix/gowasix/wasix/abi"
)

// errnoOf returns the WASI errno for an error of the layers below: the one
// mapping in this direction. What has no counterpart becomes EIO.
func errnoOf(err error) abi.Errno {
	if err == nil {
		return abi.ESUCCESS // most calls: this much is inlined
	}
	return errnoOfError(err)
}

func errnoOfError(err error) abi.Errno {
	if e, ok := err.(syscall.Errno); ok {
		return errnoOfSyscall(e)
	}
	var w abi.Errno
	switch {
	case errors.As(err, &w):
		return w
	case errors.Is(err, context.DeadlineExceeded):
		return abi.ETIMEDOUT
	case errors.Is(err, context.Canceled):
		return abi.EINTR
	}
	return errnoOfSyscall(syserror.Of(err).(syscall.Errno))
}

func errnoOfSyscall(e syscall.Errno) abi.Errno {
	if w, ok := errnos[e]; ok {
		return w
	}
	return abi.EIO
}

// errnos maps the kernel's numbers. Where Linux has two names for one number
// (EWOULDBLOCK, EOPNOTSUPP) WASI has one.
var errnos = map[syscall.Errno]abi.Errno{
	0:                       abi.ESUCCESS,
	syscall.E2BIG:           abi.E2BIG,
	syscall.EACCES:          abi.EACCES,
	syscall.EADDRINUSE:      abi.EADDRINUSE,
	syscall.EADDRNOTAVAIL:   abi.EADDRNOTAVAIL,
	syscall.EAFNOSUPPORT:    abi.EAFNOSUPPORT,
	syscall.EAGAIN:          abi.EAGAIN,
	syscall.EALREADY:        abi.EALREADY,
	syscall.EBADF:           abi.EBADF,
	syscall.EBADMSG:         abi.EBADMSG,
	syscall.EBUSY:           abi.EBUSY,
	syscall.ECANCELED:       abi.ECANCELED,
	syscall.ECHILD:          abi.ECHILD,
	syscall.ECONNABORTED:    abi.ECONNABORTED,
	syscall.ECONNREFUSED:    abi.ECONNREFUSED,
	syscall.ECONNRESET:      abi.ECONNRESET,
	syscall.EDEADLK:         abi.EDEADLK,
	syscall.EDESTADDRREQ:    abi.EDESTADDRREQ,
	syscall.EDOM:            abi.EDOM,
	syscall.EDQUOT:          abi.EDQUOT,
	syscall.EEXIST:          abi.EEXIST,
	syscall.EFAULT:          abi.EFAULT,
	syscall.EFBIG:           abi.EFBIG,
	syscall.EHOSTUNREACH:    abi.EHOSTUNREACH,
	syscall.EHOSTDOWN:       abi.EHOSTUNREACH,
	syscall.EIDRM:           abi.EIDRM,
	syscall.EILSEQ:          abi.EILSEQ,
	syscall.EINPROGRESS:     abi.EINPROGRESS,
	syscall.EINTR:           abi.EINTR,
	syscall.EINVAL:          abi.EINVAL,
	syscall.EIO:             abi.EIO,
	syscall.EISCONN:         abi.EISCONN,
	syscall.EISDIR:          abi.EISDIR,
	syscall.ELOOP:           abi.ELOOP,
	syscall.EMFILE:          abi.EMFILE,
	syscall.EMLINK:          abi.EMLINK,
	syscall.EMSGSIZE:        abi.EMSGSIZE,
	syscall.EMULTIHOP:       abi.EMULTIHOP,
	syscall.ENAMETOOLONG:    abi.ENAMETOOLONG,
	syscall.ENETDOWN:        abi.ENETDOWN,
	syscall.ENETRESET:       abi.ENETRESET,
	syscall.ENETUNREACH:     abi.ENETUNREACH,
	syscall.ENFILE:          abi.ENFILE,
	syscall.ENOBUFS:         abi.ENOBUFS,
	syscall.ENODEV:          abi.ENODEV,
	syscall.ENOENT:          abi.ENOENT,
	syscall.ENOEXEC:         abi.ENOEXEC,
	syscall.ENOLCK:          abi.ENOLCK,
	syscall.ENOLINK:         abi.ENOLINK,
	syscall.ENOMEM:          abi.ENOMEM,
	syscall.ENOMSG:          abi.ENOMSG,
	syscall.ENOPROTOOPT:     abi.ENOPROTOOPT,
	syscall.ENOSPC:          abi.ENOSPC,
	syscall.ENOSYS:          abi.ENOSYS,
	syscall.ENOTCONN:        abi.ENOTCONN,
	syscall.ENOTDIR:         abi.ENOTDIR,
	syscall.ENOTEMPTY:       abi.ENOTEMPTY,
	syscall.ENOTRECOVERABLE: abi.ENOTRECOVERABLE,
	syscall.ENOTSOCK:        abi.ENOTSOCK,
	syscall.EOPNOTSUPP:      abi.ENOTSUP,
	syscall.ENOTTY:          abi.ENOTTY,
	syscall.ENXIO:           abi.ENXIO,
	syscall.EOVERFLOW:       abi.EOVERFLOW,
	syscall.EOWNERDEAD:      abi.EOWNERDEAD,
	syscall.EPERM:           abi.EPERM,
	syscall.EPIPE:           abi.EPIPE,
	syscall.EPROTO:          abi.EPROTO,
	syscall.EPROTONOSUPPORT: abi.EPROTONOSUPPORT,
	syscall.EPFNOSUPPORT:    abi.EAFNOSUPPORT,
	syscall.ESOCKTNOSUPPORT: abi.EPROTOTYPE,
	syscall.EPROTOTYPE:      abi.EPROTOTYPE,
	syscall.ERANGE:          abi.ERANGE,
	syscall.EROFS:           abi.EROFS,
	syscall.ESHUTDOWN:       abi.ESHUTDOWN,
	syscall.ESPIPE:          abi.ESPIPE,
	syscall.ESRCH:           abi.ESRCH,
	syscall.ESTALE:          abi.ESTALE,
	syscall.ETIMEDOUT:       abi.ETIMEDOUT,
	syscall.ETXTBSY:         abi.ETXTBSY,
	syscall.EXDEV:           abi.EXDEV,
}
