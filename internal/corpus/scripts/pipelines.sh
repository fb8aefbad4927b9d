# Pipelines of built-in commands, of programs and of both.
echo one two | while read x y; do echo "$y $x"; done
echo three | cat | cat | cat
{ echo b; echo c; echo a; } | sort
{ echo b; echo a; } | sort | { read x; read y; echo "$x$y"; }
cat </dev/null | lines
echo no newline at the end | { IFS= read -r line; echo "<$line>"; }
true | false; echo "last: $?"
false | true; echo "last: $?"
! true; echo "not: $?"
! false | false; echo "not: $?"
status 7 | status 8; echo "last: $?"
(exit 5) | { cat; exit 6; }; echo "last: $?"
x=outside; echo inside | read x; echo "$x"
i=0; while [ $i -lt 500 ]; do echo "line $i of many, long enough to fill more than one buffer of a pipe"; i=$((i + 1)); done | lines
yes | first 3
i=0; while [ $i -lt 300 ]; do echo $((i * 7919 % 1000)); i=$((i + 1)); done | sort | first 5
echo a | { cat; echo b; } | { cat; echo c; } | { cat; echo d; }
for i in 1 2 3; do echo $i; done | while read n; do echo $((n * n)); done | sort
f() { cat; echo "from f: $1"; }
echo piped | f x | f y
echo "a b c" | (read a b c; echo "$c $b $a")
