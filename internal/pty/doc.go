// Package pty opens pseudoterminals for tests and shows what a terminal would:
// programs are typed at, and what they print ends up on a screen to look at.
package pty
