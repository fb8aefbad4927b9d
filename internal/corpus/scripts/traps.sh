# Traps and signals.
trap 'echo got USR1' USR1; kill -USR1 $$; echo "after: $?"
trap 'echo got USR2; false' USR2; kill -USR2 $$; echo "status kept: $?"
trap 'echo got TERM' TERM; kill $$; trap - TERM
trap '' INT; kill -INT $$; echo ignored; trap - INT
(trap 'echo bye' EXIT; echo working)
(trap 'echo bye $?' EXIT; exit 4); echo "$?"
(trap 'exit 5' EXIT; exit 4); echo "$?"
(trap 'echo never' EXIT; trap - EXIT)
f() { trap 'echo from f' USR1; }; f; kill -USR1 $$
trap 'echo "with $x"' USR1; x=later; kill -USR1 $$
(trap) | cat; trap
trap - USR1 USR2
trap 'echo reset in a subshell' USR1; (trap - USR1; trap; exit 0); trap - USR1
trap 'echo "before it waits"' USR1; (kill -USR1 $$; : >sent; exit 3) & while ! [ -f sent ]; do :; done; wait $!; echo "then: $?"
trap '' USR1; (kill -USR1 $$; echo "a child ignores it, too"); status 0; trap - USR1
trap 'echo last words; exit 9' TERM
kill -TERM $$
echo not reached
