package descriptor

import "syscall"

// Reserve takes the lowest free descriptor out of use, for what cannot be undone
// once it is made: accept(2) on Linux does so, too. Until Fill or Unreserve, which
// must follow, nothing is open at it, and nothing else gets it. Returns EMFILE.
func (t *Table) Reserve() (uint32, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fd, ok := t.lowestFree(0)
	if !ok {
		return 0, syscall.EMFILE
	}
	t.set(fd, slot{reserved: true})
	return uint32(fd), nil
}

// Fill puts d at the reserved fd, and takes over the caller's use of d.
func (t *Table) Fill(fd uint32, d *Description, r Rights, cloexec bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.put(int(fd), slot{desc: d, rights: r, cloexec: cloexec})
}

// Unreserve gives the reserved fd back.
func (t *Table) Unreserve(fd uint32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.take(fd)
}
