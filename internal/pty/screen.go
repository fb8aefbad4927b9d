package pty

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// screen interprets what a program prints: text and the control sequences that
// full-screen programs use, as console_codes(4). Colours are passed over.
type screen struct {
	cols, rows int
	cells      [][]byte
	x, y       int
	savedX     int
	savedY     int
	sequence   []byte    // of a control sequence that is not complete
	replies    io.Writer // for questions
}

func newScreen(cols, rows int, replies io.Writer) *screen {
	s := &screen{replies: replies}
	s.resize(cols, rows)
	return s
}

// resize changes the size; what is on the screen stays where it fits.
func (s *screen) resize(cols, rows int) {
	old := s.cells
	s.cols, s.rows, s.cells = cols, rows, make([][]byte, rows)
	for y := range s.cells {
		s.cells[y] = []byte(strings.Repeat(" ", cols))
		if y < len(old) {
			copy(s.cells[y], old[y])
		}
	}
	s.moveTo(s.x, s.y)
}

func (s *screen) lines() []string {
	lines := make([]string, s.rows)
	for y, row := range s.cells {
		lines[y] = strings.TrimRight(string(row), " ")
	}
	return lines
}

func (s *screen) write(b []byte) {
	for _, c := range b {
		switch {
		case len(s.sequence) > 0:
			s.sequence = append(s.sequence, c)
			s.control()
		case c == 0x1b:
			s.sequence = append(s.sequence, c)
		case c == '\r':
			s.x = 0
		case c == '\n':
			s.lineFeed()
		case c == '\b':
			s.moveTo(s.x-1, s.y)
		case c >= ' ':
			s.put(c)
		}
	}
}

func (s *screen) put(c byte) {
	if s.x == s.cols {
		s.x = 0
		s.lineFeed()
	}
	s.cells[s.y][s.x] = c
	s.x++
}

// lineFeed goes down a line, and scrolls at the bottom.
func (s *screen) lineFeed() {
	if s.y < s.rows-1 {
		s.y++
		return
	}
	first := s.cells[0]
	copy(s.cells, s.cells[1:])
	s.cells[s.rows-1] = first
	s.clear(0, s.rows-1, s.cols)
}

func (s *screen) moveTo(x, y int) {
	s.x, s.y = min(max(x, 0), s.cols-1), min(max(y, 0), s.rows-1)
}

// clear puts spaces in the columns from to end of line y.
func (s *screen) clear(from, y, end int) {
	for x := from; x < end; x++ {
		s.cells[y][x] = ' '
	}
}

// control carries out the sequence once it is complete.
func (s *screen) control() {
	last := s.sequence[len(s.sequence)-1]
	switch {
	case s.sequence[1] != '[':
		s.escape(last)
	case len(s.sequence) == 2, last < '@':
		return // there is more to come
	default:
		s.csi(string(s.sequence[2:len(s.sequence)-1]), last)
	}
	s.sequence = s.sequence[:0]
}

func (s *screen) escape(c byte) {
	switch c {
	case '7':
		s.savedX, s.savedY = s.x, s.y
	case '8':
		s.moveTo(s.savedX, s.savedY)
	}
}

// csi carries out a control sequence with its parameters.
func (s *screen) csi(params string, final byte) {
	parts := strings.Split(params, ";")
	n, _ := strconv.Atoi(parts[0])
	count := max(n, 1)
	switch final {
	case 'A':
		s.moveTo(s.x, s.y-count)
	case 'B':
		s.moveTo(s.x, s.y+count)
	case 'C':
		s.moveTo(s.x+count, s.y)
	case 'D':
		s.moveTo(s.x-count, s.y)
	case 'H', 'f':
		column := 1
		if len(parts) > 1 {
			column, _ = strconv.Atoi(parts[1])
		}
		s.moveTo(column-1, count-1)
	case 'J':
		s.eraseDisplay(n)
	case 'K':
		s.eraseLine(n)
	case 'n':
		if n == 6 {
			fmt.Fprintf(s.replies, "\x1b[%d;%dR", s.y+1, s.x+1)
		}
	}
}

// Which part of the screen, or line, is erased.
const (
	fromCursor = iota
	toCursor
	all
)

func (s *screen) eraseDisplay(what int) {
	for y := range s.rows {
		if what == all || what == fromCursor && y > s.y || what == toCursor && y < s.y {
			s.clear(0, y, s.cols)
		}
	}
	s.eraseLine(what)
}

func (s *screen) eraseLine(what int) {
	from, end := 0, s.cols
	switch what {
	case fromCursor:
		from = s.x
	case toCursor:
		end = min(s.x+1, s.cols)
	}
	s.clear(from, s.y, end)
}
