# Programs that run while others do in the background.
: >state
{ while ! [ -s state ]; do :; done; exit 3; } & p=$!
true | cat; status 4; echo "a program: $?"
echo go on >state; wait $p; echo "the job: $?"
