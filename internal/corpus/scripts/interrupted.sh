# wait, and a trap that comes while it does.
trap 'echo trapped' USR1
(sleeps 300; kill -USR1 $$; sleeps 300; exit 3) & wait $!; echo "interrupted: $?"; wait $!; echo "then: $?"
