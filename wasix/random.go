package wasix

import (
	"crypto/rand"

	"github.com/gowasix/gowasix/wasix/abi"
)

// randomGet is random_get(buf, buf_len): fills buf with random bytes fit for
// keys. It does not block.
//
// returns 0 except:
//   - EFAULT: buf lies outside memory
func randomGet(t *Thread, p []uint64) abi.Errno {
	buf, ok := t.bytes(uint32(p[0]), uint64(uint32(p[1])))
	if !ok {
		return abi.EFAULT
	}
	_, _ = rand.Read(buf) // never fails
	return abi.ESUCCESS
}
