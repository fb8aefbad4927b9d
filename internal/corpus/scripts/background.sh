# Background jobs, and wait.
true & wait; echo "all: $?"
(exit 3) & wait $!; echo "one: $?"
status 4 & p=$!; wait $p; echo "a program: $?"
(exit 5) & a=$!; (exit 6) & b=$!; wait $b; echo "$?"; wait $a; echo "$?"
for i in 1 2 3 4 5; do (exit $i) & done; wait; echo "five: $?"
{ while ! [ -f early ]; do :; done; echo late; } & echo early; : >early; wait
(echo from the background) >out & wait $!; cat out
wait 99999; echo "no child of mine: $?"
sleeps 20 | cat & wait $!; echo "a pipeline: $?"
(trap 'exit 7' TERM; : >ready; while :; do sleeps 10; done) & p=$!; while ! [ -f ready ]; do :; done; kill $p; wait $p; echo "its trap: $?"
sleeps 60000 & p=$!; kill -TERM $p; wait $p; echo "a sleeper: $?"
sleeps 60000 & p=$!; kill -9 $p; wait $p; echo "killed: $?"
kills 10; echo "itself, USR1: $?"
kills 9; echo "itself, KILL: $?"
i=0; while [ $i -lt 30 ]; do (exit 0) & i=$((i + 1)); done; wait; echo "thirty: $?"
x=$!; [ -n "$x" ] && echo "has an id"
cat </dev/null & wait $!; echo "reads nothing: $?"
