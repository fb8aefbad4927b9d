# Descriptors from 4 up, where the shell has its own.
exec 4>four; echo a >&4; exec 4>&-; cat four
exec 5>&1; echo saved >&5; exec >out; echo hidden; exec 1>&5 5>&-; echo visible; cat out
{ echo through 9 >&9; } 9>&1
{ echo swapped >&2; echo kept; } 4>&1 1>&2 2>&4 4>&-
exec 6<four; read x <&6; echo "$x"; exec 6<&-
