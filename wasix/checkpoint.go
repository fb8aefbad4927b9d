package wasix

// checkpoint is what a guest that computes calls now and then: there is nothing
// to do beyond what follows every system call.
func checkpoint(*Thread, []uint64) {}
