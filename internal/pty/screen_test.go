package pty

import (
	"bytes"
	"strings"
	"testing"
)

func TestScreen(t *testing.T) {
	for _, c := range []struct{ printed, lines, replies string }{
		{"one\r\ntwo", "one/two/", ""},
		{"a\nb", "a/ b/", ""},
		{"abcdefgh", "abcde/fgh/", ""},
		{"1\r\n2\r\n3\r\n4", "2/3/4", ""},
		{"abc\x1b[2DX\b\bY", "YXc//", ""},
		{"\x1b[2;3Hx\x1b[Ay\x1b[5Cz", "   yz/  x/", ""},
		{"aaaaa\r\nbbbbb\r\nccccc\x1b[2;3H\x1b[J", "aaaaa/bb/", ""},
		{"aaaaa\r\nbbbbb\r\nccccc\x1b[2;3H\x1b[1J", "/   bb/ccccc", ""},
		{"aaaaa\r\nbbbbb\x1b[2J", "//", ""},
		{"abcde\x1b[3G\x1b[1;3H\x1b[K\x1b[1;1H\x1b[1Kx", "xb//", ""},
		{"\x1b[31;1mred\x1b[m\x1b[?25l", "red//", ""},
		{"\x1b[999C\x1b[999B\x1b[6n", "//", "\x1b[3;5R"},
		{"ab\x1b7\r\ncd\x1b8e", "abe/cd/", ""},
	} {
		for _, step := range []int{1, len(c.printed)} {
			var replies bytes.Buffer
			s := newScreen(5, 3, &replies)
			for rest := c.printed; rest != ""; rest = rest[step:] {
				s.write([]byte(rest[:step]))
			}
			if got := strings.Join(s.lines(), "/"); got != c.lines || replies.String() != c.replies {
				t.Errorf("%q: %q, replies %q; want %q, %q", c.printed, got, &replies, c.lines, c.replies)
			}
		}
	}
}

func TestScreenResizes(t *testing.T) {
	s := newScreen(5, 3, nil)
	s.write([]byte("abcde\r\nf\r\ng"))
	s.resize(3, 2)
	if got := strings.Join(s.lines(), "/"); got != "abc/f" {
		t.Errorf("%q", got)
	}
	s.write([]byte("\x1b[9;9Hx"))
	if got := strings.Join(s.lines(), "/"); got != "abc/f x" {
		t.Errorf("%q", got)
	}
}
