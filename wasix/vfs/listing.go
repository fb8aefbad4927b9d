package vfs

import "slices"

// listing is where reading a directory has got to. A cookie stands for a position
// of the file system's own: it is good as long as that is, whatever else comes and
// goes in the directory, and small enough for the 32 bits of telldir(3). Only a
// window of the entries is kept.
type listing struct {
	positions []int64 // by cookie
	window    []Entry
	cookies   []uint64 // of the entries in the window
	next      uint64   // cookie after the window, where dir is
}

// restart forgets the cookies that were given out.
func (l *listing) restart() {
	*l = listing{positions: append(l.positions[:0], 0), cookies: l.cookies[:0]}
}

// read calls yield for the entries from cookie on, with the cookie of the entry
// after each, until it returns false.
func (l *listing) read(dir Directory, cookie uint64, yield func(e *Entry, next uint64) bool) error {
	for {
		i, err := l.find(dir, cookie)
		if err != nil || len(l.window) == 0 {
			return err
		}
		for ; i < len(l.window); i++ {
			cookie = l.cookieAfter(i)
			if !yield(&l.window[i], cookie) {
				return nil
			}
		}
	}
}

func (l *listing) cookieAfter(i int) uint64 {
	if i+1 < len(l.cookies) {
		return l.cookies[i+1]
	}
	return l.next
}

// find makes the window hold the entry that cookie stands for, and returns its
// index there. The window is empty when there is none.
func (l *listing) find(dir Directory, cookie uint64) (int, error) {
	if i := slices.Index(l.cookies, cookie); i >= 0 {
		return i, nil
	}
	if len(l.positions) == 0 || cookie >= uint64(len(l.positions)) {
		return l.search(dir, cookie)
	}
	if cookie != l.next || len(l.positions) == 1 {
		if err := dir.Resume(l.positions[cookie]); err != nil {
			return 0, err
		}
	}
	return 0, l.load(dir, cookie)
}

// search reads from the start until it comes to a cookie that this listing has
// not given out.
func (l *listing) search(dir Directory, cookie uint64) (int, error) {
	l.restart()
	if err := dir.Resume(0); err != nil {
		return 0, err
	}
	for {
		if err := l.load(dir, l.next); err != nil || len(l.window) == 0 {
			return 0, err
		}
		if i := slices.Index(l.cookies, cookie); i >= 0 {
			return i, nil
		}
	}
}

// load fills the window from where dir is, which cookie stands for.
func (l *listing) load(dir Directory, cookie uint64) (err error) {
	l.cookies = l.cookies[:0]
	if l.window, err = dir.Next(); err != nil {
		l.window = nil
		return err
	}
	for i := range l.window {
		l.cookies = append(l.cookies, cookie)
		cookie = l.after(cookie, l.window[i].Position)
	}
	l.next = cookie
	return nil
}

// after returns the cookie for a position that follows that of cookie. When
// entries were added or removed since it was passed first, it is another one.
func (l *listing) after(cookie uint64, position int64) uint64 {
	next := cookie + 1
	if next < uint64(len(l.positions)) && l.positions[next] != position {
		if i := slices.Index(l.positions, position); i >= 0 {
			return uint64(i)
		}
		next = uint64(len(l.positions))
	}
	if next == uint64(len(l.positions)) {
		l.positions = append(l.positions, position)
	}
	return next
}
