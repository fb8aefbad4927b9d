package wasix

import (
	"encoding/binary"

	"github.com/gowasix/gowasix/wasix/abi"
)

// argsGet is args_get(argv, argv_buf): stores the arguments as strings that end
// in NUL, one after the other in argv_buf, and their addresses in argv.
//
// returns 0 except:
//   - EFAULT: argv or argv_buf lies outside memory
func argsGet(t *Thread, p []uint64) abi.Errno {
	return t.putStrings(t.proc.args, uint32(p[0]), uint32(p[1]))
}

// argsSizesGet is args_sizes_get(argc, argv_buf_size): stores the number of
// arguments and the bytes that args_get needs for the strings.
//
// returns 0 except:
//   - EFAULT: argc or argv_buf_size lies outside memory
func argsSizesGet(t *Thread, p []uint64) abi.Errno {
	return t.putStringSizes(t.proc.args, uint32(p[0]), uint32(p[1]))
}

// environGet is environ_get(environ, environ_buf): stores the environment as
// args_get does the arguments.
//
// returns 0 except:
//   - EFAULT: environ or environ_buf lies outside memory
func environGet(t *Thread, p []uint64) abi.Errno {
	return t.putStrings(t.proc.environ, uint32(p[0]), uint32(p[1]))
}

// environSizesGet is environ_sizes_get(count, buf_size): stores the number of
// environment variables and the bytes that environ_get needs for the strings.
//
// returns 0 except:
//   - EFAULT: count or buf_size lies outside memory
func environSizesGet(t *Thread, p []uint64) abi.Errno {
	return t.putStringSizes(t.proc.environ, uint32(p[0]), uint32(p[1]))
}

func (t *Thread) putStrings(s []string, pointers, buf uint32) abi.Errno {
	out, ok1 := t.bytes(pointers, 4*uint64(len(s)))
	text, ok2 := t.bytes(buf, stringsSize(s))
	if !ok1 || !ok2 {
		return abi.EFAULT
	}
	n := 0
	for i, v := range s {
		binary.LittleEndian.PutUint32(out[4*i:], buf+uint32(n))
		n += copy(text[n:], v)
		text[n] = 0
		n++
	}
	return abi.ESUCCESS
}

func (t *Thread) putStringSizes(s []string, count, size uint32) abi.Errno {
	if !t.inMemory(count, 4) || !t.inMemory(size, 4) {
		return abi.EFAULT
	}
	t.putUint32(count, uint32(len(s)))
	t.putUint32(size, uint32(stringsSize(s)))
	return abi.ESUCCESS
}

// stringsSize returns the bytes of all strings with their NULs.
func stringsSize(s []string) (n uint64) {
	for _, v := range s {
		n += uint64(len(v)) + 1
	}
	return n
}
