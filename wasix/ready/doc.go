// Package ready is how a guest thread waits: for sockets, pipes, events,
// terminals, timers and the end of its own process, all by one protocol.
//
// A [Source] is something that becomes ready: it has a [Queue], to which it
// reports each change, and it can tell its present level. A [Waiter] belongs
// to one guest thread. An operation that would block goes round this loop:
//
//	for {
//		seq := src.Queue().Seq()          // before the attempt
//		n, err := attempt()               // never blocks
//		if err != syscall.EAGAIN {
//			return n, err
//		}
//		if err := w.Wait(src, ready.In, seq, deadline); err != nil {
//			return 0, err
//		}
//	}
//
// A change between the attempt and the wait alters the sequence number, so no
// wake-up is lost and no lock is held while anything waits. Waking is only a
// hint: the attempt decides.
package ready
