package descriptor

import (
	"sync"
	"syscall"

	"github.com/gowasix/gowasix/wasix/abi"
)

// DefaultLimit is how many descriptors a table holds unless told otherwise:
// room for tens of thousands of connections, and an end to runaway guests.
const DefaultLimit = 1 << 16

// Rights are the WASI rights of one descriptor.
type Rights struct {
	Base       abi.Rights // what may be done with it
	Inheriting abi.Rights // what may be done with descriptors opened through it
}

// Table maps the descriptors of one process to open file descriptions. Its
// methods may be called concurrently; none of them blocks on a peer.
type Table struct {
	mu    sync.RWMutex
	slots []slot
	free  int // no free slot lies below this
	limit int
}

type slot struct {
	desc     *Description
	rights   Rights
	cloexec  bool
	reserved bool // not free, though there is no desc
}

func (s *slot) free() bool { return s.desc == nil && !s.reserved }

// NewTable returns an empty table for at most limit descriptors (0: [DefaultLimit]).
func NewTable(limit int) *Table {
	if limit <= 0 {
		limit = DefaultLimit
	}
	return &Table{limit: limit}
}

// Limit returns how many descriptors the table holds at most.
func (t *Table) Limit() int { return t.limit }

// Acquire returns the description behind fd, in use until Release is called on
// it, and the descriptor's rights. Returns EBADF when fd is not open.
func (t *Table) Acquire(fd uint32) (*Description, Rights, error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	s := t.slot(fd)
	if s == nil || !s.desc.Acquire() {
		return nil, Rights{}, syscall.EBADF
	}
	return s.desc, s.rights, nil
}

// Open returns the descriptors that are open now, in order.
func (t *Table) Open() (fds []uint32) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for fd := range t.slots {
		if t.slots[fd].desc != nil {
			fds = append(fds, uint32(fd))
		}
	}
	return fds
}

// Insert gives d the lowest free descriptor that is at least lowest, and takes
// over the caller's use of d. On EMFILE the caller still has it.
func (t *Table) Insert(d *Description, r Rights, cloexec bool, lowest uint32) (uint32, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fd, ok := t.lowestFree(lowest)
	if !ok {
		return 0, syscall.EMFILE
	}
	t.put(fd, slot{desc: d, rights: r, cloexec: cloexec})
	return uint32(fd), nil
}

// InsertAt puts d at fd, which must be free, for descriptors that exist from the
// start. Returns EBADF for an fd past the limit, EEXIST for one in use.
func (t *Table) InsertAt(fd uint32, d *Description, r Rights) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if int64(fd) >= int64(t.limit) {
		return syscall.EBADF
	}
	if t.slot(fd) != nil {
		return syscall.EEXIST
	}
	t.put(int(fd), slot{desc: d, rights: r})
	return nil
}

// Replace puts d at fd, closing what is there, and takes over the caller's use of
// d. fd is less than the limit.
func (t *Table) Replace(fd uint32, d *Description, r Rights) error {
	t.mu.Lock()
	var old *Description
	if s := t.slot(fd); s != nil {
		old = s.desc
	}
	t.put(int(fd), slot{desc: d, rights: r})
	t.mu.Unlock()
	if old == nil {
		return nil
	}
	return old.dropSlot()
}

// Dup gives the description of fd a second descriptor, the lowest free one that
// is at least lowest. Returns EBADF, EINVAL for lowest past the limit, EMFILE.
func (t *Table) Dup(fd, lowest uint32, cloexec bool) (uint32, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.slot(fd)
	if s == nil {
		return 0, syscall.EBADF
	}
	if int64(lowest) >= int64(t.limit) {
		return 0, syscall.EINVAL
	}
	to, ok := t.lowestFree(lowest)
	if !ok {
		return 0, syscall.EMFILE
	}
	s.desc.users.Add(1)
	t.put(to, slot{desc: s.desc, rights: s.rights, cloexec: cloexec})
	return uint32(to), nil
}

