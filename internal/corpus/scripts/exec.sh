# exec, environment and arguments.
(exec args a 'b c' ''); echo "$?"
(exec status 3); echo "$?"
(exec missing-program 2>/dev/null); echo "not found: $?"
(exec >out; echo redirected); cat out
(exec 3>out; exec args still open >&3); cat out
(exec 1>out; exec args through exec); cat out
A=1 true; echo "${A-unset}"; export B='two words'; echo "$B"
args "a	tab" 'quote"' "apo's" '\back' '$x' '*' é
i=0; set --; while [ $i -lt 200 ]; do set -- "$@" "argument-$i"; i=$((i + 1)); done; args "$@" | lines
command args by command; command -v args >/dev/null; echo "$?"
command -v nothing-of-that-name >/dev/null; echo "$?"
PATH=/nowhere; args 2>/dev/null; echo "no PATH: $?"
