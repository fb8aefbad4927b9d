package wasix

import (
	"sync"

	"github.com/gowasix/gowasix/wasix/abi"
)

// maxThreadLocals bounds the keys of a process, as PTHREAD_KEYS_MAX does.
const maxThreadLocals = 1024

// threadLocals are the keys of thread_local_create, with the user data that the
// guest's destructor takes. Binaries of 2022 and 2023 use them.
type threadLocals struct {
	mu   sync.Mutex
	last uint32
	keys map[uint32]uint64
}

func (l *threadLocals) userData(key uint32) (uint64, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	v, ok := l.keys[key]
	return v, ok
}

// threadLocalCreate is thread_local_create(user_data, key): makes a key under
// which each thread keeps a value, 0 at first.
//
// returns 0 except:
//   - EFAULT: key lies outside memory
//   - EAGAIN: the process has too many keys
func threadLocalCreate(t *Thread, p []uint64) abi.Errno {
	ret := uint32(p[1])
	if !t.inMemory(ret, 4) {
		return abi.EFAULT
	}
	l := &t.proc.locals
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.keys) >= maxThreadLocals {
		return abi.EAGAIN
	}
	if l.keys == nil {
		l.keys = map[uint32]uint64{}
	}
	l.last++
	l.keys[l.last] = p[0]
	t.putUint32(ret, l.last)
	return abi.ESUCCESS
}

// threadLocalDestroy is thread_local_destroy(key): removes a key.
//
// returns 0 except:
//   - EINVAL: no such key
func threadLocalDestroy(t *Thread, p []uint64) abi.Errno {
	l := &t.proc.locals
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.keys[uint32(p[0])]; !ok {
		return abi.EINVAL
	}
	delete(l.keys, uint32(p[0]))
	return abi.ESUCCESS
}

// threadLocalSet is thread_local_set(key, value): sets the calling thread's value.
//
// returns 0 except:
//   - EINVAL: no such key
func threadLocalSet(t *Thread, p []uint64) abi.Errno {
	key := uint32(p[0])
	if _, ok := t.proc.locals.userData(key); !ok {
		return abi.EINVAL
	}
	if t.locals == nil {
		t.locals = map[uint32]uint64{}
	}
	t.locals[key] = p[1]
	return abi.ESUCCESS
}

// threadLocalGet is thread_local_get(key, value): stores the calling thread's value.
//
// returns 0 except:
//   - EINVAL: no such key
//   - EFAULT: value lies outside memory
func threadLocalGet(t *Thread, p []uint64) abi.Errno {
	key := uint32(p[0])
	if _, ok := t.proc.locals.userData(key); !ok {
		return abi.EINVAL
	}
	if !t.putUint64(uint32(p[1]), t.locals[key]) {
		return abi.EFAULT
	}
	return abi.ESUCCESS
}

// destroyLocals calls the guest's destructor for the values of an ending thread.
func (t *Thread) destroyLocals(in Instance) {
	const export = "_thread_local_destroy"
	if len(t.locals) == 0 || !in.HasExport(export) {
		return
	}
	for key, value := range t.locals {
		userData, ok := t.proc.locals.userData(key)
		if !ok {
			continue
		}
		_, err := in.Call(export,
			uint64(uint32(userData)), userData>>32, uint64(uint32(value)), value>>32)
		if err != nil {
			t.proc.exit(trapStatus(err))
			return
		}
	}
}