// Renumber makes to refer to the description of fd, closing what to was before,
// in one step. With keep, fd stays open as in dup2; without, it goes away.
// Returns EBADF when fd is not open or to is past the limit, and EBUSY, as dup2(2),
// when to is reserved.
func (t *Table) Renumber(fd, to uint32, keep bool) error {
	t.mu.Lock()
	s := t.slot(fd)
	if s == nil || int64(to) >= int64(t.limit) {
		t.mu.Unlock()
		return syscall.EBADF
	}
	if fd == to {
		t.mu.Unlock()
		return nil
	}
	if to := int(to); to < len(t.slots) && t.slots[to].reserved {
		t.mu.Unlock()
		return syscall.EBUSY
	}
	moved := slot{desc: s.desc, rights: s.rights}
	moved.desc.users.Add(1)
	old := t.slot(to)
	var replaced *Description
	if old != nil {
		replaced = old.desc
	}
	t.put(int(to), moved)
	var source *Description
	if !keep {
		source = t.take(fd)
	}
	t.mu.Unlock()
	if replaced != nil {
		_ = replaced.dropSlot()
	}
	if source != nil {
		_ = source.dropSlot()
	}
	return nil
}

// Close frees fd. The open thing is closed with its last descriptor, as soon as
// no operation uses it. Returns EBADF when fd is not open.
func (t *Table) Close(fd uint32) error {
	t.mu.Lock()
	if t.slot(fd) == nil {
		t.mu.Unlock()
		return syscall.EBADF
	}
	d := t.take(fd)
	t.mu.Unlock()
	return d.dropSlot()
}

// CloseAll frees every descriptor.
func (t *Table) CloseAll() {
	t.mu.Lock()
	slots := t.slots
	t.slots, t.free = nil, 0
	t.mu.Unlock()
	for _, s := range slots {
		if s.desc != nil {
			_ = s.desc.dropSlot()
		}
	}
}

// Rights returns the rights of fd, or EBADF.
func (t *Table) Rights(fd uint32) (Rights, error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	s := t.slot(fd)
	if s == nil {
		return Rights{}, syscall.EBADF
	}
	return s.rights, nil
}

// SetRights reduces the rights of fd. Returns EBADF, or ENOTCAPABLE's Linux
// stand-in EPERM when r has a right that fd lacks.
func (t *Table) SetRights(fd uint32, r Rights) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.slot(fd)
	if s == nil {
		return syscall.EBADF
	}
	if r.Base&^s.rights.Base != 0 || r.Inheriting&^s.rights.Inheriting != 0 {
		return syscall.EPERM
	}
	s.rights = r
	return nil
}

// Cloexec returns the close-on-exec flag of fd, or EBADF.
func (t *Table) Cloexec(fd uint32) (bool, error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	s := t.slot(fd)
	if s == nil {
		return false, syscall.EBADF
	}
	return s.cloexec, nil
}

// SetCloexec sets the close-on-exec flag of fd, or returns EBADF.
func (t *Table) SetCloexec(fd uint32, on bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.slot(fd)
	if s == nil {
		return syscall.EBADF
	}
	s.cloexec = on
	return nil
}

func (t *Table) slot(fd uint32) *slot {
	if int64(fd) >= int64(len(t.slots)) || t.slots[fd].desc == nil {
		return nil
	}
	return &t.slots[fd]
}

func (t *Table) put(fd int, s slot) {
	s.desc.slots.Add(1)
	t.set(fd, s)
}

func (t *Table) set(fd int, s slot) {
	for len(t.slots) <= fd {
		t.slots = append(t.slots, slot{})
	}
	t.slots[fd] = s
}

func (t *Table) take(fd uint32) *Description {
	d := t.slots[fd].desc
	t.slots[fd] = slot{}
	t.free = min(t.free, int(fd))
	return d
}

func (t *Table) lowestFree(lowest uint32) (int, bool) {
	if int64(lowest) >= int64(t.limit) {
		return 0, false
	}
	fd := max(int(lowest), t.free)
	for fd < len(t.slots) && !t.slots[fd].free() {
		fd++
	}
	if fd >= t.limit {
		return 0, false
	}
	if int(lowest) <= t.free {
		t.free = fd
	}
	return fd, true
}

// Fork returns a table with the same descriptors of the same descriptions, as a
// child process has it after fork(2).
func (t *Table) Fork() *Table {
	t.mu.RLock()
	defer t.mu.RUnlock()
	child := &Table{slots: make([]slot, len(t.slots)), free: t.free, limit: t.limit}
	for fd, s := range t.slots {
		switch {
		case s.desc != nil:
			s.desc.users.Add(1)
			child.put(fd, s)
		case s.reserved: // by a thread that the child does not have
			child.free = min(child.free, fd)
		}
	}
	return child
}

// CloseOnExec closes the descriptors that have the flag, as execve(2) does.
func (t *Table) CloseOnExec() {
	for _, fd := range t.Open() {
		if on, err := t.Cloexec(fd); err == nil && on {
			_ = t.Close(fd)
		}
	}
}
