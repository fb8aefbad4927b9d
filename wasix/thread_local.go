package wasix

import (
	"sync"

	"github.com/gowasix/gowasix/wasix/abi"
)

// maxThreadLocals bounds the keys of a process, as PTHREAD_KEYS_MAX does.
const maxThreadLocals = 1024

// threadLocals are the keys of thread_local_create. Binaries of 2022 and 2023
// use them.
type threadLocals struct {
	mu   sync.Mutex
	last uint32
	keys map[uint32]*threadLocal
}

// threadLocal is one key: the user data that the guest's destructor takes, and
// the values that threads have set, by thread id. They go with the key.
type threadLocal struct {
	userData uint64
	values   map[uint32]uint64
}

// create makes a key; false when there are too many.
func (l *threadLocals) create(userData uint64) (uint32, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.keys) >= maxThreadLocals {
		return 0, false
	}
	if l.keys == nil {
		l.keys = map[uint32]*threadLocal{}
	}
	for {
		l.last++
		if l.last != 0 && l.keys[l.last] == nil {
			l.keys[l.last] = &threadLocal{userData: userData, values: map[uint32]uint64{}}
			return l.last, true
		}
	}
}

// take returns the user data and value of each key that a thread has set, and
// forgets the values.
func (l *threadLocals) take(tid uint32) (set [][2]uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, k := range l.keys {
		if v, ok := k.values[tid]; ok {
			delete(k.values, tid)
			set = append(set, [2]uint64{k.userData, v})
		}
	}
	return set
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
	key, ok := t.proc.locals.create(p[0])
	if !ok {
		return abi.EAGAIN
	}
	t.putUint32(ret, key)
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
	l := &t.proc.locals
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.keys[uint32(p[0])]
	if k == nil {
		return abi.EINVAL
	}
	k.values[t.id] = p[1]
	return abi.ESUCCESS
}

// threadLocalGet is thread_local_get(key, value): stores the calling thread's value.
//
// returns 0 except:
//   - EINVAL: no such key
//   - EFAULT: value lies outside memory
func threadLocalGet(t *Thread, p []uint64) abi.Errno {
	l := &t.proc.locals
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.keys[uint32(p[0])]
	if k == nil {
		return abi.EINVAL
	}
	if !t.putUint64(uint32(p[1]), k.values[t.id]) {
		return abi.EFAULT
	}
	return abi.ESUCCESS
}

// destroyLocals calls the guest's destructor for the values of an ending thread.
func (t *Thread) destroyLocals(in Instance) {
	const export = "_thread_local_destroy"
	set := t.proc.locals.take(t.id)
	if !in.HasExport(export) {
		return
	}
	for _, s := range set {
		userData, value := s[0], s[1]
		_, err := in.Call(export,
			uint64(uint32(userData)), userData>>32, uint64(uint32(value)), value>>32)
		if err != nil {
			t.proc.exit(trapStatus(err))
			return
		}
	}
}
