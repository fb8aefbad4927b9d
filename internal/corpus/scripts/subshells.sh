# What a subshell has of its own, and what it gives back.
x=1; (x=2; echo "inside $x"); echo "outside $x"
(exit 3); echo "status $?"
(cd /; pwd); pwd
(f() { echo inner; }; f); f 2>/dev/null; echo "no function: $?"
(set -- a b c; echo "$#"); echo "$#"
(exit 300); echo "cut: $?"
((echo nested; (echo deeper; exit 4)); echo "inner $?")
(echo one; echo two) | lines
(trap 'echo leaving' EXIT; exit 9); echo "with trap $?"
(return 2>/dev/null; exit 0); echo "$?"
(exec status 11); echo "exec in a subshell: $?"
(exec 3>file; echo kept >&3); cat file
(: $((y = 5)); echo "y $y"); echo "y ${y-unset}"
(false || exit 13; echo not here); echo "$?"
